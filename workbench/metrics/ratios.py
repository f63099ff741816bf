"""Energy ratios in decibels, higher is better: SDR, SI-SDR, SNR and cSDR.

Computed in float64; all but cSDR over the whole signal at once.
"""

from __future__ import annotations

import math
import statistics
from itertools import islice

from jaxtyping import Shaped
from torch import Tensor

from workbench.metrics.signals import Signal, find_sample_rate, iterate_blocks, pair_channels


def sdr(reference: Signal, estimate: Signal) -> float:
    """Signal-to-distortion ratio, 10 log10(sum s^2 / sum (s - s_hat)^2).

    The definition of the Sound Demixing Challenges: Mitsufuji et al., "Music Demixing Challenge 2021",
    Frontiers in Signal Processing 1, 2022; Fabbro et al., "The Sound Demixing Challenge 2023 - Music
    Demixing Track", TISMIR 7(1), 2024. Their scoring code adds 1e-7 to both sums, so that no song divides by
    zero. Ours adds nothing: a constant pulls the score of a short or quiet stem towards 0 dB, by an
    amount that depends on its level and length, and gives a silent reference a number that means nothing. ::

        s = torch.tensor([[3.0, 4.0]])
        assert round(sdr(s, 0.5 * s), 2) == 6.02  # 10 log10(25 / 6.25)

    Args:
        reference: the true stem, a tensor, a numpy array or an `Audio`.
        estimate: what was separated, of the same shape (and sample rate, if both are `Audio`).

    Shapes:
        reference, estimate: the same, usually (channel, time).

    Returns:
        Decibels. ``inf`` if the estimate is exact, ``-inf`` if the reference is silent and the
        estimate is not, ``nan`` if both are silent.

    Raises:
        InvalidValue: shapes or sample rates differ, there are no samples, or one is NaN or infinite.
        InvalidType: not a signal of real numbers.
    """
    return _compare(*pair_channels(reference, estimate))


def si_sdr(reference: Signal, estimate: Signal) -> float:
    """Scale-invariant SDR: the reference may be scaled freely to fit the estimate before they are compared.

    After Le Roux, Wisdom, Erdogan & Hershey, "SDR - half-baked or well done?", ICASSP 2019:
    10 log10(|a s|^2 / |a s - s_hat|^2) with a = <s_hat, s> / |s|^2. As in the paper's formula no mean is
    removed (some toolkits do so first: subtract it yourself to compare with them), and as with `sdr` the
    channels are one vector, so a wrong balance between them counts as distortion. ::

        s = torch.tensor([[1.0, 0.0]])
        assert round(si_sdr(s, torch.tensor([[2.0, 1.0]])), 2) == 6.02  # 10 log10(4 / 1)

    Args:
        reference: the true stem, a tensor, a numpy array or an `Audio`.
        estimate: what was separated, of the same shape (and sample rate, if both are `Audio`).

    Shapes:
        reference, estimate: the same, usually (channel, time).

    Returns:
        Decibels. ``inf`` for the reference itself; a scaled reference gives ``inf`` or, by float64's
        rounding of a, about 300. ``-inf`` if the two are orthogonal, ``nan`` if either is silent: the
        scale of silence is undefined.

    Raises:
        InvalidValue: shapes or sample rates differ, there are no samples, or one is NaN or infinite.
        InvalidType: not a signal of real numbers.
    """
    target, guess = pair_channels(reference, estimate)
    energy = product = 0.0
    for one, other in iterate_blocks(target, guess):
        energy += _measure_energy(one)
        product += float((other * one).sum())
    return math.nan if energy == 0.0 else _compare(target, guess, scale=product / energy)


def snr(reference: Signal, estimate: Signal) -> float:
    """Signal-to-noise ratio: 10 log10(sum s^2 / sum (s - s_hat)^2) of each channel by itself, averaged in decibels.

    The formula is that of `sdr`, and for one channel so is the number (Le Roux et al. 2019 speak of SNR where
    the Sound Demixing Challenges speak of SDR). With several channels `sdr` lets the loudest decide; here
    each counts the same, as toolkits do that work on the time axis and average what is left. ::

        s = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
        off = torch.tensor([[1.5, 2.0], [0.9, 0.0]])
        assert round(snr(s, off), 2) == 13.01  # the mean of 6.02 and 20

    Args:
        reference: the true stem, a tensor, a numpy array or an `Audio`.
        estimate: what was separated, of the same shape (and sample rate, if both are `Audio`).

    Shapes:
        reference, estimate: the same, (..., time), usually (channel, time).

    Returns:
        Decibels. Channels in which both are silent are left out; ``nan`` if that is all of them, ``-inf`` if
        a channel of the reference is silent and the estimate's is not, ``inf`` if a channel is exact
        (``nan`` if both of these occur: their mean is undefined).

    Raises:
        InvalidValue: shapes or sample rates differ, there are no samples, or one is NaN or infinite.
        InvalidType: not a signal of real numbers.
    """
    target, guess = pair_channels(reference, estimate)
    ratios = [_compare(one, other) for one, other in zip(target.split(1), guess.split(1), strict=True)]
    heard = [ratio for ratio in ratios if not math.isnan(ratio)]
    # A sum of both infinities would be NaN as well, but math.fsum refuses it.
    return sum(heard) / len(heard) if heard else math.nan


def csdr(reference: Signal, estimate: Signal, *, sample_rate: int | None = None) -> float:
    """SDR of chunks of one second, the median: what museval and papers after SiSEC report as SDR, or as cSDR.

    Stöter, Liutkus & Ito, "The 2018 Signal Separation Evaluation Campaign", LVA/ICA 2018 (BSS Eval v4 for images, with
    museval's window and hop of 1 s; "cSDR" after Luo & Yu, "Music Source Separation with Band-split RNN", 2023).
    Its distortion filters divide the error into kinds (ISR, SIR, SAR); the SDR is of all of the error and so does not
    depend on them. What is left over after the last whole second does not count, unless there is no whole second. ::

        s = torch.ones(1, 3000)
        off = torch.tensor([1000 * [0.9] + 1000 * [0.99] + 1000 * [2.0]])
        assert round(csdr(s, off, sample_rate=1000), 2) == 20  # the median of 20, 40 and 0

    Args:
        reference: the true stem, a tensor, a numpy array or an `Audio`.
        estimate: what was separated, of the same shape (and sample rate, if both are `Audio`).
        sample_rate: in hertz; may be left out if either is an `Audio`.

    Shapes:
        reference, estimate: the same, (..., time), usually (channel, time).

    Returns:
        Decibels; with an even number of chunks the mean of the middle two. Chunks in which reference or estimate is
        silent are left out; ``nan`` if that is all of them. (museval also leaves out chunks in which another
        stem of the song is silent, and refuses songs in which one always is.) ``inf`` for an exact estimate.

    Raises:
        InvalidValue: shapes or sample rates differ or no rate is known, there are no samples, or one is NaN or
            infinite.
        InvalidType: not a signal of real numbers.
    """
    target, guess = pair_channels(reference, estimate)
    chunk_samples = find_sample_rate(reference, estimate, given=sample_rate)
    num_chunks = max(1, target.shape[-1] // chunk_samples)
    chunks = islice(iterate_blocks(target, guess, block_samples=chunk_samples), num_chunks)
    ratios = [_compare(one, other) for one, other in chunks if one.any() and other.any()]
    return statistics.median(ratios) if ratios else math.nan


def _compare(
    target: Shaped[Tensor, "channel time"], guess: Shaped[Tensor, "channel time"], *, scale: float = 1.0
) -> float:
    """Energy of the scaled target over that of its difference from the guess, in decibels, with the limits at zero."""
    signal = distortion = 0.0
    for one, other in iterate_blocks(target, guess):
        scaled = scale * one
        signal += _measure_energy(scaled)
        distortion += _measure_energy(scaled - other)
    if signal == 0.0:
        return math.nan if distortion == 0.0 else -math.inf
    if distortion == 0.0:
        return math.inf
    # Two logarithms, since the quotient of very unequal energies could overflow.
    return 10.0 * (math.log10(signal) - math.log10(distortion))


def _measure_energy(samples: Tensor) -> float:
    return float(samples.square().sum())
