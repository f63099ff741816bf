"""Where chunks lie: the only place with index arithmetic.

Chunking, stitching, progress and figures all read one frozen `ChunkGrid`. Positions are in samples of
the song: 0 is its first sample, and a chunk that begins in the padding has a negative start.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import torch
from torch import Tensor

from workbench.errors import InvalidType, InvalidValue

PADDING_MODES = ("reflect", "constant", "replicate")


@dataclass(frozen=True)
class ChunkGrid:
    """The chunks of a song: every window of ``chunk_size`` samples at steps of ``hop_size``.

    The song is padded by ``chunk_size - hop_size`` on both sides, so that its first and last samples are
    covered as often as the others, then by zeros until the last chunk is full.

    Example: 10 samples, chunks of 4, hop of 2. The padding is 2 on each side, and the chunks start at
    -2, 0, 2, 4, 6 and 8:

    >>> grid = ChunkGrid(num_samples=10, chunk_size=4, hop_size=2)
    >>> list(grid.starts), grid.padded_length, list(grid.covering(0))
    ([-2, 0, 2, 4, 6, 8], 14, [0, 1])

    Invariants: ``grid.starts[k] == k * hop_size - padding``;
    ``(grid.padded_length - chunk_size) % hop_size == 0``; every sample of the song is in
    ``grid.covering(sample)``, which is never empty.

    Args:
        num_samples: length of the song, at least 1.
        chunk_size: length of a chunk, at least 1.
        hop_size: samples from one chunk to the next, from 1 to ``chunk_size``.

    Raises:
        InvalidType: a size that is not a whole number.
        InvalidValue: a size out of its range.
    """

    num_samples: int
    chunk_size: int
    hop_size: int

    def __post_init__(self) -> None:
        for name in ("num_samples", "chunk_size", "hop_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise InvalidType(f"{name} must be a whole number of samples, got {value!r}")
            if value < 1:
                raise InvalidValue(f"{name} must be at least 1 sample, got {value}")
        if self.hop_size > self.chunk_size:
            raise InvalidValue(
                f"hop_size must be at most chunk_size, got {self.hop_size} > {self.chunk_size}: "
                "samples between two chunks would be lost"
            )

    @classmethod
    def from_song(cls, num_samples: int, chunk_size: int, hop_size: int) -> ChunkGrid:
        """The grid for a song of ``num_samples`` samples."""
        return cls(num_samples=num_samples, chunk_size=chunk_size, hop_size=hop_size)

    @classmethod
    def from_overlap(cls, num_samples: int, chunk_size: int, overlap: float) -> ChunkGrid:
        """The grid whose chunks share ``overlap`` of their length.

        The hop is ``round(chunk_size * (1 - overlap))``.

        Raises:
            InvalidValue: an overlap outside [0, 1), or one so large that the hop is below 1 sample.
        """
        return cls(num_samples, chunk_size, hop_from_overlap(chunk_size, overlap))

    @property
    def padding(self) -> int:
        """Samples added before the song, and after it before the final zeros."""
        return self.chunk_size - self.hop_size

    @property
    def num_chunks(self) -> int:
        """How many chunks it takes."""
        uncovered = self.num_samples + 2 * self.padding - self.chunk_size  # beyond the first chunk
        return 1 + max(0, -(-uncovered // self.hop_size))

    @property
    def padded_length(self) -> int:
        """Length of song, padding and final zeros, which the chunks cover exactly."""
        return (self.num_chunks - 1) * self.hop_size + self.chunk_size

    @property
    def starts(self) -> range:
        """Where each chunk starts, in samples of the song."""
        return range(-self.padding, -self.padding + self.num_chunks * self.hop_size, self.hop_size)

    @property
    def redundancy(self) -> float:
        """Samples computed for each sample of the song."""
        return self.num_chunks * self.chunk_size / self.num_samples

    def covering(self, sample: int) -> range:
        """The indices of the chunks that contain ``sample`` (samples of the song, padding included)."""
        position = sample + self.padding
        if not 0 <= position < self.padded_length:
            raise InvalidValue(
                f"sample must be from {-self.padding} to {self.padded_length - self.padding - 1}, got {sample}"
            )
        first = max(0, -(-(position - self.chunk_size + 1) // self.hop_size))
        last = min(self.num_chunks - 1, position // self.hop_size)
        return range(first, last + 1)

    def batches(self, batch_size: int) -> list[range]:
        """Chunk indices in groups of ``batch_size``; the last may be smaller."""
        if isinstance(batch_size, bool) or not isinstance(batch_size, int):
            raise InvalidType(f"batch_size must be a whole number of chunks, got {batch_size!r}")
        if batch_size < 1:
            raise InvalidValue(f"batch_size must be at least 1, got {batch_size}")
        indices = range(self.num_chunks)
        return [indices[first : first + batch_size] for first in range(0, self.num_chunks, batch_size)]

    def span(self, chunks: range) -> tuple[int, int]:
        """First sample and the one past the last of neighbouring ``chunks``, in samples of the song."""
        return self.starts[chunks[0]], self.starts[chunks[-1]] + self.chunk_size


def hop_from_overlap(chunk_size: int, overlap: float) -> int:
    """``round(chunk_size * (1 - overlap))``, checked.

    Raises:
        InvalidType: an overlap that is not a number.
        InvalidValue: an overlap outside [0, 1), or a hop below 1 sample.
    """
    if isinstance(overlap, bool) or not isinstance(overlap, Real):
        raise InvalidType(f"overlap must be a number, got {overlap!r}")
    if not 0 <= overlap < 1:
        raise InvalidValue(f"overlap must be at least 0 and below 1, got {overlap}")
    hop_size = round(chunk_size * (1 - overlap))
    if hop_size < 1:
        raise InvalidValue(
            f"overlap {overlap} of a chunk of {chunk_size} samples leaves a hop of {hop_size} samples, "
            "it must be at least 1: lower the overlap or lengthen the chunk"
        )
    return hop_size


def take_span(audio_data: Tensor, start: int, stop: int, *, padding: int, padding_mode: str) -> Tensor:
    """The samples from ``start`` to ``stop`` of a song that goes on beyond its ends.

    Inside the song this is a view. Beyond an end come ``padding`` samples in ``padding_mode``, then zeros.

    Args:
        audio_data: (..., time).
        start: first sample, may be negative.
        stop: one past the last sample.
        padding: how far the song goes on before its start and after its end.
        padding_mode: ``reflect`` (back and forth without repeating the end sample, as often as it takes, as
            numpy's does), ``constant`` (zeros) or ``replicate``.

    Shapes:
        returns (..., stop - start).
    """
    if padding_mode not in PADDING_MODES:
        raise InvalidValue(f"padding_mode must be one of {', '.join(PADDING_MODES)}, got {padding_mode!r}")
    num_samples = audio_data.shape[-1]
    if start >= 0 and stop <= num_samples:
        return audio_data[..., start:stop]
    positions = torch.arange(start, stop, device=audio_data.device)
    if padding_mode == "reflect" and num_samples > 1:
        period = 2 * (num_samples - 1)
        folded = positions.remainder(period)
        source = torch.minimum(folded, period - folded)
    else:
        source = positions.clamp(0, num_samples - 1)
    extent = 0 if padding_mode == "constant" else padding
    sounding = (positions >= -extent) & (positions < num_samples + extent)
    return torch.where(sounding, audio_data.index_select(-1, source), audio_data.new_zeros(()))
