"""The windows that SciPy knows, and Kaiser-Bessel-derived, made from one of them; each of any length from 1 on.

They are SciPy's periodic forms (``scipy.signal.get_window`` with ``fftbins=True``: a symmetric window one
sample longer, without its last), save `make_kbd`, which has none. All are computed in float64 on the CPU and
then converted, as in `window_shapes`. Every function takes ``length`` in samples and gives (length,).

Where no source is named it is F. J. Harris, "On the use of windows for harmonic analysis with the discrete
Fourier transform", Proceedings of the IEEE 66(1), 1978.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy.signal import windows
from torch import Tensor


def make_blackman(length: int, *, dtype: torch.dtype, device: torch.device) -> Float[Tensor, " time"]:
    """Blackman window, ``0.42 - 0.5 cos(2 pi n / length) + 0.08 cos(4 pi n / length)``."""
    # its first sample is 0 on paper and -1e-17 in float64
    return _convert(windows.blackman(length, sym=False).clip(min=0.0), dtype=dtype, device=device)


def make_flattop(length: int, *, dtype: torch.dtype, device: torch.device) -> Float[Tensor, " time"]:
    """Flat top window of five cosine terms, with samples down to -0.07.

    Source of the coefficients: G. D'Antona, A. Ferrero, "Digital signal processing for measurement systems",
    2006, as SciPy has them.
    """
    return _convert(windows.flattop(length, sym=False), dtype=dtype, device=device)


def make_tukey(length: int, *, dtype: torch.dtype, device: torch.device, alpha: float) -> Float[Tensor, " time"]:
    """Tukey window: ones, with half a raised cosine over ``alpha * length / 2`` samples at each end.

    Args:
        length: in samples.
        dtype: of the result.
        device: of the result.
        alpha: share of the window that both ends take together, in [0, 1].
    """
    return _convert(windows.tukey(length, alpha, sym=False), dtype=dtype, device=device)


def make_kaiser(length: int, *, dtype: torch.dtype, device: torch.device, beta: float) -> Float[Tensor, " time"]:
    """Kaiser window, ``I0(beta sqrt(1 - (2 n / length - 1)^2)) / I0(beta)``.

    Shifted copies never sum to a constant: at the default beta the sum ripples by 0.1 % at an overlap of 0.75
    and by 0.07 % at 0.875, that of its square there by 7e-7.

    Args:
        length: in samples.
        dtype: of the result.
        device: of the result.
        beta: at least 0; larger is narrower in time, with lower side lobes.

    Source: J. F. Kaiser, R. W. Schafer, "On the use of the I0-sinh window for spectrum analysis", IEEE
    Transactions on Acoustics, Speech, and Signal Processing 28(1), 1980.
    """
    return _convert(windows.kaiser(length, beta, sym=False), dtype=dtype, device=device)


def make_gaussian(length: int, *, dtype: torch.dtype, device: torch.device, sigma: float) -> Float[Tensor, " time"]:
    """Gaussian window, ``exp(-((2 n / length - 1) / sigma)^2 / 2)``; Harris's alpha is ``1 / sigma``.

    Shifted copies never sum to a constant: at the default sigma the sum ripples by 2 % at an overlap of 0.75
    and by 0.4 % at 0.875.

    Args:
        length: in samples.
        dtype: of the result.
        device: of the result.
        sigma: standard deviation as a share of ``length / 2``.
    """
    return _convert(windows.gaussian(length, sigma * length / 2, sym=False), dtype=dtype, device=device)


def make_dpss(length: int, *, dtype: torch.dtype, device: torch.device, nw: float) -> Float[Tensor, " time"]:
    """Discrete prolate spheroidal sequence of order 0: of all sequences the one with most energy in a band.

    The band reaches to ``nw / (length + 1)`` cycles a sample on either side of 0 (SciPy's periodic form is made
    one sample longer), so there is none beyond ``nw = length / 2``; a shorter window gets the one for that.
    Scaled to about 1 in the middle, as by SciPy.
    Shifted copies never sum to a constant: at the default nw the sum ripples by 0.02 % at an overlap of 0.75
    and by 0.002 % at 0.875, that of its square there by 1e-9.

    Args:
        length: in samples.
        dtype: of the result.
        device: of the result.
        nw: time half bandwidth, the half band's width in bins.

    Source: D. Slepian, "Prolate spheroidal wave functions, Fourier analysis, and uncertainty V: the discrete
    case", Bell System Technical Journal 57(5), 1978.
    """
    widest = float(np.nextafter(length / 2, 0))  # SciPy wants less than half the length
    return _convert(windows.dpss(length, min(nw, widest), sym=False), dtype=dtype, device=device)


def make_kbd(length: int, *, dtype: torch.dtype, device: torch.device, alpha: float) -> Float[Tensor, " time"]:
    """Kaiser-Bessel-derived window: the square root of the running sum of a Kaiser window, then its mirror image.

    So ``w[n]^2 + w[n + length / 2]^2 = 1``, the condition of Princen, Johnson and Bradley (1987; see
    `window_shapes.make_sine`). It is symmetric about a point between two samples and has no other, periodic
    form. At an odd length, where SciPy has none, its middle sample is 1 and the condition holds for a shift of
    ``(length + 1) / 2``.

    Args:
        length: in samples.
        dtype: of the result.
        device: of the result.
        alpha: the kernel's beta over pi, at least 0.

    Sources: L. D. Fielder, M. Bosi, G. Davidson, M. Davis, C. Todd, S. Vernon, "AC-2 and AC-3: low-complexity
    transform-based audio coding", AES Collected Papers on Digital Audio Bit-Rate Reduction, 1996; ISO/IEC
    14496-3 (AAC), for alpha 4.
    """
    half_samples = length // 2
    running = windows.kaiser(half_samples + 1, np.pi * alpha, sym=True).cumsum()
    rising = np.sqrt(running[:-1] / running[-1])  # (half_samples,)
    middle = np.ones(length % 2)
    return _convert(np.concatenate([rising, middle, rising[::-1]]), dtype=dtype, device=device)


def _convert(window: Float[np.ndarray, " time"], *, dtype: torch.dtype, device: torch.device) -> Float[Tensor, " time"]:
    return torch.from_numpy(window).to(device=device, dtype=dtype)
