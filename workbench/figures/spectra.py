"""Spectra of waveforms, from a bounded number of frames however long the song is."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.figures.raster import (
    FRAMES_A_COLUMN,
    RASTER_COLUMNS,
    FrequencyRows,
    Raster,
    measure_power,
    pool_columns,
)

FRAMES_AT_ONCE = 512


def raster_waveform(
    signal: Float[Tensor, " time"],
    *,
    sample_rate: int,
    rows: FrequencyRows,
    num_columns: int = RASTER_COLUMNS,
) -> Raster:
    """Power of a waveform over time and frequency, from hann-windowed frames around each column's instants.

    Args:
        signal: at least 1 sample; beyond its ends there is silence.
        sample_rate: in hertz.
        rows: the raster's rows.
        num_columns: width of the picture at most.
    """
    num_samples = signal.shape[-1]
    n_fft = choose_frame_size(sample_rate)
    num_frames = max(1, math.ceil(num_samples / (n_fft // 4)))
    width = min(num_columns, num_frames)
    depth = min(FRAMES_A_COLUMN, math.ceil(num_frames / width))
    blocks = [rows.pool(power.numpy(), "max") for power in iterate_power(signal, n_fft=n_fft, num_frames=width * depth)]
    pixels = np.concatenate(blocks, axis=-1)
    return Raster(pool_columns(pixels, depth, "max"), rows, 0.0, num_samples / sample_rate)


def measure_average_spectrum(
    signal: Float[Tensor, " time"], *, sample_rate: int, num_frames: int = 200
) -> tuple[np.ndarray, np.ndarray]:
    """Mean power over frequency, smoothed over bands of about a sixteenth of an octave.

    The power of a sine is a quarter of its squared amplitude at any sample rate, so that spectra of one sound at two
    rates lie on each other.

    Shapes:
        returns (hertz (band,), power (band,)); ``hertz`` are the bands' middles.
    """
    n_fft = choose_frame_size(sample_rate, frame_seconds=0.186)
    rows = FrequencyRows.choose(sample_rate=sample_rate, num_rows=150)
    num_frames = min(num_frames, max(1, math.ceil(signal.shape[-1] / (n_fft // 4))))
    total = sum(power.double().sum(dim=1) for power in iterate_power(signal, n_fft=n_fft, num_frames=num_frames))
    assert isinstance(total, Tensor)  # there is at least one frame
    mean = total / num_frames / float(torch.hann_window(n_fft, dtype=torch.float32, device="cpu").sum()) ** 2  # (freq,)
    edges = np.geomspace(rows.low_hertz, rows.high_hertz, rows.num_rows + 1)
    return np.sqrt(edges[:-1] * edges[1:]), rows.pool(mean.numpy()[:, np.newaxis], "mean")[:, 0]


def iterate_power(signal: Float[Tensor, " time"], *, n_fft: int, num_frames: int) -> Iterator[Tensor]:
    """Squared magnitudes of frames spread evenly over a signal, (freq, frame) each.

    Beyond the signal's ends there is silence.
    """
    num_samples = signal.shape[-1]
    middles = np.floor((np.arange(num_frames) + 0.5) * (num_samples / num_frames)).astype(np.int64)
    window = torch.hann_window(n_fft, dtype=torch.float32, device="cpu")
    for first in range(0, num_frames, FRAMES_AT_ONCE):
        starts = middles[first : first + FRAMES_AT_ONCE] - n_fft // 2
        frames = torch.zeros(len(starts), n_fft, dtype=torch.float32, device="cpu")
        for frame, start in zip(frames, starts.tolist(), strict=True):
            low, high = max(start, 0), min(start + n_fft, num_samples)
            frame[low - start : high - start] = signal.detach()[low:high]
        yield measure_power(torch.view_as_real(torch.fft.rfft(frames * window))).T  # (freq, frame)


def choose_frame_size(sample_rate: int, *, frame_seconds: float = 0.046) -> int:
    """A power of two of samples, 2048 at 44.1 kHz."""
    return int(max(16, 2 ** round(math.log2(frame_seconds * sample_rate))))
