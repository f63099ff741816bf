"""The multichannel Wiener filter: stems refined by what tells them apart in space.

A mask gives every channel of a bin its share and leaves the mixture's phase where it was. The local Gaussian
model (Duong, Vincent and Gribonval 2010, "Under-determined reverberant audio source separation using a
full-rank spatial covariance model") goes further: in bin (f, t), stem j is a complex Gaussian vector of the
channels with covariance ``v_j(f, t) R_j(f)``, a power that changes and a spatial covariance that stays. From
estimates ``y_j`` of the stems, a step of the weighted EM of Nugraha, Liutkus and Vincent 2016 ("Multichannel
audio source separation with deep neural networks"), as norbert and Open-Unmix (Stöter et al. 2019) take it, is ::

    v_j  = mean over channels of |y_j|^2
    R_j  = sum over frames of y_j y_j^H / (eps + sum over frames of v_j)
    C_xx = sum over stems of v_j R_j + sqrt(eps) I
    y_j  = v_j R_j C_xx^-1 x
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from workbench.core.mask import is_viewable_as_complex
from workbench.errors import InvalidType, InvalidValue

DEFAULT_EPS = 1e-10  # Open-Unmix's
BLOCK_VALUES = 2**18  # complex values of all stems that are worked on at a time: 2 MiB in float32, near a cache's size


def wiener_filter(
    stems: Float[Tensor, "batch stem rows frame 2"],
    mixture: Float[Tensor, "batch rows frame 2"],
    *,
    num_channels: int,
    iterations: int = 1,
    window_frames: int | None = None,
    scale_factor: float = 10.0,
    eps: float | None = None,
) -> Float[Tensor, "batch stem rows frame 2"]:
    """Refine spectrograms of stems by EM steps of the local Gaussian model; the module's page has the formulas.

    Afterwards the stems sum to the mixture but for ``sqrt(eps) C_xx^-1 x``, which the model holds for noise. Where
    the scaled powers are not far above ``sqrt(eps)``, in quiet bins, that is a part to reckon with; a larger
    ``scale_factor`` or a smaller ``eps`` lessens it.

    Every batch item is filtered alone, so that results do not depend on the batch. An item (a piece of it, with
    ``window_frames``) is divided by ``max(1, max |X| / scale_factor)`` before and multiplied by it after. Computed
    in float32 at least, frequency block by frequency block; the result has the stems' dtype.

    Args:
        stems: estimates of the stems, e.g. the masked mixture.
        mixture: the mixture's spectrogram.
        num_channels: channels of a spectrogram, whose rows are freq * channel, channel inner.
        iterations: EM steps; 0 gives the stems as they are.
        window_frames: length of the pieces of time that are filtered one by one, each with its own spatial
            covariances (Open-Unmix's ``wiener_win_len``, there 300); the last may be shorter. ``None`` takes all
            frames at once.
        scale_factor: the largest magnitude that is not scaled down.
        eps: what regularizes the sums and, by its root, the mixture's covariance; ``None`` is 1e-10.

    Shapes:
        stems: (batch, stem, freq * channel, frame, 2); mixture: (batch, freq * channel, frame, 2); returns the
            shape of the stems.

    Raises:
        InvalidType: a count that is not a whole number.
        InvalidValue: shapes that do not belong together, rows that are not freq * channel, a negative count of
            iterations, or a window, scale factor or eps that is not positive.
    """
    _check_shapes(stems, mixture)
    _check_count("num_channels", num_channels, minimum=1)
    _check_count("iterations", iterations, minimum=0)
    if window_frames is not None:
        _check_count("window_frames", window_frames, minimum=1)
    eps = DEFAULT_EPS if eps is None else eps
    for name, value in (("scale_factor", scale_factor), ("eps", eps)):
        if not 0 < value < float("inf"):
            raise InvalidValue(f"{name} must be a positive number, got {value!r}")
    num_stems, num_rows, num_frames = stems.shape[1:4]
    if num_rows % num_channels:
        raise InvalidValue(
            f"the rows of a spectrogram are freq * channel: {num_rows} rows do not hold {num_channels} channels"
        )
    if iterations == 0:
        return stems
    dtype = torch.promote_types(torch.promote_types(stems.dtype, mixture.dtype), torch.float32)
    refined = torch.empty_like(stems, memory_format=torch.contiguous_format)
    for item in range(stems.shape[0]):
        for frames in _cut(num_frames, window_frames or num_frames):
            heard = mixture[item, :, frames].to(dtype)  # (freq * channel, frame, 2)
            scale = (torch.linalg.vector_norm(heard, dim=-1).amax() / scale_factor).clamp(min=1.0)
            block_freqs = max(1, BLOCK_VALUES // (num_stems * num_channels * heard.shape[1]))
            for rows in _cut(num_rows, block_freqs * num_channels):
                estimates = _view_as_channels(stems[item, :, rows, frames].to(dtype) / scale, num_channels)
                channels = _view_as_channels(heard[rows] / scale, num_channels)
                for _ in range(iterations):
                    estimates = _refine(estimates, channels, eps)
                refined[item, :, rows, frames] = torch.view_as_real(estimates).flatten(1, 2) * scale
    return refined


def initial_stems(
    magnitudes: Float[Tensor, "batch stem rows frame"],
    mixture: Float[Tensor, "batch rows frame 2"],
    *,
    softmask: bool = False,
) -> Float[Tensor, "batch stem rows frame 2"]:
    """Complex stems to begin the filter with, from their magnitudes alone.

    Either the magnitudes with the mixture's phase (0 where the mixture is silent), or with ``softmask`` the mixture
    shared out in the ratio of the magnitudes, ``x m_j / (1e-10 + sum_k m_k)``, better where magnitudes are poor.
    Computed in float32 at least; the result has the magnitudes' dtype.

    Shapes:
        magnitudes: (batch, stem, freq * channel, frame), not negative; mixture: (batch, freq * channel, frame, 2);
            returns (batch, stem, freq * channel, frame, 2).

    Raises:
        InvalidValue: shapes that do not belong together.
    """
    if magnitudes.ndim != 4 or mixture.shape != (magnitudes.shape[0], *magnitudes.shape[2:], 2):
        raise InvalidValue(
            "magnitudes must be (batch, stem, freq * channel, frame) and the mixture (batch, freq * channel, frame, 2) "
            f"with the same axes, got {tuple(magnitudes.shape)} and {tuple(mixture.shape)}"
        )
    dtype = torch.promote_types(torch.promote_types(magnitudes.dtype, mixture.dtype), torch.float32)
    out_dtype, magnitudes, mixture = magnitudes.dtype, magnitudes.to(dtype), mixture.to(dtype)
    if softmask:
        gains, carrier = magnitudes / (DEFAULT_EPS + magnitudes.sum(1, keepdim=True)), mixture
    else:
        silent = (mixture == 0).all(-1, keepdim=True)  # (batch, freq * channel, frame, 1)
        one = torch.tensor([1.0, 0.0], dtype=dtype, device=mixture.device)
        sounding = torch.where(silent, one, mixture)  # before the root, which has no gradient at 0
        gains, carrier = magnitudes, sounding / torch.hypot(*sounding.unbind(-1)).unsqueeze(-1)
    return (gains.unsqueeze(-1) * carrier.unsqueeze(1)).to(out_dtype)


def add_residual(
    stems: Float[Tensor, "batch stem rows frame 2"], mixture: Float[Tensor, "batch rows frame 2"]
) -> Float[Tensor, "batch more_stems rows frame 2"]:
    """The stems and one more behind them: what they leave of the mixture.

    With it the filter need not explain by the named stems what belongs to none of them.

    Shapes:
        stems: (batch, stem, freq * channel, frame, 2); mixture: (batch, freq * channel, frame, 2); returns
            (batch, stem + 1, freq * channel, frame, 2) in the stems' dtype.

    Raises:
        InvalidValue: shapes that do not belong together.
    """
    _check_shapes(stems, mixture)
    residual = mixture - stems.sum(1)
    return torch.cat((stems, residual.unsqueeze(1).to(stems.dtype)), dim=1)


def _refine(
    estimates: Complex[Tensor, "stem freq channel frame"], mixture: Complex[Tensor, "freq channel frame"], eps: float
) -> Complex[Tensor, "stem freq channel frame"]:
    """One EM step. Sums of products, not matrix products: no TF32 and no autocast can take their precision."""
    num_channels = mixture.shape[1]
    energies = torch.view_as_real(estimates).square().sum(-1)  # (stem, freq, channel, frame)
    powers = energies.mean(2)  # (stem, freq, frame)
    weights = powers.sum(-1).add(eps)  # (stem, freq)
    diagonal = energies.sum(-1) / weights.unsqueeze(-1)  # (stem, freq, channel)
    of_channel = estimates.unbind(2)  # channel times (stem, freq, frame)
    # R[row][column]: (stem, freq, 1), the diagonal real, above it the conjugates of what is below
    spatial = [[diagonal[:, :, row, None]] * num_channels for row in range(num_channels)]
    for row in range(num_channels):
        for column in range(row):
            crossed = (of_channel[row] * of_channel[column].conj()).sum(-1) / weights
            spatial[row][column], spatial[column][row] = crossed.unsqueeze(-1), crossed.conj().unsqueeze(-1)
    covariance = [
        [_sum_over_stems(powers, spatial[row][column]) for column in range(row + 1)] for row in range(num_channels)
    ]
    whitened = _solve(covariance, list(mixture.unbind(1)), floor=eps**0.5)
    refined = []
    for row in range(num_channels):
        filtered = spatial[row][0] * whitened[0]  # (stem, freq, frame)
        for column in range(1, num_channels):
            filtered = filtered + spatial[row][column] * whitened[column]
        refined.append(filtered * powers)
    return torch.stack(refined, dim=2)  # (stem, freq, channel, frame)


def _sum_over_stems(powers: Tensor, spatial: Tensor) -> Tensor:
    """One entry of the mixture's covariance, (freq, frame), stem after stem, so that no product of all is ever made."""
    total = powers[0] * spatial[0]
    for power, entry in zip(powers[1:], spatial[1:], strict=True):
        total = total + power * entry
    return total


def _solve(covariance: list[list[Tensor]], channels: list[Tensor], *, floor: float) -> list[Tensor]:
    """``(S + floor I)^-1 x`` in every bin, by the factorization ``L D L^H`` (Golub and Van Loan, chapter 4).

    The quotient of adjugate and determinant cancels where channels are nearly alike: in loud mono, float32 loses
    the regularization beside the powers, and stems are wrong by percents. The factors keep the residual of the
    solution at the size of rounding, and a pivot, which in exact arithmetic is at least ``floor``, is held there.

    Args:
        covariance: ``S``, positive semidefinite; entry [row][column] of the lower triangle is (freq, frame).
        channels: ``x``, a (freq, frame) for each channel.
        floor: what is added to the diagonal.
    """
    size = len(channels)
    lower: list[list[Tensor]] = []
    pivots: list[Tensor] = []
    solution: list[Tensor] = []
    for row in range(size):
        scaled: list[Tensor] = []  # row of L D, then divided by the pivots
        for column in range(row):
            entry = covariance[row][column]
            for before in range(column):
                entry = entry - scaled[before] * lower[column][before].conj()
            scaled.append(entry)
        pivot, value = covariance[row][row] + floor, channels[row]
        lower.append([entry / pivots[column] for column, entry in enumerate(scaled)])
        for column, entry in enumerate(lower[row]):
            pivot = pivot - (scaled[column] * entry.conj()).real
            value = value - entry * solution[column]
        pivots.append(pivot.clamp(min=floor))
        solution.append(value)  # L^-1 x
    for row in reversed(range(size)):
        value = solution[row] / pivots[row]
        for below in range(row + 1, size):
            value = value - lower[below][row].conj() * solution[below]
        solution[row] = value
    return solution


def _cut(length: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most ``size`` that cover ``length``."""
    return (slice(start, min(start + size, length)) for start in range(0, length, size))


def _view_as_channels(value: Tensor, num_channels: int) -> Tensor:
    """(..., freq * channel, frame, 2) -> complex (..., freq, channel, frame)."""
    numbers = torch.view_as_complex(value if is_viewable_as_complex(value) else value.contiguous())
    return cast(Tensor, numbers.unflatten(-2, (-1, num_channels)))


def _check_count(name: str, value: int, *, minimum: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidType(f"{name} must be a whole number, got {value!r}")
    if value < minimum:
        raise InvalidValue(f"{name} must be at least {minimum}, got {value}")


def _check_shapes(stems: Tensor, mixture: Tensor) -> None:
    if stems.ndim != 5 or mixture.shape != (stems.shape[0], *stems.shape[2:]) or mixture.shape[-1] != 2:
        raise InvalidValue(
            "stems must be (batch, stem, freq * channel, frame, 2) and the mixture (batch, freq * channel, frame, 2) "
            f"with the same axes, got {tuple(stems.shape)} and {tuple(mixture.shape)}"
        )
    if 0 in stems.shape[1:]:
        raise InvalidValue(f"stems must have at least 1 stem, row and frame, got {tuple(stems.shape)}")
