from __future__ import annotations

import math

import pytest
import torch
from core_reference import call_unchanged, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from workbench.core import Audio, NormalizationStats, denormalize_audio, measure_level, normalize_audio
from workbench.core.normalize import BLOCK_SAMPLES
from workbench.errors import InvalidValue


def level(data: Tensor) -> NormalizationStats:
    return normalize_audio(Audio(data, 44100)).stats


def go_there_and_back(data: Tensor) -> Tensor:
    normalized = normalize_audio(Audio(data, 44100))
    return denormalize_audio(normalized.audio.data, normalized.stats)


def test_level_is_that_of_the_mono_downmix_with_unbiased_spread() -> None:
    data = 0.1 * noise(2, 101) + torch.tensor([[0.3], [0.5]])
    downmix = data.double().mean(0)
    normalized = normalize_audio(Audio(data, 48000))
    assert normalized.stats.mean == pytest.approx(float(downmix.mean()), rel=1e-12)
    assert normalized.stats.std == pytest.approx(float(downmix.std(correction=1)), rel=1e-12)
    assert normalized.stats.std != pytest.approx(float(downmix.std(correction=0)), rel=1e-3)
    assert normalized.audio.sample_rate == 48000
    torch.testing.assert_close(
        normalized.audio.data, (data - normalized.stats.mean) / normalized.stats.std, rtol=1e-6, atol=1e-6
    )
    torch.testing.assert_close(go_there_and_back(data), data, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        torch.full((2, 50), 0.3),
        torch.full((1, 3_000_000), 0.3),  # more than one block
        torch.zeros(2, 50),
        torch.full((2, 50), -1e6),
        torch.tensor([[0.3], [-0.7]]),  # one sample
        torch.tensor([[0.3] * 9, [-0.7] * 9]),  # each channel a constant of its own
        0.3 + 1e-9 * noise(2, 50, dtype=torch.float64),  # a spread below 1e-8
    ],
    ids=["constant", "long-constant", "silence", "offset", "one-sample", "two-constants", "below-the-limit"],
)
def test_what_does_not_move_is_returned_as_it_is_and_comes_back(data: Tensor) -> None:
    normalized = normalize_audio(Audio(data, 44100))
    assert torch.equal(normalized.audio.data, data)
    assert normalized.stats.std == 1.0
    assert torch.equal(go_there_and_back(data), data)


def test_spread_just_above_the_limit_is_taken_off() -> None:
    data = 1e-7 * noise(2, 50, dtype=torch.float64)
    assert level(data).std == pytest.approx(float(data.mean(0).std()), rel=1e-9)


@pytest.mark.parametrize("offset", [0.0, 0.25])
def test_antiphase_stereo_is_not_silence(offset: float) -> None:
    wave = 0.01 * noise(500)
    data = torch.stack((wave, -wave)) + offset
    normalized = normalize_audio(Audio(data, 44100))
    assert normalized.stats.mean == pytest.approx(offset, abs=1e-8)
    assert normalized.stats.std == pytest.approx(float(wave.std()), rel=1e-5)
    # brought to unit level, as any song is
    torch.testing.assert_close(normalized.audio.data.std(dim=-1), torch.ones(2), rtol=1e-4, atol=0)
    torch.testing.assert_close(go_there_and_back(data), data, rtol=0, atol=1e-7)


def test_a_huge_offset_costs_no_precision() -> None:
    wave = noise(1, 20_000, dtype=torch.float64)
    data = 1e6 + wave
    stats = level(data)
    # sums in float32 would be off by some percent; here what is lost is the offset's own rounding, 1e6 * 1e-16
    assert stats.std == pytest.approx(float(wave.std()), rel=1e-9)
    assert stats.mean == pytest.approx(1e6 + float(wave.mean()), rel=1e-15)
    single = (4096 + wave).float()
    assert level(single).std == pytest.approx(float(single.double().std()), rel=1e-12)


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=12),
    st.floats(-100, 100),
    st.integers(1, 3),
    st.booleans(),
)
@settings(max_examples=150)
def test_level_does_not_depend_on_how_a_song_is_split(
    lengths: list[int], offset: float, num_channels: int, cancels: bool
) -> None:
    song = noise(num_channels, sum(lengths), dtype=torch.float64)
    if cancels:
        song = torch.cat((song, -song))
    song = song + offset
    split, whole = measure_level(song.split(lengths, dim=-1)), measure_level([song])
    assert split.mean == pytest.approx(whole.mean, rel=1e-12, abs=1e-12)
    assert split.std == pytest.approx(whole.std, rel=1e-9)
    if sum(lengths) > 1 and not cancels:
        assert whole.std == pytest.approx(float(song.mean(0).std()), rel=1e-9)


def test_blocks_may_come_from_a_generator_and_in_any_dtype() -> None:
    song = 0.1 * noise(2, 300)
    blocks = (block.to(torch.float64) for block in song.split(77, dim=-1))
    assert measure_level(blocks).std == pytest.approx(level(song).std, rel=1e-12)
    assert measure_level([]) == NormalizationStats(0.0, 1.0)


def test_song_of_several_blocks_is_measured_like_one() -> None:
    song = noise(1, 2 * BLOCK_SAMPLES + 5)
    stats = level(song)
    assert stats.mean == pytest.approx(float(song.double().mean()), abs=1e-12)
    assert stats.std == pytest.approx(float(song.double().std()), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_dtype_is_kept_and_measured_in_float64(dtype: torch.dtype) -> None:
    data = noise(2, 400, dtype=dtype)
    normalized = normalize_audio(Audio(data, 44100))
    assert normalized.audio.data.dtype == dtype
    assert normalized.stats.std == pytest.approx(float(data.double().mean(0).std()), rel=1e-12)
    assert denormalize_audio(normalized.audio.data, normalized.stats).dtype == dtype
    tolerance = 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(go_there_and_back(data), data, rtol=tolerance, atol=tolerance)


def test_denormalizing_is_data_times_std_plus_mean_for_any_axes() -> None:
    stems = noise(4, 2, 30)
    stats = NormalizationStats(mean=0.5, std=2.0)
    assert torch.equal(denormalize_audio(stems, stats), stems * 2.0 + 0.5)


def test_stems_that_share_the_mean_sum_to_the_mixture() -> None:
    mixture = 0.4 + 0.1 * noise(2, 300, dtype=torch.float64)
    normalized = normalize_audio(Audio(mixture, 44100))
    stems = torch.stack((normalized.audio.data * 0.7, normalized.audio.data * 0.3))
    shared = NormalizationStats(normalized.stats.mean / 2, normalized.stats.std)
    torch.testing.assert_close(denormalize_audio(stems, shared).sum(0), mixture, rtol=0, atol=1e-14)


def test_nothing_given_is_written_to() -> None:
    data = noise(2, 50)
    call_unchanged(go_there_and_back, data)
    call_unchanged(lambda given: measure_level([given]), data)


def test_gradients() -> None:
    data = noise(2, 12, dtype=torch.float64).requires_grad_()
    stats = level(data)
    # the stats are numbers: the gradient is that of (data - mean) / std with both held
    normalize_audio(Audio(data, 44100)).audio.data.sum().backward()
    torch.testing.assert_close(data.grad, torch.full_like(data, 1 / stats.std))
    assert torch.autograd.gradcheck(lambda given: denormalize_audio(given, stats), (data,))


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize("shape", [(2, 0), (0, 5), (5,), (1, 2, 5)])
def test_what_has_no_level(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValue, match="audio must"):
        normalize_audio(Audio(torch.zeros(shape), 44100))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_audio_that_is_not_finite_is_an_error(bad: float) -> None:
    data = noise(2, 50)
    data[1, 7] = bad
    with pytest.raises(InvalidValue, match="std must be greater than 0 and finite, got nan"):
        normalize_audio(Audio(data, 44100))
