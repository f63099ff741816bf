"""The demo's picture: a song's whole path on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from workbench.core.audio import Audio
from workbench.demo.report import DemoRow
from workbench.figures.chunks import plot_lanes, plot_song_with_padding
from workbench.figures.envelope import measure_envelope, measure_peak, plot_envelope, set_amplitude_axis
from workbench.figures.mask import add_mask_bar, describe_mask, plot_mask
from workbench.figures.raster import (
    FrequencyRows,
    measure_magnitude,
    measure_power,
    raster_chunks,
)
from workbench.figures.spectrogram import add_level_bar, plot_levels
from workbench.figures.step_chunks import find_channel, find_frames, find_mask
from workbench.figures.style import color_stems, format_rate, name_channel, new_sheet, set_time_axis, set_title
from workbench.figures.windows import choose_chunks, plot_windows
from workbench.pipeline.trace import Trace

COLUMNS = 400  # pixels are no finer: the picture is to stay small
ROWS = 160
HIGHEST_DECIBELS = 20.0  # bars beyond it are cut off, with their number


def draw_poster(run: Trace, rows: Sequence[DemoRow]) -> Figure:
    """Song and chunks, windows, spectrogram, scores, masks and stems of a run with a masking model.

    Args:
        run: with transform, model and mask kept; two stems fit side by side.
        rows: the scores.
    """
    song, plan, names = run.song, run.plan, list(run.stems)
    channel = find_channel(run, None)
    seconds = song.data.shape[-1] / song.sample_rate
    headline = (
        f"{plan.card.name}: a song of {seconds:.0f} s at {format_rate(song.sample_rate)}, taken apart\n"
        f"spectrograms and masks: {name_channel(channel, num_channels=plan.num_channels)}; waveforms: all channels"
    )
    sheet = new_sheet(width_inches=10.0, height_inches=12.5, headline=headline)
    layout = sheet.add_gridspec(7, 2, height_ratios=[0.85, 0.6, 0.85, 1.6, 1.35, 1.35, 0.8])

    axes = sheet.add_subplot(layout[0, :])
    conformed = Audio(cast(Tensor, run["conform"].output), plan.sample_rate)
    plot_song_with_padding(axes, conformed, run.grid)
    hide_time_labels(axes)
    set_title(axes, "1  the song; grey: padding, hatched: zeros")
    axes = sheet.add_subplot(layout[1, :])
    plot_lanes(axes, run.grid, sample_rate=plan.sample_rate)
    hide_time_labels(axes)
    set_title(axes, f"2  its chunks, {run.grid.chunk_size / plan.sample_rate:g} s each; the model sees one at a time")
    axes = sheet.add_subplot(layout[2, :])
    plot_windows(axes, run.grid, plan.window, sample_rate=plan.sample_rate, chunks=choose_chunks(run.grid, 0))
    set_title(axes, f"3  {plan.window_name} windows that the chunks are faded with; their sum is divided out again")

    frequency_rows = FrequencyRows.choose(sample_rate=plan.sample_rate, num_rows=ROWS)
    assemble = partial(
        raster_chunks, frames=find_frames(run), rows=frequency_rows, channel=channel, num_columns=COLUMNS
    )
    transformed, masked = run["transform"].output, run["mask"].output
    mixture_levels = assemble(lambda index: transformed[index], measure=measure_power, how="max")
    masks = assemble(find_mask(run), measure=measure_magnitude, how="mean")
    stem_levels = assemble(lambda index: masked[index], measure=measure_power, how="max")
    reference = float(mixture_levels.values.max())

    mixture_axes = sheet.add_subplot(layout[3, 0])
    image = plot_levels(mixture_axes, mixture_levels, reference=reference)
    set_title(mixture_axes, "4  the song's spectrogram, levels as in 7")
    plot_scores(sheet.add_subplot(layout[3, 1]), rows)

    colors = color_stems(plan.stem_names)
    mask_axes, level_axes = [], []
    peak = max(measure_peak(audio.data) for audio in run.stems.values())
    for index, name in enumerate(names):
        axes = sheet.add_subplot(layout[4, index])
        mask_image = plot_mask(axes, masks.select(index))
        set_title(axes, f"6  {name}: {describe_mask(masks.values[index])}")
        mask_axes.append(axes)
        axes = sheet.add_subplot(layout[5, index])
        plot_levels(axes, stem_levels.select(index), reference=reference)
        set_title(axes, f"7  {name}: song × mask")
        level_axes.append(axes)
        axes = sheet.add_subplot(layout[6, index])
        audio = run.stems[name]
        plot_envelope(
            axes, measure_envelope(audio.data, sample_rate=audio.sample_rate, num_columns=600), color=colors[name]
        )
        set_amplitude_axis(axes, peak=peak)
        set_time_axis(axes, start_seconds=0.0, stop_seconds=seconds)
        set_title(axes, f"8  {name}: back in time, stitched")
        if index:
            axes.set_ylabel("")
    for axes in (mixture_axes, *mask_axes, *level_axes):
        set_time_axis(axes, start_seconds=0.0, stop_seconds=seconds, label=axes is mixture_axes)
    for axes in (*mask_axes[1:], *level_axes[1:]):
        axes.set_ylabel("")
        axes.tick_params(labelleft=False)
    add_mask_bar(sheet, mask_image, mask_axes[-1:])
    add_level_bar(sheet, image, level_axes[-1:], label="level (dB re. song)")
    return sheet


def plot_scores(axes: Axes, rows: Sequence[DemoRow]) -> None:
    """A pair of bars for each estimate, the true stems' SDR."""
    estimates = list(rows[0].sdr_decibels)
    colors = color_stems([row.stem for row in rows])
    height = 0.8 / len(rows)
    for place, row in enumerate(rows):
        for index, name in enumerate(estimates):
            value = row.sdr_decibels[name]
            at = index + (place - (len(rows) - 1) / 2) * height
            label = row.stem if index == 0 else None
            end = min(value, HIGHEST_DECIBELS)
            axes.barh(at, end, height=0.9 * height, color=colors[row.stem], label=label)
            is_cut = value > HIGHEST_DECIBELS
            is_left = is_cut or value < 0  # of the bar's end, so that it stays inside the panel
            axes.text(
                end + (-0.3 if is_left else 0.3),
                at,
                f"{value:.1f}{' →' * is_cut}".replace("-", "−"),
                va="center",
                ha="right" if is_left else "left",
                fontsize=7.5,
                color="white" if is_cut else "black",
            )
    lowest = min(0.0, *(value for row in rows for value in row.sdr_decibels.values()))
    axes.set_xlim(lowest - 4.0, HIGHEST_DECIBELS)
    axes.set_ylim(len(estimates) - 0.5, -0.5)
    axes.set_yticks(range(len(estimates)), estimates)
    axes.axvline(0.0, color="black", linewidth=0.8)
    axes.axhline(1.5, color="0.6", linewidth=0.8, linestyle=":")
    axes.set_xlabel("SDR (dB), higher is better")
    axes.legend(loc="lower left", fontsize=7.5)
    set_title(axes, "5  how near the stems come; below the line: ideal masks")


def hide_time_labels(axes: Axes) -> None:
    """For a panel with another one of the same time axis right below."""
    axes.set_xlabel("")
    axes.tick_params(labelbottom=False)
