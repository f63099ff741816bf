"""Levels over time and frequency."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import BboxImage
from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import InvalidValue
from workbench.figures.envelope import to_decibels
from workbench.figures.image import show_raster
from workbench.figures.raster import (
    DYNAMIC_RANGE_DECIBELS,
    RASTER_ROWS,
    ChunkFrames,
    FrequencyRows,
    Raster,
    measure_power,
    raster_chunks,
    to_relative_decibels,
)
from workbench.figures.spectra import raster_waveform
from workbench.figures.style import (
    LEVEL_LABEL,
    LEVEL_MAP,
    Sheet,
    format_decibels,
    format_rate,
    name_channel,
    new_sheet,
    set_time_axis,
    set_title,
    shorten_name,
)

FREQUENCY_AXES = ("log", "linear")


def draw_spectrogram(
    audio: Audio[Tensor], *, name: str = "spectrogram", channel: int | None = None, frequency: str = "log"
) -> Figure:
    """The spectrogram of one channel of a waveform, in dB relative to its maximum.

    Args:
        audio: data (channel, time), at least 1 sample.
        name: what it is called in the headline.
        channel: its loudest channel by default.
        frequency: axis, ``log`` or ``linear``.
    """
    channel = choose_loudest_channel(audio.data) if channel is None else channel
    rows = FrequencyRows.choose(sample_rate=audio.sample_rate, is_log=is_log_axis(frequency))
    raster = raster_waveform(audio.data[channel], sample_rate=audio.sample_rate, rows=rows)
    seconds = audio.data.shape[-1] / audio.sample_rate
    headline = f"{name}: {seconds:.4g} s at {format_rate(audio.sample_rate)}, "
    headline += name_channel(channel, num_channels=audio.data.shape[0])
    sheet = new_sheet(height_inches=4.6, headline=headline)
    axes = sheet.subplots()
    add_level_bar(sheet, plot_levels(axes, raster), [axes])
    set_time_axis(axes, start_seconds=0.0, stop_seconds=seconds)
    return sheet


def draw_chunk_spectrograms(
    take: Callable[[int], Tensor],
    *,
    frames: ChunkFrames,
    stem_names: Sequence[str] = (),
    headline: str,
    chunk: int | None = None,
    channel: int = 0,
    frequency: str = "log",
) -> Figure:
    """Spectrograms as a run has them, chunk by chunk: of the song, or of each stem below one another.

    Args:
        take: index of a chunk -> (freq * channel, frame, 2), or (stem, freq * channel, frame, 2) with ``stem_names``.
        frames: where the frames lie.
        stem_names: of the stems, if there are any.
        headline: what one sees.
        chunk: one chunk alone; by default the song, at each instant from the chunk whose middle is nearest.
        channel: which channel.
        frequency: axis, ``log`` or ``linear``.
    """
    num_panels = max(1, len(stem_names))
    rows = FrequencyRows.choose(
        sample_rate=frames.sample_rate, is_log=is_log_axis(frequency), num_rows=share_rows(num_panels)
    )
    raster = raster_chunks(
        take, frames=frames, rows=rows, measure=measure_power, how="max", chunk=chunk, channel=channel
    )
    panels = (
        raster if stem_names else Raster(raster.values[np.newaxis], rows, raster.start_seconds, raster.stop_seconds)
    )
    sheet = new_sheet(height_inches=max(4.6, 1.2 + 1.9 * num_panels), headline=headline)
    column = sheet.subplots(num_panels, 1, squeeze=False)[:, 0]
    reference = float(raster.values.max())
    for index, axes in enumerate(column):
        image = plot_levels(axes, panels.select(index), reference=reference)
        set_time_axis(
            axes,
            start_seconds=raster.start_seconds,
            stop_seconds=raster.stop_seconds,
            label=index == num_panels - 1,
        )
        if stem_names:
            peak = to_decibels(math.sqrt(panels.values[index].max()), reference=math.sqrt(reference))
            set_title(axes, f"{shorten_name(stem_names[index])}: maximum {format_decibels(peak)} of the loudest stem's")
        if chunk is None:
            mark_seams(axes, frames)
    add_level_bar(sheet, image, list(column))
    return sheet


def plot_levels(axes: Axes, raster: Raster, *, reference: float | None = None) -> BboxImage:
    """Power as colours, in dB relative to ``reference`` (the raster's own maximum by default)."""
    reference = float(raster.values.max()) if reference is None else reference
    levels = to_relative_decibels(raster.values, reference=reference)
    return show_raster(axes, raster, levels, colors=LEVEL_MAP, low=-DYNAMIC_RANGE_DECIBELS, high=0.0)


def add_level_bar(sheet: Sheet, image: BboxImage, axes: Sequence[Axes], *, label: str = LEVEL_LABEL) -> None:
    """One bar of colours for all panels that share it."""
    sheet.colorbar(image, ax=list(axes), label=label, ticks=[-80, -60, -40, -20, 0], aspect=30, pad=0.01)


def mark_seams(axes: Axes, frames: ChunkFrames) -> None:
    """Small marks at the upper edge where a picture goes over from one chunk to the next."""
    grid = frames.grid
    first = grid.starts[0] + grid.chunk_size / 2 + grid.hop_size / 2
    seams = [(first + index * grid.hop_size) / frames.sample_rate for index in range(grid.num_chunks - 1)]
    inside = [seam for seam in seams if 0 < seam < frames.span_seconds(None)[1]]
    axes.plot(
        inside,
        [0.975] * len(inside),
        "v",
        transform=axes.get_xaxis_transform(),
        color="white",
        markersize=5,
        markeredgecolor="black",
        markeredgewidth=0.6,
    )


def choose_loudest_channel(signal: Tensor) -> int:
    """The channel with the most energy, the first of equals."""
    return int(signal.detach().float().square().mean(dim=-1).argmax())


def is_log_axis(frequency: str) -> bool:
    """Whether the frequency axis is logarithmic.

    Raises:
        InvalidValue: neither ``log`` nor ``linear``.
    """
    if frequency not in FREQUENCY_AXES:
        raise InvalidValue(f"frequency must be one of {', '.join(FREQUENCY_AXES)}, got {frequency!r}")
    return frequency == "log"


def share_rows(panels: int) -> int:
    """Rows of pixels for each of so many panels on one sheet."""
    return max(96, RASTER_ROWS // max(1, panels // 2))
