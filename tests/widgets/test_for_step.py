from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import workbench as wb
from workbench.core import Audio
from workbench.errors import InvalidType, InvalidValue, WorkbenchNotice
from workbench.pipeline.steps import STEPS
from workbench.widgets import (
    ChunkExplorer,
    DerivedStems,
    MaskExplorer,
    StemPlayer,
    StepFigure,
    WindowExplorer,
    make_step_widget,
)

RATE = 8000
SONG = Audio(0.1 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(3)), RATE)


class Halves(nn.Module):
    """Two stems that are half of the song each."""

    stems = ("one", "two")
    sample_rate = 4000

    def forward(self, waveform: Tensor) -> Tensor:
        return torch.stack((waveform / 2, waveform / 2), dim=1)  # (batch, stem, channel, time)


@pytest.fixture(scope="module")
def masked() -> wb.Trace:
    return wb.trace(
        SONG, model="hpss", chunk_seconds=0.5, settings={"wiener.iterations": 1, "normalization.enabled": True}
    )


@pytest.fixture(scope="module")
def waveforms() -> wb.Trace:
    return wb.trace(SONG, model=Halves(), chunk_seconds=0.5)


KINDS = {
    "load": StemPlayer,
    "conform": StemPlayer,
    "normalize": StemPlayer,
    "chunk": ChunkExplorer,
    "transform": MaskExplorer,
    "model": MaskExplorer,
    "mask": MaskExplorer,
    "wiener": StepFigure,
    "inverse": StepFigure,
    "stitch": WindowExplorer,
    "denormalize": StemPlayer,
    "restore": StemPlayer,
    "derive": DerivedStems,
}


@pytest.mark.parametrize("name", STEPS)
def test_every_step_of_a_model_with_masks_has_a_widget(masked: wb.Trace, name: str) -> None:
    widget = masked[name].widget()
    assert isinstance(widget, KINDS[name])
    assert widget.message == ""


@pytest.mark.parametrize("name", [name for name in STEPS if name not in ("transform", "mask", "wiener", "inverse")])
def test_every_step_of_a_model_of_waveforms_has_a_widget(waveforms: wb.Trace, name: str) -> None:
    assert name in waveforms
    widget = waveforms[name].widget()
    assert isinstance(widget, StepFigure if name == "model" else KINDS[name])
    assert widget.message == ""


def test_songs_are_heard_at_the_rate_that_they_have_at_the_step() -> None:
    trace = wb.trace(
        Audio(SONG.data[:1], RATE), model="hpss", chunk_seconds=0.5, settings={"audio_io.target_sample_rate": 16000}
    )
    rates = {name: trace[name].widget().sample_rate for name in ("load", "conform", "denormalize", "restore")}
    assert rates == {"load": RATE, "conform": 16000, "denormalize": 16000, "restore": RATE}
    player = trace["restore"].widget(solo=["percussive"])
    assert player.solo == ["percussive"]
    assert list(player.tracks) == ["mixture", "harmonic", "percussive"]
    assert torch.equal(player.tracks["harmonic"].data, trace["restore"].output[0])


def test_after_denormalize_the_stems_add_up_to_the_conformed_song(waveforms: wb.Trace) -> None:
    assert waveforms["denormalize"].widget().null_level_db < -100


def test_traits_go_to_the_widget_and_what_is_no_step_is_refused(masked: wb.Trace, plain_types: None) -> None:
    assert masked["wiener"].widget(stem="percussive").stem == "percussive"
    with pytest.raises(InvalidType, match="expected a step of a trace"):
        make_step_widget("mask")
    with pytest.raises(InvalidType, match="expected a step of a trace"):
        StepFigure(masked)


def test_a_figure_is_drawn_anew_for_each_choice(masked: wb.Trace) -> None:
    widget = StepFigure(masked["wiener"])
    assert list(widget.choices) == ["chunk", "stem", "channel", "frequency"]
    assert len(widget.choices["chunk"]) == masked.grid.num_chunks
    assert [name for name, _ in widget.choices["stem"]] == ["harmonic", "percussive"]
    seen = {widget.picture}
    for trait, value in [("stem", "percussive"), ("chunk", 0), ("frequency", "linear")]:
        setattr(widget, trait, value)
        seen.add(widget.picture)
    assert len(seen) == 4
    assert all(picture.startswith(b"\x89PNG") for picture in seen)
    assert widget.words.startswith("wiener")
    assert widget.message == ""


def test_a_choice_that_is_not_there_is_refused(masked: wb.Trace) -> None:
    widget = StepFigure(masked["inverse"])
    before = widget.picture
    for trait, value in [("chunk", 99), ("chunk", -1), ("stem", "bass")]:
        with pytest.raises(InvalidValue, match=f"{trait} must be"):
            setattr(widget, trait, value)
        widget.set_state({trait: value})
        assert f"{trait} must be" in widget.message
    with pytest.raises(InvalidValue, match="has no channel to choose"):
        widget.channel = 0
    assert widget.picture == before
    with pytest.raises(InvalidValue, match="no chunk to choose"):
        StepFigure(masked["restore"], chunk=0)


def test_a_trace_of_summaries_says_so_and_nothing_breaks() -> None:
    with pytest.warns(WorkbenchNotice, match="only a summary"):
        trace = wb.trace(
            SONG, model="hpss", chunk_seconds=0.5, memory_budget_bytes=0, settings={"wiener.iterations": 1}
        )
    assert not trace["mask"].is_kept
    assert trace["mask"].widget().message == ""  # which makes chunks again
    for name in ("mask", "wiener", "inverse"):
        widget = StepFigure(trace[name])
        assert f"Of {name} only a summary was kept" in widget.notice
        assert widget.choices == {}
        assert widget.picture.startswith(b"\x89PNG")


def test_silence_in_mono() -> None:
    trace = wb.trace(Audio(torch.zeros(1, 3000), RATE), model="hpss", chunk_seconds=0.25)
    for name in ("load", "chunk", "mask", "stitch", "restore", "derive"):
        assert trace[name].widget().message == "", name
