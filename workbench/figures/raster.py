"""Time-frequency data as wide and as high as the picture, whatever the length of the song.

A raster is made from a bounded number of frames, one chunk at a time, so that neither time nor memory grows with the
song; rows are pooled over the bins that fall into them, so that on a logarithmic axis no partial is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workbench.core.grid import ChunkGrid
from workbench.core.settings import StftConfig

RASTER_COLUMNS = 800
RASTER_ROWS = 240
FRAMES_A_COLUMN = 4  # of a long song so many are looked at for each column
LOWEST_HERTZ = 30.0
DYNAMIC_RANGE_DECIBELS = 80.0


@dataclass(frozen=True)
class FrequencyRows:
    """The rows of a raster: from which to which frequency, how many, evenly in hertz or in octaves."""

    low_hertz: float
    high_hertz: float
    num_rows: int
    is_log: bool = True

    @classmethod
    def choose(cls, *, sample_rate: int, is_log: bool = True, num_rows: int = RASTER_ROWS) -> FrequencyRows:
        """From 30 Hz (or 0 on a linear axis) to half the sample rate."""
        high = sample_rate / 2
        return cls(min(LOWEST_HERTZ, high / 8) if is_log else 0.0, high, num_rows, is_log)

    def first_bins(self, num_freqs: int) -> np.ndarray:
        """The first bin of each row, never decreasing: (row,). Rows finer than the bins repeat the nearest one."""
        space = np.geomspace if self.is_log else np.linspace
        edges = space(self.low_hertz, self.high_hertz, self.num_rows + 1)[:-1]
        bins = np.rint(edges * (num_freqs - 1) / self.high_hertz)
        return np.clip(bins, 0, num_freqs - 1).astype(np.int64)

    def pool(self, values: np.ndarray, how: str) -> np.ndarray:
        """Bins to rows by ``max`` or ``mean``: (..., freq, column) -> (..., row, column)."""
        first = self.first_bins(values.shape[-2])
        if how == "max":
            pooled: np.ndarray = np.maximum.reduceat(values, first, axis=-2)
            return pooled
        # where two rows begin at one bin, reduceat gives that bin alone
        widths = np.maximum(np.diff(first, append=values.shape[-2]), 1)
        pooled = np.add.reduceat(values, first, axis=-2) / widths[:, np.newaxis]
        return pooled


@dataclass(frozen=True, eq=False)
class Raster:
    """Pixels over time and frequency.

    Shapes:
        values: (..., row, column), numpy; row 0 is the lowest frequency.
    """

    values: np.ndarray
    rows: FrequencyRows
    start_seconds: float
    stop_seconds: float

    def select(self, index: int) -> Raster:
        """One of several rasters that lie along the first axis."""
        return Raster(self.values[index], self.rows, self.start_seconds, self.stop_seconds)


@dataclass(frozen=True)
class ChunkFrames:
    """Where the frames of chunked spectrograms lie in a song.

    Args:
        grid: the chunks, in samples at ``sample_rate``.
        sample_rate: the model's, in hertz.
        stft: the transform.
        num_channels: channels in the rows of a spectrogram (frequency outer, channel inner).
    """

    grid: ChunkGrid
    sample_rate: int
    stft: StftConfig
    num_channels: int

    def span_seconds(self, chunk: int | None) -> tuple[float, float]:
        """From when to when a chunk lasts, or the whole song."""
        if chunk is None:
            return 0.0, self.grid.num_samples / self.sample_rate
        start = self.grid.starts[chunk]
        return start / self.sample_rate, (start + self.grid.chunk_size) / self.sample_rate

    def nearest_chunks(self, samples: np.ndarray) -> np.ndarray:
        """For each instant the chunk whose middle is nearest: there the overlap-add window weighs it most."""
        first_middle = self.grid.starts[0] + self.grid.chunk_size / 2
        nearest = np.rint((samples - first_middle) / self.grid.hop_size)
        return np.clip(nearest, 0, self.grid.num_chunks - 1).astype(np.int64)


def raster_chunks(
    take: Callable[[int], Tensor],
    *,
    frames: ChunkFrames,
    rows: FrequencyRows,
    measure: Callable[[Tensor], Tensor],
    how: str,
    chunk: int | None = None,
    channel: int = 0,
    num_columns: int = RASTER_COLUMNS,
) -> Raster:
    """Assemble a picture of the song from its chunks, or of one chunk.

    Args:
        take: index of a chunk -> (..., freq * channel, frame, 2), a view where possible.
        frames: where the frames lie.
        rows: the raster's rows.
        measure: (..., freq, frame, 2) -> (..., freq, frame), such as `measure_power`.
        how: bins and frames of one pixel are pooled by ``max`` or ``mean``, or the ``first`` bin stands for all.
        chunk: draw this one alone.
        channel: which of the channels.
        num_columns: width of the picture at most.

    Shapes:
        the raster's values are (..., row, column).
    """
    start_seconds, stop_seconds = frames.span_seconds(chunk)
    num_samples = (stop_seconds - start_seconds) * frames.sample_rate
    num_frames = max(1, math.ceil(num_samples / frames.stft.hop_length))
    width = min(num_columns, num_frames)
    depth = 1 if how == "first" else min(FRAMES_A_COLUMN, math.ceil(num_frames / width))
    instants = start_seconds * frames.sample_rate + (np.arange(width * depth) + 0.5) * (num_samples / (width * depth))
    chunks = np.full(width * depth, chunk) if chunk is not None else frames.nearest_chunks(instants)
    pixels: np.ndarray | None = None
    for index in np.unique(chunks):
        places = np.flatnonzero(chunks == index)
        spectrogram = take(int(index)).detach()
        *axes, _, num_chunk_frames, _ = spectrogram.shape
        wanted = np.rint((instants[places] - frames.grid.starts[int(index)]) / frames.stft.hop_length)
        wanted = np.clip(wanted, 0, num_chunk_frames - 1).astype(np.int64)
        by_channel = spectrogram.unflatten(-3, (-1, frames.num_channels)).select(-3, channel)  # (..., freq, frame, 2)
        if how == "first":  # few bins are needed
            first = torch.from_numpy(rows.first_bins(by_channel.shape[-3])).to(spectrogram.device)
            by_channel = by_channel.index_select(-3, first)  # (..., row, frame, 2)
        picked = by_channel.index_select(-2, torch.from_numpy(wanted).to(spectrogram.device))
        values = measure(_widen(picked)).cpu().numpy()
        values = values if how == "first" else rows.pool(values, how)
        if pixels is None:
            pixels = np.empty((*axes, rows.num_rows, width * depth), dtype=values.dtype)
        pixels[..., places] = values
    assert pixels is not None  # a song has at least one chunk
    return Raster(pool_columns(pixels, depth, how), rows, start_seconds, stop_seconds)


def measure_power(spectrogram: Tensor) -> Tensor:
    """(..., 2) -> squared magnitude."""
    return spectrogram[..., 0].square() + spectrogram[..., 1].square()  # 30 times as fast as a sum over an axis of 2


def measure_magnitude(spectrogram: Tensor) -> Tensor:
    """(..., 2) -> magnitude."""
    return torch.hypot(spectrogram[..., 0], spectrogram[..., 1])


def measure_phase(spectrogram: Tensor) -> Tensor:
    """(..., 2) -> angle in radians."""
    return torch.atan2(spectrogram[..., 1], spectrogram[..., 0])


def to_relative_decibels(
    power: np.ndarray, *, reference: float, range_decibels: float = DYNAMIC_RANGE_DECIBELS
) -> np.ndarray:
    """Power in dB of ``reference``, nothing below ``-range_decibels``; all of silence is there."""
    if reference <= 0:
        return np.full(power.shape, -range_decibels)
    share = power.astype(np.float64) / reference  # float32 would overflow where the reference is tiny
    levels: np.ndarray = 10 * np.log10(np.maximum(share, 10.0 ** (-range_decibels / 10)))
    return levels


def pool_columns(pixels: np.ndarray, depth: int, how: str) -> np.ndarray:
    """``depth`` neighbours to one column: (..., column * depth) -> (..., column)."""
    grouped = pixels.reshape(*pixels.shape[:-1], -1, depth)
    pooled: np.ndarray = grouped[..., 0]
    if how != "first":
        pooled = grouped.max(axis=-1) if how == "max" else grouped.mean(axis=-1)
    return pooled


def _widen(values: Tensor) -> Tensor:
    """At least float32, which numpy and the measures take."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
