"""What the mask explorer makes of a mask: changed by exponent and threshold, as bytes, as a figure."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from matplotlib.figure import Figure
from torch import Tensor

from workbench.errors import InvalidValue
from workbench.figures.mask import AUDIBLE_MAGNITUDE, add_mask_bar, hide_silent_phase, plot_mask, plot_phase
from workbench.figures.raster import (
    FrequencyRows,
    Raster,
    measure_magnitude,
    measure_phase,
    measure_power,
    raster_chunks,
)
from workbench.figures.spectrogram import add_level_bar, is_log_axis, mark_seams, plot_levels
from workbench.figures.step_chunks import describe_part
from workbench.figures.style import BEYOND_COLOR, MASK_MAP, new_sheet, set_time_axis, set_title
from workbench.widgets.levels import colour_table, encode_levels, encode_values
from workbench.widgets.mask_explorer_data import MaskData

FLOOR_DB, TOP_DB = -100.0, 20.0  # what the bytes of levels span, around the mixture's maximum
BEYOND = 2.0  # of a mask that goes beyond 1, what the byte 255 stands for
LEAST_DECIBELS, MOST_DECIBELS = -40.0, 40.0  # of a difference of levels
PHASE_STEP = 2 * math.pi / 254  # bytes 1 to 255 go from -pi to pi; 0 is where nothing is whose phase could be told
PHASE_LOW = -math.pi - PHASE_STEP
TITLE_COLUMNS = 62
NO_PHASE = 140  # grey, as in the figure
LEAST_ANGLE = 1e-3  # what is less is taken for the rounding of 0
BEYOND_ONE = 1.0005  # what is less is rounding
TINY = torch.finfo(torch.float32).tiny


@dataclass(frozen=True)
class MaskSettings:
    """Which mask, and what is done to it.

    Args:
        origin: where it comes from.
        chunk: which one, or ``None`` for the song.
        channel: which one.
        stem: its place among the run's.
        exponent: of its magnitudes.
        threshold: what is below becomes 0.
    """

    origin: str
    chunk: int | None
    channel: int
    stem: int
    exponent: float
    threshold: float

    @property
    def changes(self) -> bool:
        """Whether anything is done to the mask."""
        return self.exponent != 1 or self.threshold != 0


def change_mask(
    mask: Float[Tensor, "*bins 2"],
    *,
    exponent: float = 1.0,
    threshold: float = 0.0,
    magnitude: Float[Tensor, "*bins"] | None = None,
) -> Float[Tensor, "*bins 2"]:
    """A mask whose magnitudes m are m ** exponent, and 0 where m is below the threshold; the phase stays.

    With exponent 0 and a threshold above 0 it is binary. Where the mask is 0 and the exponent too, it becomes 1.

    Args:
        mask: real and imaginary part.
        exponent: of the magnitudes.
        threshold: of the magnitudes as they were.
        magnitude: of the mask, where it is known.

    Raises:
        InvalidValue: magnitudes beyond what the mask's dtype holds.
    """
    if exponent == 1 and threshold == 0:
        return mask
    wide = mask.to(torch.promote_types(mask.dtype, torch.float32))
    magnitude = measure_magnitude(wide) if magnitude is None else magnitude
    raised = change_magnitude(magnitude, exponent=exponent, threshold=threshold, dtype=mask.dtype)
    changed = (wide * (raised / magnitude.clamp(min=TINY)).unsqueeze(-1)).to(mask.dtype)
    if exponent == 0 and threshold == 0:
        changed[..., 0] = torch.where(magnitude > 0, changed[..., 0], 1.0)  # 0 has no phase to keep
    return changed


def change_magnitude(
    magnitude: Float[Tensor, "*bins"], *, exponent: float, threshold: float, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*bins"]:
    """The magnitudes of a mask that `change_mask` changes, which is to be held in ``dtype``.

    Raises:
        InvalidValue: they are more than ``dtype`` holds.
    """
    if exponent == 1 and threshold == 0:
        return magnitude
    most = float(magnitude.max())
    if most > 1 and exponent * math.log(most) >= math.log(torch.finfo(dtype).max):
        raise InvalidValue(
            f"the mask's largest magnitude, {most:.3g}, to the power {exponent:g} is more than "
            f"{str(dtype).removeprefix('torch.')} holds: lower the exponent"
        )
    changed = magnitude if exponent == 1 else magnitude.pow(exponent)
    return changed if threshold == 0 else torch.where(magnitude >= threshold, changed, 0.0)


@dataclass(frozen=True, eq=False)
class MixtureLayer:
    """The mixture's power, the greatest of it, which is 0 dB, and its levels as bytes."""

    power: Float[Tensor, "freq frame"]
    reference: float
    levels: bytes

    @classmethod
    def of(cls, data: MaskData, settings: MaskSettings) -> MixtureLayer:
        """The mixture where a mask lies, made once."""
        place = (settings.chunk, settings.channel)

        def make() -> MixtureLayer:
            power = measure_power(data.pick_mixture(*place))
            reference = float(power.max())
            return cls(power, reference, encode_power(power, reference=reference))

        return data.remember("mixture layer", place, make)


@dataclass(frozen=True, eq=False)
class MaskLayers:
    """What is made once of a mask, whatever exponent and threshold do to it.

    Args:
        magnitude: of the mask.
        phase: angles from -pi to pi as bytes 1 to 255.
        is_turned: where the angle is not 0.
    """

    magnitude: Float[Tensor, "freq frame"]
    phase: UInt8[Tensor, "freq frame"]
    is_turned: Bool[Tensor, "freq frame"]

    @classmethod
    def of(cls, data: MaskData, settings: MaskSettings) -> MaskLayers:
        """The layers of a mask as it is before it is changed, made once."""
        place = (settings.origin, settings.chunk, settings.channel, settings.stem)

        def make() -> MaskLayers:
            mask = data.pick_mask(*place)
            angle = measure_phase(mask)
            steps = (angle - PHASE_LOW).mul_(1 / PHASE_STEP).round_().clamp_(1, 255)
            return cls(measure_magnitude(mask), steps.to(torch.uint8), angle.abs() > LEAST_ANGLE)

        return data.remember("mask layers", place, make)

    def encode_phase(self, magnitude: Float[Tensor, "freq frame"]) -> bytes:
        """The phase as bytes, 0 where the changed mask's magnitude is below 0.01."""
        data: bytes = (self.phase * (magnitude >= AUDIBLE_MAGNITUDE)).numpy().tobytes()
        return data

    def has_phase(self, magnitude: Float[Tensor, "freq frame"]) -> bool:
        """Whether there is an angle other than 0 where it can be told."""
        return bool((self.is_turned & (magnitude >= AUDIBLE_MAGNITUDE)).any())


def encode_mask(magnitude: Float[Tensor, "freq frame"]) -> tuple[bytes, float]:
    """Magnitudes as bytes, and what 255 stands for: 1, or 2 of a mask that goes beyond 1."""
    high = BEYOND if float(magnitude.max()) > BEYOND_ONE else 1.0
    return encode_values(magnitude, low=0.0, high=high).data, high


def encode_power(power: Float[Tensor, "freq frame"], *, reference: float) -> bytes:
    """Levels in dB of the mixture's maximum, from -100 to 20."""
    return encode_levels(power, reference=reference, floor_db=FLOOR_DB, top_db=TOP_DB).data


def subtract_masks(
    magnitude: Float[Tensor, "freq frame"], ideal: Float[Tensor, "freq frame 2"]
) -> Float[Tensor, "freq frame"]:
    """How far a mask's magnitudes are above the ideal one's."""
    return magnitude - measure_magnitude(ideal)


def subtract_levels(
    power: Float[Tensor, "freq frame"], true_power: Float[Tensor, "freq frame"], *, reference: float
) -> Float[Tensor, "freq frame"]:
    """By how many dB a result is louder than the truth; what is 100 dB below the mixture's maximum counts as that."""
    if reference <= 0:
        return torch.zeros_like(power)
    least = reference * 10 ** (FLOOR_DB / 10)
    return 10 * (power.clamp(min=least).log10() - true_power.clamp(min=least).log10())


def mask_table(high: float) -> bytes:
    """Colours of magnitudes from 0 to ``high``: those of 0 to 1, and one of its own beyond."""
    colours = np.frombuffer(colour_table(MASK_MAP), np.uint8).reshape(256, 3)
    values = np.arange(256) * high / 255
    table = colours[np.rint(255 * np.minimum(values, 1)).astype(int)]
    table[values > 1 + 0.5 * high / 255] = np.frombuffer(bytes.fromhex(BEYOND_COLOR[1:]), np.uint8)
    data: bytes = table.tobytes()
    return data


def phase_table(name: str) -> bytes:
    """Colours of the bytes of `encode_phase`."""
    colours = np.frombuffer(colour_table(name), np.uint8).reshape(256, 3)
    table = colours[np.rint(np.linspace(0, 255, 255)).astype(int)]
    data: bytes = table.tobytes()
    return bytes([NO_PHASE] * 3) + data


def draw_mask_panels(data: MaskData, settings: MaskSettings, *, frequency: str, titles: dict[str, str]) -> Figure:
    """Mixture, mask (magnitude and phase) and result as four panels, for where there is no browser."""
    frames, chunk, channel = data.frames, settings.chunk, settings.channel
    rows = FrequencyRows.choose(sample_rate=frames.sample_rate, is_log=is_log_axis(frequency))

    def take_mask(index: int) -> Tensor:
        mask = data.mask(settings.origin, index)[settings.stem]
        return change_mask(mask, exponent=settings.exponent, threshold=settings.threshold)

    def take_result(index: int) -> Tensor:
        mask, device = take_mask(index), data.plan.device
        return data.plan.stages.mask(mask[None, None].to(device), data.mixture(index)[None].to(device))[0, 0]

    rasters: dict[str, Raster] = {}
    for name, take, measure, how in (
        ("mixture", data.mixture, measure_power, "max"),
        ("mask", take_mask, measure_magnitude, "mean"),
        ("phase", take_mask, measure_phase, "first"),
        ("result", take_result, measure_power, "max"),
    ):
        rasters[name] = raster_chunks(
            take, frames=frames, rows=rows, measure=measure, how=how, chunk=chunk, channel=channel
        )
    rasters["phase"] = hide_silent_phase(rasters["phase"], rasters["mask"])
    reference = float(rasters["mixture"].values.max())

    part = describe_part(frames, chunk, channel)
    sheet = new_sheet(
        height_inches=7.0, width_inches=12.0, headline=f"mask of {data.stem_names[settings.stem]}: {part}"
    )
    grid = sheet.subplots(2, 2, sharex=True, sharey=True)
    panels = dict(zip(("mixture", "mask", "phase", "result"), grid.flat, strict=True))
    for name, axes in panels.items():
        raster = rasters[name]
        if name == "mask":
            add_mask_bar(sheet, plot_mask(axes, raster), [axes])
        elif name == "phase":
            ticks = [-math.pi, 0, math.pi]
            bar = sheet.colorbar(
                plot_phase(axes, raster), ax=axes, label="phase (rad)", ticks=ticks, aspect=30, pad=0.01
            )
            bar.ax.set_yticklabels(["−π", "0", "π"])
        else:
            add_level_bar(
                sheet, plot_levels(axes, raster, reference=reference), [axes], label="level (dB re. mixture's maximum)"
            )
        set_title(axes, textwrap.fill(titles[name], width=TITLE_COLUMNS))
        is_lowest = name in ("phase", "result")
        set_time_axis(axes, start_seconds=raster.start_seconds, stop_seconds=raster.stop_seconds, label=is_lowest)
        if name in ("mask", "result"):
            axes.set_ylabel("")
        if chunk is None:
            mark_seams(axes, frames)
    return sheet
