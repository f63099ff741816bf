"""What a reader offers, whichever library it reads through."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np


class ForgivingFile(io.BufferedReader):
    """A file for libraries that call back into Python, where an exception would only be printed and lost.

    A damaged header can make them seek before the beginning: they get -1 for it, as from C.
    """

    def __init__(self, path: Path) -> None:
        """Open `path` for reading."""
        super().__init__(io.FileIO(path))

    def seek(self, target: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position and give it, or -1 where there is none."""
        try:
            return super().seek(target, whence)
        except (OSError, ValueError):
            return -1


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
        position: how far `iterate_blocks` came, in samples of the file.
    """

    sample_rate: int
    num_channels: int
    num_samples: int | None
    cut: str | None
    position: int

    def iterate_blocks(self, *, start: int, stop: int | None) -> Iterator[np.ndarray]:
        """Yield the samples from `start` to `stop` (None: the end) as float32 blocks (channel, time).

        A block is valid until the next one is asked for.
        """

    def close(self) -> None:
        """Close the file."""
