"""Small pieces of HTML, with every text escaped."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

from workbench.report.pictures import Picture

# What each step does, for a reader who has not seen one of these before.
MEANINGS = {
    "load": "The song as it is in the file.",
    "conform": "The song at the sample rate and with the channels that the model wants.",
    "normalize": "Mean and standard deviation taken off, if the model wants that.",
    "chunk": "The song cut into overlapping chunks, each as long as the model takes.",
    "transform": "The spectrogram of each chunk.",
    "model": "What the model made of each chunk.",
    "mask": "The spectrogram weighed by each stem's mask.",
    "wiener": "The stems told apart by where they lie between the channels, too.",
    "inverse": "Each stem's chunks as waveforms again.",
    "stitch": "The chunks faded by a window, laid over each other and added up.",
    "denormalize": "The level put back.",
    "restore": "The stems at the song's own rate, channels and length.",
    "derive": "The stems, with those that rules make out of them.",
}


def escape(text: object) -> str:
    """Text for HTML, in quotes or not; what UTF-8 cannot hold, such as parts of odd file names, is written out."""
    return html.escape(str(text).encode("utf-8", "backslashreplace").decode("utf-8"))


def make_image(picture: Picture, *, alt: str) -> str:
    """A picture inside the page."""
    data = base64.b64encode(picture.data).decode("ascii")
    return (
        f'<img width="{picture.width}" height="{picture.height}" alt="{escape(alt)}" '
        f'src="data:image/webp;base64,{data}">'
    )


def make_player(sound: bytes, *, label: str) -> str:
    """Sound inside the page, with the browser's controls."""
    data = base64.b64encode(sound).decode("ascii")
    return (
        f'<audio controls preload="metadata" aria-label="{escape(label)}" src="data:audio/webm;base64,{data}"></audio>'
    )


def make_table(
    titles: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str, numbers: Sequence[str] = ()
) -> str:
    """A table whose first column names its rows.

    Args:
        titles: of the columns.
        rows: cells, in the order of the titles.
        caption: what it shows.
        numbers: titles of the columns that are aligned on the right.
    """
    kinds = [' class="number"' if title in numbers else "" for title in titles]
    head = "".join(f'<th scope="col"{kind}>{escape(title)}</th>' for title, kind in zip(titles, kinds, strict=True))
    lines = []
    for first, *others in rows:
        cells = "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(others, kinds[1:], strict=True))
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>\n')
    return (
        f'<div class="table"><table><caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{''.join(lines)}</tbody></table></div>\n"
    )


def make_section(identifier: str, title: str, *parts: str) -> str:
    """A part of the page under a heading of the second order."""
    return (
        f'<section id="{identifier}" aria-labelledby="{identifier}-title">\n'
        f'<h2 id="{identifier}-title">{escape(title)}</h2>\n{"".join(parts)}</section>\n'
    )
