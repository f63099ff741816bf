"""A painted gain as a figure: the song's spectrogram, under a veil where it is taken away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from torch import Tensor

from workbench.core.audio import Audio
from workbench.figures.image import show_raster
from workbench.figures.raster import FrequencyRows
from workbench.figures.spectra import raster_waveform
from workbench.figures.spectrogram import add_level_bar, choose_loudest_channel, is_log_axis, plot_levels
from workbench.figures.style import Sheet, new_sheet, set_time_axis
from workbench.widgets.strokes import Plane

VEIL = (24 / 255, 100 / 255, 104 / 255)  # red, green, blue: no colour that levels have


def draw_painting(
    song: Audio[Tensor],
    gain: np.ndarray,
    *,
    plane: Plane,
    headline: str,
    view: Sequence[float] = (),
    veil: float = 0.8,
    frequency: str = "log",
) -> Sheet:
    """The loudest channel's levels under a veil that is the thicker the smaller the gain.

    Args:
        song: at the rate of the gain's frequencies, data (channel, time).
        gain: of one stem (freq, frame).
        plane: of the gain's cells.
        headline: what one sees.
        view: from and to in seconds, lowest and highest frequency; all of it by default.
        veil: opacity where the gain is 0.
        frequency: axis, ``log`` or ``linear``.
    """
    rows = FrequencyRows.choose(sample_rate=song.sample_rate, is_log=is_log_axis(frequency))
    channel = choose_loudest_channel(song.data)
    raster = raster_waveform(song.data[channel], sample_rate=song.sample_rate, rows=rows)
    width = raster.values.shape[-1]
    instants = (np.arange(width) + 0.5) * (raster.stop_seconds / width)
    frames = np.clip(np.rint(instants / plane.step_seconds), 0, plane.num_frames - 1).astype(np.int64)
    pooled = rows.pool(gain[:, frames], "mean")
    sheet = new_sheet(height_inches=4.8, headline=headline)
    axes = sheet.subplots()
    levels = plot_levels(axes, raster)
    colours = LinearSegmentedColormap.from_list("veil", [(*VEIL, veil), (*VEIL, 0.0)])
    veiled = show_raster(axes, raster, pooled, colors=colours, low=0.0, high=1.0)
    add_level_bar(sheet, levels, [axes])
    sheet.colorbar(veiled, ax=[axes], label="gain (1), veiled where below 1", ticks=[0, 0.5, 1], aspect=30, pad=0.01)
    start, stop, *hertz = view or (0.0, raster.stop_seconds)
    set_time_axis(axes, start_seconds=start, stop_seconds=stop)
    if hertz:
        axes.set_ylim(max(hertz[0], rows.low_hertz), hertz[1])
    return sheet
