"""The median over chosen frames: what nearest-neighbour filtering spends its time on, compiled for the CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

LANES = 64  # rows that are gathered together, so that what a cache line brings is used whole


def median_of_frames(
    frames: Float[Tensor, "frame row"], neighbors: Int[Tensor, "block size"]
) -> Float[Tensor, "block row"]:
    """For each list of frames, the median of each row over them; of an even number the mean of the middle two.

    Compiled at the first call for a dtype, and without a gradient. The result is `median_by_sorting`'s to the bit.

    Args:
        frames: float32 or float64, contiguous, in CPU memory.
        neighbors: which frames each median is taken over.
    """
    out = torch.empty(neighbors.shape[0], frames.shape[1], dtype=frames.dtype, device="cpu")
    select_medians = _compile_select_medians(str(frames.dtype).removeprefix("torch."))
    select_medians(frames.detach().numpy(), neighbors.contiguous().numpy(), out.numpy())
    return out


def median_by_sorting(
    frames: Float[Tensor, "frame row"], neighbors: Int[Tensor, "block size"]
) -> Float[Tensor, "block row"]:
    """`median_of_frames` in torch alone: on any device, with a gradient."""
    size = neighbors.shape[1]
    ordered = frames[neighbors].sort(dim=1).values  # (block, neighbour, row)
    return (ordered[:, (size - 1) // 2] + ordered[:, size // 2]) / 2


@cache
def _compile_select_medians(dtype: str) -> Callable[..., None]:
    """Compile for one dtype; numba's cache on disk is left off, as in `sliding_median`."""
    import numba

    array = numba.types.Array(numba.from_dtype(np.dtype(dtype)), 2, "C")
    signature = numba.types.void(array, numba.types.Array(numba.types.int64, 2, "C"), array)
    compiled: Callable[..., None] = numba.njit(signature, nogil=True)(_select_medians)
    return compiled


@no_type_check
def _select_medians(frames: Any, neighbors: Any, out: Any) -> None:
    """Quickselect (Hoare 1961, median of three as pivot) of the upper middle; the lower is the largest below it."""
    num_lists, size = neighbors.shape
    num_rows = frames.shape[1]
    columns = np.empty((LANES, size), frames.dtype)  # (row, neighbour)
    middle = size // 2
    for one in range(num_lists):
        for first in range(0, num_rows, LANES):
            lanes = min(LANES, num_rows - first)
            for place in range(size):
                frame = neighbors[one, place]
                for lane in range(lanes):
                    columns[lane, place] = frames[frame, first + lane]
            for lane in range(lanes):
                values = columns[lane]
                low, high = 0, size - 1
                while low < high:
                    a, b, c = values[low], values[(low + high) // 2], values[high]
                    pivot = max(min(a, b), min(max(a, b), c))
                    left, right = low, high
                    while left <= right:
                        while values[left] < pivot:
                            left += 1
                        while values[right] > pivot:
                            right -= 1
                        if left <= right:
                            values[left], values[right] = values[right], values[left]
                            left += 1
                            right -= 1
                    if middle <= right:
                        high = right
                    elif middle >= left:
                        low = left
                    else:
                        break
                upper = values[middle]
                lower = upper
                if size % 2 == 0:
                    lower = values[0]
                    for place in range(1, middle):
                        lower = max(lower, values[place])
                out[one, first + lane] = (lower + upper) / 2
