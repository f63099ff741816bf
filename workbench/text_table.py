"""Tables as plain text that fit their place: what is too long for a column goes on in the lines below."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

GAP = "  "
LONGEST_WORD = 24  # what is longer, such as a path, may be broken
LEAST_WIDTH = 20


def find_width() -> int:
    """Columns of the terminal or, in a pipe, 80; the variable ``COLUMNS`` comes before both."""
    return max(LEAST_WIDTH, shutil.get_terminal_size((80, 24)).columns)


def fold_rows(rows: Sequence[Sequence[str]], *, width: int) -> tuple[list[list[str]], list[int]]:
    """Rows of cells as lines no longer than ``width``, a list of lines a row, and the widths of the columns.

    Columns are two spaces apart. Where all is too wide, each gets what its longest word takes, and the rest goes to
    those that need the most lines.
    """
    columns = list(zip(*rows, strict=True))
    natural = [max(1, *map(len, column)) for column in columns]
    widths = choose_widths(columns, natural, room=width - len(GAP) * (len(columns) - 1))
    folded = []
    for row in rows:
        pairs = zip(row, widths, strict=True)
        cells = [textwrap.wrap(cell, size, break_on_hyphens=False) or [""] for cell, size in pairs]
        height = max(map(len, cells))
        padded = zip(*([*cell, *[""] * (height - len(cell))] for cell in cells), strict=True)
        folded.append([GAP.join(map(str.ljust, line, widths)).rstrip() for line in padded])
    return folded, widths


def choose_widths(columns: Sequence[Sequence[str]], natural: Sequence[int], *, room: int) -> list[int]:
    """Widths of columns that come to ``room`` at most, as long as each may have one character."""
    if sum(natural) <= room:
        return list(natural)
    words = [max((len(word) for cell in column for word in cell.split()), default=1) for column in columns]
    widths = [max(1, min(word, LONGEST_WORD)) for word in words]
    while sum(widths) > room and max(widths) > 1:
        widths[widths.index(max(widths))] -= 1
    while sum(widths) < room:
        lines = [one / size if size < one else 0.0 for one, size in zip(natural, widths, strict=True)]
        widths[lines.index(max(lines))] += 1
    return widths
