"""Reading through libsndfile: wav, flac, ogg, mp3, aiff and whatever else it knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from workbench.errors import AudioFileError
from workbench.io.source import ForgivingFile, RefusedFileError
from workbench.io.truncation import find_xing_header

BLOCK_SAMPLES = 65536
# A count of MP3 frames may be off by one or two after tools have cut or tagged a file.
_MP3_TOLERANCE_SAMPLES = 2 * 1152

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
    """A file opened by libsndfile; an `AudioSource`."""

    def __init__(self, path: Path, *, cut: str | None, allow_truncated: bool) -> None:
        """Open `path`, of which `cut` says what is known to be missing.

        Raises:
            RefusedFileError: libsndfile does not know the format, or cannot know the length.
        """
        self._path = path
        self._allow_truncated = allow_truncated
        self.position = 0
        # An open file, not a name: by the ending of a name libsndfile takes any text for headerless audio
        # (.au, .snd, .vox, .gsm), and complains on standard error when an .mp3 is none.
        self._raw = ForgivingFile(path)
        try:
            self._file = _open(self._raw)
        except RefusedFileError:
            self._raw.close()
            raise
        self.sample_rate: int = self._file.samplerate
        self.num_channels: int = self._file.channels
        self.file_format: str = self._file.format
        self._length: int = self._file.frames
        self.num_samples: int | None = self._length
        self.cut = cut if cut is not None else self._find_missing_end()
        self._order = WAV_ORDER_FROM_VORBIS.get(self.num_channels) if self._file.subtype in ("VORBIS", "OPUS") else None

    def _find_missing_end(self) -> str | None:
        """Try to read the last sample, through a handle of its own: a failed one stays unusable."""
        last = self._length - 1
        if self.file_format == "MP3":
            last -= _MP3_TOLERANCE_SAMPLES
        if last < 0:
            return None
        try:
            with ForgivingFile(self._path) as raw, soundfile.SoundFile(raw) as file:
                file.seek(last)
                if len(file.read(1)) == 1:
                    return None
        except soundfile.SoundFileError:
            pass
        return f"its header tells of {self._length} samples, and the last of them cannot be read"

    def iterate_blocks(self, *, start: int, stop: int | None) -> Iterator[np.ndarray]:
        """Yield the samples from `start` to `stop` (None: the end) as float32 blocks (channel, time).

        Goes straight to `start`. A file that is cut off ends where it can be read no further.

        Raises:
            AudioFileError: the file cannot be read further, and `allow_truncated` is not set.
        """
        stop = self._length if stop is None else min(stop, self._length)
        self.position = min(start, self._length)
        buffer = np.empty((BLOCK_SAMPLES, self.num_channels), dtype=np.float32)
        try:
            self._file.seek(self.position)
            while self.position < stop:
                frames = self._file.read(out=buffer[: stop - self.position])  # (time, channel)
                if len(frames) == 0:
                    break
                self.position += len(frames)
                yield (frames if self._order is None else frames[:, self._order]).T  # (channel, time)
        except soundfile.SoundFileError as error:
            if self.cut is None:
                self.cut = f"damaged after {self.position / self.sample_rate:.3f} s ({error})"
            if not self._allow_truncated:
                raise AudioFileError(
                    f"{self._path}: {self.cut}; expected a whole file; "
                    "pass allow_truncated=True (--allow-truncated) to read what comes before"
                ) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()


def _open(raw: ForgivingFile) -> soundfile.SoundFile:
    if Path(str(raw.name)).suffix.lower() == ".raw":
        raise RefusedFileError("libsndfile: a .raw file has no header")
    try:
        file = soundfile.SoundFile(raw)
    except soundfile.SoundFileError as error:
        raise RefusedFileError(f"libsndfile: {getattr(error, 'error_string', error)}") from error
    reason = _find_unknown_length(raw, file)
    if reason is not None:
        file.close()
        raise RefusedFileError(f"libsndfile: {reason}")
    return file


def _find_unknown_length(raw: ForgivingFile, file: soundfile.SoundFile) -> str | None:
    """Say why the file's length cannot be known, None if it can."""
    if file.frames >= 2**62:
        return "the length is not in the header"
    if file.format == "MP3":
        position = raw.tell()  # libsndfile reads on from here
        raw.seek(0)
        xing = find_xing_header(raw, raw.read(40).ljust(40, b"\0"))
        raw.seek(position)
        if xing is None or xing[1] is None:
            # It would guess from the first frame's bit rate and stop there: half of a file with a
            # variable rate can be missing.
            return "an MP3 file without a count of its frames"
    return None
