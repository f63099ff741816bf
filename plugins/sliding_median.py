"""The median of a window that slides along the last axis: a compiled loop on a CPU, sorted blocks elsewhere.

Both give the same numbers, those of ``scipy.ndimage.median_filter(..., mode="reflect")``. The compiled
loop has no gradient, so a tensor that requires one takes the sorted blocks on a CPU too.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.errors import InvalidType, InvalidValue

BLOCK_BYTES = 256 * 2**20  # scratch memory of `median_by_sorting` at any one time
LANES = 32  # rows that the compiled loop takes side by side: whole vector registers, and a window fits in L1


def sliding_median(x: Float[Tensor, "... n"], *, size: int) -> Float[Tensor, "... n"]:
    """Take the median of `size` neighbours around every sample of the last axis.

    Edges are mirrored with the edge sample repeated (``d c b a | a b c d | d c b a``), back and forth
    where the axis is shorter than half a window. Sample ``i`` sees samples ``i - size // 2`` to
    ``i - size // 2 + size - 1``; of an even `size` it takes the upper of the two middle values.
    All of this as ``scipy.ndimage.median_filter`` has it.

    Args:
        x: values without NaN. A NaN has no rank, so what comes out near one has no meaning; it raises nothing.
        size: length of the window in samples, at least 1.

    Shapes:
        x: (..., n) with n >= 1, any strides. float16 and bfloat16 are sorted as float32, which is exact.
        returns: the same shape and dtype.

    Raises:
        InvalidValue: `size` below 1, or an empty last axis.
        InvalidType: `x` without a last axis, or not of floating point.

    Example:
        >>> sliding_median(torch.tensor([5.0, 1.0, 9.0, 2.0]), size=3)
        tensor([5., 5., 2., 2.])
    """
    if x.ndim == 0 or not x.is_floating_point():
        raise InvalidType(f"expected a floating-point tensor (..., n), got {x.dtype} of shape {tuple(x.shape)}")
    if size < 1:
        raise InvalidValue(f"size must be at least 1 sample, got {size}")
    if x.shape[-1] == 0:
        raise InvalidValue(f"the last axis must hold at least 1 sample, got shape {tuple(x.shape)}")
    if x.dtype not in (torch.float32, torch.float64):
        return sliding_median(x.float(), size=size).to(x.dtype)
    if x.device.type == "cpu" and not (x.requires_grad and torch.is_grad_enabled()):
        return median_by_insertion(x, size=size)
    return median_by_sorting(x, size=size)


def mirror_indices(n: int, *, size: int) -> Int[Tensor, " padded"]:
    """List where each sample of the mirrored axis comes from.

    Shapes:
        returns: (n + size - 1,), indices into an axis of `n` samples; window ``i`` is ``[i : i + size]``.
    """
    position = torch.arange(-(size // 2), n + size - 1 - size // 2) % (2 * n)
    return torch.minimum(position, 2 * n - 1 - position)


def median_by_sorting(x: Float[Tensor, "... n"], *, size: int) -> Float[Tensor, "... n"]:
    """`sliding_median` in torch alone: on any device, with a gradient to the one sample that is the median.

    Every window is sorted, in blocks of at most ``BLOCK_BYTES`` of scratch memory beside input and
    output (though never less than one window). Autograd keeps one index for each output sample.

    Args:
        x: float32 or float64, of shape (..., n).
        size: length of the window in samples.
    """
    n = x.shape[-1]
    source = mirror_indices(n, size=size).to(x.device)
    # Each element of a window is there in the window's copy, in the sorted copy, and as sort's int64 index.
    windows_per_block = max(1, BLOCK_BYTES // (size * (2 * x.element_size() + 8)))
    columns_per_block = min(n, windows_per_block)
    rows_per_block = windows_per_block // columns_per_block
    medians = []
    for block in torch.split(x.reshape(-1, n), rows_per_block):
        pieces = []
        for start in range(0, n, columns_per_block):
            stop = min(start + columns_per_block, n)
            columns = _median_columns(block.detach(), source=source[start : stop + size - 1], size=size)
            pieces.append(block.gather(-1, columns))  # (row, stop - start)
        medians.append(torch.cat(pieces, dim=-1))  # (row, n)
    return torch.cat(medians).reshape(x.shape)


def _median_columns(
    block: Float[Tensor, "row n"], *, source: Int[Tensor, " padded"], size: int
) -> Int[Tensor, "row window"]:
    """Find the column of `block` that holds the median of each window over the columns `source`."""
    windows = block[:, source].unfold(-1, size, 1)  # (row, window, size)
    place = windows.sort(dim=-1).indices[..., size // 2]  # (row, window), from 0 to size - 1
    return source[place + torch.arange(place.shape[-1], device=block.device)]


def median_by_insertion(x: Float[Tensor, "... n"], *, size: int) -> Float[Tensor, "... n"]:
    """`sliding_median` on a CPU, compiled at the first call for a dtype. It has no gradient.

    A tensor of up to three axes is read where it lies, whatever its strides, and the output has the same
    strides: to filter along another axis through ``transpose`` costs no copy. Runs on
    ``torch.get_num_threads()`` threads; the result does not depend on how many.

    Args:
        x: float32 or float64, of shape (..., n), in CPU memory.
        size: length of the window in samples.
    """
    stacked = x.detach().flatten(0, -3) if x.ndim > 2 else x.detach().reshape(1, -1, x.shape[-1])
    outer, row, n = stacked.shape
    out = torch.empty_like(stacked)
    arguments = stacked.numpy(), out.numpy(), mirror_indices(n, size=size).numpy(), size
    slide_windows = _compile_slide_windows(str(arguments[0].dtype))

    num_blocks = outer * -(-row // LANES)
    num_threads = max(1, min(torch.get_num_threads(), num_blocks))
    bounds = [num_blocks * thread // num_threads for thread in range(num_threads + 1)]
    if num_threads == 1:
        slide_windows(*arguments, 0, num_blocks)
    else:
        # Plain threads, for the loop lets go of the interpreter's lock. numba's own parallel loops take
        # longer to compile, and their schedulers abort: one when two threads enter it, one after a fork.
        with ThreadPoolExecutor(num_threads) as pool:
            list(pool.map(lambda first, last: slide_windows(*arguments, first, last), bounds[:-1], bounds[1:]))
    return out.reshape(x.shape)


@cache
def _compile_slide_windows(dtype: str) -> Callable[..., None]:
    """Compile `_slide_windows` for one dtype; strides stay open, so that one version serves every layout.

    numba's cache on disk is left off: it refuses to work where neither the installed package nor a home
    folder can be written. Compiling takes about as long as scipy's filter for 8 s of stereo, once a process.
    """
    import numba

    array = numba.types.Array(numba.from_dtype(np.dtype(dtype)), 3, "A")
    index = numba.types.int64
    signature = numba.types.void(array, array, numba.types.Array(index, 1, "C"), index, index, index)
    compiled: Callable[..., None] = numba.njit(signature, nogil=True)(_slide_windows)
    return compiled


@no_type_check  # the compiler wants the bare function, without the checks that tests wrap around others
def _slide_windows(x: Any, out: Any, source: Any, size: int, first: int, last: int) -> None:
    """Filter blocks `first` to `last`, each of LANES rows: keep their windows sorted, one value out, one in.

    The sorted windows of a block lie side by side. Taking an old value out and putting a new one in is a
    single pass from the smallest value up, the same work whatever the values are, so that the loop over
    lanes becomes vector instructions. Arrays made in here are known not to overlap, which that needs.

    Shapes:
        x, out: (outer, row, n).
        source: (n + size - 1,), from `mirror_indices`.
    """
    num_rows, n = x.shape[1], x.shape[2]
    blocks_per_outer = (num_rows + LANES - 1) // LANES
    window = np.empty((size + 1, LANES), x.dtype)  # the row after the last value stays infinite
    old = np.empty(LANES, x.dtype)
    new = np.zeros(LANES, x.dtype)
    for block in range(first, last):
        outer = block // blocks_per_outer
        row = block % blocks_per_outer * LANES
        num_lanes = min(LANES, num_rows - row)
        # A window begins full of infinities, and these are what leaves while it fills up.
        window[:] = np.inf
        old[:] = np.inf
        for t in range(n + size - 1):
            for lane in range(num_lanes):
                new[lane] = x[outer, row + lane, source[t]]
                if t >= size:
                    old[lane] = x[outer, row + lane, source[t - size]]
            for place in range(size):
                for lane in range(LANES):
                    below_old = window[place, lane] < old[lane]
                    kept = window[place, lane] if below_old else window[place + 1, lane]
                    carried = new[lane]
                    window[place, lane] = min(kept, carried)
                    new[lane] = max(kept, carried)
            if t >= size - 1:
                for lane in range(num_lanes):
                    out[outer, row + lane, t - size + 1] = window[size // 2, lane]
