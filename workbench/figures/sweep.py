"""A sweep: how good each cell is along what was swept, and against what it costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from workbench.figures.style import (
    STEM_COLORS,
    format_count,
    format_number,
    list_names,
    name_curve,
    new_sheet,
    set_title,
    shorten_name,
    write_plainly,
)
from workbench.figures.words import draw_words

if TYPE_CHECKING:
    from pandas import DataFrame

AGREEMENT = "agreement_"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # told apart without any colour
LINES = ("-", "--", ":", "-.")  # one for each round of the colours
COST_LABEL = "cost (s of computing per s of music)"
WIDE_COST_RANGE = 6.0  # from here on a logarithmic axis shows more
MAX_NAMED_TICKS = 12


@dataclass(frozen=True)
class Line:
    """Cells that differ only in what lies along the horizontal axis, in its order.

    Args:
        label: their place on the other axes.
        places: on the horizontal axis.
        qualities: where they are finite.
        costs: seconds of computing per second of music.
    """

    label: str
    places: np.ndarray
    qualities: np.ndarray
    costs: np.ndarray


def draw_sweep(
    table: DataFrame, *, axes: Sequence[str], quality: str, unit: str = "", higher_is_better: bool = True
) -> Figure:
    """Quality along an axis of the sweep, a line for each combination of the others; and against cost.

    Along the bottom goes the first axis of numbers with more than one value, else the first with more than one.

    Args:
        table: a row a cell, as of `workbench.Sweep`, with a column ``times_real_time``.
        axes: the columns that were swept.
        quality: the column to draw; what is not finite in it is left out.
        unit: of the quality; empty where it has none.
        higher_is_better: or lower.
    """
    axis = choose_axis(table, axes)
    values = list(dict.fromkeys(table[axis])) if axis else ["the song"]
    if is_numeric(values):
        values = sorted(values)
    others = [name for name in axes if name != axis and table[name].nunique() > 1]
    failed = int((table["error"] != "").sum()) if "error" in table else 0
    over = list_names([axis, *others]) if axis else "one cell"
    headline = f"{describe_quality(quality)} over {over}: {format_count(len(table), 'cell')}"
    headline += f", {failed} of them failed" if failed else ""
    finite = np.isfinite(take_numbers(table, quality)) if quality in table else np.zeros(len(table), dtype=bool)
    if not finite.any():
        rows = [("cells", str(len(table))), ("failed", str(failed)), ("drawn", "none: no cell has a finite number")]
        return draw_words(rows, headline=headline, advice="The column error of the table says why cells failed.")
    lines = [
        line
        for line in collect_lines(table, axis=axis, values=values, others=others, quality=quality)
        if len(line.places)
    ]

    sheet = new_sheet(height_inches=4.4 + 0.2 * math.ceil(len(lines) / 4), width_inches=11.0, headline=headline)
    left, right = sheet.subplots(1, 2, sharey=True)
    for index, line in enumerate(lines):
        style: dict[str, Any] = {
            "color": STEM_COLORS[index % len(STEM_COLORS)],
            "marker": MARKERS[index % len(MARKERS)],
            "linestyle": LINES[index // len(STEM_COLORS) % len(LINES)],
            "linewidth": 1.4,
            "markersize": 5.5,
            "alpha": 0.9,
        }
        left.plot(line.places, line.qualities, label=name_curve(line.label), **style)
        right.plot(line.costs, line.qualities, **style)
    label = f"{describe_quality(quality)} ({unit})" if unit else describe_quality(quality)
    left.set_ylabel(label)
    held_against = "agreement with the cell that computes most, itself not drawn"
    shown = held_against if quality.startswith(AGREEMENT) else "quality"
    set_title(left, shown + ("" if higher_is_better else "; lower is better"))
    set_axis(left, axis, values)
    set_cost_axis(right, np.concatenate([line.costs for line in lines]))
    set_title(right, f"against cost, with {axis} beside the points" if axis else "against cost")
    if axis:
        name_points(right, lines, values, higher_is_better=higher_is_better)
    for one in (left, right):
        one.grid(color="0.9")
        one.set_axisbelow(True)
        one.margins(0.06, 0.1)
    if len(lines) > 1:
        columns = min(4, len(lines))
        legend = sheet.legend(loc="outside lower center", ncols=columns, fontsize=8, title=list_names(others))
        write_plainly(legend.get_texts())
    return sheet


def choose_axis(table: DataFrame, axes: Sequence[str]) -> str:
    """What goes along the bottom; nothing where nothing was swept."""
    several = [name for name in axes if table[name].nunique() > 1]
    numeric = [name for name in several if is_numeric(list(table[name]))]
    return next(iter([*numeric, *several, *axes]), "")


def is_numeric(values: Sequence[object]) -> bool:
    """Whether all are numbers, so that they have places of their own on an axis."""
    return all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values)


def collect_lines(
    table: DataFrame, *, axis: str, values: Sequence[Any], others: Sequence[str], quality: str
) -> list[Line]:
    """The cells by their place on the other axes."""
    places = dict(zip(values, values if is_numeric(values) else range(len(values)), strict=True))
    keys = [tuple(row) for row in table[list(others)].itertuples(index=False)] if others else [()] * len(table)
    lines = []
    for key in dict.fromkeys(keys):
        rows = table[[one == key for one in keys]]
        rows = rows[np.isfinite(take_numbers(rows, quality))]
        along = np.array([places[value] for value in rows[axis]] if axis else [0] * len(rows), dtype=float)
        order = np.argsort(along, kind="stable")
        with np.errstate(divide="ignore"):
            costs = 1 / take_numbers(rows, "times_real_time")
        label = ", ".join(shorten_name(_write(value)) for value in key)
        lines.append(Line(label, along[order], take_numbers(rows, quality)[order], costs[order]))
    return lines


def take_numbers(table: DataFrame, column: str) -> np.ndarray:
    """A column as float64."""
    return np.asarray(table[column], dtype=np.float64)


def describe_quality(column: str) -> str:
    """``"agreement_sdr"`` -> ``"agreement in sdr"``."""
    return f"agreement in {column.removeprefix(AGREEMENT)}" if column.startswith(AGREEMENT) else column


def set_axis(axes: Axes, axis: str, values: Sequence[Any]) -> None:
    """What was swept, from left to right: numbers in their places, names side by side."""
    axes.set_xlabel(f"{axis}{UNITS.get(axis, '')}" if axis else "")
    if is_numeric(values):
        if len(values) <= MAX_NAMED_TICKS:
            axes.set_xticks(list(values), [_write(value) for value in values])
        return
    names = [shorten_name(_write(value)) for value in values]
    turned = sum(map(len, names)) > 40
    rotation, end = (30, "right") if turned else (0, "center")
    ticks = axes.set_xticks(range(len(names)), names, rotation=rotation, ha=end)
    write_plainly(tick.label1 for tick in ticks)


def set_cost_axis(axes: Axes, costs: np.ndarray) -> None:
    """Seconds per second; logarithmic where cells differ much."""
    axes.set_xlabel(COST_LABEL)
    if costs.min() > 0 and costs.max() / costs.min() > WIDE_COST_RANGE:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def name_points(axes: Axes, lines: Sequence[Line], values: Sequence[Any], *, higher_is_better: bool) -> None:
    """Each value once, beside the best of the points that it has."""
    if len(values) > MAX_NAMED_TICKS:
        return
    for place, value in enumerate(values):
        at = float(value) if is_numeric(values) else place
        found = [
            (quality, cost)
            for line in lines
            for quality, cost in zip(line.qualities[line.places == at], line.costs[line.places == at], strict=True)
        ]
        if not found:
            continue
        quality, cost = max(found) if higher_is_better else min(found)
        axes.annotate(
            shorten_name(_write(value)),
            (cost, quality),
            xytext=(0, 7 if higher_is_better else -7),
            textcoords="offset points",
            ha="center",
            va="bottom" if higher_is_better else "top",
            fontsize=8,
            parse_math=False,
        )


UNITS = {
    "overlap": " (share of a chunk)",
    "chunk_seconds": " (s)",
    "batch_size": " (chunks)",
    "shifts": " (passes)",
}


def _write(value: object) -> str:
    return format_number(float(value)) if isinstance(value, float | np.floating) else str(value)
