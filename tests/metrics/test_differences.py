from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.metrics import l1_spectrum, l1_time
from workbench.metrics.magnitudes import BLOCK_FRAMES, iterate_magnitudes
from workbench.metrics.signals import BLOCK_SAMPLES


def slow_magnitudes(samples: np.ndarray, window_samples: int, hop_samples: int) -> np.ndarray:
    """(channel, freq, frame) by one Fourier transform after the other."""
    turn = 2 * np.pi * np.arange(window_samples) / window_samples
    window = 0.5 - 0.5 * np.cos(turn)
    ends = np.zeros((len(samples), window_samples // 2))
    padded = np.concatenate((ends, samples, ends), axis=1)
    starts = range(0, samples.shape[1] + 1, hop_samples)
    frames = [np.abs(np.fft.rfft(window * padded[:, start : start + window_samples])) for start in starts]
    return np.stack(frames, axis=-1)


@pytest.mark.parametrize("samples", [1, 511, 512, 513, 4000, 512 * BLOCK_FRAMES + 100])
def test_magnitudes_are_those_of_frame_by_frame(samples) -> None:
    # one channel past the block's end; the longest crosses a border between blocks
    signal = np.random.default_rng(0).standard_normal((2, samples))
    blocks = list(iterate_magnitudes(torch.from_numpy(signal), window_samples=2048, hop_samples=512))
    assert len(blocks) == (2 if samples > 512 * BLOCK_FRAMES else 1)
    expected = slow_magnitudes(signal, 2048, 512)
    np.testing.assert_allclose(torch.cat(blocks, dim=-1), expected, rtol=0, atol=1e-10)  # float64, sums of 2048


def test_l1_time_by_hand() -> None:
    reference = torch.tensor([[1.0, -1.0], [0.0, 0.5]])
    estimate = torch.tensor([[0.5, 1.0], [0.0, 1.0]])
    assert l1_time(reference, estimate) == (0.5 + 2.0 + 0.0 + 0.5) / 4


def test_l1_time_of_several_blocks() -> None:
    reference, estimate = np.random.default_rng(3).standard_normal((2, 2, BLOCK_SAMPLES + 7))
    # float64, a sum of half a million terms in another order
    assert l1_time(reference, estimate) == pytest.approx(np.abs(reference - estimate).mean(), rel=1e-12)


def test_l1_spectrum_agrees_with_frame_by_frame() -> None:
    reference, estimate = np.random.default_rng(1).standard_normal((2, 2, 3000))
    expected = np.abs(slow_magnitudes(reference, 2048, 512) - slow_magnitudes(estimate, 2048, 512)).mean()
    assert l1_spectrum(reference, estimate) == pytest.approx(expected, rel=1e-12)


def test_both_scale_with_the_level_and_know_silence() -> None:
    reference, estimate = np.random.default_rng(2).standard_normal((2, 2, 3000))
    silence = np.zeros_like(reference)
    for metric in (l1_time, l1_spectrum):
        assert metric(0.25 * reference, 0.25 * estimate) == pytest.approx(0.25 * metric(reference, estimate))
        assert metric(reference, reference) == 0.0
        assert metric(silence, silence) == 0.0
        assert metric(silence, estimate) == metric(estimate, silence) > 0.0
    assert l1_time(silence, estimate) == pytest.approx(np.abs(estimate).mean())
    assert l1_spectrum(silence, estimate) == pytest.approx(slow_magnitudes(estimate, 2048, 512).mean())
