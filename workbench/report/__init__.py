"""A run as one HTML file that needs nothing else: its path, a picture of each step, stems to hear, how to run it again.

>>> import workbench as wb
>>> from workbench.report import write_report
>>> trace = wb.trace("song.flac", model="hpss")
>>> write_report(trace, "song.html")

Names are loaded on use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import load_on_use

if TYPE_CHECKING:
    from workbench.report.page import MOST_BYTES, render_report, write_report
    from workbench.report.replay import SongFile

_HOME = {"MOST_BYTES": "page", "SongFile": "replay", "render_report": "page", "write_report": "page"}

__all__ = ["MOST_BYTES", "SongFile", "render_report", "write_report"]

__getattr__, __dir__ = load_on_use(__name__, _HOME)
