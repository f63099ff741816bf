from __future__ import annotations

import itertools
import sys
from typing import Any

import pytest
import torch
from tiny_models import CHUNK_SECONDS, STFT, TwoBands, make_song, make_split

from workbench.core import Audio, Stft
from workbench.errors import WorkbenchNotice
from workbench.pipeline.trace import Trace, trace
from workbench.pipeline.trace_step import format_bytes

SONG = make_song(offset=0.1)


@pytest.fixture(scope="module")
def traced() -> Trace:
    """A stereo song through a normalized mono model at another rate."""
    card, _ = make_split(
        "spectrogram", "spectrogram_mask", chunk_size=600, sample_rate=6000, channels=1, normalize=True
    )
    with pytest.warns(WorkbenchNotice, match="averaged to mono"):
        return trace(SONG, model=card, derive=["rest = mixture - loud"], batch_size=2)


SHAPES = {
    "load": (2, 4000),
    "conform": (1, 3000),
    "normalize": (1, 3000),
    "chunk": (11, 1, 600),
    "transform": (11, 65, 19, 2),
    "model": (11, 2, 65, 19, 2),
    "mask": (11, 2, 65, 19, 2),
    "inverse": (11, 2, 1, 600),
    "stitch": (2, 1, 3000),
    "denormalize": (2, 1, 3000),
    "restore": (2, 2, 4000),
    "derive": (3, 2, 4000),
}


@pytest.mark.parametrize("name", list(SHAPES))
def test_every_step_knows_what_went_out(traced: Trace, name: str) -> None:
    step = traced[name]
    assert step.name == name
    output = step.output
    values = torch.stack(list(output.values())) if isinstance(output, dict) else output
    assert step.shape == tuple(values.shape) == SHAPES[name]
    assert step.axes.count(",") == len(step.shape) - 1
    assert step.dtype == values.dtype == torch.float32
    assert step.bytes == values.numel() * 4
    assert step.device == torch.device("cpu")
    assert step.seconds >= 0
    assert step.is_kept
    summary = step.summary
    assert (summary.shape, summary.dtype, summary.bytes) == (step.shape, step.dtype, step.bytes)
    assert (summary.minimum, summary.maximum) == (float(values.min()), float(values.max()))
    assert summary.rms == pytest.approx(float(values.double().square().mean().sqrt()), rel=1e-6)  # float32 squares
    assert repr(step).startswith(f"<{name}: {step.axes} {step.shape} torch.float32, ")
    assert isinstance(step.parameters, dict)


def test_time_spent_is_counted_in_the_step_that_took_it(traced: Trace) -> None:
    assert all(traced[name].seconds > 0 for name in ("chunk", "transform", "model", "mask", "inverse", "stitch"))


def test_what_comes_in_is_what_went_out_before(traced: Trace) -> None:
    assert isinstance(traced["load"].input, Audio)
    assert traced["load"].input is traced.song
    names = list(traced)
    for before, name in itertools.pairwise(names):
        given, gone = traced[name].input, traced[before].output
        assert given is gone or torch.equal(given, gone)


def test_what_comes_into_a_model_is_what_it_was_called_with() -> None:
    for input_type, expected in (
        ("waveform", ("chunk",)),
        ("spectrogram", ("transform",)),
        ("waveform_and_spectrogram", ("transform", "chunk")),
    ):
        card, network = make_split(input_type, "spectrogram_mask")
        own = trace(SONG, model=card, batch_size=100)
        given = own["model"].input
        given = given if isinstance(given, tuple) else (given,)
        assert len(given) == len(expected)
        for value, name in zip(given, expected, strict=True):
            assert torch.equal(value, own[name].output)
        assert network.calls == [tuple(tuple(value.shape) for value in given)]


def test_the_outputs_follow_from_one_another(traced: Trace) -> None:
    stats = traced["normalize"].stats
    assert stats is traced["denormalize"].stats
    conformed = traced["conform"].output
    assert torch.equal(traced["normalize"].output, (conformed - stats.mean) / stats.std)
    assert stats.mean == pytest.approx(float(conformed.double().mean()), rel=1e-9)
    grid = traced["chunk"].grid
    assert grid == traced.grid == traced["stitch"].grid
    chunks = traced["chunk"].output
    for index, start in enumerate(grid.starts):
        if 0 <= start <= 3000 - 600:
            assert torch.equal(chunks[index], traced["normalize"].output[:, start : start + 600])
    assert torch.equal(traced["transform"].output, Stft(STFT)(chunks))
    assert torch.equal(traced["mask"].mask, traced["model"].output)
    mask, mixture = (torch.view_as_complex(x) for x in (traced["mask"].mask, traced["transform"].output))
    assert torch.equal(torch.view_as_complex(traced["mask"].output), mask * mixture.unsqueeze(1))
    stitched = traced["stitch"].output
    assert torch.equal(traced["denormalize"].output, stitched * stats.std + stats.mean / 2)
    assert torch.equal(traced["restore"].output[:, 0], traced["restore"].output[:, 1])  # mono, doubled
    assert torch.equal(traced["derive"].output["rest"], SONG.data - traced["restore"].output[0])


def test_the_window_sum_is_the_sum_of_the_shifted_windows(traced: Trace) -> None:
    grid, window = traced.grid, traced["stitch"].window
    assert window.shape == (600,)
    total = torch.zeros(grid.padded_length)
    for start in grid.starts:
        total[start + grid.padding : start + grid.padding + 600] += window
    # sums of two float32 values in another order
    assert (traced["stitch"].window_sum - total[grid.padding : grid.padding + 3000]).abs().max() < 1e-6


def test_every_step_knows_its_settings(traced: Trace) -> None:
    assert traced["load"].parameters == {"sample_rate": 8000, "seconds": 0.5}
    assert traced["conform"].parameters == {"sample_rate": 6000, "channels": 1}
    assert traced["normalize"].parameters["enabled"] is True
    assert traced["chunk"].parameters == {
        **{"chunk_size": 600, "hop_size": 300, "padding": 300},
        **{"padding_mode": "reflect", "redundancy": 2.2},
    }
    assert traced["transform"].parameters == {
        **{"n_fft": 128, "hop_length": 32, "win_length": 128},
        **{"normalized": False, "window_shape": "hann"},
    }
    assert traced["model"].parameters == {"model": "split", "batch_size": 2}
    assert traced["mask"].parameters == {}
    assert traced["inverse"].parameters == {"num_samples": 600}
    assert traced["stitch"].parameters == {"window": "hann", "hop_size": 300}
    assert str(traced["denormalize"].parameters["mean"]).endswith(" / 2")
    assert traced["restore"].parameters == {"sample_rate": 8000, "channels": 2, "num_samples": 4000}
    assert traced["derive"].parameters == {"stems": "loud, soft, rest"}


@pytest.mark.parametrize("attribute", ["stats", "grid", "mask", "window", "window_sum"])
def test_what_is_of_another_step_says_of_which(traced: Trace, attribute: str) -> None:
    assert not hasattr(traced["load"], attribute)
    with pytest.raises(AttributeError, match=f"the step 'load' has no {attribute}; it is of "):
        getattr(traced["load"], attribute)


def test_only_the_stems_asked_for_have_a_mask() -> None:
    card, _ = make_split("spectrogram", "spectrogram_mask")
    soft = trace(SONG, model=card, stems=["soft"])
    assert soft["model"].shape[1] == 2
    assert soft["mask"].shape[1] == 1
    assert torch.equal(soft["mask"].mask[:, 0], soft["model"].output[:, 1])


def test_a_waveform_models_output_has_the_axes_of_stems() -> None:
    own = trace(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS)
    assert own["model"].axes == "(chunk, stem, channel, time)"
    assert own["model"].shape == (11, 2, 2, 800)


def test_a_step_draws_itself(traced: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.figure

    import workbench.figures

    drawn: list[Any] = []

    def draw(step: Any, **options: Any) -> matplotlib.figure.Figure:
        drawn.append((step.name, options))
        return matplotlib.figure.Figure()

    monkeypatch.setattr(workbench.figures, "draw_step", draw, raising=False)
    traced["stitch"].figure()
    traced["mask"].figure(chunk=1)
    assert drawn == [("stitch", {}), ("mask", {"chunk": 1})]
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_bytes_read_as_people_write_them() -> None:
    sizes = {0: "0 B", 999: "999 B", 1000: "1.0 kB", 1_536_000: "1.5 MB", 2_500_000_000: "2.50 GB"}
    assert {size: format_bytes(size) for size in sizes} == sizes
