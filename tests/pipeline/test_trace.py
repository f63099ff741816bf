from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny_models import CHUNK_SECONDS, CHUNK_SIZE, RATE, TwoBands, make_gains, make_song, make_split
from torch import Tensor

from workbench.core import Audio
from workbench.errors import WorkbenchNotice
from workbench.pipeline.separation import Separation
from workbench.pipeline.separator import separate
from workbench.pipeline.trace import Trace, trace

SONG = make_song()


def assert_same(one: Separation, other: Separation) -> None:
    """The same stems, to the bit."""
    assert list(one) == list(other)
    for name in one:
        assert torch.equal(one[name].data, other[name].data), name


def tensors_of(traced: Trace) -> dict[str, Tensor]:
    """Every tensor that a trace holds, copied."""
    held = {f"stem {name}": audio.data.clone() for name, audio in traced.stems.items()}
    for name in traced:
        if traced[name].is_kept:
            value = traced[name].output
            held[name] = torch.stack(list(value.values())) if isinstance(value, dict) else value.clone()
    return held


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "batches": {"batch_size": 4},
    "normalized": {"settings": {"normalization.enabled": True}},
    "resampled": {"config": {"audio_io": {"target_sample_rate": 6000}, "model": {"chunk_size": CHUNK_SIZE}}},
    "mono": {"config": {"audio_io": {"force_channels": 1}}},
    "subset": {"stems": [1]},
    "derived": {"derive": ["rest = mixture - {0}", "all = {0} + {1}"]},
    "everything": {
        "stems": [0],
        "derive": ["rest = mixture - {1}"],
        "overlap": 0.25,
        "window": "linear_fade:fade=0.2",
        "settings": {"normalization.enabled": True, "audio_io.force_channels": 1},
    },
}


MODELS: dict[str, Callable[[], Any]] = {
    "hpss": lambda: "hpss",
    "passthrough": lambda: "passthrough",
    "waveform": lambda: TwoBands(),
    "waveform to mask": lambda: make_split("waveform", "spectrogram_mask")[0],
    "both to mask": lambda: make_split("waveform_and_spectrogram", "spectrogram_mask")[0],
    "spectrogram to spectrogram": lambda: make_split("spectrogram", "spectrogram")[0],
}


STEMS = {"hpss": ("harmonic", "percussive"), "passthrough": ("part_1", "part_2"), "waveform": TwoBands.stems}


@pytest.mark.parametrize("options", list(OPTIONS))
@pytest.mark.parametrize("model", list(MODELS))
@pytest.mark.filterwarnings("ignore::workbench.errors.WorkbenchNotice")
def test_a_traces_stems_are_those_of_separate_to_the_bit(model: str, options: str) -> None:
    song = make_song(0.3, offset=0.1)
    names = STEMS.get(model, ("loud", "soft"))
    asked: dict[str, Any] = {"chunk_seconds": CHUNK_SECONDS, **OPTIONS[options]}
    if options == "resampled":
        del asked["chunk_seconds"]
    if "stems" in asked:
        asked["stems"] = [names[index] for index in asked["stems"]]
    if "derive" in asked:
        asked["derive"] = [line.format(*names) for line in asked["derive"]]
    traced = trace(song, model=MODELS[model](), **asked)
    assert_same(traced.stems, separate(song, model=MODELS[model](), **asked))
    derived = traced["derive"].output
    assert all(torch.equal(derived[name], traced.stems[name].data) for name in traced.stems)


def test_a_trace_of_a_mono_song_keeps_its_notices() -> None:
    with pytest.warns(WorkbenchNotice, match="mono was doubled"):
        traced = trace(make_song(channels=1), model=make_gains(channels=2)[0])
    assert traced.notices == traced.stems.notices
    assert len(traced.notices) == 1


def test_a_trace_shows_as_text_and_html() -> None:
    card, _ = make_split("spectrogram", "spectrogram_mask")
    with pytest.warns(WorkbenchNotice, match="kept only a summary"):
        traced = trace(SONG, model=card, derive=['"rock & roll" = mixture - loud'], memory_budget_bytes=0)
    text, page = repr(traced), traced._repr_html_()
    assert list(traced) == [
        *("load", "conform", "normalize", "chunk", "transform", "model", "mask", "inverse"),
        *("stitch", "denormalize", "restore", "derive"),
    ]
    assert len(traced) == 12
    lines = text.splitlines()
    assert lines[0] == "Trace of split: 0.50 s on cpu"
    assert [line.split()[0] for line in lines[2:14]] == list(traced)
    assert lines[14].startswith("note: kept only a summary of inverse")
    assert "(summary)" in lines[9]
    assert "rock & roll" in text
    for name in traced:
        assert f">{name}</td>" in page
    assert "rock &amp; roll" in page
    assert "rock & roll" not in page
    assert "<p>kept only a summary" in page


def test_a_step_that_is_not_there_is_a_key_error() -> None:
    traced = trace(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS)
    assert "mask" not in traced
    with pytest.raises(KeyError, match="no step 'mask' in this run; it has load, conform"):
        _ = traced["mask"]


@pytest.fixture
def overwriting() -> Trace:
    card, _ = make_split("waveform_and_spectrogram", "spectrogram_mask", overwrites=True)
    return trace(SONG, model=card, batch_size=2)


def test_a_model_that_writes_into_its_input_spoils_no_trace(overwriting: Trace) -> None:
    clean = trace(SONG, model=make_split("waveform_and_spectrogram", "spectrogram_mask")[0], batch_size=2)
    expected = tensors_of(clean)
    for name, value in tensors_of(overwriting).items():
        assert torch.equal(value, expected[name]), name
    again = overwriting.rerun("stitch", window="hamming")
    assert_same(again.stems, clean.rerun("stitch", window="hamming").stems)
    for name, value in tensors_of(overwriting).items():
        assert torch.equal(value, expected[name]), name


def test_a_trace_warns_of_nothing_when_all_fits() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        traced = trace(SONG, model=make_split("spectrogram", "spectrogram_mask")[0])
    assert traced.notices == ()
    assert all(traced[name].is_kept for name in traced)


def test_the_song_of_a_trace_is_the_mixture() -> None:
    song: Audio[Tensor] = make_song()
    traced = trace(song, model=TwoBands(), chunk_seconds=CHUNK_SECONDS)
    assert traced.song is traced.stems.mixture
    assert torch.equal(traced.song.data, song.data)
    assert traced.grid.num_samples == song.data.shape[-1]
    assert traced.plan.sample_rate == RATE
