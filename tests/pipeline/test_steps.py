from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import RATE, make_gains, make_song, make_split

from workbench.core import Audio, NormalizationStats
from workbench.errors import AudioFileError, InvalidType, InvalidValue, ModelError
from workbench.pipeline import steps
from workbench.pipeline.plan import Plan, make_plan
from workbench.pipeline.request import Request


def plan_gains(song: Audio[torch.Tensor], *, settings: dict[str, object] | None = None, **fields: Any) -> Plan:
    return make_plan(song, Request(model=make_gains(**fields)[0], settings=settings))


def test_a_song_becomes_float32_on_the_cpu() -> None:
    song = make_song()
    assert torch.equal(steps.load_song(song).data, song.data)
    for data in (song.data.double(), song.data.double().numpy(), song.data.numpy(), song.data.half()):
        loaded = steps.load_song(Audio(data, RATE))  # type: ignore[arg-type]
        assert loaded.data.dtype == torch.float32
        assert loaded.sample_rate == RATE
        assert (loaded.data - song.data).abs().max() < 1e-3  # half precision has 11 bits
    asked = song.data.clone().requires_grad_()
    assert not steps.load_song(Audio(asked, RATE)).data.requires_grad


@pytest.mark.parametrize(
    ("data", "rate", "error", "reason"),
    [
        (torch.zeros(2, 0), RATE, InvalidValue, r"at least 1 sample, got \(2, 0\)"),
        (torch.zeros(0, 5), RATE, InvalidValue, r"at least 1 sample, got \(0, 5\)"),
        (torch.zeros(5), RATE, InvalidValue, r"got \(5,\); one channel is audio\.unsqueeze\(0\)"),
        (torch.zeros(1, 2, 5), RATE, InvalidValue, r"got \(1, 2, 5\)"),
        (torch.zeros(1, 5, dtype=torch.int16), RATE, InvalidType, r"got torch\.int16: divide by full scale"),
        (np.zeros((1, 5), dtype=np.int16), RATE, InvalidType, r"got torch\.int16"),
        ([[0.0, 1.0]], RATE, InvalidType, "must be a torch tensor .* got list"),
        (torch.zeros(1, 5), 44100.0, InvalidType, r"whole number of hertz, got 44100\.0"),
        (torch.zeros(1, 5), True, InvalidType, "whole number of hertz, got True"),
        (torch.zeros(1, 5), 0, InvalidValue, "at least 1 Hz, got 0"),
    ],
)
def test_what_is_no_song_is_refused(data: Any, rate: Any, error: type[Exception], reason: str) -> None:
    song: Audio[Any] = Audio(torch.zeros(1, 1), RATE)
    song.data, song.sample_rate = data, rate
    with pytest.raises(error, match=reason):
        steps.load_song(song)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_first_sample_that_is_not_finite_is_named(bad: float) -> None:
    data = torch.zeros(2, 1000)
    data[1, 400] = bad
    data[0, 800] = math.nan
    with pytest.raises(InvalidValue, match=rf"has {bad} at sample 400 \(0\.050 s\) of channel 1"):
        steps.load_song(Audio(data, RATE))


def test_the_largest_floats_are_fine_and_beyond_them_is_not() -> None:
    largest = torch.finfo(torch.float32).max
    steps.load_song(Audio(torch.full((1, 10), largest), RATE))  # though their sum is infinite
    data = torch.zeros(1, 10, dtype=torch.float64)
    data[0, 3] = 1e300  # finite, but not as float32
    with pytest.raises(InvalidValue, match="has inf at sample 3"):
        steps.load_song(Audio(data, RATE))


def test_a_path_is_read(tmp_path: Path) -> None:
    from workbench.io.write import save

    song = make_song()
    path = save(song, tmp_path / "song.wav")
    for given in (path, str(path)):
        loaded = steps.load_song(given)
        assert torch.equal(loaded.data, song.data)  # the file holds float32
    with pytest.raises(AudioFileError, match="no such file"):
        steps.load_song(tmp_path / "gone.wav")


def test_channels_are_matched_where_there_is_one_way() -> None:
    stereo = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    assert torch.equal(steps.match_channels(stereo, 1), torch.tensor([[2.0, 4.0]]))
    assert torch.equal(steps.match_channels(stereo[:1], 2), torch.tensor([[1.0, 2.0], [1.0, 2.0]]))
    assert steps.match_channels(stereo, 2) is stereo
    stems = stereo.expand(3, 2, 2)  # (stem, channel, time)
    assert torch.equal(steps.match_channels(stems, 1), torch.tensor([[[2.0, 4.0]]]).expand(3, 1, 2))
    for given, wanted in ((6, 2), (6, 1), (2, 3), (3, 2)):
        with pytest.raises(InvalidValue, match=f"{given} channels and the model takes {wanted}"):
            steps.match_channels(torch.zeros(given, 4), wanted)


def test_conform_tells_what_it_changed() -> None:
    stereo, mono = make_song(channels=2), make_song(channels=1)
    plan = plan_gains(stereo)
    conformed, notices = steps.conform(stereo, plan), steps.note_conform(stereo, plan)
    assert conformed.data is stereo.data  # no copy
    assert notices == []
    plan = plan_gains(mono, channels=2)
    conformed, notices = steps.conform(mono, plan), steps.note_conform(mono, plan)
    assert torch.equal(conformed.data, mono.data.expand(2, -1))
    assert notices == ["mono was doubled for gains; stems come back with the song's 1 channel(s)"]
    plan = plan_gains(stereo, channels=1, sample_rate=6000)
    conformed, notices = steps.conform(stereo, plan), steps.note_conform(stereo, plan)
    assert conformed.data.shape == (1, 3000)
    assert conformed.sample_rate == 6000
    assert notices == ["stereo was averaged to mono for gains; stems come back with the song's 2 channel(s)"]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [6000, 8000, 11025])
@pytest.mark.parametrize("num_samples", [1, 2, 3999, 4000])
def test_restore_gives_back_the_songs_own_shape(rate: int, channels: int, num_samples: int) -> None:
    song = Audio(make_song().data[:, :num_samples], RATE)
    plan = plan_gains(song, channels=channels, sample_rate=rate)
    conformed = steps.conform(song, plan)
    restored = steps.restore(torch.stack([conformed.data, -conformed.data]), song, plan)
    assert restored.shape == (2, *song.data.shape)
    assert torch.equal(restored[0], -restored[1])


def test_denormalize_shares_the_mean_among_all_of_the_models_stems() -> None:
    song = make_song(offset=0.25)
    plan = plan_gains(song, normalize=True)
    stats = NormalizationStats(mean=0.3, std=2.0)
    stems = torch.stack([song.data, -song.data])
    assert torch.equal(steps.denormalize(stems, stats, plan), stems * 2 + 0.15)
    # one of two stems computed: N is still 2
    assert torch.equal(steps.denormalize(stems[:1], stats, plan), stems[:1] * 2 + 0.15)
    assert steps.denormalize(stems, NormalizationStats(0.0, 1.0), plan) is stems


def test_the_steps_of_a_plan_are_those_its_model_has() -> None:
    song = make_song()
    assert steps.list_steps(plan_gains(song)) == (
        *("load", "conform", "normalize", "chunk", "model", "stitch", "denormalize", "restore", "derive"),
    )
    without = {
        ("waveform", "spectrogram_mask"): set(),
        ("spectrogram", "spectrogram_mask"): set(),
        ("waveform", "spectrogram"): {"transform", "mask"},
        ("spectrogram", "spectrogram"): {"mask"},
        ("spectrogram", "waveform"): {"mask", "inverse"},
    }
    for pair, missing in without.items():
        plan = make_plan(song, Request(model=make_split(*pair)[0]))
        assert steps.list_steps(plan) == tuple(step for step in steps.STEPS if step not in {*missing, "wiener"})
        if pair[1] != "waveform":  # the filter compares with the mixture's spectrogram
            filtering = make_plan(song, Request(model=make_split(*pair)[0], settings={"wiener.iterations": 1}))
            expected = tuple(step for step in steps.STEPS if step not in missing - {"transform"})
            assert steps.list_steps(filtering) == expected


def test_what_a_model_gives_is_checked() -> None:
    plan = plan_gains(make_song())
    good = torch.zeros(3, 2, 2, 800)
    steps.check_output(plan, good, range(4, 7), (3, 2, 2, 800))
    for output, reason in (
        (good[:, :1], r"gains gave \(3, 1, 2, 800\) for chunks 4 to 6, expected \(3, 2, 2, 800\) .*share, rest"),
        (good[0], r"gave \(2, 2, 800\)"),
        (good / 0, "gave NaN or infinity for chunks 4 to 6"),
        (good.to(torch.complex64), r"gave torch\.complex64 for chunks 4 to 6"),
        (good.long(), r"gave torch\.int64"),
    ):
        with pytest.raises(ModelError, match=reason):
            steps.check_output(plan, output, range(4, 7), (3, 2, 2, 800))
    with pytest.raises(ModelError, match="for chunk 4,"):
        steps.check_output(plan, good[:1], range(4, 5), (1, 2, 2, 801))
