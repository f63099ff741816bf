"""Levels before and after they are taken off and put back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from workbench.core.audio import NormalizationStats
from workbench.figures.envelope import measure_peak, measure_rms, to_decibels
from workbench.figures.style import (
    AMPLITUDE_LABEL,
    MIXTURE_COLOR,
    STEM_COLORS,
    color_stems,
    format_number,
    new_sheet,
    set_title,
    shorten_name,
    write_plainly,
)

HISTOGRAM_BINS = 200
LOWEST_RMS_DECIBELS = -100.0


def draw_normalization(
    before: Float[Tensor, "channel time"], after: Float[Tensor, "channel time"], stats: NormalizationStats
) -> Figure:
    """How the samples of the mono downmix are spread, before and after mean and standard deviation are taken off.

    Args:
        before: (channel, time), the song as conformed.
        after: (channel, time), likewise normalized; the very same tensor where nothing was taken off.
        stats: what was taken off.
    """
    panels = {"song": before} if after is before else {"before": before, "after": after}
    if after is before:
        headline = "normalize: nothing was taken off, the model gets the song at its own level"
    else:
        headline = (
            f"normalize: (song − mean) / std, with mean {format_number(stats.mean)} and std {format_number(stats.std)} "
            "of the downmix"
        )
    sheet = new_sheet(height_inches=4.4, headline=headline)
    row = sheet.subplots(1, len(panels), squeeze=False)[0]
    for axes, (name, signal), color in zip(row, panels.items(), (MIXTURE_COLOR, STEM_COLORS[0]), strict=False):
        plot_histogram(axes, signal, name=name, color=color)
    return sheet


def plot_histogram(axes: Axes, signal: Float[Tensor, "channel time"], *, name: str, color: str) -> None:
    """Shares of the downmix's samples by amplitude on a log axis, with mean and standard deviation."""
    downmix = signal.detach().float().mean(dim=0)
    mean = float(downmix.mean(dtype=torch.float64))
    std = float(downmix.std(correction=0)) if downmix.numel() > 1 else 0.0
    peak = max(measure_peak(downmix), 1e-6)
    counts = torch.histc(downmix, bins=HISTOGRAM_BINS, min=-peak, max=peak).double()
    floor = 0.5 / downmix.numel()
    shares = np.maximum((counts / downmix.numel()).numpy(), floor)  # a log axis has no zero
    axes.stairs(shares, np.linspace(-peak, peak, HISTOGRAM_BINS + 1), baseline=floor, fill=True, color=color, alpha=0.6)
    axes.set_yscale("log")
    axes.set_ylim(floor, 2.0)
    axes.axvline(mean, color="black", linewidth=1.2, label=f"mean {format_number(mean)}")
    if std > 0:
        axes.axvspan(mean - std, mean + std, color=STEM_COLORS[1], alpha=0.18, label=f"mean ± std {format_number(std)}")
    axes.set_xlabel(AMPLITUDE_LABEL)
    axes.set_ylabel(f"share of samples (1), {HISTOGRAM_BINS} bins")
    axes.legend(loc="upper right", fontsize=8)
    set_title(
        axes, f"{name}: downmix from {format_number(float(downmix.min()))} to {format_number(float(downmix.max()))}"
    )


def draw_denormalization(
    before: Float[Tensor, "stem channel time"],
    after: Float[Tensor, "stem channel time"],
    stats: NormalizationStats,
    *,
    stem_names: Sequence[str],
    num_model_stems: int,
    colors: Mapping[str, str] | None = None,
) -> Figure:
    """Each stem's level and mean before and after ``stem * std + mean / N``.

    Args:
        before: (stem, channel, time), as stitched.
        after: (stem, channel, time), with the level back on; the very same tensor where nothing was put back.
        stats: what was taken off the mixture.
        stem_names: of the stems.
        num_model_stems: N, all of the model's stems.
        colors: by stem; by place if not given.
    """
    palette = colors or color_stems(stem_names)
    unchanged = after is before
    if unchanged:
        headline = "denormalize: nothing to put back, the stems keep their level"
    else:
        headline = (
            f"denormalize: stem · {format_number(stats.std)} + {format_number(stats.mean)} / {num_model_stems}: "
            f"each of {num_model_stems} stems gets its share of the mean, so that they still add up to the mixture"
        )
    sheet = new_sheet(height_inches=1.9 + 0.55 * len(stem_names), headline=headline)
    rms_axes, mean_axes = sheet.subplots(1, 2, sharey=True)
    states = {"as they are": after} if unchanged else {"before": before, "after": after}
    for state, stems in states.items():
        is_filled = state != "before"
        for index, name in enumerate(stem_names):
            color = palette[name]
            style = {"color": color, "markersize": 9, "markerfacecolor": color if is_filled else "none"}
            rms = to_decibels(measure_rms(stems[index]))
            rms_axes.plot([max(rms, LOWEST_RMS_DECIBELS)], [index], "<" if rms == -math.inf else "o", **style)
            mean_axes.plot([float(stems[index].detach().float().mean(dtype=torch.float64))], [index], "o", **style)
    for axes in (rms_axes, mean_axes):
        axes.set_ylim(len(stem_names) - 0.5, -0.5)
        axes.grid(color="0.9")
    ticks = rms_axes.set_yticks(range(len(stem_names)), [shorten_name(name) for name in stem_names])
    write_plainly(tick.label1 for tick in ticks)
    rms_axes.set_ylabel("stem")
    rms_axes.set_xlabel("RMS (dB of full scale)")
    low, high = rms_axes.get_xlim()
    rms_axes.set_xlim(min(low, high - 12), max(high, low + 12))
    mean_axes.set_xlabel("mean amplitude (1)")
    limit = max(1e-3, 1.15 * max(abs(edge) for edge in mean_axes.get_xlim()))
    mean_axes.set_xlim(-limit, limit)
    mean_axes.xaxis.set_major_locator(MaxNLocator(5))
    if not unchanged:
        mean_axes.axvline(stats.mean / num_model_stems, color="black", linestyle="--", linewidth=1.0)
    set_title(rms_axes, "level" if unchanged else "level: ring before, dot after")
    set_title(
        mean_axes,
        "mean"
        if unchanged
        else f"mean: dashed, mean / {num_model_stems} = {format_number(stats.mean / num_model_stems)}",
    )
    return sheet
