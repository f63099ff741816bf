from __future__ import annotations

import warnings

import librosa
import numpy as np
import pytest
import torch

from workbench.metrics import bleedless, fullness
from workbench.metrics.bleed import HOP_SAMPLES, make_mel_bands
from workbench.metrics.magnitudes import BLOCK_FRAMES

RATE = 44_100


def slow_levels(signal: np.ndarray, rate: int) -> np.ndarray:
    """Decibels by the published steps, with librosa's transform and bands and numpy's arithmetic."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # low bands are narrower than a bin, which librosa mentions
        bands = librosa.filters.mel(sr=rate, n_fft=4096, n_mels=512, dtype=np.float64)
    spectrum = librosa.stft(signal, n_fft=4096, hop_length=1024, window="hann", center=True, pad_mode="constant")
    decibels = 20 * np.log10(np.maximum(bands @ np.abs(spectrum), 1e-10))
    return np.maximum(decibels, decibels.max() - 80)


def slow_scores(reference: np.ndarray, estimate: np.ndarray, rate: int) -> tuple[float, float]:
    difference = slow_levels(estimate, rate) - slow_levels(reference, rate)
    return (
        100 / (1 + difference[difference > 0].mean()),
        100 / (1 - difference[difference < 0].mean()),
    )


@pytest.fixture
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A second of stereo, loud then soft so that the range of 80 dB cuts; the estimate with a tone and a gap."""
    generator = np.random.default_rng(0)
    time = np.arange(RATE) / RATE
    reference = generator.standard_normal((2, time.size)) * np.where(time < 0.5, 1.0, 1e-6)
    estimate = 0.8 * reference + np.stack((0.01 * np.sin(2 * np.pi * 3000 * time), 0 * time))
    estimate[:, 10_000:20_000] = 0.0
    return reference, estimate


@pytest.mark.parametrize("rate", [RATE, 8000, 96_000])
def test_bands_are_librosas(rate) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = librosa.filters.mel(sr=rate, n_fft=4096, n_mels=512, dtype=np.float64)
    np.testing.assert_allclose(make_mel_bands(rate), expected, rtol=0, atol=1e-12)  # values up to 0.1


@pytest.mark.parametrize("rate", [RATE, 22_050])
def test_agree_with_the_published_steps(pair, rate) -> None:
    # Decibels of float64 magnitudes, 1e-12 apart by the two transforms' rounding; where both are at the
    # floor of their ranges the difference is of the two maxima, so nothing flips its sign.
    expected = slow_scores(*pair, rate)
    got = bleedless(*pair, sample_rate=rate), fullness(*pair, sample_rate=rate)
    assert got == pytest.approx(expected, rel=1e-9)


def test_songs_of_several_blocks_are_scored_as_one() -> None:
    reference, rest = np.random.default_rng(4).standard_normal((2, 1, HOP_SAMPLES * BLOCK_FRAMES + 9000))
    reference[:, : reference.shape[1] // 2] *= 1e-6  # the range of 80 dB hangs on the other half
    estimate = 0.9 * reference + 0.01 * rest
    got = bleedless(reference, estimate, sample_rate=RATE), fullness(reference, estimate, sample_rate=RATE)
    assert got == pytest.approx(slow_scores(reference, estimate, RATE), rel=1e-9)


def test_a_gain_is_its_decibels(pair) -> None:
    reference = pair[0][:, : RATE // 2]
    for decibels in (0.5, 3.0):
        gain = 10 ** (decibels / 20)
        assert bleedless(reference, gain * reference, sample_rate=RATE) == pytest.approx(100 / (1 + decibels))
        assert fullness(reference, gain * reference, sample_rate=RATE) == 100.0
        assert fullness(reference, reference / gain, sample_rate=RATE) == pytest.approx(100 / (1 + decibels))
        assert bleedless(reference, reference / gain, sample_rate=RATE) == 100.0


def test_where_nothing_differs_does_not_count(pair) -> None:
    reference = pair[0][:, : RATE // 2]
    half = reference * [[1.0], [0.5]]  # one channel is exact, the other 6.02 dB too soft
    assert fullness(reference, half, sample_rate=RATE) == pytest.approx(100 / (1 + 20 * np.log10(2)), rel=1e-6)
    assert bleedless(reference, half, sample_rate=RATE) == 100.0


def test_each_is_the_other_with_the_sides_changed(pair) -> None:
    reference, estimate = pair
    assert bleedless(reference, estimate, sample_rate=RATE) == fullness(estimate, reference, sample_rate=RATE)


def test_common_scale_polarity_and_order_of_channels_do_not_count(pair) -> None:
    reference, estimate = pair
    for metric in (bleedless, fullness):
        score = metric(reference, estimate, sample_rate=RATE)
        assert metric(-0.1 * reference[::-1], 0.1 * estimate[::-1], sample_rate=RATE) == pytest.approx(score)


def test_silence() -> None:
    sound = torch.ones(2, 5000)
    silence = torch.zeros(2, 5000)
    assert bleedless(silence, silence, sample_rate=RATE) == 100.0
    assert fullness(silence, silence, sample_rate=RATE) == 100.0
    assert fullness(silence, sound, sample_rate=RATE) == 100.0
    assert bleedless(sound, silence, sample_rate=RATE) == 100.0
    # Silence stands at 20 log10 1e-10 = -200 dB; the excess over it is the mean level of the sound.
    expected = 100 / (1 + 200 + slow_levels(sound.double().numpy(), RATE).mean())
    assert bleedless(silence, sound, sample_rate=RATE) == pytest.approx(expected)
    assert fullness(sound, silence, sample_rate=RATE) == bleedless(silence, sound, sample_rate=RATE)


def test_one_sample_is_enough() -> None:
    assert bleedless(torch.ones(1, 1), 2 * torch.ones(1, 1), sample_rate=RATE) == pytest.approx(100 / (1 + 6.0206))
