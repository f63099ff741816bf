"""What a reader offers, whichever library it reads through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from workbench.errors import AudioFileError


class RefusedFileError(Exception):
    """A library cannot read this file, or not all of it; the text says why. Never leaves `workbench.io`."""


@runtime_checkable
class AudioSource(Protocol):
    """An open audio file.

    Attributes:
        sample_rate: in hertz.
        num_channels: channels in the file.
        num_samples: length that the file tells, which need not be exact; None if it tells none.
        cut: why the file ends early, None if it does not.
        notes: what else the user should know of how the file was read, once it is.
        position: how far `iterate_blocks` came, in samples of the file.
    """

    sample_rate: int
    num_channels: int
    num_samples: int | None
    position: int

    @property
    def cut(self) -> str | None:
        """Why the file ends early."""

    @property
    def notes(self) -> list[str]:
        """What else to say of it."""

    def iterate_blocks(self, *, start: int, stop: int | None) -> Iterator[np.ndarray]:
        """Yield the samples from `start` to `stop` (None: the end) as float32 blocks (channel, time).

        A block is valid until the next one is asked for.

        Raises:
            AudioFileError: the sound ends before `stop` and before the end that the file tells of, unless it was
                opened to be read up to a cut. Then `cut` says where.
        """

    def close(self) -> None:
        """Close the file."""


class ChainedSource:
    """Files that were joined end to end, one after the other; an `AudioSource`."""

    def __init__(self, path: Path, sources: Sequence[AudioSource]) -> None:
        """Join the open sources of the file `path`, at least one.

        Raises:
            AudioFileError: they differ in sample rate or channels.
        """
        self._sources = sources
        formats = {(source.sample_rate, source.num_channels) for source in sources}
        if len(formats) > 1:
            listed = ", ".join(f"{rate} Hz with {channels} channels" for rate, channels in sorted(formats))
            raise AudioFileError(f"{path}: songs joined end to end differ ({listed}); expected one format throughout")
        ((self.sample_rate, self.num_channels),) = formats
        lengths = [source.num_samples for source in sources if source.num_samples is not None]
        self.num_samples: int | None = sum(lengths) if len(lengths) == len(sources) else None
        self.position = 0

    @property
    def cut(self) -> str | None:
        """Why one of them ends early."""
        return next((source.cut for source in self._sources if source.cut is not None), None)

    @property
    def notes(self) -> list[str]:
        """Of all of them."""
        return [note for source in self._sources for note in source.notes]

    def iterate_blocks(self, *, start: int, stop: int | None) -> Iterator[np.ndarray]:
        """Yield the samples from `start` to `stop` (None: the end) as float32 blocks (channel, time)."""
        begin = 0  # of this source, in the samples of all
        for source in self._sources:
            rest = None if stop is None else stop - begin
            for block in source.iterate_blocks(start=max(0, start - begin), stop=rest):
                self.position = begin + source.position
                yield block
            begin = self.position = begin + source.position
            if stop is not None and begin >= stop:
                return

    def close(self) -> None:
        """Close all of them."""
        for source in self._sources:
            source.close()
