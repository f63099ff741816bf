"""Waveforms as wide as the picture: the least and the greatest sample of each column of pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from workbench.figures.style import AMPLITUDE_LABEL, MIXTURE_COLOR

WAVEFORM_COLUMNS = 1000
FEW_SAMPLES = 60  # so few are drawn one by one


@dataclass(frozen=True, eq=False)
class Envelope:
    """The range of a waveform's samples, column by column.

    Shapes:
        seconds, low, high: (column,), numpy; ``seconds`` are the columns' middles.
    """

    seconds: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def peak(self) -> float:
        """The greatest magnitude of a sample."""
        return float(max(self.high.max(), -self.low.min()))


def measure_envelope(
    signal: Float[Tensor, "channel time"],
    *,
    sample_rate: int,
    start_seconds: float = 0.0,
    num_columns: int = WAVEFORM_COLUMNS,
) -> Envelope:
    """Reduce a waveform to at most ``num_columns`` columns, over all of its channels, without losing a peak.

    Args:
        signal: at least 1 sample.
        sample_rate: in hertz.
        start_seconds: when its first sample is.
        num_columns: width of the picture.

    Shapes:
        signal: (channel, time).
    """
    num_samples = signal.shape[-1]
    per_column = -(-num_samples // num_columns)
    low, high = measure_ranges(signal, samples_per_column=per_column)
    middles = np.arange(len(low)) * per_column + (per_column - 1) / 2
    middles[-1] = min(middles[-1], num_samples - 1)
    return Envelope(start_seconds + middles / sample_rate, low.cpu().numpy(), high.cpu().numpy())


def measure_ranges(signal: Float[Tensor, "channel time"], *, samples_per_column: int) -> tuple[Tensor, Tensor]:
    """The least and the greatest sample of each column, over all channels; the last column may be shorter.

    Shapes:
        returns two of (column,), float64.
    """
    num_samples = signal.shape[-1]
    signal = signal.detach()
    whole = num_samples // samples_per_column * samples_per_column
    columns = signal[:, :whole].unflatten(-1, (-1, samples_per_column))  # (channel, column, sample)
    low, high = _range_of_columns(columns)
    if whole < num_samples:
        last_low, last_high = _range_of_columns(signal[:, whole:].unsqueeze(1))  # (channel, 1, sample)
        low, high = torch.cat((low, last_low)), torch.cat((high, last_high))
    return low, high


def _range_of_columns(samples: Float[Tensor, "channel column sample"]) -> tuple[Tensor, Tensor]:
    low, high = torch.aminmax(samples, dim=-1)
    return low.amin(dim=0).double(), high.amax(dim=0).double()


def plot_envelope(axes: Axes, envelope: Envelope, *, color: str = MIXTURE_COLOR, alpha: float = 1.0) -> None:
    """Fill the range of each column; single samples are drawn as points where there are few."""
    axes.fill_between(envelope.seconds, envelope.low, envelope.high, color=color, alpha=alpha, linewidth=0.6)
    if len(envelope.seconds) <= FEW_SAMPLES:
        axes.plot(envelope.seconds, envelope.high, "o", color=color, alpha=alpha, markersize=4, clip_on=False)


def set_amplitude_axis(axes: Axes, *, peak: float, label: str = AMPLITUDE_LABEL) -> None:
    """Zero in the middle; silence has the whole of full scale around it."""
    limit = 1.08 * peak if peak > 0 else 1.0
    axes.set_ylim(-limit, limit)
    axes.set_ylabel(label, parse_math=False)
    axes.axhline(0.0, color="0.6", linewidth=0.5, zorder=0)


def measure_rms(signal: Tensor) -> float:
    """Root of the mean square over all channels and samples."""
    return math.sqrt(float(signal.detach().float().square().mean(dtype=torch.float64)))


def measure_peak(signal: Tensor) -> float:
    """The greatest magnitude of a sample."""
    low, high = torch.aminmax(signal.detach())
    return max(float(high), -float(low))


def to_decibels(amplitude: float, *, reference: float = 1.0) -> float:
    """``20 log10(amplitude / reference)``; minus infinity for silence, also against silence."""
    return 20 * math.log10(amplitude / reference) if amplitude > 0 and reference > 0 else -math.inf


def measure_levels(
    signal: Float[Tensor, "channel time"], *, sample_rate: int, num_blocks: int = 300, floor_decibels: float
) -> tuple[np.ndarray, np.ndarray]:
    """RMS of consecutive blocks in dB of full scale, nothing below ``floor_decibels``.

    Shapes:
        returns (seconds (block,), decibels (block,)); ``seconds`` are the blocks' middles.
    """
    num_samples = signal.shape[-1]
    size = max(1, num_samples // num_blocks)
    whole = num_samples // size * size
    power = signal[:, :whole].detach().float().unflatten(-1, (-1, size)).square().mean(dim=(0, 2)).double().numpy()
    seconds = (np.arange(len(power)) * size + (size - 1) / 2) / sample_rate
    return seconds, 10 * np.log10(np.maximum(power, 10.0 ** (floor_decibels / 10)))
