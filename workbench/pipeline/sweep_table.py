"""What a sweep found: a table, its best row, its figure."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import InvalidValue
from workbench.metrics.table import METRICS
from workbench.pipeline.sweep_run import AGREEMENT, FinishedCell
from workbench.registry.names import join_names

CLOSE_DECIBELS = 0.1  # hardly a difference to any ear

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame, Series


@dataclass(frozen=True, eq=False, repr=False)
class Sweep:
    """What a sweep found: a table with a row for each cell, a figure of it, the best cell.

    Columns of ``table``: one for each axis; for each metric the mean over stems (``sdr``; stems for which it is NaN are
    left out) and the stems themselves (``sdr.vocals``); ``seconds`` of separation alone, without loading song and
    network; ``times_real_time``; ``redundancy``, the samples that the model computes for each sample of the song;
    ``peak_gpu_bytes`` where a cell ran on CUDA; ``error``, empty where all is well.

    Without true stems the metrics' columns are ``agreement_sdr`` and so on. They hold each cell's stems against those
    of the cell that computes most (the greatest redundancy) with the same model, and tell where more overlap stops to
    change anything; whether it got better they do not tell. Of that cell itself it is infinite.

    Args:
        table: a pandas ``DataFrame``.
        axes: the columns that were swept.
        metrics: names of `workbench.metrics.METRICS`.
        has_references: whether there were true stems.
    """

    table: DataFrame
    axes: tuple[str, ...]
    metrics: tuple[str, ...]
    has_references: bool

    def column(self, metric: str | None = None) -> str:
        """The column with a metric's mean over stems; of the first metric by default.

        Raises:
            InvalidValue: a metric that was not computed.
        """
        metric = self.metrics[0] if metric is None else metric
        if metric not in self.metrics:
            raise InvalidValue(f"the sweep has no metric {metric!r}; there are {join_names(self.metrics)}")
        return metric if self.has_references else AGREEMENT + metric

    def best(self, metric: str | None = None, *, within: float = 0.0) -> Series[Any]:
        """The row of the best cell; with ``within`` the fastest of those that are so close to it.

        ``sweep.best("sdr", within=0.1)`` is the fastest cell that loses at most 0.1 dB.

        Args:
            metric: the first by default.
            within: how much worse than the best it may be, in the metric's unit.

        Raises:
            InvalidValue: without true stems nobody knows which is best; no cell has a number.
        """
        column = self.column(metric)
        if not self.has_references:
            raise InvalidValue(
                "without references there is no best cell, only agreement with the one that computes most: give "
                f"references, or choose by the columns {column} and seconds"
            )
        if not within >= 0:
            raise InvalidValue(f"within must be 0 or more, got {within}")
        known = self.table.dropna(subset=[column]) if column in self.table else self.table.iloc[:0]
        if not len(known):
            raise InvalidValue(f"no cell has a number for {column}; see the column error")
        if METRICS[column].higher_is_better:
            close = known[known[column] >= known[column].max() - within]
        else:
            close = known[known[column] <= known[column].min() + within]
        return close.sort_values("seconds", kind="stable").iloc[0]

    def figure(self, metric: str | None = None) -> Figure:
        """Quality against what was swept, and against what it costs."""
        from workbench.figures.sweep import draw_sweep

        column = self.column(metric)
        name = column.removeprefix(AGREEMENT)
        return draw_sweep(
            self.table,
            axes=self.axes,
            quality=column,
            unit=METRICS[name].unit,
            higher_is_better=METRICS[name].higher_is_better,
        )

    def summarize(self) -> list[str]:
        """What to know beside the table, in sentences."""
        failed = int((self.table["error"] != "").sum())
        said = [f"{failed} of {len(self.table)} cells failed"] if failed else []
        if failed == len(self.table):
            return said
        if not self.has_references:
            said.append("agreement: with the cell of the same model that computes most, not with the truth")
        elif self.column() in self.table and self.table[self.column()].notna().any():
            metric = METRICS[self.column()]
            said.append(f"best: {self._describe_row(self.best())}")
            if metric.unit == "dB":
                said.append(
                    f"fastest within {CLOSE_DECIBELS} dB of it: {self._describe_row(self.best(within=CLOSE_DECIBELS))}"
                )
        return said

    def _describe_row(self, row: Series[Any]) -> str:
        metric = METRICS[self.column()]
        number = f"{self.column()} {row[self.column()]:{metric.number_format}} {metric.unit}".rstrip()
        return ", ".join([*(f"{axis}={row[axis]}" for axis in self.axes), number, f"{_format(row['seconds'])} s"])

    def list_errors(self) -> list[str]:
        """Each error once, with the rows that it belongs to: ``"rows 0, 4: the window ..."``."""
        failed = self.table["error"][self.table["error"] != ""]
        rows = {error: [str(row) for row in failed.index[failed == error]] for error in failed.unique()}
        return [
            f"row{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}: {error}" for error, numbers in rows.items()
        ]

    def to_text(self) -> str:
        """The table without its errors, and what to know beside it."""
        table = self.table.drop(columns="error").to_string(float_format=_format, na_rep="")
        return "\n".join([str(table), *self.summarize()])

    def __repr__(self) -> str:
        """The table as text, errors below it."""
        return "\n".join([self.to_text(), *self.list_errors()])

    def _repr_html_(self) -> str:
        """The table as HTML; names and errors are escaped."""
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.summarize())
        return f"{self.table.to_html(float_format=_format, border=0)}{notes}"


def make_table(cells: Sequence[FinishedCell], *, axes: Sequence[str], song_seconds: float) -> DataFrame:
    """A row for each cell; a cell that failed has NaN but on its axes, and its error."""
    from pandas import DataFrame, array

    scores = list(dict.fromkeys(column for cell in cells for column in cell.row.get("scores", {})))
    means = list(dict.fromkeys(column.partition(".")[0] for column in scores))
    scores.sort(key=lambda column: means.index(column.partition(".")[0]))  # the stems of a metric beside their mean
    columns: dict[str, Any] = {axis: [cell.decided.cell.labels[axis] for cell in cells] for axis in axes}
    for column in scores:
        columns[column] = [cell.row.get("scores", {}).get(column, math.nan) for cell in cells]
    seconds = [cell.row.get("seconds", math.nan) for cell in cells]
    columns["seconds"] = seconds
    columns["times_real_time"] = [song_seconds / one if one else math.nan for one in seconds]
    columns["redundancy"] = [cell.decided.redundancy for cell in cells]
    peaks = [cell.row.get("peak_gpu_bytes") for cell in cells]
    if any(peak is not None for peak in peaks):
        columns["peak_gpu_bytes"] = array(peaks, dtype="Int64")  # which has a value for none, and loses no byte
    columns["error"] = [cell.error for cell in cells]
    return DataFrame(columns)


def _format(number: float) -> str:
    return f"{number:.0f}" if 1000 <= abs(number) < math.inf else f"{number:.4g}"
