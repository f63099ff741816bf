"""How close an estimated stem is to the true one: SDR and SI-SDR, in decibels, higher is better.

Both take the whole signal at once, all channels and samples as one vector, and compute in float64.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import InvalidType, InvalidValue

Signal: TypeAlias = Tensor | np.ndarray | Audio[Any]


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
    target, guess = _paired(reference, estimate)
    return _decibels(target, target - guess)


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
    target, guess = _paired(reference, estimate)
    energy = float(target.square().sum())
    if energy == 0.0:
        return math.nan
    scaled = float((guess * target).sum()) / energy * target
    return _decibels(scaled, scaled - guess)


def _decibels(signal: Tensor, distortion: Tensor) -> float:
    """Ratio of two energies in decibels, with the limits where one of them is zero."""
    signal_energy, distortion_energy = float(signal.square().sum()), float(distortion.square().sum())
    if signal_energy == 0.0:
        return math.nan if distortion_energy == 0.0 else -math.inf
    if distortion_energy == 0.0:
        return math.inf
    # Two logarithms, since the quotient of very unequal energies could overflow.
    return 10.0 * (math.log10(signal_energy) - math.log10(distortion_energy))


def _paired(reference: Signal, estimate: Signal) -> tuple[Tensor, Tensor]:
    """Both signals in float64 on the CPU, once they are known to belong together."""
    target, guess = _samples("reference", reference), _samples("estimate", estimate)
    if target.shape != guess.shape:
        raise InvalidValue(
            f"reference and estimate must have the same shape, got {tuple(target.shape)} and "
            f"{tuple(guess.shape)}; trim or convert one of them first"
        )
    if isinstance(reference, Audio) and isinstance(estimate, Audio) and reference.sample_rate != estimate.sample_rate:
        raise InvalidValue(
            f"reference and estimate must have the same sample rate, got {reference.sample_rate} and "
            f"{estimate.sample_rate} Hz; resample one of them first"
        )
    return target, guess


def _samples(role: str, signal: object) -> Tensor:
    """The samples of a signal as float64 on the CPU, without its gradient."""
    data = signal.data if isinstance(signal, Audio) else signal
    if isinstance(data, np.ndarray) and data.dtype.kind in "iuf":
        samples = torch.from_numpy(data.astype(np.float64))  # a copy: numpy's strides may be negative
    elif isinstance(data, Tensor) and not (data.is_complex() or data.dtype == torch.bool):
        samples = data.detach().cpu().to(torch.float64)  # moved first: some devices have no float64
    else:
        got = f"{type(data).__name__} of {data.dtype}" if hasattr(data, "dtype") else type(data).__name__
        raise InvalidType(f"{role} must be a tensor, numpy array or Audio of real numbers, got {got}")
    if samples.numel() == 0:
        raise InvalidValue(f"{role} must have at least one sample, got shape {tuple(samples.shape)}")
    if not torch.isfinite(samples).all():
        where = tuple(torch.nonzero(~torch.isfinite(samples))[0].tolist())
        raise InvalidValue(
            f"{role} must hold finite numbers, got {samples[where].item()} at index {where}; "
            "find out where it comes from before scoring"
        )
    return samples
