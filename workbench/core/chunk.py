"""Cut a song into overlapping chunks, in batches."""

from __future__ import annotations

from collections.abc import Iterator

from jaxtyping import Float
from torch import Tensor

from workbench.core.grid import ChunkGrid, take_span
from workbench.errors import InvalidValue


def generate_chunks(
    audio_data: Float[Tensor, "channel time"],
    chunk_size: int,
    hop_size: int,
    batch_size: int,
    *,
    padding_mode: str = "reflect",
) -> Iterator[Float[Tensor, "batch channel chunk"]]:
    """Yield the song's overlapping chunks in batches.

    Batches that lie inside the song are views of it, so do not write into them; only those that reach into
    the padding are copies, and of their own span alone.

    Example: chunks of 4 at steps of 2. ``stitch_chunks`` puts them together again:
    ``stitch_chunks([b.unsqueeze(1) for b in generate_chunks(x, 4, 2, 8)], 1, 4, 2, x.shape[-1],
    window=torch.ones(4))[0]`` equals ``x``.

    Args:
        audio_data: the song; any length of at least 1.
        chunk_size: length of a chunk in samples.
        hop_size: samples from one chunk to the next.
        batch_size: chunks in a batch; the last batch may be smaller.
        padding_mode: what the song is padded with on both sides, by ``chunk_size - hop_size``: ``reflect``,
            ``constant`` (zeros) or ``replicate``.

    Shapes:
        audio_data: (channel, time); yields (batch, channel, chunk_size).

    Raises:
        InvalidValue: no samples, a size out of its range, an unknown padding mode; at the call, not at the
            first batch.
    """
    check_waveform(audio_data)
    grid = ChunkGrid(audio_data.shape[-1], chunk_size, hop_size)
    batches = grid.batches(batch_size)
    take_batch(audio_data, grid, batches[0], padding_mode=padding_mode)  # complain now, not at first next()
    return (take_batch(audio_data, grid, chunks, padding_mode=padding_mode) for chunks in batches)


def take_batch(
    audio_data: Float[Tensor, "channel time"],
    grid: ChunkGrid,
    chunks: range,
    *,
    padding_mode: str = "reflect",
) -> Float[Tensor, "batch channel chunk"]:
    """The chunks of ``grid`` with the neighbouring indices ``chunks``; a view where they lie inside the song.

    Shapes:
        audio_data: (channel, time); returns (len(chunks), channel, chunk_size).
    """
    start, stop = grid.span(chunks)
    span = take_span(audio_data, start, stop, padding=grid.padding, padding_mode=padding_mode)
    return span.unfold(-1, grid.chunk_size, grid.hop_size).permute(1, 0, 2)  # (batch, channel, chunk_size)


def check_waveform(audio_data: Tensor) -> None:
    """Raise `InvalidValue` unless ``audio_data`` is (channel, time) with at least 1 sample."""
    if audio_data.ndim != 2:
        raise InvalidValue(f"audio must be (channel, time), got {audio_data.ndim} axes: {tuple(audio_data.shape)}")
    if audio_data.shape[0] < 1 or audio_data.shape[1] < 1:
        raise InvalidValue(
            f"audio must have at least 1 channel and 1 sample, got (channel, time) = {tuple(audio_data.shape)}"
        )
