"""Put processed chunks together again: windowed overlap-add, divided by the sum of the windows.

Because the song is padded by ``chunk_size - hop_size`` on both sides, every one of its samples is covered in
full, so that the sum of the windows there repeats with the hop: at the padded position p it is
``sum over k of window[p % hop_size + k * hop_size]``. One division of the window by that sum therefore
replaces the division of the whole song, and nothing as long as the song is needed beside the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.grid import ChunkGrid
from workbench.errors import InvalidValue

CLAMP = 1e-8


def stitch_chunks(
    processed_chunks: Sequence[Float[Tensor, "_ stem channel chunk"]],
    num_stems: int,
    chunk_size: int,
    hop_size: int,
    target_num_samples: int,
    *,
    window: Float[Tensor, " chunk"],
) -> Float[Tensor, "stem channel time"]:
    """Overlap-add chunks that were cut by `generate_chunks` with the same sizes.

    At each sample: the sum of ``window * chunk``, divided by the sum of the windows there. Chunks are added
    into one accumulator, of at least float32; they are never concatenated.

    Args:
        processed_chunks: batches in order, (batch, stem, channel, chunk_size) each; the last may be smaller.
        num_stems: stems in each chunk.
        chunk_size: length of a chunk in samples.
        hop_size: samples from one chunk to the next.
        target_num_samples: length of the song. Chunks beyond it are cut off.
        window: weights of a chunk's samples, length ``chunk_size``.

    Shapes:
        returns (stem, channel, target_num_samples), on the device of the chunks.

    Raises:
        InvalidValue: fewer chunks than the song takes, a batch of another shape, a window of another length
            or one whose sum is 0 (below 1e-8) somewhere in the song.
    """
    grid = ChunkGrid(target_num_samples, chunk_size, hop_size)
    num_given = sum(batch.shape[0] for batch in processed_chunks)
    if num_given < grid.num_chunks:
        raise InvalidValue(
            f"{target_num_samples} samples take {grid.num_chunks} chunks of {chunk_size} at a hop of "
            f"{hop_size}, got {num_given}"
        )
    first = processed_chunks[0]
    num_channels = first.shape[2] if first.ndim == 4 else 0
    dtype = torch.promote_types(first.dtype, torch.float32)
    weights = normalized_window(grid, window, dtype=dtype).to(dtype=dtype, device=first.device)
    song = torch.zeros(num_stems, num_channels, target_num_samples, dtype=dtype, device=first.device)
    index = 0
    for batch in processed_chunks:
        check_batch(batch, num_stems=num_stems, num_channels=num_channels, chunk_size=chunk_size)
        kept = batch[: grid.num_chunks - index]
        song = _add_chunks(song, kept, weights, origin=grid.starts[0] + index * hop_size, hop_size=hop_size)
        index += kept.shape[0]
    return song


class OverlapAdder:
    """The streaming twin of `stitch_chunks`: batches in as they come, samples out as soon as they are final.

    Its memory is one chunk and what a push gives, however long the song.

    Example: ``adder = OverlapAdder(grid, window, num_stems=4, num_channels=2)``, then
    ``torch.cat([*(adder.push(batch) for batch in batches), adder.close()], dim=-1)`` is what
    ``stitch_chunks(batches, ...)`` gives.

    Args:
        grid: where the chunks lie.
        window: weights of a chunk's samples, length ``grid.chunk_size``.
        num_stems: stems in each chunk.
        num_channels: channels in each chunk.
        dtype: of the result.
        device: of the chunks and the result.

    Raises:
        InvalidValue: a window that does not fit; see `normalized_window`.
    """

    def __init__(
        self,
        grid: ChunkGrid,
        window: Float[Tensor, " chunk"],
        *,
        num_stems: int,
        num_channels: int,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.grid = grid
        self._num_stems, self._num_channels = num_stems, num_channels
        self._weights = normalized_window(grid, window, dtype=dtype).to(dtype=dtype, device=device)
        # a ring of one chunk's length: what the chunks so far have added from the first open sample on
        self._ring = torch.zeros(num_stems, num_channels, grid.chunk_size, dtype=dtype, device=device)
        self._head = 0  # where in the ring that sample lies
        self._num_pushed = 0

    @property
    def num_pushed(self) -> int:
        """Chunks taken so far."""
        return self._num_pushed

    def push(self, chunks: Float[Tensor, "batch stem channel chunk"]) -> Float[Tensor, "stem channel final"]:
        """Take the next chunks, give the samples of the song that no later chunk can change (possibly none).

        Shapes:
            chunks: (batch, stem, channel, chunk_size); returns (stem, channel, newly final samples).

        Raises:
            InvalidValue: another shape, or more chunks than the grid has.
        """
        check_batch(
            chunks,
            num_stems=self._num_stems,
            num_channels=self._num_channels,
            chunk_size=self.grid.chunk_size,
        )
        num_added = chunks.shape[0]
        if self._num_pushed + num_added > self.grid.num_chunks:
            raise InvalidValue(
                f"the grid has {self.grid.num_chunks} chunks, got {self._num_pushed + num_added} after this batch"
            )
        if num_added == 0:
            return self._ring[..., :0]
        final = torch.cat([piece for chunk in chunks.split(1) for piece in self._push_one(chunk)], dim=-1)
        # where it starts, in the song's samples
        start = -self.grid.padding + self._num_pushed * self.grid.hop_size
        self._num_pushed += num_added
        first = min(max(-start, 0), final.shape[-1])
        last = min(max(self.grid.num_samples - start, 0), final.shape[-1])
        return final[..., first : max(first, last)]

    def close(self) -> Float[Tensor, "stem channel final"]:
        """The rest of the song; all that was given then has exactly ``grid.num_samples`` samples.

        With the padding behind the song the last push already goes past its end, so that nothing is left over.

        Raises:
            InvalidValue: fewer chunks were pushed than the grid has.
        """
        if self._num_pushed < self.grid.num_chunks:
            raise InvalidValue(f"the grid has {self.grid.num_chunks} chunks, only {self._num_pushed} were pushed")
        return self._ring[..., :0]

    def _push_one(self, chunk: Float[Tensor, "1 stem channel chunk"]) -> list[Float[Tensor, "stem channel _"]]:
        """Add one chunk into the ring, and take the samples out that are final then, in one piece or two."""
        hop_size, before_wrap = self.grid.hop_size, self.grid.chunk_size - self._head
        for part, origin in ((slice(None, before_wrap), self._head), (slice(before_wrap, None), 0)):
            self._ring = _add_chunks(
                self._ring, chunk[..., part], self._weights[part], origin=origin, hop_size=hop_size
            )
        taken = []
        for part in (slice(self._head, self._head + hop_size), slice(0, max(0, hop_size - before_wrap))):
            taken.append(self._ring[..., part].clone())
            self._ring[..., part] = 0
        self._head = (self._head + hop_size) % self.grid.chunk_size
        return taken


def window_sum(grid: ChunkGrid, window: Float[Tensor, " chunk"]) -> Float[Tensor, " time"]:
    """The sum of the shifted windows at each sample of the song, before the clamp: what stitching divides by.

    Shapes:
        window: (chunk_size,); returns (num_samples,).
    """
    return _repeat_over_song(grid, _sum_over_hop(grid, window))


def normalized_window(
    grid: ChunkGrid, window: Float[Tensor, " chunk"], *, dtype: torch.dtype = torch.float32
) -> Float[Tensor, " chunk"]:
    """The window divided by the sum of its shifted copies, which then sum to 1 everywhere in the song.

    Args:
        grid: where the chunks lie.
        window: weights of a chunk's samples.
        dtype: computed in it, or in the window's own dtype or float32 where those are more precise.

    Raises:
        InvalidValue: a window of another length, or one whose sum falls below 1e-8 somewhere in the song.
    """
    exact = window.to(torch.promote_types(window.dtype, torch.promote_types(dtype, torch.float32)))
    total = _sum_over_hop(grid, exact)  # (hop,)
    reached = total if grid.num_samples >= grid.hop_size else _repeat_over_song(grid, total)
    if not bool((reached >= CLAMP).all()):
        raise InvalidValue(
            f"the window ({grid.chunk_size} samples, from {float(window.min()):.3g} to "
            f"{float(window.max()):.3g}) at a hop of {grid.hop_size} samples sums to {float(reached.min()):.3g} "
            "somewhere in the song, where nothing could be heard: use a smaller hop (more overlap) or a window "
            "that is above 0 there"
        )
    phases = torch.arange(grid.chunk_size, device=window.device) % grid.hop_size
    return exact / total.clamp_min(CLAMP)[phases]


def check_batch(chunks: Tensor, *, num_stems: int, num_channels: int, chunk_size: int) -> None:
    """Raise `InvalidValue` unless ``chunks`` is (batch, num_stems, num_channels, chunk_size)."""
    if chunks.ndim != 4 or tuple(chunks.shape[1:]) != (num_stems, num_channels, chunk_size):
        raise InvalidValue(
            f"chunks must be (batch, stem, channel, chunk) = (batch, {num_stems}, {num_channels}, "
            f"{chunk_size}), got {tuple(chunks.shape)}"
        )


def _add_chunks(song: Tensor, chunks: Tensor, weights: Tensor, *, origin: int, hop_size: int) -> Tensor:
    """``song`` with ``weights * chunk`` added in place, the first chunk at ``origin``; what lies outside is left."""
    return cast(Tensor, _AddChunks.apply(song, chunks, weights, origin, hop_size))  # type: ignore[no-untyped-call]


def _overlaps(num_samples: int, shape: Sequence[int], origin: int, hop_size: int) -> Iterator[tuple[int, slice, slice]]:
    """Index of each chunk that reaches into the song, where it lies there, and which of its samples do."""
    num_chunks, *_, chunk_size = shape
    for index in range(num_chunks):
        start = origin + index * hop_size
        first, last = max(0, -start), min(chunk_size, num_samples - start)
        if first < last:
            yield index, slice(start + first, start + last), slice(first, last)


class _AddChunks(torch.autograd.Function):
    """The addition with a backward that reads each chunk's own part of the gradient.

    Left to autograd, each addition into a slice would copy the gradient of the whole song once more, so that a
    backward pass would take time in the square of its length.
    """

    @staticmethod
    def forward(ctx: Any, song: Tensor, chunks: Tensor, weights: Tensor, origin: int, hop_size: int) -> Tensor:
        for index, place, part in _overlaps(song.shape[-1], chunks.shape, origin, hop_size):
            song[..., place].addcmul_(chunks[index, ..., part].to(song.dtype), weights[part])
        ctx.mark_dirty(song)
        ctx.save_for_backward(weights, chunks if ctx.needs_input_grad[2] else None)
        ctx.chunks_like = (chunks.shape, chunks.dtype)
        ctx.origin, ctx.hop_size = origin, hop_size
        return song

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        weights, chunks = ctx.saved_tensors
        shape, dtype = ctx.chunks_like
        grad_chunks = grad.new_zeros(shape) if ctx.needs_input_grad[1] else None
        grad_weights = torch.zeros_like(weights) if ctx.needs_input_grad[2] else None
        for index, place, part in _overlaps(grad.shape[-1], shape, ctx.origin, ctx.hop_size):
            if grad_chunks is not None:
                grad_chunks[index, ..., part] = grad[..., place] * weights[part]
            if grad_weights is not None:
                grad_weights[part] += (grad[..., place] * chunks[index, ..., part]).sum(dim=(0, 1))
        return grad, None if grad_chunks is None else grad_chunks.to(dtype), grad_weights, None, None


def _sum_over_hop(grid: ChunkGrid, window: Tensor) -> Tensor:
    """The sum of the shifted windows at each phase of the hop: (hop,)."""
    if tuple(window.shape) != (grid.chunk_size,):
        raise InvalidValue(
            f"the window must have the chunk's {grid.chunk_size} samples, got shape {tuple(window.shape)}"
        )
    exact = window.to(torch.promote_types(window.dtype, torch.float32))
    total = exact.new_zeros(grid.hop_size)
    for shifted in exact.split(grid.hop_size):
        total = total + torch.nn.functional.pad(shifted, (0, grid.hop_size - shifted.shape[0]))
    return total


def _repeat_over_song(grid: ChunkGrid, total: Tensor) -> Tensor:
    """What repeats with the hop, (hop,), at each sample of the song: (num_samples,)."""
    begins_at_song = total.roll(-(grid.padding % grid.hop_size))  # (hop,)
    return begins_at_song.repeat(-(-grid.num_samples // grid.hop_size))[: grid.num_samples]
