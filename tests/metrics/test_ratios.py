from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.metrics import csdr, sdr, si_sdr, snr
from workbench.metrics.signals import BLOCK_SAMPLES


def make_pair(seed: int, channels: int, samples: int, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Two signals on a grid of 1/256: their sums of squares are exact; a small ``largest`` gives zeros and twins."""
    grid = np.random.default_rng(seed).integers(-largest, largest + 1, (2, channels, samples))
    return grid[0] / 256, grid[1] / 256


PAIRS = st.builds(
    make_pair,
    seed=st.integers(0, 2**32 - 1),
    channels=st.integers(1, 3),
    samples=st.integers(1, 40),
    largest=st.sampled_from([1, 4, 512]),
)
# Float64 has 16 digits; 80 products and two logarithms lose a few of them.
ROUNDING_DB = 1e-9


def slow_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """The formula, one sample after the other."""
    signal = distortion = 0.0
    for s, guess in zip(reference.flat, estimate.flat, strict=True):
        signal += s * s
        distortion += (s - guess) ** 2
    return 10 * math.log10(signal / distortion)


def slow_si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """By the angle between the vectors: cos^2 / (1 - cos^2), the paper's other form of the same number."""
    dot = sum(a * b for a, b in zip(reference.flat, estimate.flat, strict=True))
    energies = sum(a * a for a in reference.flat) * sum(b * b for b in estimate.flat)
    return 10 * math.log10(dot * dot / (energies - dot * dot))


def test_sdr_by_hand() -> None:
    reference = torch.tensor([[1.0, 2.0], [0.0, 2.0]])  # energy 9
    estimate = torch.tensor([[1.0, 1.0], [1.0, 1.0]])  # errors 0, 1, -1, 1: energy 3
    assert sdr(reference, estimate) == pytest.approx(10 * math.log10(3), abs=ROUNDING_DB)


def test_si_sdr_by_hand() -> None:
    reference = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    estimate = torch.tensor([[3.0, 1.0], [1.0, 0.0]])  # a = 2; residual (1, -1, 1, 0); 8 / 3
    assert si_sdr(reference, estimate) == pytest.approx(10 * math.log10(8 / 3), abs=ROUNDING_DB)


def test_snr_by_hand() -> None:
    reference = torch.tensor([[3.0, 1.0], [0.0, 2.0], [0.0, 0.0]])  # energies 10, 4 and a silent channel
    estimate = torch.tensor([[3.0, 0.0], [1.0, 1.0], [0.0, 0.0]])  # errors 1, 2
    assert snr(reference, estimate) == pytest.approx(5 * (math.log10(10) + math.log10(2)), abs=ROUNDING_DB)
    assert snr(reference[0], estimate[0]) == sdr(reference[0], estimate[0])


def test_csdr_is_the_median_over_whole_seconds() -> None:
    reference = np.ones((2, 45))
    estimate = 1.0 - np.repeat([[0.5], [0.1], [0.01], [0.25], [1e-6]], 10, axis=1).reshape(-1)[None, :45]
    estimate = np.repeat(estimate, 2, axis=0)
    # Errors of 0.5, 0.1, 0.01 and 0.25; the last half second does not count.
    assert csdr(reference, estimate, sample_rate=10) == pytest.approx(-10 * math.log10(0.1 * 0.25), abs=1e-6)
    for samples in (4, 10, 19):
        whole = min(samples, 10)
        score = csdr(reference[:, :samples], estimate[:, :samples], sample_rate=10)
        assert score == sdr(reference[:, :whole], estimate[:, :whole])


def test_csdr_has_the_values_of_museval() -> None:
    # museval.metrics.bss_eval of museval 0.4.1, window and hop of one second of 1000 samples, given both stems
    # of both channels: its first result, the SDR, of each chunk. The medians of the four are compared.
    generator = np.random.default_rng(7)
    stems = generator.integers(-512, 513, (2, 2, 4300)) / 1024
    estimates = stems + np.array([0.5, 0.25])[:, None, None] * stems[::-1] ** 2
    museval = [
        [14.15989399, 14.09097029, 14.20866935, 14.11073321],
        [20.35525302, 20.45592863, 20.33660146, 20.50779188],
    ]
    for stem, estimate, frames in zip(stems, estimates, museval, strict=True):
        assert csdr(stem, estimate, sample_rate=1000) == pytest.approx(float(np.median(frames)), abs=1e-6)


def test_songs_of_several_blocks_are_scored_as_one() -> None:
    generator = np.random.default_rng(3)
    reference, error = generator.standard_normal((2, 2, 2 * BLOCK_SAMPLES + 1000))
    estimate = 0.8 * reference + error * [[0.1], [0.3]]
    by_channel = 10 * np.log10((reference**2).sum(1) / ((reference - estimate) ** 2).sum(1))
    assert snr(reference, estimate) == pytest.approx(by_channel.mean(), abs=ROUNDING_DB)
    whole = 10 * math.log10((reference**2).sum() / ((reference - estimate) ** 2).sum())
    assert sdr(reference, estimate) == pytest.approx(whole, abs=ROUNDING_DB)
    scaled = (reference * estimate).sum() / (reference**2).sum() * reference
    assert si_sdr(reference, estimate) == pytest.approx(
        10 * math.log10((scaled**2).sum() / ((scaled - estimate) ** 2).sum()), abs=ROUNDING_DB
    )


def test_si_sdr_keeps_the_mean() -> None:
    # With the means removed the two would be equal and the score infinite.
    reference, estimate = np.array([[1.0, 2.0]]), np.array([[2.0, 3.0]])
    # a = (2 + 6) / 5; a s = (1.6, 3.2), energy 12.8; residual (-0.4, 0.2), energy 0.2
    assert si_sdr(reference, estimate) == pytest.approx(10 * math.log10(64), abs=ROUNDING_DB)


@given(PAIRS)
def test_agree_with_slow_formulas(pair: tuple[np.ndarray, np.ndarray]) -> None:
    reference, estimate = pair
    assume(reference.any() and (reference != estimate).any())
    assert sdr(reference, estimate) == pytest.approx(slow_sdr(reference, estimate), abs=ROUNDING_DB)
    dot = float((reference * estimate).sum())
    leftover = float((reference**2).sum() * (estimate**2).sum()) - dot**2
    # On this grid the slow form's sums and products are whole numbers below 2^53, so exact even for nearly
    # parallel pairs; ours rounds a, by 1e-16, which at the grid's 150 dB is 1e-8 dB.
    assume(dot != 0 and leftover > 0)
    assert si_sdr(reference, estimate) == pytest.approx(slow_si_sdr(reference, estimate), abs=1e-6)


@given(PAIRS, st.floats(1e-3, 1e3), st.sampled_from([-1, 1]))
def test_si_sdr_ignores_the_scale_of_the_estimate(pair: tuple[np.ndarray, np.ndarray], size: float, sign: int) -> None:
    reference, estimate = pair
    score = si_sdr(reference, estimate)
    assume(math.isfinite(score) and abs(score) < 150)  # beyond, rounding is all that is left
    assert si_sdr(reference, sign * size * estimate) == pytest.approx(score, abs=1e-4)


@given(PAIRS, st.floats(1e-6, 1e3), st.sampled_from([-1, 1]))
def test_sdr_of_a_gain_error_is_the_gain(pair: tuple[np.ndarray, np.ndarray], size: float, sign: int) -> None:
    reference, _ = pair
    assume(reference.any())
    gain_error = sign * size
    # s (1 + g) - s loses digits when g is small: 1e-16 / 1e-6 of its value, 1e-9 dB.
    expected = -20 * math.log10(size)
    assert sdr(reference, reference * (1 + gain_error)) == pytest.approx(expected, abs=1e-7)


@given(PAIRS)
def test_both_ignore_a_common_scale_and_order_of_samples(pair: tuple[np.ndarray, np.ndarray]) -> None:
    reference, estimate = pair
    for metric in (sdr, si_sdr):
        score = metric(reference, estimate)
        again = metric(0.5 * reference[:, ::-1], 0.5 * estimate[:, ::-1])
        assert again == pytest.approx(score, abs=1e-6, nan_ok=True) or (score > 200 and again > 200)


def test_limits() -> None:
    silence, sound = torch.zeros(2, 3), torch.tensor([[1.0, -1.0, 0.5], [0.0, 0.25, 1.0]])
    assert sdr(sound, sound) == math.inf
    assert sdr(sound, silence) == 0.0
    assert sdr(silence, sound) == -math.inf
    assert math.isnan(sdr(silence, silence))
    assert si_sdr(sound, sound) == math.inf
    assert si_sdr(sound, 0.3 * sound) > 100  # 0.3 in float32, so a is not exactly what was multiplied with
    assert si_sdr(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])) == -math.inf
    for reference, estimate in ((silence, sound), (sound, silence), (silence, silence)):
        assert math.isnan(si_sdr(reference, estimate))
    assert csdr(sound, sound, sample_rate=3) == math.inf
    assert csdr(sound, 0.5 * sound, sample_rate=1) == pytest.approx(20 * math.log10(2))
    for reference, estimate in ((silence, sound), (sound, silence), (silence, silence)):
        assert math.isnan(csdr(reference, estimate, sample_rate=1))
    gap = torch.tensor([[1.0, 0.0, 1.0]])
    assert csdr(gap, torch.tensor([[0.5, 9.0, 0.5]]), sample_rate=1) == pytest.approx(20 * math.log10(2))
    assert snr(sound, sound) == math.inf
    assert snr(sound, silence) == 0.0
    assert snr(silence, sound) == -math.inf
    assert math.isnan(snr(silence, silence))
    half = torch.stack((sound[0], silence[0]))
    assert snr(half, 0.5 * half) == pytest.approx(20 * math.log10(2))  # the silent channel does not count
    assert math.isnan(snr(half, sound))  # inf in one channel, -inf in the other


def test_float32_and_integers_are_widened_before_anything_is_computed() -> None:
    # In float32 the difference of 2^24 and 1 rounds to 2^24, in int16 the square of 300 wraps.
    big = torch.tensor([[2.0**24, 0.0]])
    assert sdr(big, torch.tensor([[1.0, 0.0]])) == pytest.approx(20 * math.log10(2**24 / (2**24 - 1)), abs=1e-12)
    samples = np.array([[300, -300]], dtype=np.int16)
    assert sdr(samples, np.zeros_like(samples)) == 0.0
