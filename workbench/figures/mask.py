"""Masks: how much of each point of the mixture's spectrogram goes to each stem."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import BboxImage
from torch import Tensor

from workbench.figures.image import show_raster
from workbench.figures.raster import (
    ChunkFrames,
    FrequencyRows,
    Raster,
    measure_magnitude,
    measure_phase,
    measure_power,
    raster_chunks,
)
from workbench.figures.spectrogram import add_level_bar, is_log_axis, mark_seams, plot_levels, share_rows
from workbench.figures.style import (
    Sheet,
    get_mask_map,
    get_phase_map,
    new_sheet,
    set_time_axis,
    set_title,
    shorten_name,
)

AUDIBLE_MAGNITUDE = 0.01  # the phase of a smaller mask says nothing


def draw_mask(
    take_mask: Callable[[int], Tensor],
    *,
    frames: ChunkFrames,
    stem_names: Sequence[str],
    headline: str,
    take_masked: Callable[[int], Tensor] | None = None,
    chunk: int | None = None,
    channel: int = 0,
    frequency: str = "log",
) -> Figure:
    """A row for each stem: the mask's magnitude, its phase where it has one, and what it leaves of the mixture.

    Args:
        take_mask: index of a chunk -> (stem, freq * channel, frame, 2).
        frames: where the frames lie.
        stem_names: of the stems.
        headline: what one sees.
        take_masked: likewise, the masked spectrograms.
        chunk: one chunk alone; by default the song, at each instant from the chunk whose middle is nearest.
        channel: which channel.
        frequency: axis, ``log`` or ``linear``.
    """
    panels = len(stem_names)
    rows = FrequencyRows.choose(
        sample_rate=frames.sample_rate, is_log=is_log_axis(frequency), num_rows=share_rows(panels)
    )

    def assemble(take: Callable[[int], Tensor], measure: Callable[[Tensor], Tensor], how: str) -> Raster:
        return raster_chunks(
            take, frames=frames, rows=rows, measure=measure, how=how, chunk=chunk, channel=channel, num_columns=430
        )

    magnitude = assemble(take_mask, measure_magnitude, "mean")
    phase = hide_silent_phase(assemble(take_mask, measure_phase, "first"), magnitude)
    has_phase = bool(np.any(np.abs(phase.values) > 1e-3))  # hidden pixels are NaN and compare as False
    masked = None if take_masked is None else assemble(take_masked, measure_power, "max")

    sheet = new_sheet(height_inches=max(4.6, 1.2 + 1.8 * panels), width_inches=11.0, headline=headline)
    grid = sheet.subplots(panels, 1 + has_phase + (masked is not None), squeeze=False, sharex=True, sharey=True)
    for index, name in enumerate(stem_names):
        columns = iter(grid[index])
        axes = next(columns)
        image = plot_mask(axes, magnitude.select(index))
        set_title(axes, f"{shorten_name(name)}: {describe_mask(magnitude.values[index])}")
        if has_phase:
            axes = next(columns)
            phase_image = plot_phase(axes, phase.select(index))
            set_title(axes, "phase")
        if masked is not None:
            axes = next(columns)
            level_image = plot_levels(axes, masked.select(index), reference=float(masked.values.max()))
            set_title(axes, "masked spectrogram")
    for axes in grid.flat:
        is_lowest, is_first = axes in grid[-1], axes in grid[:, 0]
        set_time_axis(axes, start_seconds=magnitude.start_seconds, stop_seconds=magnitude.stop_seconds, label=is_lowest)
        if not is_first:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
        if chunk is None:
            mark_seams(axes, frames)
    columns = iter(grid.T)
    add_mask_bar(sheet, image, list(next(columns)))
    if has_phase:
        bar = sheet.colorbar(
            phase_image, ax=list(next(columns)), label="phase (rad)", ticks=[-math.pi, 0, math.pi], aspect=30, pad=0.01
        )
        bar.ax.set_yticklabels(["−π", "0", "π"])
    if masked is not None:
        add_level_bar(sheet, level_image, list(next(columns)))
    return sheet


def plot_mask(axes: Axes, raster: Raster) -> BboxImage:
    """Magnitudes from 0 to 1 by lightness; beyond 1 in a colour of its own."""
    return show_raster(axes, raster, raster.values, colors=get_mask_map(), low=0.0, high=1.0)


def plot_phase(axes: Axes, raster: Raster) -> BboxImage:
    """Angles in radians, -pi and pi in one colour."""
    return show_raster(axes, raster, raster.values, colors=get_phase_map(), low=-math.pi, high=math.pi)


def add_mask_bar(sheet: Sheet, image: BboxImage, axes: Sequence[Axes]) -> None:
    """The bar of a mask's colours, with the one beyond 1 at its tip."""
    sheet.colorbar(
        image, ax=list(axes), label="mask, magnitude (1)", ticks=[0, 0.5, 1], extend="max", aspect=30, pad=0.01
    )


def hide_silent_phase(phase: Raster, magnitude: Raster) -> Raster:
    """NaN, which is drawn grey, where the magnitude is so small that its phase says nothing."""
    width = phase.values.shape[-1]
    nearest = (np.arange(width) * magnitude.values.shape[-1]) // width
    audible = magnitude.values[..., nearest] >= AUDIBLE_MAGNITUDE
    return Raster(np.where(audible, phase.values, np.nan), phase.rows, phase.start_seconds, phase.stop_seconds)


def describe_mask(magnitude: np.ndarray) -> str:
    """Its mean and, where it is beyond 1, its maximum."""
    text = f"mask, mean {magnitude.mean():.2f}"
    return f"{text}, maximum {magnitude.max():.3g}" if magnitude.max() > 1.0005 else text
