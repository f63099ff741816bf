"""The shapes of those windows in `windows` that need torch alone, each of any length from 1 on.

All are computed in float64 on the CPU and then converted: an integer above 2048 does not exist in float16,
and some devices have no float64. Every function takes ``length`` in samples and gives (length,).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def make_hann(length: int, *, dtype: torch.dtype, device: torch.device) -> Float[Tensor, " time"]:
    """Periodic Hann window, ``0.5 - 0.5 cos(2 pi n / length)``.

    Source: F. J. Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform",
    Proceedings of the IEEE 66(1), 1978.
    """
    return torch.hann_window(length, periodic=True, dtype=torch.float64).to(device=device, dtype=dtype)


def make_hamming(length: int, *, dtype: torch.dtype, device: torch.device) -> Float[Tensor, " time"]:
    """Periodic Hamming window, ``0.54 - 0.46 cos(2 pi n / length)``; source as for `make_hann`."""
    return torch.hamming_window(length, periodic=True, dtype=torch.float64).to(device=device, dtype=dtype)


def make_rectangular(length: int, *, dtype: torch.dtype, device: torch.device) -> Float[Tensor, " time"]:
    """All ones."""
    return torch.ones(length, dtype=dtype, device=device)


def make_linear_fade(length: int, *, dtype: torch.dtype, device: torch.device, fade: float) -> Float[Tensor, " time"]:
    """Flat window whose two ends fade in straight lines.

    Args:
        length: in samples.
        dtype: of the result.
        device: of the result.
        fade: share of the window that each end takes, in (0, 0.5]. An end has
            ``F = length - round(length * (1 - fade))`` samples, so that at ``overlap=fade`` it is just as
            long as what two chunks share.

    The ramp is ``(i + 0.5) / F`` for ``i = 0 ... F - 1``, the other end its mirror image: a rising and a
    falling end add to 1, no sample is 0, and the window is symmetric. Fades written as ``linspace(0, 1, F)``
    also add to 1, but their outermost samples are exactly 0, so that the first and the last sample of a song
    without padding would be lost in the division by the windows' sum.
    If both ends meet (``2 F > length``, at odd lengths and fade 0.5), the lower one counts.
    """
    fade_samples = length - round(length * (1 - fade))
    window = torch.ones(length, dtype=torch.float64)
    if fade_samples > 0:
        ramp = (torch.arange(length, dtype=torch.float64) + 0.5) / fade_samples
        window = torch.minimum(window, torch.minimum(ramp, ramp.flip(0)))
    return window.to(device=device, dtype=dtype)


def make_triangle(length: int, *, dtype: torch.dtype, device: torch.device, power: float) -> Float[Tensor, " time"]:
    """Triangle ``1, 2, ..., length // 2`` and down to 1 again, over its maximum, to the power ``power``.

    Source: A. Défossez, "Hybrid spectrogram and waveform source separation", 2021; the weight with which the
    program Demucs joins its chunks (there called transition power).
    """
    half = length // 2
    rising = torch.arange(1, half + 1, dtype=torch.float64)
    falling = torch.arange(length - half, 0, -1, dtype=torch.float64)
    window = torch.cat([rising, falling])
    return (window / window.max()).pow(power).to(device=device, dtype=dtype)


def make_sine(length: int, *, dtype: torch.dtype, device: torch.device) -> Float[Tensor, " time"]:
    """Half a sine, ``sin(pi (n + 0.5) / length)``.

    ``w[n]^2 + w[n + length / 2]^2 = 1`` at even lengths. It is symmetric about a point between two samples
    (``scipy.signal.windows.cosine`` with ``sym=True``), and that is the form whose square adds up; SciPy's
    periodic one, of period ``length + 1``, does not.

    Source: J. Princen, A. Johnson, A. Bradley, "Subband/transform coding using filter bank designs based on
    time domain aliasing cancellation", ICASSP 1987.
    """
    return _half_sine(length).to(device=device, dtype=dtype)


def make_vorbis(length: int, *, dtype: torch.dtype, device: torch.device) -> Float[Tensor, " time"]:
    """Window of the Vorbis codec, ``sin(pi / 2 sin^2(pi (n + 0.5) / length))``.

    ``w[n]^2 + w[n + length / 2]^2 = 1`` at even lengths; symmetric as `make_sine`, without another, periodic
    form. Unsquared, copies at an overlap of 0.875 sum to a constant but for 6e-8 of it, below what float32 can
    tell; that is not declared on its card.

    Source: Xiph.Org Foundation, "Vorbis I specification", on its window function.
    """
    return torch.sin(torch.pi / 2 * _half_sine(length).square()).to(device=device, dtype=dtype)


def _half_sine(length: int) -> Float[Tensor, " time"]:
    return torch.sin(torch.pi * (torch.arange(length, dtype=torch.float64) + 0.5) / length)
