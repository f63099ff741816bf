from __future__ import annotations

import io

import numpy as np
import pytest
import torch

from workbench.core import Audio
from workbench.figures import draw_disagreement
from workbench.figures.disagreement import measure_spread
from workbench.figures.raster import FrequencyRows

RATE = 8000


def make_tone(seconds: float = 1.0, *, hertz: float = 1000.0, amplitude: float = 0.5) -> torch.Tensor:
    time = torch.arange(round(seconds * RATE)) / RATE
    return amplitude * torch.sin(2 * torch.pi * hertz * time).expand(2, -1)


def test_levels_are_of_the_combined_stem_and_of_each_difference() -> None:
    combined = make_tone()
    passes = {"one": Audio(1.1 * combined, RATE), "two": Audio(combined, RATE)}
    figure = draw_disagreement(passes, Audio(combined, RATE), stem="voice")
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in figure.axes[0].lines}
    level = 20 * np.log10(0.5 / 2**0.5)
    assert abs(np.median(lines["combined"]) - level) < 0.5  # blocks hold no whole number of periods
    assert abs(np.median(lines["one"]) - (level - 20)) < 0.5  # a tenth of it
    assert lines["two"].max() == -120.0  # no difference lies at the floor


def test_names_are_written_as_they_are() -> None:
    tone = Audio(make_tone(), RATE)
    names = [r"$\frac{$", "_hidden"]  # no formula that can be read, and what a legend would leave out
    figure = draw_disagreement(dict.fromkeys(names, tone), tone, stem=names[0])
    figure.savefig(io.BytesIO(), format="png")
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text().strip() for text in legend.get_texts()] == ["combined", *names]


def test_the_spread_is_the_mean_power_of_the_differences() -> None:
    rows = FrequencyRows.choose(sample_rate=RATE)
    tone = make_tone()[0]
    alone = measure_spread([tone], RATE, rows).values
    shared = measure_spread([tone, torch.zeros_like(tone)], RATE, rows).values
    assert np.allclose(shared, alone / 2)
    loudest = np.unravel_index(alone.argmax(), alone.shape)[0]
    edges = np.geomspace(rows.low_hertz, rows.high_hertz, rows.num_rows + 1)
    assert edges[loudest - 2] < 1000 < edges[loudest + 3]  # rows are finer than bins there


@pytest.mark.parametrize("num_samples", [1, 100])
def test_short_and_silent_stems_can_be_drawn(num_samples: int) -> None:
    silence = Audio(torch.zeros(1, num_samples), RATE)
    figure = draw_disagreement({f"pass {index}": silence for index in range(15)}, silence, stem="x")
    assert figure.axes[0].get_legend() is None  # fifteen names would hide the curves
    figure.savefig(io.BytesIO(), format="png")
