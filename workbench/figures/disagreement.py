"""Where several passes over a song disagree about a stem."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from workbench.core.audio import Audio
from workbench.figures.envelope import measure_levels
from workbench.figures.raster import FrequencyRows, Raster
from workbench.figures.spectra import raster_waveform
from workbench.figures.spectrogram import add_level_bar, choose_loudest_channel, is_log_axis, plot_levels
from workbench.figures.style import (
    MIXTURE_COLOR,
    color_stems,
    name_channel,
    name_curve,
    new_sheet,
    set_time_axis,
    set_title,
    shorten_name,
    write_plainly,
)

FLOOR_DECIBELS = -120.0
MOST_IN_LEGEND = 12  # names; of more passes the curves alone are shown


def draw_disagreement(
    passes: Mapping[str, Audio[Tensor]], combined: Audio[Tensor], *, stem: str, frequency: str = "log"
) -> Figure:
    """How far each pass lies from what they come to together: levels over time, and the spectrogram of the spread.

    Args:
        passes: name -> the stem as that pass gave it, data (channel, time).
        combined: the stem that was made of them, of the same shape.
        stem: what it is called.
        frequency: axis, ``log`` or ``linear``.
    """
    rows = FrequencyRows.choose(sample_rate=combined.sample_rate, is_log=is_log_axis(frequency))
    channel = choose_loudest_channel(combined.data)
    differences = {name: Audio(audio.data - combined.data, combined.sample_rate) for name, audio in passes.items()}
    seconds = combined.data.shape[-1] / combined.sample_rate
    headline = f"{shorten_name(stem)}: where {len(passes)} {'pass differs' if len(passes) == 1 else 'passes differ'}"
    sheet = new_sheet(height_inches=7.2, headline=headline)
    level_axes, spread_axes = sheet.subplots(2, 1, height_ratios=[1.0, 1.3])
    plot_differences(level_axes, differences, combined)
    set_time_axis(level_axes, start_seconds=0.0, stop_seconds=seconds, label=False)
    reference = float(raster_waveform(combined.data[channel], sample_rate=combined.sample_rate, rows=rows).values.max())
    spread = measure_spread([audio.data[channel] for audio in differences.values()], combined.sample_rate, rows)
    add_level_bar(sheet, plot_levels(spread_axes, spread, reference=reference), [spread_axes])
    set_time_axis(spread_axes, start_seconds=0.0, stop_seconds=seconds)
    where = name_channel(channel, num_channels=combined.data.shape[0])
    set_title(spread_axes, f"mean power of the differences, {where} (dB re. maximum of the combined stem)")
    return sheet


def plot_differences(axes: Axes, differences: Mapping[str, Audio[Tensor]], combined: Audio[Tensor]) -> None:
    """Levels over time of the combined stem and of what each pass differs from it."""
    colors = color_stems(differences)
    curves = [("combined", combined, MIXTURE_COLOR, 2.0)]
    curves += [(name, audio, colors[name], 1.1) for name, audio in differences.items()]
    for name, audio, color, width in curves:
        instants, levels = measure_levels(audio.data, sample_rate=audio.sample_rate, floor_decibels=FLOOR_DECIBELS)
        marker = "o" if len(instants) == 1 else None
        axes.plot(instants, levels, color=color, linewidth=width, marker=marker, label=name_curve(shorten_name(name)))
    axes.set_ylim(FLOOR_DECIBELS - 5, 25)
    axes.grid(axis="y", color="0.9")
    axes.set_ylabel("RMS (dBFS)")
    if len(differences) <= MOST_IN_LEGEND:
        write_plainly(axes.legend(loc="upper right", ncols=4, fontsize=8).get_texts())
    set_title(axes, "the combined stem, and each pass minus it")


def measure_spread(differences: list[Tensor], sample_rate: int, rows: FrequencyRows) -> Raster:
    """The mean over passes of the power of their differences, (row, column)."""
    rasters = [raster_waveform(signal, sample_rate=sample_rate, rows=rows) for signal in differences]
    mean = np.mean([raster.values for raster in rasters], axis=0)
    return Raster(mean, rows, rasters[0].start_seconds, rasters[0].stop_seconds)
