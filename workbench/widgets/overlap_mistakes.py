"""Well-known mistakes of overlap-add, each as a small function that makes it on purpose, and settings that show it.

All of them cut the song by the real `workbench.core.chunk`, and go wrong only in how they put it together again. Each
is a gain that changes with time, so that what comes out is that gain times the song.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.chunk import take_batch
from workbench.core.grid import ChunkGrid
from workbench.core.stitch import normalized_window, window_sum
from workbench.errors import InvalidValue

BATCH_SIZE = 4  # chunks that the fade of a whole batch lies over
CHUNKS_AT_ONCE = 4  # small, since batches within the song are views of it and others copies


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Args:
        title: its name in a list.
        window: an overlap-add window that shows it.
        overlap: share of a chunk, likewise.
        wrong: what is wrong, in one line.
        heard: what is heard and seen of it, in one line.
        error_db: RMS of what comes out minus the song, in dB of the song's, at these settings: 16 384 samples a chunk,
            3 s at 44.1 kHz.
        make: the mistake itself.
    """

    title: str
    window: str
    overlap: float
    wrong: str
    heard: str
    error_db: float
    make: Callable[[Tensor, ChunkGrid, Tensor], Tensor]


def add_plainly(
    audio_data: Float[Tensor, "channel time"], grid: ChunkGrid, window: Float[Tensor, " chunk"]
) -> Float[Tensor, "channel time"]:
    """Overlap-add without normalization: one gain for the whole song, ``hop / sum(window)``.

    The gain is one over the mean of the windows' sum, so that what is left over is their ripple alone.

    Raises:
        InvalidValue: a window whose mean is 0 or less, which no gain makes up for.
    """
    return add_weighted(audio_data, grid, lambda index: window) * measure_plain_gain(window, grid.hop_size)


def measure_plain_gain(window: Float[Tensor, " chunk"], hop_size: int) -> float:
    """One over the mean of the windows' sum.

    Raises:
        InvalidValue: a window whose mean is 0 or less.
    """
    total = float(window.double().sum())
    if not total > 0:
        raise InvalidValue(
            f"the window ({len(window)} samples, from {float(window.min()):.3g} to {float(window.max()):.3g}) sums to "
            f"{total:.3g}, so that nothing is left of the song: take a window whose mean is above 0"
        )
    return hop_size / total


def divide_by_count(
    audio_data: Float[Tensor, "channel time"], grid: ChunkGrid, window: Float[Tensor, " chunk"]
) -> Float[Tensor, "channel time"]:
    """Windowed chunks, summed and divided by how many lie over each sample, instead of by their windows' sum."""
    count = window_sum(grid, torch.ones_like(window))  # (time,)
    return add_weighted(audio_data, grid, lambda index: window) / count


def fade_whole_batches(
    audio_data: Float[Tensor, "channel time"], grid: ChunkGrid, window: Float[Tensor, " chunk"]
) -> Float[Tensor, "channel time"]:
    """The window's rise on the first chunk of a batch and its fall on the last one, instead of both on each chunk.

    What comes of it is divided by the sum of the windows as it should have been. A batch has `BATCH_SIZE` chunks.

    Raises:
        InvalidValue: a window that sums to nothing somewhere.
    """
    normalized_window(grid, window)  # complains of a sum of 0
    peak, middle = window.max(), grid.chunk_size // 2
    rise, fall = window[:middle], window[middle:]

    def weigh(index: int) -> Tensor:
        is_first = index % BATCH_SIZE == 0
        is_last = index % BATCH_SIZE == BATCH_SIZE - 1 or index == grid.num_chunks - 1
        return torch.cat((rise if is_first else peak.expand(len(rise)), fall if is_last else peak.expand(len(fall))))

    return add_weighted(audio_data, grid, weigh) / window_sum(grid, window)


def leave_out_last(
    audio_data: Float[Tensor, "channel time"], grid: ChunkGrid, window: Float[Tensor, " chunk"]
) -> Float[Tensor, "channel time"]:
    """Only chunks that are whole within the song's end, instead of padding behind it until the last one is full.

    Raises:
        InvalidValue: a window that sums to nothing somewhere.
    """
    weights = normalized_window(grid, window, dtype=window.dtype)
    nothing = torch.zeros_like(weights)
    ends = [start + grid.chunk_size for start in grid.starts]
    return add_weighted(audio_data, grid, lambda index: weights if ends[index] <= grid.num_samples else nothing)


def add_weighted(
    audio_data: Float[Tensor, "channel time"], grid: ChunkGrid, weigh: Callable[[int], Tensor]
) -> Float[Tensor, "channel time"]:
    """The sum of all chunks, each times its own weights.

    Args:
        audio_data: the song, padded by reflection.
        grid: where its chunks lie.
        weigh: index of a chunk -> weights (chunk,).
    """
    total = audio_data.new_zeros(audio_data.shape[0], grid.padded_length)
    for chunks in grid.batches(CHUNKS_AT_ONCE):
        batch = take_batch(audio_data, grid, chunks)  # (batch, channel, chunk)
        for index, chunk in zip(chunks, batch, strict=True):
            place = index * grid.hop_size
            total[:, place : place + grid.chunk_size].addcmul_(chunk, weigh(index).to(total.dtype))
    return total[:, grid.padding : grid.padding + grid.num_samples]


MISTAKES: dict[str, Mistake] = {
    "uneven_hop": Mistake(
        title="A hop that does not divide the chunk",
        window="hann",
        overlap=0.4,
        wrong="The windows are summed as if they added up to a constant, but at this hop they do not.",
        heard="With hann at overlap 0.4 the level swings by 3.2 dB every hop: a tremolo, stripes in a spectrogram.",
        error_db=-17.5,
        make=add_plainly,
    ),
    "hann_without_overlap": Mistake(
        title="Hann at overlap 0",
        window="hann",
        overlap=0.0,
        wrong="Each chunk fades to 0 at both ends, and no neighbour fills the gap: nothing to divide by.",
        heard="The song drops to silence at every seam; stitch_chunks refuses such a window.",
        error_db=-3.0,
        make=add_plainly,
    ),
    "divide_by_count": Mistake(
        title="Division by the number of overlaps",
        window="hann",
        overlap=0.75,
        wrong="The sum is divided by how many chunks overlap (4 at overlap 0.75), not by what hann adds up to (2).",
        heard="With hann everything comes out at half its level (−6 dB): stems no longer add up to the mixture.",
        error_db=-6.0,
        make=divide_by_count,
    ),
    "fade_whole_batch": Mistake(
        title="A fade over a whole batch",
        window="linear_fade",
        overlap=0.1,
        wrong=f"The fade lies over a batch of {BATCH_SIZE} chunks instead of each: seams within it add up to 2.",
        heard="Bumps of +6 dB at the seams within a batch, none between batches: it changes with the batch size.",
        error_db=-10.8,
        make=fade_whole_batches,
    ),
    "last_chunk_cut": Mistake(
        title="The last chunk cut short",
        window="hann",
        overlap=0.5,
        wrong="Chunks that reach beyond the song's end are left out, instead of padded until they are full.",
        heard="The song fades away before its end, and its last samples are silent.",
        error_db=-14.8,
        make=leave_out_last,
    ),
}
