"""The song and its stems to listen to, each beside its picture."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.stems import MIXTURE
from workbench.figures.envelope import measure_envelope, measure_peak, plot_envelope, set_amplitude_axis
from workbench.figures.raster import FrequencyRows, Raster
from workbench.figures.spectra import raster_waveform
from workbench.figures.spectrogram import choose_loudest_channel, plot_levels
from workbench.figures.style import MIXTURE_COLOR, format_seconds, new_sheet, set_time_axis
from workbench.figures.waveform import describe_level
from workbench.pipeline.ensemble_trace import EnsembleTrace
from workbench.pipeline.trace import Trace
from workbench.report.pictures import encode_figure
from workbench.report.sound import SoundPlan, choose_gain, encode_sound, plan_sound
from workbench.report.words import escape, make_image, make_player

ROWS, COLUMNS = 120, 500  # of a spectrogram in pixels
WIDTH_INCHES, HEIGHT_INCHES = 6.0, 3.0
MOST_PICTURE_BYTES = 40_000
ALL_PICTURES_BYTES = 1_000_000


def list_tracks(trace: Trace | EnsembleTrace) -> dict[str, Audio[Tensor]]:
    """The mixture and the stems by name."""
    return {MIXTURE: trace.song, **trace.stems}


def render_pictures(trace: Trace | EnsembleTrace, *, colors: Mapping[str, str]) -> dict[str, str]:
    """A picture of each track, by name, as HTML: its waveform and its spectrogram on the mixture's scales.

    Args:
        trace: of the run.
        colors: of the stems, by name.
    """
    tracks = list_tracks(trace)
    colors = {**colors, MIXTURE: MIXTURE_COLOR}
    most_bytes = min(MOST_PICTURE_BYTES, ALL_PICTURES_BYTES // len(tracks))
    peak = max(measure_peak(audio.data) for audio in tracks.values())
    channel = choose_loudest_channel(trace.song.data)
    loudest = 0.0  # the mixture comes first
    images = {}
    for name, audio in tracks.items():
        raster = _raster_track(audio, channel=channel)
        loudest = loudest or float(raster.values.max())
        figure = draw_track(audio, raster, color=colors[name], peak=peak, reference=loudest)
        alt = f"Waveform and spectrogram of {name}: {describe_level(audio.data)}."
        images[name] = make_image(encode_figure(figure, most_bytes=most_bytes), alt=alt)
        del figure
    return images


def draw_track(audio: Audio[Tensor], raster: Raster, *, color: str, peak: float, reference: float) -> Figure:
    """A waveform above a spectrogram, for a card half as wide as the page.

    Args:
        audio: data (channel, time).
        raster: its spectrogram.
        color: of the waveform.
        peak: the end of the axis of amplitudes.
        reference: the power that is 0 dB.
    """
    sheet = new_sheet(height_inches=HEIGHT_INCHES, width_inches=WIDTH_INCHES)
    wave_axes, spectrogram_axes = sheet.subplots(2, 1, height_ratios=[1.0, 1.6])
    seconds = audio.data.shape[1] / audio.sample_rate
    plot_envelope(wave_axes, measure_envelope(audio.data, sample_rate=audio.sample_rate, num_columns=600), color=color)
    set_amplitude_axis(wave_axes, peak=peak)
    wave_axes.set_ylabel("(1)")
    set_time_axis(wave_axes, start_seconds=0.0, stop_seconds=seconds, label=False)
    plot_levels(spectrogram_axes, raster, reference=reference)
    spectrogram_axes.set_ylabel("(Hz)")
    set_time_axis(spectrogram_axes, start_seconds=0.0, stop_seconds=seconds)
    return sheet


def render_tracks(trace: Trace | EnsembleTrace, images: Mapping[str, str], *, budget_bytes: int) -> str:
    """Cards with picture and player, for so many bytes of sound in all."""
    tracks = list_tracks(trace)
    seconds = trace.song.data.shape[1] / trace.song.sample_rate
    plan = plan_sound(num_tracks=len(tracks), seconds=seconds, budget_bytes=budget_bytes)
    gain = choose_gain(list(tracks.values()))
    cards = []
    for name, audio in tracks.items():
        player = make_player(encode_sound(audio, plan, gain=gain), label=f"Listen to {name}")
        cards.append(
            f"<article><h3>{escape(name)}</h3>\n<p>{escape(describe_level(audio.data))}</p>\n"
            f"{images[name]}\n{player}</article>\n"
        )
    words = describe_sound(plan, seconds=seconds, gain=gain, num_channels=trace.song.data.shape[0])
    return f'<p class="soft">{escape(words)}</p>\n<div class="tracks">\n{"".join(cards)}</div>\n'


def describe_sound(plan: SoundPlan, *, seconds: float, gain: float, num_channels: int) -> str:
    """What the sound in the page is, compared to the stems themselves."""
    parts = [f"Sound in Opus at {plan.bit_rate / 1000:.0f} kbit/s, for listening; the run's own stems are exact."]
    if plan.seconds < seconds:
        parts.append(f"To keep the page small, only the first {format_seconds(plan.seconds)} of each are in it.")
    if gain < 1.0:
        parts.append(f"All are scaled by {gain:.3f}, so that none clips.")
    if num_channels > 2:
        parts.append(f"The {num_channels} channels are mixed to one.")
    parts.append("Pictures: amplitude over all channels, and a spectrogram on the mixture's scale of 80 dB.")
    return " ".join(parts)


def _raster_track(audio: Audio[Tensor], *, channel: int) -> Raster:
    rows = FrequencyRows.choose(sample_rate=audio.sample_rate, num_rows=ROWS)
    return raster_waveform(audio.data[channel], sample_rate=audio.sample_rate, rows=rows, num_columns=COLUMNS)
