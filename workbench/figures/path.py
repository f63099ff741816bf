"""The path of the audio: a row a step, with its time and its size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workbench.figures.style import FAINT_COLOR, STEM_COLORS, new_sheet, set_title
from workbench.pipeline.trace_step import format_bytes


@dataclass(frozen=True)
class PathRow:
    """A step as the path shows it."""

    name: str
    output: str
    size_bytes: int
    seconds: float
    is_kept: bool


def draw_path(rows: Sequence[PathRow], *, headline: str) -> Figure:
    """What goes out of each step, how long it took, and how much memory it takes.

    Args:
        rows: the steps, in order.
        headline: what one sees.
    """
    sheet = new_sheet(height_inches=1.4 + 0.36 * len(rows), width_inches=11.5, headline=headline)
    name_axes, time_axes, size_axes = sheet.subplots(1, 3, width_ratios=[1.7, 1.0, 1.0])
    for index, row in enumerate(rows):
        name_axes.text(0.0, index, row.name, va="center", fontsize=9.5, fontweight="bold", parse_math=False)
        name_axes.text(0.2, index, row.output, va="center", fontsize=8.5, parse_math=False)
    name_axes.set_axis_off()
    set_title(name_axes, "step and what goes out of it")
    times = [format_time(row.seconds) for row in rows]
    _plot_bars(time_axes, [row.seconds for row in rows], times, colors=[STEM_COLORS[0]] * len(rows))
    time_axes.set_xlabel("time (s)")
    set_title(time_axes, f"time in the step alone, {sum(row.seconds for row in rows):.2f} s in all")
    colors = [STEM_COLORS[0] if row.is_kept else FAINT_COLOR for row in rows]
    sizes = [format_bytes(row.size_bytes) for row in rows]
    _plot_bars(size_axes, [row.size_bytes / 1e6 for row in rows], sizes, colors=colors)
    size_axes.set_xlabel("size (MB)")
    set_title(
        size_axes, "size; grey: only a summary kept" if not all(row.is_kept for row in rows) else "size, all kept"
    )
    for axes in (name_axes, time_axes, size_axes):
        axes.set_ylim(len(rows) - 0.4, -0.6)
    return sheet


def format_time(seconds: float) -> str:
    """``0.0042`` -> ``"4.2 ms"``."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def _plot_bars(axes: Axes, values: Sequence[float], texts: Sequence[str], *, colors: Sequence[str]) -> None:
    axes.barh(range(len(values)), values, color=colors, height=0.6)
    highest = max([*values, 1e-9])
    axes.set_xlim(0, 1.3 * highest)
    for index, (value, text) in enumerate(zip(values, texts, strict=True)):
        axes.text(value + 0.02 * highest, index, text, va="center", fontsize=8)
    axes.set_yticks([])
