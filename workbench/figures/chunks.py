"""The chunks of a song, in lanes below its waveform."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.chunk import take_batch
from workbench.core.grid import ChunkGrid
from workbench.figures.envelope import measure_envelope, measure_peak, plot_envelope, set_amplitude_axis
from workbench.figures.style import (
    HIGHLIGHT_COLOR,
    MIXTURE_COLOR,
    STEM_COLORS,
    format_count,
    format_seconds,
    new_sheet,
    set_time_axis,
    set_title,
)

MOST_LABELS = 40
PADDING_STYLE = {"facecolor": "0.85", "edgecolor": "none"}
ZEROS_STYLE = {"facecolor": "0.96", "edgecolor": "0.7", "hatch": "////", "linewidth": 0.0}


def draw_chunks(
    audio: Audio[Tensor], grid: ChunkGrid, *, padding_mode: str = "reflect", chunk: int | None = None
) -> Figure:
    """The song, the lanes of its chunks below it, and one chunk as a model gets it.

    Args:
        audio: data (channel, time), which the chunks are cut from.
        grid: where they lie.
        padding_mode: what the song goes on with beyond its ends.
        chunk: which one is shown at the bottom; the first by default.
    """
    chunk = 0 if chunk is None else chunk
    rate = audio.sample_rate
    headline = (
        f"chunk: {format_count(grid.num_chunks, 'chunk')} of {grid.chunk_size / rate:.4g} s "
        f"({format_count(grid.chunk_size, 'sample')}), a new one every {grid.hop_size / rate:.4g} s, "
        f"{grid.redundancy:.4g} times the song"
    )
    sheet = new_sheet(height_inches=6.4, headline=headline)
    song_axes, lane_axes, chunk_axes = sheet.subplots(3, 1, height_ratios=[1.0, 0.8, 1.0])
    plot_song_with_padding(song_axes, audio, grid)
    set_title(song_axes, "song, envelope over all channels; beyond its ends it is padded (grey), then zeros (hatched)")
    plot_lanes(lane_axes, grid, sample_rate=rate, highlight=chunk)
    set_title(lane_axes, "chunks, in lanes where they overlap; orange: the one shown below")
    song_axes.set_xlabel("")
    song_axes.tick_params(labelbottom=False)

    start = grid.starts[chunk]
    samples = take_batch(audio.data, grid, range(chunk, chunk + 1), padding_mode=padding_mode)[0]  # (channel, chunk)
    envelope = measure_envelope(samples, sample_rate=rate, start_seconds=start / rate)
    shade_beyond(chunk_axes, grid, sample_rate=rate)
    plot_envelope(chunk_axes, envelope, color=HIGHLIGHT_COLOR)
    set_amplitude_axis(chunk_axes, peak=envelope.peak)
    set_time_axis(chunk_axes, start_seconds=start / rate, stop_seconds=(start + grid.chunk_size) / rate)
    span = f"{format_seconds(start / rate)} to {format_seconds((start + grid.chunk_size) / rate)}"
    set_title(chunk_axes, f"chunk {chunk} as the model gets it, {span}, padding by {padding_mode}")
    return sheet


def plot_song_with_padding(axes: Axes, audio: Audio[Tensor], grid: ChunkGrid, *, color: str = MIXTURE_COLOR) -> None:
    """The waveform, and around it as much room as the chunks reach beyond it."""
    shade_beyond(axes, grid, sample_rate=audio.sample_rate)
    plot_envelope(axes, measure_envelope(audio.data, sample_rate=audio.sample_rate), color=color)
    set_amplitude_axis(axes, peak=measure_peak(audio.data))
    set_grid_axis(axes, grid, sample_rate=audio.sample_rate)


def set_grid_axis(axes: Axes, grid: ChunkGrid, *, sample_rate: int, label: bool = True) -> None:
    """A time axis from the start of the padding to the end of the last chunk."""
    start = grid.starts[0]
    set_time_axis(
        axes,
        start_seconds=start / sample_rate,
        stop_seconds=(start + grid.padded_length) / sample_rate,
        label=label,
    )


def shade_beyond(axes: Axes, grid: ChunkGrid, *, sample_rate: int) -> None:
    """Shade the padding on both sides of the song, and hatch the zeros that fill the last chunk."""
    end, stop = grid.num_samples, grid.starts[0] + grid.padded_length
    padding_end = min(end + grid.padding, stop)
    for first, last, style in (
        (-grid.padding, 0, PADDING_STYLE),
        (end, padding_end, PADDING_STYLE),
        (padding_end, stop, ZEROS_STYLE),
    ):
        if first < last:
            axes.axvspan(first / sample_rate, last / sample_rate, zorder=0, **style)


def plot_lanes(axes: Axes, grid: ChunkGrid, *, sample_rate: int, highlight: int | None = None) -> None:
    """Each chunk as a bar; those that overlap lie in different lanes."""
    shade_beyond(axes, grid, sample_rate=sample_rate)
    num_lanes = count_lanes(grid)
    bars, colors = [], []
    width = grid.chunk_size / sample_rate
    every = -(-grid.num_chunks // MOST_LABELS)
    for index, start in enumerate(grid.starts):
        bars.append(Rectangle((start / sample_rate, index % num_lanes + 0.12), width, 0.76))
        colors.append(HIGHLIGHT_COLOR if index == highlight else STEM_COLORS[0])
        if index % every == 0:
            axes.text(
                start / sample_rate + width / 2,
                index % num_lanes + 0.5,
                str(index),
                ha="center",
                va="center",
                fontsize=8 if num_lanes < 8 else 6,
                clip_on=True,
            )
    axes.add_collection(PatchCollection(bars, facecolor=colors, edgecolor=colors, alpha=0.45, linewidth=1.0))
    axes.set_ylim(num_lanes, 0)  # the first chunk at the top
    axes.set_yticks([])
    axes.set_ylabel("chunk")
    set_grid_axis(axes, grid, sample_rate=sample_rate)


def count_lanes(grid: ChunkGrid) -> int:
    """As many as chunks overlap at one sample, and no more than there are chunks."""
    return min(grid.num_chunks, -(-grid.chunk_size // grid.hop_size))
