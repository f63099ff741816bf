"""The window's shape. Imported when the window is used."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def make_power_sine(length: int, *, dtype: torch.dtype, device: torch.device, power: float) -> Tensor:
    """Half a sine over the window, to a power; the card names this function.

    Args:
        length: in samples, from 1 on.
        dtype: of the result.
        device: likewise.
        power: the card's parameter; one keyword argument for each that the card names.

    Shapes:
        returns: (length,)
    """
    # Sampled in the middle of each step: so no sample is 0, and shifted copies meet as those of a periodic form.
    position = (torch.arange(length, dtype=dtype, device=device) + 0.5) / length  # (length,), from 0 to 1
    return torch.sin(math.pi * position) ** power
