"""Reading through libsndfile: wav, flac, ogg, aiff and whatever else it knows, but for MP3."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import soundfile

from workbench.errors import AudioFileError
from workbench.io.source import RefusedFileError

BLOCK_SAMPLES = 65536
_LONGEST_FRAME = 8192  # in samples, of what a WAV file holds

# Vorbis I specification, 4.3.9, and RFC 7845, 5.1.1.2, order channels as L C R Ls Rs LFE. libsndfile
# hands them on so; the index of each channel of WAV order (L R C LFE Ls Rs) among them:
WAV_ORDER_FROM_VORBIS = {
    3: [0, 2, 1],
    5: [0, 2, 1, 3, 4],
    6: [0, 2, 1, 5, 3, 4],
    7: [0, 2, 1, 6, 5, 3, 4],
    8: [0, 2, 1, 7, 5, 6, 3, 4],
}


class SoundfileSource:
    """A file opened by libsndfile; an `AudioSource`.

    libsndfile gets the file's descriptor. By the ending of a name it would take any text for headerless audio (.au,
    .snd, .vox, .gsm); and an object in Python it reads through callbacks, where an exception, Ctrl-C included, is
    printed and dropped.
    """

    def __init__(
        self,
        descriptor: int,
        path: Path,
        *,
        cut: str | None,
        allow_truncated: bool,
        told_samples: int | None = None,
    ) -> None:
        """Open the file behind `descriptor`, which is closed with this source, also when it is refused.

        Args:
            descriptor: an open file at its beginning.
            path: serves the errors.
            cut: what is known to be missing.
            allow_truncated: whether to give what comes before a cut.
            told_samples: how many samples the file tells of beside its bytes; those of the last frame or of padding
                that go beyond are left out.

        Raises:
            RefusedFileError: libsndfile does not know the format, or cannot know the length.
        """
        self._path = path
        self._allow_truncated = allow_truncated
        self._descriptor = descriptor
        self.position = 0
        self.notes: list[str] = []
        try:
            missing = _find_missing_end(descriptor, told_samples)
            self._file = _open(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self.sample_rate: int = self._file.samplerate
        self.num_channels: int = self._file.channels
        self.file_format: str = self._file.format
        self.subtype: str = self._file.subtype
        self._length: int = _choose_length(self._file, told_samples)
        self.num_samples: int | None = self._length
        self.cut: str | None = missing if cut is None else cut
        self._order = WAV_ORDER_FROM_VORBIS.get(self.num_channels) if self.subtype in ("VORBIS", "OPUS") else None

    @property
    def is_little_endian(self) -> bool:
        """The byte order of uncompressed samples."""
        usual = "LITTLE" if self.file_format in ("WAV", "WAVEX", "W64", "RF64") else "BIG"
        return (usual if self._file.endian == "FILE" else self._file.endian) == "LITTLE"

    def iterate_blocks(self, *, start: int, stop: int | None) -> Iterator[np.ndarray]:
        """Yield the samples from `start` to `stop` (None: the end) as float32 blocks (channel, time).

        Goes straight to `start`. A file that is cut off ends where it can be read no further.

        Raises:
            AudioFileError: the file cannot be read further, and `allow_truncated` is not set.
        """
        stop = self._length if stop is None else min(stop, self._length)
        self.position = min(start, self._length)
        buffer = np.empty((BLOCK_SAMPLES, self.num_channels), dtype=np.float32)
        reason, failure = "it ends there", None
        try:
            self._file.seek(self.position)
            while self.position < stop:
                frames = self._file.read(out=buffer[: stop - self.position])  # (time, channel)
                if len(frames) == 0:
                    break
                self.position += len(frames)
                yield (frames if self._order is None else frames[:, self._order]).T  # (channel, time)
        except soundfile.SoundFileError as error:
            reason, failure = str(error), error
        if self.position >= stop:
            return
        if self.cut is None:
            self.cut = (
                f"damaged or cut off after {self.position / self.sample_rate:.3f} s ({reason}), where "
                f"{self._length / self.sample_rate:.3f} s were expected"
            )
        if not self._allow_truncated:
            raise AudioFileError(
                f"{self._path}: {self.cut}; expected a whole file; "
                "pass allow_truncated=True (--allow-truncated) to read what comes before"
            ) from failure

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        os.close(self._descriptor)


def _open(descriptor: int) -> soundfile.SoundFile:
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        file = soundfile.SoundFile(descriptor, closefd=False)
    except soundfile.SoundFileError as error:
        raise RefusedFileError(f"libsndfile: {getattr(error, 'error_string', error)}") from error
    if file.frames >= 2**62:
        file.close()
        raise RefusedFileError("libsndfile: the length is not in the header")
    if file.subtype.startswith("MPEG"):
        file.close()
        raise RefusedFileError("libsndfile: it only guesses the length of MPEG audio")
    return file


def _choose_length(file: soundfile.SoundFile, told_samples: int | None) -> int:
    num_frames = int(file.frames)
    is_within_last_frame = told_samples is not None and num_frames - _LONGEST_FRAME < told_samples < num_frames
    return cast(int, told_samples) if is_within_last_frame else num_frames


def _find_missing_end(descriptor: int, told_samples: int | None) -> str | None:
    """Try to read the last sample, by an opening of its own: a failed one stays unusable."""
    with _open(descriptor) as file:
        length = _choose_length(file, told_samples)
        if length == 0:
            return None
        try:
            file.seek(length - 1)
            if len(file.read(1)) == 1:
                return None
        except soundfile.SoundFileError:
            pass
        return f"its header tells of {length} samples, and the last of them cannot be read"
