"""A song as it is heard and as it is seen."""

from __future__ import annotations

import math

from matplotlib.figure import Figure
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.grid import ChunkGrid
from workbench.figures.chunks import plot_lanes, plot_song_with_padding
from workbench.figures.envelope import (
    measure_envelope,
    measure_peak,
    measure_rms,
    plot_envelope,
    set_amplitude_axis,
    to_decibels,
)
from workbench.figures.raster import FrequencyRows
from workbench.figures.spectra import raster_waveform
from workbench.figures.spectrogram import add_level_bar, choose_loudest_channel, is_log_axis, plot_levels
from workbench.figures.style import (
    MIXTURE_COLOR,
    format_count,
    format_decibels,
    format_rate,
    name_channel,
    new_sheet,
    set_time_axis,
    set_title,
)

MOST_CHANNELS = 8


def draw_waveform(
    audio: Audio[Tensor],
    *,
    name: str = "waveform",
    grid: ChunkGrid | None = None,
    channel: int | None = None,
    frequency: str = "log",
    color: str = MIXTURE_COLOR,
) -> Figure:
    """Each channel's waveform and the spectrogram of one, or with ``grid`` the chunks in lanes below the waveform.

    Args:
        audio: data (channel, time), at least 1 sample.
        name: what it is called in the headline.
        grid: where the chunks lie.
        channel: of the spectrogram, the loudest by default.
        frequency: axis of the spectrogram, ``log`` or ``linear``.
        color: of the waveform.
    """
    headline = f"{name}: {describe_audio(audio)}"
    if grid is not None:
        sheet = new_sheet(height_inches=4.4, headline=headline)
        song_axes, lane_axes = sheet.subplots(2, 1, height_ratios=[1.0, 0.7])
        plot_song_with_padding(song_axes, audio, grid, color=color)
        song_axes.set_xlabel("")
        song_axes.tick_params(labelbottom=False)
        plot_lanes(lane_axes, grid, sample_rate=audio.sample_rate)
        return sheet
    num_channels, num_samples = audio.data.shape
    seconds, peak = num_samples / audio.sample_rate, measure_peak(audio.data)
    chosen = choose_loudest_channel(audio.data) if channel is None else channel
    lanes = min(num_channels, MOST_CHANNELS)
    sheet = new_sheet(height_inches=3.6 + 1.2 * lanes, headline=headline)
    *lane_axes, spectrogram_axes = sheet.subplots(lanes + 1, 1, height_ratios=[1.0] * lanes + [2.4])
    for index, axes in enumerate(lane_axes):
        part = audio.data[index : index + 1]
        plot_envelope(axes, measure_envelope(part, sample_rate=audio.sample_rate), color=color)
        set_amplitude_axis(axes, peak=peak)
        set_time_axis(axes, start_seconds=0.0, stop_seconds=seconds, label=False)
        set_title(axes, f"{name_channel(index, num_channels=num_channels)}: {describe_level(part)}")
    rows = FrequencyRows.choose(sample_rate=audio.sample_rate, is_log=is_log_axis(frequency))
    raster = raster_waveform(audio.data[chosen], sample_rate=audio.sample_rate, rows=rows)
    add_level_bar(sheet, plot_levels(spectrogram_axes, raster), [spectrogram_axes])
    set_time_axis(spectrogram_axes, start_seconds=0.0, stop_seconds=seconds)
    set_title(spectrogram_axes, f"spectrogram, {name_channel(chosen, num_channels=num_channels)}")
    return sheet


def describe_audio(audio: Audio[Tensor]) -> str:
    """``"2 channels, 12 s (529 200 samples) at 44 100 Hz, RMS −17.1 dB, peak −0.9 dB of full scale"``."""
    num_channels, num_samples = audio.data.shape
    return (
        f"{format_count(num_channels, 'channel')}, {num_samples / audio.sample_rate:.4g} s "
        f"({format_count(num_samples, 'sample')}) at {format_rate(audio.sample_rate)}, {describe_level(audio.data)}"
    )


def describe_level(signal: Tensor) -> str:
    """RMS and peak in dB of full scale."""
    rms, peak = to_decibels(measure_rms(signal)), to_decibels(measure_peak(signal))
    if rms == -math.inf:
        return "silent"
    return f"RMS {format_decibels(rms)}, peak {format_decibels(peak)} of full scale"
