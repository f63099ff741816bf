"""The figure of a sweep: which cell is drawn where, and what it says of those that are not."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from matplotlib.figure import Figure
from pandas import DataFrame

from workbench.figures import draw_sweep
from workbench.figures.style import STEM_COLORS


def make_table(axes: dict[str, list[Any]], **columns: list[Any]) -> DataFrame:
    rows = list(itertools.product(*axes.values()))
    table = DataFrame(rows, columns=list(axes))
    table["sdr"] = [float(index) for index in range(len(rows))]
    table["times_real_time"] = [10.0 / (index + 1) for index in range(len(rows))]
    table["error"] = ""
    for name, values in columns.items():
        table[name] = values
    return table


def draw(table: DataFrame, **options: Any) -> Figure:
    axes = [name for name in table if name not in ("sdr", "agreement_sdr", "times_real_time", "error")]
    figure = draw_sweep(table, axes=axes, **{"quality": "sdr", "unit": "dB", **options})
    figure.canvas.draw()  # lays it out; a warning fails the test
    return figure


def points(figure: Figure, panel: int) -> list[tuple[list[float], list[float]]]:
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in figure.axes[panel].lines]


def texts(figure: Figure, panel: int) -> list[str]:
    return [text.get_text() for text in figure.axes[panel].texts]


@pytest.mark.parametrize("along", ["model", "overlap"])
def test_names_are_written_as_they_are(along: str) -> None:
    names = [r"$\frac{$", "_hidden"]  # no formula that can be read, and what a legend would leave out
    overlaps = [0.5] if along == "model" else [0.5, 0.25]
    figure = draw(make_table({"model": names, "overlap": overlaps}))
    written = figure.axes[0].get_xticklabels() if along == "model" else figure.legends[0].get_texts()
    assert [text.get_text().strip() for text in written] == names


def test_a_line_for_each_window_along_overlap_and_cost() -> None:
    figure = draw(make_table({"overlap": [0.5, 0.25], "window": ["hann", "sine"]}))
    assert points(figure, 0) == [([0.25, 0.5], [2.0, 0.0]), ([0.25, 0.5], [3.0, 1.0])]
    assert points(figure, 1) == [
        (pytest.approx([0.3, 0.1]), [2.0, 0.0]),
        (pytest.approx([0.4, 0.2]), [3.0, 1.0]),
    ]
    left, right = figure.axes
    assert (left.get_xlabel(), left.get_ylabel()) == ("overlap (share of a chunk)", "sdr (dB)")
    assert right.get_xlabel() == "cost (s of computing per s of music)"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["hann", "sine"]
    assert figure.legends[0].get_title().get_text() == "window"
    assert texts(figure, 1) == ["0.25", "0.5"]  # each value once
    assert len({line.get_color() for line in left.lines} & set(STEM_COLORS)) == 2
    assert len({line.get_marker() for line in left.lines}) == 2  # told apart without colour


def test_numbers_go_along_the_bottom_before_names() -> None:
    figure = draw(make_table({"window": ["hann", "sine"], "chunk_seconds": [2, 4, 8]}))
    assert points(figure, 0) == [([2.0, 4.0, 8.0], [0.0, 1.0, 2.0]), ([2.0, 4.0, 8.0], [3.0, 4.0, 5.0])]
    assert figure.axes[0].get_xlabel() == "chunk_seconds (s)"


def test_names_stand_side_by_side() -> None:
    figure = draw(make_table({"window": ["hann", "tukey:alpha=0.3", "$x_"]}))
    assert points(figure, 0) == [([0.0, 1.0, 2.0], [0.0, 1.0, 2.0])]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["hann", "tukey:alpha=0.3", "$x_"]
    assert not figure.legends


def test_three_axes_and_more_lines_than_colours() -> None:
    figure = draw(make_table({"overlap": [0.25, 0.5], "window": ["hann", "sine", "kbd"], "chunk_seconds": [1, 2, 4]}))
    lines = figure.axes[0].lines
    assert len(lines) == 9
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 9
    assert figure.legends[0].get_texts()[0].get_text() == "hann, 1"


def test_failed_cells_are_counted_and_left_out() -> None:
    table = make_table({"overlap": [0.0, 0.25, 0.5]}, error=["too small", "", ""], sdr=[math.nan, 1.0, 2.0])
    figure = draw(table)
    assert points(figure, 0) == [([0.25, 0.5], [1.0, 2.0])]
    assert figure.get_suptitle() == "sdr over overlap: 3 cells, 1 of them failed"


def test_the_cell_that_others_are_held_against_is_left_out() -> None:
    table = make_table({"overlap": [0.25, 0.5]}, agreement_sdr=[30.0, math.inf])
    figure = draw(table, quality="agreement_sdr")
    assert points(figure, 0) == [([0.25], [30.0])]
    assert figure.axes[0].get_ylabel() == "agreement in sdr (dB)"
    assert "itself not drawn" in figure.axes[0].get_title(loc="left")


def test_a_wide_range_of_costs_is_logarithmic() -> None:
    narrow, wide = (
        draw(make_table({"overlap": [0.25, 0.5]}, times_real_time=speeds)) for speeds in ([10.0, 8.0], [10.0, 0.5])
    )
    assert [figure.axes[1].get_xscale() for figure in (narrow, wide)] == ["linear", "log"]


def test_lower_may_be_better() -> None:
    table = make_table({"overlap": [0.25, 0.5], "window": ["hann", "sine"]})
    figure = draw(table, unit="", higher_is_better=False)
    assert figure.axes[0].get_title(loc="left") == "quality; lower is better"
    assert figure.axes[0].get_ylabel() == "sdr"
    assert [text.xy[1] for text in figure.axes[1].texts] == [0.0, 2.0]  # beside the best of each


def test_one_cell_and_none() -> None:
    lone = DataFrame({"sdr": [3.0], "times_real_time": [5.0], "error": [""]})
    assert points(draw(lone), 0) == [([0.0], [3.0])]
    assert draw(lone).get_suptitle() == "sdr over one cell: 1 cell"
    failed = DataFrame({"overlap": [1.0], "times_real_time": [math.nan], "error": ["no"]})
    figure = draw(failed)
    assert "none: no cell has a finite number" in texts(figure, 0)
