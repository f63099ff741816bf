from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import CHUNK_SECONDS, CHUNK_SIZE, TwoBands, make_gains, make_song, make_split
from torch import Tensor

from workbench.errors import InvalidType, InvalidValue, WorkbenchNotice
from workbench.io.write import save
from workbench.pipeline.events import StepCompleted, StepStarted
from workbench.pipeline.separation import Separation
from workbench.pipeline.separator import separate
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.trace import Trace, trace
from workbench.registry.cards import ModelCard

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


@pytest.fixture
def split() -> tuple[ModelCard, list[tuple[tuple[int, ...], ...]]]:
    card, network = make_split("spectrogram", "spectrogram_mask")
    return card, network.calls


Split = tuple[ModelCard, list[tuple[tuple[int, ...], ...]]]


# step, what changes, and the same asked of `separate`
RERUNS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("normalize", {"enabled": True}, {"settings": {"normalization.enabled": True}}),
    ("chunk", {"overlap": 0.75}, {"overlap": 0.75}),
    ("chunk", {"padding_mode": "constant"}, {"settings": {"chunking.padding_mode": "constant"}}),
    ("transform", {"window_shape": "hamming"}, {"settings": {"transform.window_shape": "hamming"}}),
    ("stitch", {"window": "hamming"}, {"window": "hamming"}),
    ("stitch", {"window": torch.linspace(0.1, 1, CHUNK_SIZE)}, {"window": torch.linspace(0.1, 1, CHUNK_SIZE)}),
    ("derive", {"derive": ["rest = mixture - loud"]}, {"derive": ["rest = mixture - loud"]}),
    ("derive", {"derive": []}, {}),
]


@pytest.mark.parametrize(("step", "changes", "asked"), RERUNS)
@pytest.mark.parametrize("budget", [None, 0])
@pytest.mark.filterwarnings("ignore::workbench.errors.WorkbenchNotice")
def test_a_rerun_is_a_fresh_separation_to_the_bit_at_less_cost(
    split: Split, step: str, changes: dict[str, Any], asked: dict[str, Any], budget: int | None
) -> None:
    card, calls = split
    first = trace(SONG, model=card, memory_budget_bytes=budget)
    before = tensors_of(first)
    calls.clear()
    again = first.rerun(step, **changes)
    # the stitched stems are always kept, the model's output only where there is room
    spares_model = step == "derive" or (step == "stitch" and budget is None)
    assert len(calls) == (0 if spares_model else again.grid.num_chunks)
    assert_same(again.stems, separate(SONG, model=card, **asked))
    assert list(again) == list(first)
    for name in list(first)[: list(first).index(step)]:
        if name != "chunk" and first[name].is_kept:
            assert again[name].output is first[name].output, name
    for name, value in tensors_of(first).items():
        assert torch.equal(value, before[name]), name
    # a rerun is a trace like any other: its steps agree with those of a fresh one
    fresh = trace(SONG, model=card, memory_budget_bytes=budget, **asked)
    for name, value in tensors_of(fresh).items():
        assert torch.equal(tensors_of(again)[name], value), name


def test_a_rerun_of_the_chunks_may_change_their_length() -> None:
    first = trace(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS)
    again = first.rerun("chunk", chunk_seconds=0.05, overlap=0.25)
    assert_same(again.stems, separate(SONG, model=TwoBands(), chunk_seconds=0.05, overlap=0.25))
    assert again["chunk"].shape == (14, 2, 400)
    assert first["chunk"].shape == (11, 2, 800)


def test_a_rerun_of_the_model_loads_it_with_its_new_parameters() -> None:
    card, loaded = make_gains()
    first = trace(SONG, model=card)
    again = first.rerun("model", gain=0.25)
    assert [parameters.gain for parameters in loaded] == [0.5, 0.25]
    assert_same(again.stems, separate(SONG, model=card, settings={"model.gain": 0.25}))
    loaded.clear()
    again.rerun("chunk", overlap=0.25)
    again.rerun("stitch", window="hamming")
    assert loaded == []  # the network that is there serves
    margins = trace(SONG, model="hpss", chunk_seconds=0.3).rerun("model", margin_harmonic=2.0)
    assert list(margins.stems) == ["harmonic", "percussive", "residual"]
    assert_same(margins.stems, separate(SONG, model="hpss", chunk_seconds=0.3, settings={"model.margin_harmonic": 2.0}))


def test_reruns_add_up(split: Split) -> None:
    card, _ = split
    start: dict[str, Any] = {"overlap": 0.25, "settings": {"normalization": {"enabled": False}}}
    traced = trace(SONG, model=card, **start)
    for step, changes in (
        ("normalize", {"enabled": True}),
        ("derive", {"derive": ["rest = mixture - soft"]}),
        ("chunk", {"padding_mode": "replicate"}),
        ("stitch", {"window": "triangle"}),
    ):
        traced = traced.rerun(step, **changes)
    expected = separate(
        SONG,
        model=card,
        overlap=0.25,
        window="triangle",
        derive=["rest = mixture - soft"],
        settings={"normalization.enabled": True, "chunking.padding_mode": "replicate"},
    )
    assert_same(traced.stems, expected)
    assert traced.stems.config.to_document() == expected.config.to_document()


def test_a_window_given_as_a_tensor_stays_for_later_steps() -> None:
    window = torch.linspace(0.1, 1, CHUNK_SIZE)
    traced = trace(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS, window=window)
    again = traced.rerun("derive", derive=["sum = low + high"])
    assert torch.equal(again["stitch"].window, window)
    assert again["stitch"].parameters["window"] == "a tensor"
    with pytest.raises(InvalidValue, match=r"shape \(800,\), expected \(400,\)"):
        traced.rerun("chunk", chunk_seconds=0.05)
    named = again.rerun("stitch", window="hann")
    assert_same(named.stems, separate(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS, derive=["sum = low + high"]))


def test_a_config_file_that_changes_later_does_not_reach_a_rerun(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(f"chunking: {{overlap_ratio: 0.25}}\nmodel: {{chunk_size: {CHUNK_SIZE}}}\n")
    first = trace(SONG, model=TwoBands(), config=path)
    path.write_text("chunking: {overlap_ratio: 0.75}\n")
    again = first.rerun("stitch", window="hamming")
    path.unlink()
    assert_same(
        again.stems, separate(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS, overlap=0.25, window="hamming")
    )
    assert_same(again.rerun("stitch", window="hann").stems, first.stems)


def test_rules_that_need_other_stems_have_them_computed_from_the_models_output(split: Split) -> None:
    card, calls = split
    first = trace(SONG, model=card, stems=["soft"])
    calls.clear()
    again = first.rerun("derive", derive=["rest = mixture - loud"])
    assert calls == []
    assert_same(again.stems, separate(SONG, model=card, stems=["soft"], derive=["rest = mixture - loud"]))
    assert again["inverse"].shape[1] == 2
    assert first["inverse"].shape[1] == 1


def test_a_rerun_tells_of_steps_that_end(split: Split) -> None:
    first = trace(SONG, model=split[0])
    for step, changes in (
        ("stitch", {"window": "hamming"}),
        ("mask", {"mask": first["mask"].mask}),
        ("derive", {"derive": []}),
    ):
        begun: list[str] = []
        done: list[str] = []

        def collect(event: object, begun: list[str] = begun, done: list[str] = done) -> None:
            if isinstance(event, StepStarted):
                begun.append(event.step)
            if isinstance(event, StepCompleted):
                done.append(event.step)

        again = first.rerun(step, progress=collect, **changes)
        assert begun == done == [name for name in first if name in begun]
        assert "stitch" in begun
    assert again["model"].seconds == 0  # an earlier trace's output served
    assert first["model"].seconds > 0


@pytest.mark.parametrize("budget", [None, 0])
@pytest.mark.filterwarnings("ignore::workbench.errors.WorkbenchNotice")
def test_a_mask_stays_for_later_steps_and_goes_for_earlier_ones(split: Split, budget: int | None) -> None:
    card, calls = split
    mask = trace(SONG, model=card)["mask"].mask.flip(1) * 0.5
    first = trace(SONG, model=card, memory_budget_bytes=budget)
    calls.clear()
    masked = first.rerun("mask", mask=mask)
    assert calls == []
    assert masked.mask_override is mask
    assert masked["mask"].mask is mask
    assert masked["mask"].parameters["mask"] == "given"
    assert first.mask_override is None
    swapped = separate(SONG, model=card)
    for name, other in (("loud", "soft"), ("soft", "loud")):
        # a mask half as large gives exactly half, for a factor of 2 is no rounding
        assert torch.equal(masked.stems[name].data, swapped[other].data * 0.5)
    calls.clear()
    # later steps keep it ...
    later = masked.rerun("stitch", window="hamming")
    assert calls == []
    assert_same(later.stems, trace(SONG, model=card, window="hamming").rerun("mask", mask=mask).stems)
    assert_same(masked.rerun("derive", derive=[]).stems, masked.stems)
    # ... another mask takes its place, and earlier steps bring the model's own back
    assert_same(masked.rerun("mask", mask=mask * 2).stems, first.rerun("mask", mask=mask * 2).stems)
    earlier = masked.rerun("chunk", overlap=0.25)
    assert earlier.mask_override is None
    assert_same(earlier.stems, separate(SONG, model=card, overlap=0.25))


def test_a_mask_may_be_complex_and_of_another_precision(split: Split) -> None:
    first = trace(SONG, model=split[0])
    mask = torch.zeros_like(first["model"].output)
    mask[:, 0, ..., 1] = 1.0  # times i: a quarter turn
    masked = first.rerun("mask", mask=mask)
    assert torch.equal(masked["mask"].output[:, 0, ..., 1], first["transform"].output[..., 0])
    assert torch.equal(masked["mask"].output[:, 0, ..., 0], -first["transform"].output[..., 1])
    half = first.rerun("mask", mask=mask.half())
    assert_same(half.stems, masked.stems)  # 0 and 1 are exact in any precision
    assert half.stems["loud"].data.dtype == torch.float32


@pytest.mark.parametrize(
    ("step", "changes", "error", "reason"),
    [
        ("masks", {"mask": None}, InvalidValue, "no step 'masks' in this run; it has load"),
        ("load", {"sample_rate": 8000}, InvalidValue, "'load' has nothing to change; these have: normalize, chunk"),
        ("inverse", {"n_fft": 8}, InvalidValue, "'inverse' has nothing to change"),
        ("stitch", {}, InvalidValue, "nothing to change was given for the step 'stitch'"),
        ("stitch", {"overlap": 0.5}, InvalidValue, "'stitch' takes window, got 'overlap'"),
        ("stitch", {"window": "hannn"}, InvalidValue, "did you mean 'hann'"),
        ("chunk", {"window": "hann"}, InvalidValue, "'chunk' takes chunk_seconds, overlap, padding_mode, got 'window'"),
        ("chunk", {"overlap": 1.0}, InvalidValue, "less than 1"),
        ("normalize", {"on": True}, InvalidValue, r"unknown key 'normalization\.on'"),
        ("normalize", {"enabled": "yes"}, InvalidType, r"normalization\.enabled"),
        ("transform", {"hop_size": 16}, InvalidValue, r"unknown key 'transform\.hop_size'; did you mean 'hop_length'"),
        ("model", {"gain": 1.0}, InvalidValue, r"no parameter model\.gain"),
        ("model", {"chunk_size": 400}, InvalidValue, r"rerun\('chunk', chunk_seconds=\.\.\.\)"),
        ("mask", {"gain": 1.0}, InvalidValue, "'mask' takes mask=, got gain"),
        ("mask", {"mask": "mine"}, InvalidType, "mask must be a tensor or a SongMask, got str"),
        (
            "mask",
            {"mask": torch.ones(11, 2, 130, 1, 2)},
            InvalidValue,
            r"= \(11, 2, 130, 26, 2\), got \(11, 2, 130, 1, 2\)",
        ),
        ("mask", {"mask": torch.full((11, 2, 130, 26, 2), torch.nan)}, InvalidValue, "NaN or infinity"),
        ("mask", {"mask": SongMask(torch.ones(3, 65, 4), 32)}, InvalidValue, r"\(2, 65, frame\), got \(3, 65, 4\)"),
        ("mask", {"mask": SongMask(torch.ones(2, 64, 4), 32)}, InvalidValue, r"\(2, 65, frame\), got \(2, 64, 4\)"),
        ("derive", {"derive": ["x = mixture - y"]}, InvalidValue, "uses 'y', which is not there"),
    ],
)
def test_what_cannot_be_rerun_is_refused(
    split: Split, step: str, changes: dict[str, Any], error: type[Exception], reason: str
) -> None:
    card, calls = split
    first = trace(SONG, model=card)
    calls.clear()
    with pytest.raises(error, match=reason) as caught:
        first.rerun(step, **changes)
    assert "\n" not in str(caught.value)
    assert calls == []


def test_a_step_that_the_model_does_not_have_cannot_be_rerun() -> None:
    first = trace(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS)
    for step in ("mask", "transform"):
        with pytest.raises(InvalidValue, match=f"no step '{step}' in this run"):
            first.rerun(step, mask=None)


def test_a_rerun_still_knows_its_file_and_does_not_read_it_again(tmp_path: Path) -> None:
    path = save(make_song(), tmp_path / "song.wav")
    first = trace(path, model="passthrough", chunk_seconds=0.1)
    path.unlink()
    again = first.rerun("stitch", window="rectangular")
    assert again.source == first.source == path
    assert again.song.data is first.song.data  # it was known


def test_a_rerun_tells_what_the_first_run_told() -> None:
    card, _ = make_split("waveform", "waveform")
    mono = make_song(channels=1)
    with pytest.warns(WorkbenchNotice, match="mono was doubled"):
        first = trace(mono, model=dataclasses.replace(card, channels=2), chunk_seconds=CHUNK_SECONDS)
    with pytest.warns(WorkbenchNotice, match="mono was doubled"):
        again = first.rerun("stitch", window="rectangular")
    assert again.stems.notices == first.stems.notices
