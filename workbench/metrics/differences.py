"""Mean absolute differences, lower is better: in time, and in the magnitude spectrum."""

from __future__ import annotations

from workbench.metrics.magnitudes import iterate_magnitudes
from workbench.metrics.signals import Signal, iterate_blocks, pair_channels

WINDOW_SAMPLES = 2048
HOP_SAMPLES = 512


def l1_time(reference: Signal, estimate: Signal) -> float:
    """Mean absolute difference of the samples: mean |s - s_hat| over all channels and samples.

    The loss that many separation networks are trained with, as in Défossez et al., "Music Source Separation in
    the Waveform Domain", arXiv:1911.13254. It scales with the level: halve both signals and it halves. ::

        s = torch.tensor([[1.0, -1.0, 0.0, 0.5]])
        assert l1_time(s, torch.zeros(1, 4)) == 0.625

    Args:
        reference: the true stem, a tensor, a numpy array or an `Audio`.
        estimate: what was separated, of the same shape (and sample rate, if both are `Audio`).

    Shapes:
        reference, estimate: the same, usually (channel, time).

    Returns:
        In the unit of the samples, 0 if the estimate is exact. With a silent reference the mean absolute level of
        the estimate; 0 if both are silent.

    Raises:
        InvalidValue: shapes or sample rates differ, there are no samples, or one is NaN or infinite.
        InvalidType: not a signal of real numbers.
    """
    target, guess = pair_channels(reference, estimate)
    return sum(float((one - other).abs().sum()) for one, other in iterate_blocks(target, guess)) / target.numel()


def l1_spectrum(reference: Signal, estimate: Signal) -> float:
    """Mean absolute difference of magnitude spectra: mean ||S| - |S_hat|| over channels, bins and frames.

    STFT with a periodic Hann window of 2048 samples at a hop of 512, not normalized, zeros beyond both ends, as
    `iterate_magnitudes` has it. Phases do not count, so polarity does not. It scales with the level: a sine
    of amplitude 1 on a bin reaches 1024 * 0.5 = 512 there. ::

        s = torch.randn(2, 5000)
        assert l1_spectrum(s, -s) == 0

    Args:
        reference: the true stem, a tensor, a numpy array or an `Audio`.
        estimate: what was separated, of the same shape (and sample rate, if both are `Audio`).

    Shapes:
        reference, estimate: the same, (..., time), usually (channel, time).

    Returns:
        In the unit of the spectrum, 0 if the magnitudes are equal. With a silent reference the mean magnitude of
        the estimate; 0 if both are silent.

    Raises:
        InvalidValue: shapes or sample rates differ, there are no samples, or one is NaN or infinite.
        InvalidType: not a signal of real numbers.
    """
    target, guess = pair_channels(reference, estimate)
    blocks = (
        iterate_magnitudes(one, window_samples=WINDOW_SAMPLES, hop_samples=HOP_SAMPLES) for one in (target, guess)
    )
    total, count = 0.0, 0
    for ours, theirs in zip(*blocks, strict=True):
        total += float((ours - theirs).abs().sum())
        count += ours.numel()
    return total / count
