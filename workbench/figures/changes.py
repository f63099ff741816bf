"""The same sound before and after its rate, channels or length were changed."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from torch import Tensor

from workbench.core.audio import Audio
from workbench.figures.envelope import measure_envelope, measure_peak, plot_envelope, set_amplitude_axis
from workbench.figures.raster import LOWEST_HERTZ, to_relative_decibels
from workbench.figures.spectra import measure_average_spectrum
from workbench.figures.spectrogram import choose_loudest_channel
from workbench.figures.style import (
    FAINT_COLOR,
    FREQUENCY_LABEL,
    LEVEL_LABEL,
    MIXTURE_COLOR,
    format_count,
    format_hertz,
    format_rate,
    new_sheet,
    set_time_axis,
    set_title,
    shorten_name,
)
from workbench.figures.waveform import describe_level

SPECTRUM_RANGE_DECIBELS = 100.0


def draw_change(
    before: Mapping[str, Audio[Tensor]],
    after: Mapping[str, Audio[Tensor]],
    *,
    name: str,
    colors: Mapping[str, str] | None = None,
) -> Figure:
    """A row for each sound: its waveform after the change, and its average spectrum before and after.

    Args:
        before: name -> audio, data (channel, time).
        after: likewise, with the same names.
        name: of the step, for the headline.
        colors: by name.
    """
    headline = f"{name}: {describe_change(next(iter(before.values())), next(iter(after.values())))}"
    sheet = new_sheet(height_inches=max(3.6, 1.0 + 1.7 * len(after)), headline=headline)
    grid = sheet.subplots(len(after), 2, squeeze=False, width_ratios=[1.4, 1.0])
    peak = max(measure_peak(audio.data) for audio in after.values())
    for index, (key, audio) in enumerate(after.items()):
        color = (colors or {}).get(key, MIXTURE_COLOR)
        is_last = index == len(after) - 1
        wave_axes, spectrum_axes = grid[index]
        plot_envelope(wave_axes, measure_envelope(audio.data, sample_rate=audio.sample_rate), color=color)
        set_amplitude_axis(wave_axes, peak=peak)
        seconds = audio.data.shape[-1] / audio.sample_rate
        set_time_axis(wave_axes, start_seconds=0.0, stop_seconds=seconds, label=is_last)
        set_title(wave_axes, f"{shorten_name(key)}: {describe_level(audio.data)}")
        plot_spectra(spectrum_axes, before[key], audio, color=color)
        if not is_last:
            spectrum_axes.set_xlabel("")
            spectrum_axes.tick_params(labelbottom=False)
    return sheet


def plot_spectra(axes: Axes, before: Audio[Tensor], after: Audio[Tensor], *, color: str) -> None:
    """Average spectra of the loudest channels, in dB of the higher maximum, and where each sample rate ends."""
    curves = [(before, FAINT_COLOR, "before", 3.0)] if is_changed(before, after) else []
    curves.append((after, color, "after" if curves else "average spectrum", 1.3))
    spectra = [
        measure_average_spectrum(audio.data[choose_loudest_channel(audio.data)], sample_rate=audio.sample_rate)
        for audio, *_ in curves
    ]
    reference = max(float(power.max()) for _, power in spectra)
    for (hertz, power), (audio, shade, label, width) in zip(spectra, curves, strict=True):
        levels = to_relative_decibels(power, reference=reference, range_decibels=SPECTRUM_RANGE_DECIBELS)
        axes.plot(hertz, levels, color=shade, linewidth=width, label=f"{label}, {format_rate(audio.sample_rate)}")
        axes.axvline(audio.sample_rate / 2, color=shade, linewidth=0.8, linestyle=":")
    highest = max(before.sample_rate, after.sample_rate) / 2
    axes.set_xscale("log")
    axes.set_xlim(min(LOWEST_HERTZ, highest / 8), 1.1 * highest)
    axes.set_ylim(-SPECTRUM_RANGE_DECIBELS, 5.0)
    axes.xaxis.set_major_locator(LogLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_hertz(value)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(FREQUENCY_LABEL)
    axes.set_ylabel(LEVEL_LABEL.replace(" re. maximum", ""))
    axes.legend(loc="lower left", fontsize=8)
    set_title(axes, "average spectrum (dB re. maximum)")


def is_changed(before: Audio[Tensor], after: Audio[Tensor]) -> bool:
    """Whether rate, channels or length differ."""
    return before.sample_rate != after.sample_rate or before.data.shape != after.data.shape


def describe_change(before: Audio[Tensor], after: Audio[Tensor]) -> str:
    """``"44 100 Hz → 16 000 Hz, 2 → 1 channels, 529 200 → 192 000 samples"``, or that nothing changed."""
    if not is_changed(before, after):
        channels, samples = after.data.shape
        return (
            f"nothing to change, {format_count(channels, 'channel')} at {format_rate(after.sample_rate)} and "
            f"{format_count(samples, 'sample')} already"
        )
    parts = [
        (format_rate(before.sample_rate), format_rate(after.sample_rate), ""),
        (str(before.data.shape[0]), str(after.data.shape[0]), " channels"),
        (format_count(before.data.shape[1], ""), format_count(after.data.shape[1], ""), " samples"),
    ]
    return ", ".join(f"{old} → {new}{unit}" if old != new else f"{new}{unit} as before" for old, new, unit in parts)
