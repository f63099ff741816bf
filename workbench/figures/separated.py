"""Stems of single chunks, before they are stitched: the song from chunk to chunk, one chunk, and the seams."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from workbench.core.grid import ChunkGrid
from workbench.figures.chunks import shade_beyond
from workbench.figures.envelope import (
    Envelope,
    measure_envelope,
    measure_rms,
    plot_envelope,
    set_amplitude_axis,
    to_decibels,
)
from workbench.figures.style import (
    color_stems,
    format_decibels,
    format_rms,
    new_sheet,
    set_time_axis,
    set_title,
    shorten_name,
)

MOST_SEAMS = 64
SONG_COLUMNS = 800


def draw_chunk_stems(
    take: Callable[[int], Tensor],
    *,
    grid: ChunkGrid,
    sample_rate: int,
    stem_names: Sequence[str],
    headline: str,
    chunk: int,
    colors: Mapping[str, str] | None = None,
) -> Figure:
    """A row for each stem: the song from chunk to chunk, and one chunk; below, how far neighbours differ.

    Args:
        take: index of a chunk -> (stem, channel, chunk_size).
        grid: where the chunks lie.
        sample_rate: in hertz.
        stem_names: of the stems.
        headline: what one sees.
        chunk: which one is drawn alone.
        colors: by stem; by place if not given.
    """
    palette = colors or color_stems(stem_names)
    has_seams = grid.num_chunks > 1 and grid.padding > 0
    sheet = new_sheet(height_inches=max(4.0, 1.1 + 1.5 * len(stem_names) + 1.7 * has_seams), headline=headline)
    layout = sheet.add_gridspec(len(stem_names) + has_seams, 2, width_ratios=[1.6, 1.0])
    start = grid.starts[chunk] / sample_rate
    stop = start + grid.chunk_size / sample_rate
    stems_of_chunk = take(chunk)
    songs = [join_chunks(take, grid, sample_rate=sample_rate, stem=index) for index in range(len(stem_names))]
    alone = [measure_envelope(stem, sample_rate=sample_rate, start_seconds=start) for stem in stems_of_chunk]
    peak = max(envelope.peak for envelope in (*songs, *alone))
    for index, name in enumerate(stem_names):
        is_last = index == len(stem_names) - 1
        axes = sheet.add_subplot(layout[index, 0])
        plot_envelope(axes, songs[index], color=palette[name])
        set_amplitude_axis(axes, peak=peak)
        set_time_axis(
            axes, start_seconds=0.0, stop_seconds=grid.num_samples / sample_rate, label=is_last and not has_seams
        )
        set_title(axes, f"{shorten_name(name)}, from chunk to chunk")
        axes = sheet.add_subplot(layout[index, 1])
        shade_beyond(axes, grid, sample_rate=sample_rate)
        plot_envelope(axes, alone[index], color=palette[name])
        set_amplitude_axis(axes, peak=peak)
        set_time_axis(axes, start_seconds=start, stop_seconds=stop, label=is_last)
        set_title(axes, f"chunk {chunk}: {format_rms(to_decibels(measure_rms(stems_of_chunk[index])))}")
    if has_seams:
        axes = sheet.add_subplot(layout[-1, 0])
        plot_seams(axes, take, grid, sample_rate=sample_rate, stem_names=stem_names, colors=palette)
    return sheet


def plot_seams(
    axes: Axes,
    take: Callable[[int], Tensor],
    grid: ChunkGrid,
    *,
    sample_rate: int,
    stem_names: Sequence[str],
    colors: Mapping[str, str],
) -> None:
    """How far two neighbouring chunks differ where they overlap, which stitching fades over."""
    seconds, differences = measure_seams(take, grid, sample_rate=sample_rate)
    for index, name in enumerate(stem_names):
        told = np.isfinite(differences[index])
        axes.plot(seconds[told], differences[index][told], "o-", color=colors[name], markersize=4, linewidth=0.8)
    told = differences[np.isfinite(differences)]
    low = min(-60.0, float(told.min()) - 5) if told.size else -60.0
    axes.set_ylim(low, max(10.0, float(told.max()) + 5) if told.size else 10.0)
    axes.set_ylabel("difference (dB)")
    axes.grid(axis="y", color="0.9")
    set_time_axis(axes, start_seconds=0.0, stop_seconds=grid.num_samples / sample_rate)
    if told.size:
        set_title(axes, f"seams: neighbours differ by {format_decibels(float(np.median(told)))} of the stem (median)")
    else:
        set_title(axes, "seams: neighbouring chunks agree exactly where they overlap")


def measure_seams(take: Callable[[int], Tensor], grid: ChunkGrid, *, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """The RMS of the difference of neighbouring chunks in their overlap, in dB of what they have in common there.

    Shapes:
        returns (seconds (seam,), decibels (stem, seam)), at most 64 seams; minus infinity where they agree.
    """
    num_seams = grid.num_chunks - 1
    firsts = np.unique(np.rint(np.linspace(0, num_seams - 1, min(num_seams, MOST_SEAMS))).astype(np.int64))
    seconds, columns = [], []
    for first in firsts:
        start = grid.starts[int(first) + 1]
        stop = grid.starts[int(first)] + grid.chunk_size
        low, high = max(start, 0), min(stop, grid.num_samples)
        if low >= high:
            continue  # they overlap beyond the song, where nothing is heard
        left = take(int(first))[..., low - grid.starts[int(first)] : high - grid.starts[int(first)]]
        right = take(int(first) + 1)[..., low - start : high - start]
        seconds.append((low + high) / 2 / sample_rate)
        columns.append(
            [
                to_decibels(measure_rms(one - other), reference=measure_rms((one + other) / 2))
                for one, other in zip(left, right, strict=True)
            ]
        )
    return np.array(seconds), np.array(columns).reshape(len(seconds), -1).T


def join_chunks(take: Callable[[int], Tensor], grid: ChunkGrid, *, sample_rate: int, stem: int) -> Envelope:
    """The envelope of a stem over the song, each instant from the chunk whose middle is nearest."""
    parts = []
    for index, start in enumerate(grid.starts):
        middle = start + grid.chunk_size // 2
        first = 0 if index == 0 else middle - grid.hop_size // 2
        last = grid.num_samples if index == grid.num_chunks - 1 else middle + grid.hop_size - grid.hop_size // 2
        first, last = max(first, 0, start), min(last, grid.num_samples, start + grid.chunk_size)
        if first < last:
            columns = max(1, math.ceil(SONG_COLUMNS * (last - first) / grid.num_samples))
            samples = take(index)[stem][:, first - start : last - start]
            parts.append(
                measure_envelope(
                    samples, sample_rate=sample_rate, start_seconds=first / sample_rate, num_columns=columns
                )
            )
    return Envelope(
        np.concatenate([part.seconds for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
    )
