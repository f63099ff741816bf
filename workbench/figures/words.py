"""What is known of a step whose values were not kept, in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from workbench.figures.style import new_sheet


def draw_words(rows: Sequence[tuple[str, str]], *, headline: str, advice: str = "") -> Figure:
    """A figure of names and values.

    Args:
        rows: (name, value) each.
        headline: what one sees.
        advice: what to do to see more.
    """
    sheet = new_sheet(height_inches=1.3 + 0.34 * len(rows), headline=headline)
    axes = sheet.subplots()
    axes.set_axis_off()
    axes.set_ylim(len(rows) + 1.2, -0.6)
    for index, (name, value) in enumerate(rows):
        axes.text(0.01, index, name, va="center", fontsize=10, fontweight="bold", parse_math=False)
        axes.text(0.2, index, value, va="center", fontsize=10, parse_math=False)
    axes.text(0.01, len(rows) + 0.5, advice, va="center", fontsize=9.5, style="italic", parse_math=False)
    return sheet
