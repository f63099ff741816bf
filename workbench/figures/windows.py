"""Overlap-add: the windows, their sum, and what dividing by it repairs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from workbench.core.grid import ChunkGrid
from workbench.core.stitch import window_sum
from workbench.figures.chunks import count_lanes, shade_beyond
from workbench.figures.envelope import Envelope, measure_envelope, plot_envelope, set_amplitude_axis
from workbench.figures.style import (
    STEM_COLORS,
    color_stems,
    format_count,
    format_decibels,
    new_sheet,
    set_time_axis,
    set_title,
    shorten_name,
)

MOST_WINDOWS = 24
WINDOW_POINTS = 400
FLOOR_DECIBELS = -80.0


def draw_windows(
    grid: ChunkGrid,
    window: Float[Tensor, " chunk"],
    *,
    sample_rate: int,
    name: str = "window",
    first_chunk: int = 0,
    stems: Mapping[str, Float[Tensor, "channel time"]] | None = None,
    colors: Mapping[str, str] | None = None,
) -> Figure:
    """The windows of all chunks (some in a long song), their sum, what dividing by it repairs, and what was stitched.

    Args:
        grid: where the chunks lie.
        window: weights of a chunk's samples.
        sample_rate: in hertz.
        name: of the window, for the headline.
        first_chunk: where to begin in a song of more chunks than fit.
        stems: what was stitched, by name; drawn below.
        colors: by stem; by place if not given.
    """
    shown = choose_chunks(grid, first_chunk)
    total = measure_window_sum(grid, window, shown, sample_rate=sample_rate)
    stems = stems or {}
    palette = colors or color_stems(stems)
    sheet = new_sheet(height_inches=5.0 + 1.1 * len(stems), headline=describe_windows(grid, total, shown, name=name))
    window_axes, level_axes, *stem_axes = sheet.subplots(
        2 + len(stems), 1, height_ratios=[1.8, 1.1] + [1.0] * len(stems)
    )
    plot_windows(window_axes, grid, window, sample_rate=sample_rate, chunks=shown)
    window_axes.set_xlabel("")
    window_axes.tick_params(labelbottom=False)
    plot_window_level(level_axes, grid, total, sample_rate=sample_rate, chunks=shown)
    if stems:
        level_axes.set_xlabel("")
        level_axes.tick_params(labelbottom=False)
    envelopes = {key: measure_shown(stem, grid, shown, sample_rate=sample_rate) for key, stem in stems.items()}
    peak = max((envelope.peak for envelope in envelopes.values()), default=0.0)
    for axes, (key, envelope) in zip(stem_axes, envelopes.items(), strict=True):
        shade_beyond(axes, grid, sample_rate=sample_rate)
        plot_envelope(axes, envelope, color=palette[key])
        set_amplitude_axis(axes, peak=peak)
        set_chunks_axis(axes, grid, sample_rate=sample_rate, chunks=shown, label=axes is stem_axes[-1])
        set_title(axes, f"{shorten_name(key)}, stitched")
    return sheet


def plot_windows(
    axes: Axes, grid: ChunkGrid, window: Float[Tensor, " chunk"], *, sample_rate: int, chunks: range
) -> None:
    """Stacked windows, and the sum that the song is divided by."""
    shade_beyond(axes, grid, sample_rate=sample_rate)
    weights = window.detach().cpu().double().numpy()
    picked = np.unique(np.rint(np.linspace(0, len(weights) - 1, WINDOW_POINTS)).astype(np.int64))
    # an edge at each end, so that windows which do not begin at 0 show their step
    offsets = np.concatenate(([0], picked + 0.5, [len(weights)]))
    heights = np.concatenate(([0.0], weights[picked], [0.0]))
    for index in chunks:
        color = STEM_COLORS[index % 2]
        seconds = (grid.starts[index] + offsets) / sample_rate
        axes.fill_between(seconds, heights, color=color, alpha=0.15, linewidth=0)
        axes.plot(
            seconds, heights, color=color, linewidth=1.0, label="window of a chunk" if index == chunks[0] else None
        )
    total = measure_window_sum(grid, window, chunks, sample_rate=sample_rate)
    plot_range(axes, total, color="black", label="sum of the windows")
    axes.set_ylabel("weight (1)")
    axes.set_ylim(min(0.0, 1.1 * float(heights.min())), 1.4 * max(total.peak, float(heights.max()), 1e-12))
    set_chunks_axis(axes, grid, sample_rate=sample_rate, chunks=chunks)
    axes.legend(loc="upper right", ncols=2, fontsize=8, framealpha=0.9)
    set_title(axes, "windows and their sum; shaded: padding, cut off after stitching")


def plot_window_level(axes: Axes, grid: ChunkGrid, total: Envelope, *, sample_rate: int, chunks: range) -> None:
    """How loud a constant signal would come out without and with the division by the windows' sum."""
    shade_beyond(axes, grid, sample_rate=sample_rate)
    low, high = to_level(total.low), to_level(total.high)
    plot_range(axes, Envelope(total.seconds, low, high), color=STEM_COLORS[1], label="without division by the sum")
    axes.axhline(0.0, color=STEM_COLORS[2], linewidth=1.6, linestyle="--", label="with it")
    span = max(1.0, float(high.max()), -float(low.min()))
    axes.set_ylim(-1.25 * span if low.min() < 0 else -0.35 * span, 1.6 * span if high.max() > 0 else 0.7 * span)
    axes.set_ylabel("level (dB)")
    set_chunks_axis(axes, grid, sample_rate=sample_rate, chunks=chunks)
    axes.legend(loc="upper right", ncols=2, fontsize=8, framealpha=0.9)
    set_title(axes, "what normalization repairs")


def plot_range(axes: Axes, envelope: Envelope, *, color: str, label: str) -> None:
    """A line that is as thick as its range where it has one within a pixel."""
    axes.fill_between(envelope.seconds, envelope.low, envelope.high, color=color, alpha=0.35, linewidth=0)
    marker = "o" if len(envelope.seconds) == 1 else None
    axes.plot(envelope.seconds, envelope.high, color=color, linewidth=1.6, marker=marker, markersize=4, label=label)


def choose_chunks(grid: ChunkGrid, first_chunk: int) -> range:
    """As many neighbouring chunks as are told apart in a picture."""
    most = max(MOST_WINDOWS, 3 * count_lanes(grid))  # of a large overlap some that are covered in full
    first = max(0, min(first_chunk, grid.num_chunks - most))
    return range(first, min(grid.num_chunks, first + most))


def measure_window_sum(
    grid: ChunkGrid, window: Float[Tensor, " chunk"], chunks: range, *, sample_rate: int
) -> Envelope:
    """The sum of the windows over what the chunks cover of the song."""
    return measure_shown(window_sum(grid, window).unsqueeze(0), grid, chunks, sample_rate=sample_rate)


def measure_shown(
    signal: Float[Tensor, "channel time"], grid: ChunkGrid, chunks: range, *, sample_rate: int
) -> Envelope:
    """The envelope of what some chunks cover of a signal as long as the song."""
    start, stop = grid.span(chunks)
    start = min(max(start, 0), grid.num_samples - 1)
    stop = max(start + 1, min(stop, grid.num_samples))
    return measure_envelope(signal[:, start:stop], sample_rate=sample_rate, start_seconds=start / sample_rate)


def describe_windows(grid: ChunkGrid, total: Envelope, shown: range, *, name: str) -> str:
    """The headline: what the sum of the windows is worth."""
    low, high = float(to_level(total.low).min()), float(to_level(total.high).max())
    overlap = 1 - grid.hop_size / grid.chunk_size
    text = f"stitch: {name} window, overlap {overlap:.3g}: "
    if high - low < 0.01:
        text += f"the windows add up to {total.peak:.4g} everywhere"
    else:
        text += f"undivided, the level would swing from {format_decibels(low)} to {format_decibels(high)}"
    if len(shown) < grid.num_chunks:
        return f"{text} (chunks {shown[0]} to {shown[-1]} of {grid.num_chunks}; the sum repeats with the hop)"
    return f"{text} ({format_count(grid.num_chunks, 'chunk')})"


def set_chunks_axis(axes: Axes, grid: ChunkGrid, *, sample_rate: int, chunks: range, label: bool = True) -> None:
    """A time axis over what some chunks cover."""
    start, stop = grid.span(chunks)
    set_time_axis(axes, start_seconds=start / sample_rate, stop_seconds=stop / sample_rate, label=label)


def to_level(weights: np.ndarray) -> np.ndarray:
    """dB, nothing below -80."""
    levels: np.ndarray = 20 * np.log10(np.maximum(np.abs(weights), 10.0 ** (FLOOR_DECIBELS / 20)))
    return levels
