from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny_models import CHUNK_SECONDS, RATE, STFT, make_gains, make_song, make_split

from workbench.core import SubtractRule
from workbench.errors import InvalidValue
from workbench.pipeline.plan import Plan, make_plan
from workbench.pipeline.reading import nest_settings
from workbench.pipeline.request import Request

SONG = make_song()
RULE = SubtractRule("mixture", "loud")
REST, OTHER = ({name: {"operation": "subtract", "stem_name": "mixture", "by_stem_name": "loud"}} for name in "xy")


def plan_split(*, settings: dict[str, object] | None = None, card: dict[str, Any] | None = None, **asked: Any) -> Plan:
    model, _ = make_split("spectrogram", "spectrogram_mask", **(card or {}))
    return make_plan(SONG, Request(model=model, settings=settings, **asked))


# What each level says, from the strongest to the weakest, and what comes of it; None where a level cannot say it.
# path: (how to read it, (argument, settings, config, card), what each of those given and at last the default come to)
Level = tuple[Callable[[Plan], object], tuple[object, ...], list[object]]
SOURCES: dict[str, Level] = {
    "model.chunk_size": (
        lambda plan: plan.chunk_size,
        ({"chunk_seconds": 0.2}, 1200, 1100, {"chunk_seconds": 0.125}),
        [1600, 1200, 1100, 1000, 800],
    ),
    "chunking.overlap_ratio": (
        lambda plan: plan.hop_size,
        ({"overlap": 0.75}, 0.25, 0.2, {"overlap": 0.1}),
        [200, 600, 640, 720, 400],
    ),
    "chunking.window_shape": (
        lambda plan: plan.window_name,
        ({"window": "hamming"}, "triangle", "linear_fade", {"window": "rectangular"}),
        ["hamming", "triangle", "linear_fade", "rectangular", "hann"],
    ),
    "chunking.padding_mode": (
        lambda plan: plan.padding_mode,
        (None, "constant", "replicate", None),
        ["constant", "replicate", "reflect"],
    ),
    "inference.batch_size": (lambda plan: plan.batch_size, ({"batch_size": 5}, 4, 3, None), [5, 4, 3, 1]),
    "inference.device": (
        lambda plan: plan.config.inference.device,
        ({"device": "cpu"}, "cpu:0", "auto", None),
        ["cpu", "cpu:0", "auto", "auto"],
    ),
    "inference.requested_stems": (
        lambda plan: plan.requested,
        ({"stems": ["soft"]}, ["loud"], ["soft", "loud"], None),
        [("soft",), ("loud",), ("loud", "soft"), ("loud", "soft")],
    ),
    "derived_stems": (
        lambda plan: dict(plan.rules),
        ({"derive": ["w = mixture - loud"]}, REST, OTHER, None),
        [{"w": RULE}, {"x": RULE}, {"y": RULE}, {}],
    ),
    "normalization.enabled": (
        lambda plan: plan.normalizes,
        (None, False, True, {"normalize": True}),
        [False, True, True, False],
    ),
    "audio_io.target_sample_rate": (
        lambda plan: plan.sample_rate,
        (None, 7000, 6000, {"sample_rate": 5000}),
        [7000, 6000, 5000, RATE],
    ),
    "audio_io.force_channels": (lambda plan: plan.num_channels, (None, 1, 2, {"channels": 1}), [1, 2, 1, 2]),
    "transform.hop_length": (
        lambda plan: plan.stages.stft.config.hop_length,  # type: ignore[union-attr]
        (None, 16, 20, {"stft": dataclasses.replace(STFT, hop_length=25)}),
        [16, 20, 25, 32],
    ),
    "transform.normalized": (
        lambda plan: plan.stages.stft.config.normalized,  # type: ignore[union-attr]
        (None, False, True, {"stft": dataclasses.replace(STFT, normalized=True)}),
        [False, True, True, False],
    ),
    "model.output_stem_names": (
        lambda plan: plan.stem_names,
        (None, ["a", "b"], ["c", "d"], {"stems": ("e", "f")}),
        [("a", "b"), ("c", "d"), ("e", "f"), ("loud", "soft")],
    ),
}


@pytest.mark.parametrize("path", list(SOURCES))
def test_argument_before_settings_before_config_before_card_before_default(path: str) -> None:
    read, (argument, setting, config, card), expected = SOURCES[path]
    levels: list[dict[str, Any]] = []
    if argument is not None:
        assert isinstance(argument, dict)
        levels.append(argument)
    levels.append({"settings": {path: setting}})
    levels.append({"config": nest_settings({path: config})})
    if card is not None:
        levels.append({"card": card})
    # the strongest of those given decides; they are taken away one by one
    for index, value in enumerate(expected):
        asked = {name: given for level in levels[index:] for name, given in level.items()}
        assert read(plan_split(**asked)) == value, (path, asked)


@pytest.mark.parametrize(
    "asked",
    [
        {"window": "hann", "overlap": 0.0},  # its first sample is 0, and nothing overlaps it
        {"window": torch.zeros(800)},
        {"overlap": 1.0},
        {"overlap": 0.9999},
        {"chunk_seconds": 0.0},
        {"chunk_seconds": -1.0},
        {"chunk_seconds": 1e-6},
        {"chunk_seconds": math.inf},
        {"chunk_seconds": math.nan},
        {"batch_size": 0},
        {"stems": []},
        {"stems": ["vocals"]},
        {"stems": ["remainder"]},
        {"derive": ["x = mixture - vocals"]},
        {"derive": ["loud = mixture - soft"]},
        {"derive": ["LOUD = mixture - soft"]},  # one file with loud where case does not count
        {"settings": {"transform.win_length": 256}},  # longer than n_fft
        {"settings": {"model.output_stem_names": ["a", "A"]}},
        {"device": "cuda:99"},
        {"device": "gpu"},
        {"device": "meta"},  # a device of torch, but none that computes
    ],
)
def test_what_cannot_be_is_found_before_the_model_is_loaded(asked: dict[str, Any]) -> None:
    card, loaded = make_gains(input_type="waveform", output_type="spectrogram", stft=STFT, stems=("loud", "soft"))
    with pytest.raises(InvalidValue) as caught:
        make_plan(SONG, Request(model=card, **asked))
    assert "\n" not in str(caught.value)
    assert loaded == []


def test_auto_is_the_cpu_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert plan_split().device == plan_split(device="auto").device == torch.device("cpu")
    for name in ("cuda", "cuda:0", "mps"):
        with pytest.raises(InvalidValue, match=rf"there is no device '{name}' here.*use device='auto'"):
            plan_split(device=name)


def test_a_model_that_must_see_the_whole_song_takes_no_chunk_settings() -> None:
    card, _ = make_gains(context="song", window="hann")
    plan = make_plan(SONG, Request(model=card))
    assert (plan.chunk_size, plan.hop_size) == (SONG.data.shape[-1], SONG.data.shape[-1])
    for asked in (
        {"chunk_seconds": CHUNK_SECONDS},
        {"overlap": 0.5},
        {"settings": {"model.chunk_size": 800}},
        {"config": {"chunking": {"overlap_ratio": 0.25}}},
    ):
        with pytest.raises(InvalidValue, match="must see the whole song at once: leave out chunk_seconds"):
            make_plan(SONG, Request(model=card, **asked))


@pytest.mark.parametrize("num_samples", [1, 2, 3, 5, 7, 1999])
def test_the_whole_song_is_counted_as_the_resampler_counts(num_samples: int) -> None:
    from workbench.io.resample import count_resampled

    card, _ = make_gains(context="song", sample_rate=RATE // 2)
    song = make_song(num_samples / RATE)
    assert song.data.shape[-1] == num_samples
    plan = make_plan(song, Request(model=card))
    assert plan.chunk_size == count_resampled(num_samples, from_rate=RATE, to_rate=RATE // 2)


def test_the_effective_document_says_everything() -> None:
    plan = plan_split(stems=["soft"], derive=["rest = mixture - loud"], overlap=0.25)
    document = plan.config.to_document()
    assert document["model"] == {"chunk_size": 800}
    assert document["chunking"] == {"overlap_ratio": 0.25, "window_shape": "hann", "padding_mode": "reflect"}
    assert document["audio_io"] == {"target_sample_rate": RATE, "force_channels": 2}
    assert document["inference"]["requested_stems"] == ["soft"]
    assert document["transform"]["n_fft"] == 128
    assert set(document["derived_stems"]) == {"rest"}
