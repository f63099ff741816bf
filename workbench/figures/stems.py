"""Stems side by side: waveforms and spectrograms, and how exactly they add up to the mixture."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from workbench.core.audio import Audio
from workbench.figures.envelope import (
    measure_envelope,
    measure_levels,
    measure_peak,
    measure_rms,
    plot_envelope,
    set_amplitude_axis,
    to_decibels,
)
from workbench.figures.raster import FrequencyRows
from workbench.figures.spectra import raster_waveform
from workbench.figures.spectrogram import (
    add_level_bar,
    choose_loudest_channel,
    is_log_axis,
    plot_levels,
    share_rows,
)
from workbench.figures.style import (
    HIGHLIGHT_COLOR,
    MIXTURE_COLOR,
    color_stems,
    format_decibels,
    format_rms,
    name_channel,
    new_sheet,
    set_time_axis,
    set_title,
    shorten_name,
)

RESIDUAL_FLOOR_DECIBELS = -180.0
SAME_DECIBELS = -100.0  # of the mixture; two ways to sum stems in float32 differ by less
THE_STEMS, MODEL_STEMS = "the stems", "the model's own stems"  # whose sum a remainder is about


def draw_stems(
    stems: Mapping[str, Audio[Tensor]],
    *,
    mixture: Audio[Tensor] | None = None,
    remainder: Audio[Tensor] | None = None,
    colors: Mapping[str, str] | None = None,
    headline: str = "stems",
    channel: int | None = None,
    frequency: str = "log",
) -> Figure:
    """A row for the mixture and for each stem: its waveform and its spectrogram; below, what they leave over.

    Args:
        stems: name -> audio, data (channel, time), all of one shape and rate.
        mixture: drawn first, and what levels are relative to.
        remainder: the mixture minus all of the model's own stems, whether they are drawn or not; its level over time
            is drawn beside the mixture's, and the caption says of which stems it tells.
        colors: by stem; by place if not given.
        headline: what one sees.
        channel: of the spectrograms; the mixture's loudest by default.
        frequency: axis of the spectrograms, ``log`` or ``linear``.
    """
    tracks = {**({} if mixture is None else {"mixture": mixture}), **stems}
    palette = {"mixture": MIXTURE_COLOR, **(colors or color_stems(stems))}
    first = next(iter(tracks.values()))
    seconds = first.data.shape[-1] / first.sample_rate
    chosen = choose_loudest_channel(first.data) if channel is None else channel
    rows = FrequencyRows.choose(
        sample_rate=first.sample_rate, is_log=is_log_axis(frequency), num_rows=share_rows(len(tracks))
    )
    rasters = {
        name: raster_waveform(audio.data[chosen], sample_rate=audio.sample_rate, rows=rows, num_columns=400)
        for name, audio in tracks.items()
    }
    reference = max(float(raster.values.max()) for raster in rasters.values())
    peak = max(measure_peak(audio.data) for audio in tracks.values())
    extra = 0 if remainder is None or mixture is None else 1
    height = max(4.6, 1.1 + 1.35 * len(tracks) + 1.9 * extra)
    sheet = new_sheet(height_inches=height, width_inches=11.0, headline=headline)
    layout = sheet.add_gridspec(len(tracks) + extra, 2, width_ratios=[1.0, 1.15])
    spectrogram_axes = []
    for index, (name, audio) in enumerate(tracks.items()):
        is_last = index == len(tracks) - 1
        axes = sheet.add_subplot(layout[index, 0])
        plot_stem(axes, audio, name=name, color=palette[name], peak=peak)
        set_time_axis(axes, start_seconds=0.0, stop_seconds=seconds, label=is_last)
        axes = sheet.add_subplot(layout[index, 1])
        image = plot_levels(axes, rasters[name], reference=reference)
        set_time_axis(axes, start_seconds=0.0, stop_seconds=seconds, label=is_last)
        if index == 0:
            set_title(axes, f"spectrogram, {name_channel(chosen, num_channels=audio.data.shape[0])}")
        spectrogram_axes.append(axes)
    add_level_bar(sheet, image, spectrogram_axes)
    if extra and mixture is not None and remainder is not None:
        axes = sheet.add_subplot(layout[-1, :])
        plot_residual(axes, mixture, remainder, summed=name_summed(stems, mixture, remainder))
    return sheet


def name_summed(stems: Mapping[str, Audio[Tensor]], mixture: Audio[Tensor], remainder: Audio[Tensor]) -> str:
    """Whose sum the remainder is about: the stems that are drawn, or the model's own, of which some are not."""
    left = mixture.data
    for stem in stems.values():
        left = left - stem.data
    apart = to_decibels(measure_rms(left - remainder.data), reference=measure_rms(mixture.data))
    return THE_STEMS if apart < SAME_DECIBELS else MODEL_STEMS


def plot_stem(axes: Axes, audio: Audio[Tensor], *, name: str, color: str, peak: float) -> None:
    """A stem's waveform (envelope over all channels), with its level in the title."""
    plot_envelope(axes, measure_envelope(audio.data, sample_rate=audio.sample_rate, num_columns=600), color=color)
    set_amplitude_axis(axes, peak=peak)
    set_title(axes, f"{shorten_name(name)}: {format_rms(to_decibels(measure_rms(audio.data)))}")


def plot_residual(axes: Axes, mixture: Audio[Tensor], remainder: Audio[Tensor], *, summed: str = THE_STEMS) -> None:
    """Levels over time of the mixture and of what its stems, ``summed``, leave over."""
    rate = mixture.sample_rate
    for name, audio, color in (
        ("mixture", mixture, MIXTURE_COLOR),
        (f"mixture − sum of {summed}", remainder, HIGHLIGHT_COLOR),
    ):
        seconds, levels = measure_levels(audio.data, sample_rate=rate, floor_decibels=RESIDUAL_FLOOR_DECIBELS)
        marker = "o" if len(seconds) == 1 else None
        axes.plot(seconds, levels, color=color, linewidth=1.2, marker=marker, label=name)
    axes.set_ylim(RESIDUAL_FLOOR_DECIBELS - 5, 25)
    axes.set_yticks(np.arange(-180, 1, 60))
    axes.grid(axis="y", color="0.9")
    axes.set_ylabel("RMS (dBFS)")
    set_time_axis(axes, start_seconds=0.0, stop_seconds=mixture.data.shape[-1] / rate)
    axes.legend(loc="center right", ncols=2, fontsize=8)
    set_title(axes, describe_residual(mixture, remainder, summed=summed))


def describe_residual(mixture: Audio[Tensor], remainder: Audio[Tensor], *, summed: str = THE_STEMS) -> str:
    """How far the sum of the stems, named by ``summed``, is from the mixture, in dB of the mixture."""
    left = to_decibels(measure_rms(remainder.data), reference=measure_rms(mixture.data))
    if measure_rms(remainder.data) == 0:
        return f"{summed} add up to the mixture exactly"
    if left == -math.inf:
        return f"the mixture is silent, {summed} are not"
    return f"{summed} add up to the mixture but for {format_decibels(left)} of it (float32 rounds at about −140 dB)"
