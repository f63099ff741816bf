from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.core import Audio, NormalizationStats, NormalizedAudio
from workbench.errors import InvalidType, InvalidValue


def test_containers_hold_their_fields_by_composition() -> None:
    data = torch.zeros(2, 5)
    audio: Audio[torch.Tensor] = Audio(data=data, sample_rate=44100)
    stats = NormalizationStats(mean=0.1, std=0.2)
    normalized = NormalizedAudio(audio=audio, stats=stats)
    assert normalized.audio is audio
    assert normalized.audio.data is data
    assert normalized.stats == NormalizationStats(0.1, 0.2)
    assert [field.name for field in dataclasses.fields(Audio)] == ["data", "sample_rate"]
    assert [field.name for field in dataclasses.fields(NormalizedAudio)] == ["audio", "stats"]
    assert not issubclass(NormalizedAudio, Audio)


def test_audio_is_generic_and_compared_by_identity() -> None:
    assert Audio[torch.Tensor]
    audio = Audio(torch.zeros(2, 5), 44100)
    assert audio == audio
    assert audio != Audio(torch.zeros(2, 5), 44100)  # and not an error over the truth of a tensor
    assert len({audio, audio}) == 1


@pytest.mark.parametrize("std", [0.0, -1.0, math.nan, math.inf])
def test_spread_must_be_above_zero(std: float) -> None:
    with pytest.raises(InvalidValue, match="std must be greater than 0 and finite"):
        NormalizationStats(0.0, std)


@pytest.mark.parametrize("mean", [math.nan, -math.inf])
def test_mean_must_be_finite(mean: float) -> None:
    with pytest.raises(InvalidValue, match=f"mean must be finite, got {mean}"):
        NormalizationStats(mean, 1.0)


def test_stats_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        NormalizationStats(0.0, 1.0).std = 2.0


@pytest.mark.parametrize("shape", [(40_000, 2), (65, 100), (9, 2), (20, 1)])
def test_time_where_channels_belong_is_refused(shape: tuple[int, int]) -> None:
    for data in (torch.zeros(shape), np.zeros(shape)):
        with pytest.raises(InvalidValue, match=rf"{shape[0]} channels of {shape[1]} .*\(time, channel\): use \.T"):
            Audio(data, 44100)
    assert Audio(torch.zeros(shape).T[:2], 44100).num_channels in (1, 2)


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (6, 1), (8, 3), (64, 64), (64, 1000)])
def test_a_song_may_be_shorter_than_it_has_channels(shape: tuple[int, int]) -> None:
    audio = Audio(torch.zeros(shape), 44100)
    assert (audio.num_channels, audio.num_samples) == shape
    assert audio.seconds == shape[1] / 44100


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (torch.full((2, 223 * 44100), 0.98855), "Audio(2 channels, 44 100 Hz, 3:43, peak -0.1 dBFS)"),
        (torch.zeros(1, 44100), "Audio(1 channel, 44 100 Hz, 1 s, peak silent)"),
        (-torch.ones(1, 11025), "Audio(1 channel, 44 100 Hz, 0.25 s, peak 0.0 dBFS)"),
        (torch.tensor([[0.0, math.nan, 1.0]]), "Audio(1 channel, 44 100 Hz, 6.8e-05 s, peak not finite)"),
        (np.full((2, 3601 * 100), 10.0), "Audio(2 channels, 100 Hz, 1:00:01, peak 20.0 dBFS)"),
        (torch.zeros(1, 441, dtype=torch.bool), "Audio(1 channel, 44 100 Hz, 0.01 s, peak none in torch.bool)"),
        ([0.5], "Audio(data=[0.5], sample_rate=44100)"),
    ],
)
def test_it_shows_as_one_line(data: object, line: str) -> None:
    assert repr(Audio(data, 100 if "1:00:01" in line else 44100)) == line


class TestExcerpt:
    song: Audio[torch.Tensor] = Audio(torch.arange(200.0).view(2, 100), 10)

    @given(cut=st.floats(-12, 12))
    def test_both_sides_of_a_cut_are_the_song(self, cut: float) -> None:
        sample = min(max(round(cut * 10) + (100 if cut < 0 else 0), 0), 100)
        parts = [slice(None, cut)] * (sample > 0) + [slice(cut, None)] * (sample < 100)
        assert torch.equal(torch.cat([self.song[part].data for part in parts], dim=-1), self.song.data)

    def test_seconds_count_from_either_end(self) -> None:
        for part, samples in [
            (slice(2, 3), slice(20, 30)),
            (slice(np.float64(2.04), None), slice(20, None)),
            (slice(-5, None), slice(50, None)),
            (slice(-50, 0.5), slice(0, 5)),
            (slice(9, 1000), slice(90, 100)),
        ]:
            excerpt = self.song[part]
            assert torch.equal(excerpt.data, self.song.data[:, samples])
            assert excerpt.sample_rate == 10
        assert self.song[3:].data.data_ptr() == self.song.data[:, 30:].data_ptr()  # a view

    def test_what_holds_no_sample_is_an_error(self) -> None:
        for part in (slice(3, 3), slice(5, 2), slice(10, None), slice(0, 0.01), slice(-1e-9, None), slice(None, -10)):
            with pytest.raises(InvalidValue, match=r"holds no sample of audio that lasts 10\.000 s"):
                self.song[part]

    @pytest.mark.usefixtures("plain_types")
    def test_what_is_no_slice_in_seconds_is_an_error(self) -> None:
        with pytest.raises(InvalidType, match=r"sliced in seconds, as in song\[10:20\], got the index 0"):
            self.song[0]  # type: ignore[index]
        with pytest.raises(InvalidType, match="sliced in seconds"):
            _, _ = self.song  # type: ignore[misc]
        with pytest.raises(InvalidValue, match="without a step"):
            self.song[::2]
        for end in ("1", True, 1j):
            with pytest.raises(InvalidType, match="got "):
                self.song[:end]
        for end in (math.nan, math.inf):
            with pytest.raises(InvalidValue, match="finite seconds"):
                self.song[end:]


def test_samples_as_numpy_share_memory_where_they_can() -> None:
    data = torch.rand(2, 5, requires_grad=True)
    array = Audio(data, 44100).numpy()
    assert array.shape == (2, 5)
    assert array.ctypes.data == data.data_ptr()
    assert Audio(array, 44100).numpy() is array
    assert Audio(data.detach().bfloat16(), 44100).numpy().dtype == np.float32
