"""log-WMSE against numbers that its authors published: the examples and tests of log-wmse-audio-quality."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from workbench.core.audio import Audio
from workbench.errors import InvalidValue
from workbench.metrics import log_wmse
from workbench.metrics.weighted_error import make_weighting_filter

RATE = 44_100
CEILING = -4 * math.log(1e-8)  # 73.68


def make_noise(seed: int, *, channels: int = 1, samples: int = RATE, peak: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-peak, peak, (channels, samples))


def make_sine(hz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)[None]


def slow_log_wmse(reference: np.ndarray, estimate: np.ndarray, mixture: np.ndarray) -> float:
    """The definition with numpy's plain convolution, each signal filtered by itself."""
    taps, length = make_weighting_filter().numpy(), reference.shape[-1]
    scores = []
    for channel in range(len(reference)):
        target, guess, whole = (
            np.convolve(signal[channel], taps)[1999 : 1999 + length] for signal in (reference, estimate, mixture)
        )
        error = (guess - target) / np.sqrt(np.mean(whole**2))
        error[np.abs(error) < 10 ** (-68 / 20)] = 0
        scores.append(-4 * math.log(np.mean(error**2) + 1e-8))
    return float(np.mean(scores))


def test_filter_has_the_published_response() -> None:
    # Their test names these four, to 1 dB: -16.0 at 50 Hz, 1.3 at 1 kHz, 4.2 at 3 kHz, -11.8 at 16 kHz.
    taps = make_weighting_filter()
    assert taps.shape == (4000,)
    time = torch.arange(4000, dtype=torch.float64) - 1999
    for hz, decibels in ((50, -16.0), (1000, 1.3), (3000, 4.2), (16_000, -11.8)):
        turn = 2 * math.pi * hz / RATE * time
        response = complex((taps * torch.cos(turn)).sum(), (taps * torch.sin(turn)).sum())
        assert 20 * math.log10(abs(response)) == pytest.approx(decibels, abs=1.0)
        # No phase. The published response is cut so that one tap is lost at an end, where they are 1e-10.
        assert abs(response.imag) < 1e-9
        assert response.real > 0


def test_filter_has_the_published_taps() -> None:
    # The middle tap and those after it, as shipped in log-wmse-audio-quality 0.2, in float32.
    published = [0.76882416, 0.387535721, -0.0197733995, -0.0455635712, -0.0426571108, -0.0371946171]
    np.testing.assert_allclose(make_weighting_filter()[1999 : 1999 + len(published)], published, rtol=0, atol=2e-8)


@pytest.mark.parametrize("peak", [1.0, 0.01])
def test_published_example_of_a_silent_reference(peak) -> None:
    mixture = make_noise(42, peak=peak)
    score = log_wmse(0 * mixture, 0.1 * mixture, mixture=mixture, sample_rate=RATE)
    assert score == pytest.approx(18.42, abs=0.01)  # the two digits that they print


def test_published_ceiling() -> None:
    sound = make_noise(42)
    assert log_wmse(sound, sound, mixture=sound, sample_rate=RATE) == pytest.approx(73.68, abs=0.01)
    assert log_wmse(0 * sound, 0 * sound, mixture=0 * sound, sample_rate=RATE) == pytest.approx(73.68, abs=0.01)


def test_published_difference_of_low_and_high_errors() -> None:
    target = np.random.default_rng(42).uniform(-0.03, 0.3, (1, RATE))
    low, high = 0.3 * make_sine(50), 0.3 * make_sine(3000)
    mixture = target + low + high
    only_low = log_wmse(target, target + 0.05 * low + high, mixture=mixture, sample_rate=RATE)
    only_high = log_wmse(target, target + low + 0.05 * high, mixture=mixture, sample_rate=RATE)
    assert only_high - only_low == pytest.approx(17.2, abs=0.5)  # their tolerance; theirs had other noise


def test_inaudible_errors_do_not_count() -> None:
    target = make_noise(1, peak=0.1)
    mixture = target + make_noise(2)
    hiss = make_noise(3, peak=1e-4)
    assert log_wmse(target, target + hiss, mixture=mixture, sample_rate=RATE) == pytest.approx(CEILING, abs=0.01)
    assert log_wmse(target, target + 100 * hiss, mixture=mixture, sample_rate=RATE) < CEILING - 20


@pytest.mark.parametrize("samples", [1, 50, 5000, 70_000])  # the last is more than one block of the filter
def test_agrees_with_plain_convolution(samples) -> None:
    reference, noise, rest = (make_noise(seed, channels=2, samples=samples) for seed in (1, 2, 3))
    mixture, estimate = reference + rest, reference + 0.03 * noise
    expected = slow_log_wmse(reference, estimate, mixture)
    # Fourier transforms in float64 against sums: 1e-13 of the level
    assert log_wmse(reference, estimate, mixture=mixture, sample_rate=RATE) == pytest.approx(expected, rel=1e-9)


def test_channels_are_averaged_and_a_common_scale_does_not_count() -> None:
    reference, estimate, mixture = (make_noise(seed, channels=2, samples=3000) for seed in (1, 2, 3))
    one, other = (log_wmse(reference[n], estimate[n], mixture=mixture[n], sample_rate=RATE) for n in range(2))
    both = log_wmse(reference, estimate, mixture=mixture, sample_rate=RATE)
    assert both == pytest.approx((one + other) / 2)
    scaled = log_wmse(0.01 * reference, 0.01 * estimate, mixture=0.01 * mixture, sample_rate=RATE)
    assert scaled == pytest.approx(both)


def test_another_rate_is_resampled() -> None:
    # Tones that both rates hold; half a second, so that what the resampler does at the ends weighs little.
    scores = []
    for rate in (36_000, 44_100, 48_000):
        time = np.arange(rate // 2) / rate
        target, error = np.sin(2 * np.pi * 440 * time)[None], 0.05 * np.sin(2 * np.pi * 5000 * time)[None]
        scores.append(log_wmse(Audio(target, rate), Audio(target + error, rate), mixture=target + 10 * error))
    assert scores == pytest.approx([scores[1]] * 3, abs=0.02)


def test_silent_mixture() -> None:
    sound, silence = make_noise(1, samples=500), np.zeros((1, 500))
    assert log_wmse(sound, sound, mixture=silence, sample_rate=RATE) == pytest.approx(CEILING)
    assert log_wmse(silence, sound, mixture=silence, sample_rate=RATE) == -math.inf


def test_a_mixture_that_is_not_finite_is_called_so() -> None:
    mixture = torch.tensor([[0.0, math.nan]])
    with pytest.raises(InvalidValue, match=r"mixture must hold finite numbers, got nan at index \(0, 1\)"):
        log_wmse(torch.ones(1, 2), torch.ones(1, 2), mixture=mixture, sample_rate=RATE)


def test_mixture_of_another_shape_or_rate() -> None:
    with pytest.raises(InvalidValue, match=r"mixture .* got \(1, 5\) and \(2, 5\)"):
        log_wmse(torch.ones(2, 5), torch.ones(2, 5), mixture=torch.ones(1, 5), sample_rate=RATE)
    with pytest.raises(InvalidValue, match="one sample rate, got 44100 and 48000 Hz"):
        log_wmse(Audio(torch.ones(1, 5), RATE), torch.ones(1, 5), mixture=Audio(torch.ones(1, 5), 48_000))
