"""Numbers for pictures in the browser, as few bytes as a screen can show, sent once.

The browser turns them into colours itself, so that zoom, range and colour map change without a trip to the kernel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import InvalidValue
from workbench.figures.envelope import measure_ranges
from workbench.figures.style import LEVEL_MAP, MASK_MAP, PHASE_MAP

DIVERGING_MAP = "RdBu_r"
COLOUR_MAPS = (LEVEL_MAP, MASK_MAP, "cividis", PHASE_MAP, DIVERGING_MAP)
FULL_SCALE = 32767  # of int16
ROWS_AT_ONCE = 64  # of a picture, so that no second copy of a long spectrogram is made


@dataclass(frozen=True)
class Levels:
    """A picture of one byte a pixel: 0 is ``low``, 255 is ``high``, evenly between.

    Args:
        data: (row, column) in C order, row 0 the lowest frequency.
        num_rows: frequencies.
        num_columns: frames.
        low: in ``unit``.
        high: likewise.
        unit: ``"dB"`` or another.
    """

    data: bytes
    num_rows: int
    num_columns: int
    low: float
    high: float
    unit: str = "dB"


def encode_levels(
    power: Float[Tensor, "freq frame"], *, reference: float | None = None, floor_db: float = -100.0, top_db: float = 0.0
) -> Levels:
    """Power in dB of ``reference``, one byte a pixel; 0.4 dB a step at 100 dB of range.

    Args:
        power: squared magnitude, such as `workbench.figures.raster.measure_power` gives.
        reference: the power that is 0 dB, its maximum by default; give the mixture's for stems beside it.
        floor_db: what the byte 0 stands for and everything below.
        top_db: what 255 stands for and everything above.

    Raises:
        InvalidValue: ``floor_db`` is not below ``top_db``.
    """
    _check_range(floor_db, top_db)
    num_rows, num_columns = power.shape
    maximum = float(power.max()) if power.numel() else 0.0
    reference = maximum if reference is None else reference
    if reference <= 0:  # silence
        return Levels(bytes(power.numel()), num_rows, num_columns, floor_db, top_db)
    step = (top_db - floor_db) / 255
    pixels = np.empty((num_rows, num_columns), dtype=np.uint8)
    tiny = torch.finfo(torch.float32).tiny
    offset = 10 * math.log10(reference) + floor_db
    for first in range(0, num_rows, ROWS_AT_ONCE):
        rows = power[first : first + ROWS_AT_ONCE].detach().cpu().float()
        steps = rows.clamp(min=tiny).log10_().mul_(10 / step).sub_(offset / step).round_().clamp_(0, 255)
        pixels[first : first + ROWS_AT_ONCE] = steps.numpy()
    return Levels(pixels.tobytes(), num_rows, num_columns, floor_db, top_db)


def encode_values(values: Float[Tensor, "freq frame"], *, low: float, high: float, unit: str = "") -> Levels:
    """Values evenly from ``low`` to ``high``, one byte a pixel: a mask from 0 to 1, a phase from -pi to pi.

    Raises:
        InvalidValue: ``low`` is not below ``high``.
    """
    _check_range(low, high)
    num_rows, num_columns = values.shape
    pixels = np.empty((num_rows, num_columns), dtype=np.uint8)
    for first in range(0, num_rows, ROWS_AT_ONCE):
        rows = values[first : first + ROWS_AT_ONCE].detach().cpu().float()
        pixels[first : first + ROWS_AT_ONCE] = ((rows - low) * (255 / (high - low))).round_().clamp_(0, 255).numpy()
    return Levels(pixels.tobytes(), num_rows, num_columns, low, high, unit)


def colour_table(name: str) -> bytes:
    """256 colours of a matplotlib map, as red, green and blue: 768 bytes.

    Raises:
        InvalidValue: none of `COLOUR_MAPS`.
    """
    from matplotlib import colormaps

    if name not in COLOUR_MAPS:
        raise InvalidValue(f"colour map must be one of {', '.join(COLOUR_MAPS)}, got {name!r}")
    colours: bytes = np.asarray(colormaps[name](np.linspace(0, 1, 256), bytes=True))[:, :3].tobytes()
    return colours


def encode_peaks(audio: Audio[Tensor], *, samples_per_block: int = 256, full_scale: float = 1.0) -> bytes:
    """Least and greatest sample of each block over all channels: int16 pairs (low, high), little-endian.

    Args:
        audio: data (channel, time), at least 1 sample; the last block may be shorter.
        samples_per_block: 256 gives 4 bytes for 6 ms at 44.1 kHz, 0.2 MB for 5 minutes.
        full_scale: the amplitude that becomes 32767; one for all lanes that are to be compared, at least their peak.

    Raises:
        InvalidValue: ``full_scale`` is not positive.
    """
    if not full_scale > 0:
        raise InvalidValue(f"full_scale must be above 0, got {full_scale}; give 1.0 for silence")
    low, high = measure_ranges(audio.data, samples_per_column=samples_per_block)  # (block,) each
    pairs = torch.stack((low, high), dim=-1)  # (block, 2)
    steps = (pairs * (FULL_SCALE / full_scale)).round().clamp(-FULL_SCALE, FULL_SCALE)
    data: bytes = steps.cpu().numpy().astype("<i2").tobytes()
    return data


def _check_range(low: float, high: float) -> None:
    if not low < high:
        raise InvalidValue(f"the lowest value must be below the highest, got {low} and {high}")
