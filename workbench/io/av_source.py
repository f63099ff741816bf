"""Reading through PyAV (FFmpeg): m4a, mp4, webm, mkv, aac, and stems in one mp4."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np

from workbench.errors import AudioFileError
from workbench.io.mp4_boxes import has_sample_exact_edits, read_track_times
from workbench.io.source import RefusedFileError
from workbench.io.truncation import read_told_samples

# FFmpeg also takes playlists and scripts, which name other files and addresses to open. Only these.
ALLOWED_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,aac,mp3,flac,wav,w64,aiff,caf,au,asf,avi,flv,mpegts,mpeg,"
    "wv,ape,tta,amr,ac3,eac3,dts"
)

# A container tells its length in its own units of time, and perhaps without the last frame's padding.
# That much room more spares making the tensor anew at the very end.
_LENGTH_MARGIN_SAMPLES = 4096

# Containers that tell how long a stream is, and do not estimate it from a bit rate; in their own units of time.
_FORMATS_WITH_DURATION = {"mp4", "ogg", "flac", "wav", "w64", "aiff", "caf"}
_DURATION_TOLERANCE_SECONDS = Fraction(1, 4)

# Matroska rounds to milliseconds; pictures and sound of a film may begin a few apart.
_NEGLIGIBLE_SECONDS = Fraction(1, 200)
_GAP_SECONDS = Fraction(1, 10)

# What stands for 1.0 in integer sample formats.
_FULL_SCALE = {"u1": 2**7, "i2": 2**15, "i4": 2**31, "i8": 2**63}


class AvSource:
    """A file opened by FFmpeg; an `AudioSource` of its first audio stream, and of all by `iterate_streams`.

    Samples that the container marks as the codec's own (priming before the first, padding after the last)
    are not given. FFmpeg drops the former and, for Opus, the latter; in an MP4 the end follows from the
    duration of the last packet, from the edit list, or from iTunes' gapless tag.
    """

    def __init__(
        self,
        file: BinaryIO,
        path: Path,
        *,
        cut: str | None,
        allow_truncated: bool,
        input_format: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """Open `file`, which is closed with this source, also when it is refused.

        Args:
            file: an open file, not a name: FFmpeg takes a name with a colon for an address. Its methods must be in C,
                as those of Python's own files are: out of one in Python, Ctrl-C is printed and dropped inside FFmpeg.
            path: serves the errors.
            cut: what is known to be missing.
            allow_truncated: whether to give what comes before a cut.
            input_format: as FFmpeg names it, in place of what it finds.
            options: of that format.

        Raises:
            RefusedFileError: FFmpeg does not know the format.
            AudioFileError: there is no audio stream, or the file cannot be read.
        """
        self._path = path
        self._allow_truncated = allow_truncated
        self.position = 0
        self.cut: str | None = cut
        self.notes: list[str] = []
        self._file = file
        self._num_bytes = _count_bytes(file)
        try:
            self._container = av.open(
                file,
                mode="r",
                format=input_format,
                container_options={"format_whitelist": input_format or ALLOWED_FORMATS, **(options or {})},
                metadata_errors="replace",
            )
        except av.error.FFmpegError as error:
            file.close()
            raise RefusedFileError(f"FFmpeg: {error.strerror}") from error
        except OSError as error:  # of the file itself, on its way through FFmpeg
            file.close()
            raise AudioFileError(f"{path}: cannot be read: {error.strerror}") from error
        self._streams = list(self._container.streams.audio)
        if not self._streams:
            others = ", ".join(sorted({stream.type for stream in self._container.streams})) or "none at all"
            self.close()
            raise AudioFileError(f"{path}: holds no audio stream (streams: {others}); expected one")
        self.num_streams = len(self._streams)
        self.sample_rate: int
        self.num_channels: int
        self.sample_rate, self.num_channels = self.stream_format(0)
        if not self.sample_rate or not self.num_channels:
            self.close()
            raise RefusedFileError("FFmpeg: found no audio in it that it can decode")
        self.num_samples: int | None = self._read_length()

    @property
    def format_name(self) -> str:
        """The container, as FFmpeg names it."""
        return self._container.format.name

    def stream_format(self, index: int) -> tuple[int, int]:
        """Give (sample rate, channels) of an audio stream, zeros where FFmpeg cannot decode it."""
        context = self._streams[index].codec_context
        if context is None:  # there is no decoder, though PyAV's types do not say so
            return 0, 0
        return context.sample_rate, context.channels

    def _read_length(self) -> int | None:
        stream = self._streams[0]
        if stream.duration is not None and stream.time_base is not None:
            seconds = stream.duration * stream.time_base
        elif self._container.duration is not None:
            seconds = Fraction(self._container.duration, av.time_base)
        else:
            return None
        return max(0, round(seconds * self.sample_rate)) + _LENGTH_MARGIN_SAMPLES

    def _read_end(self, stream: av.AudioStream) -> Fraction | None:
        """Give the time in seconds where a stream ends by its edit list, iTunes' tag or a chunk ``fact``, else None."""
        if self.format_name in ("wav", "w64"):
            told = read_told_samples(self._path)
            return None if told is None else Fraction(told, self.sample_rate)
        if not self._is_mp4 or stream.time_base is None:
            return None
        sample_rate = stream.codec_context.sample_rate
        start = Fraction(stream.start_time or 0) * stream.time_base
        gapless = self._container.metadata.get("iTunSMPB", "").split()
        if len(gapless) >= 4 and self.num_streams == 1:
            # Hexadecimal: zero, priming, padding, and the samples in between.
            with suppress(ValueError):
                return start + Fraction(int(gapless[3], 16), sample_rate)
        if stream.duration is not None and has_sample_exact_edits(self._file, sample_rate=sample_rate):
            return start + stream.duration * stream.time_base
        times = read_track_times(self._file, track_id=stream.id)
        if times is None:
            return None
        return start + times.duration - (0 if times.starts_late else times.first)

    def _read_start(self, stream: av.AudioStream) -> Fraction:
        """Give the time in seconds before which a stream's samples are the codec's own, where FFmpeg leaves them in."""
        start = Fraction(stream.start_time or 0) * (stream.time_base or 1)
        if not self._is_mp4:
            return start
        times = read_track_times(self._file, track_id=stream.id)
        if times is None or not times.starts_late:
            return start  # where FFmpeg leaves them out
        if times.first == 0 and stream.codec_context.name == "aac":
            # FFmpeg's own writer tells of none here; of its first frame AAC can decode but a half.
            return start + Fraction(stream.codec_context.frame_size, stream.codec_context.sample_rate)
        return start + times.first

    def _note_late_start(self, start: Fraction) -> None:
        """Say how much later than the pictures the sound begins."""
        others = [
            Fraction(stream.start_time) * stream.time_base
            for stream in self._container.streams
            if stream.start_time is not None and stream.time_base is not None and stream.type == "video"
        ]
        if others and start - min(others) > _NEGLIGIBLE_SECONDS:
            late = float(start - min(others))
            self.notes.append(f"its sound begins {late:.3f} s after its pictures; here time is counted from there")

    def _note_gap(self, gap: Fraction, begin: Fraction) -> None:
        """Say where the sound stops for a while, or is there twice; times in seconds."""
        if abs(gap) > _GAP_SECONDS and self._has_exact_times:
            what = "has a gap" if gap > 0 else "goes back"
            self.notes.append(
                f"its sound {what} of {abs(float(gap)):.3f} s at {float(begin):.3f} s; here nothing stands for that"
            )

    @property
    def _has_exact_times(self) -> bool:
        return bool(set(self.format_name.split(",")) & {"mp4", "matroska"})

    @property
    def _is_mp4(self) -> bool:
        return "mp4" in self.format_name.split(",")

    def _is_past_end(self, end: Fraction | None) -> bool:
        """Whether the sound, decoded up to the time `end`, is all that an uncompressed container tells of."""
        stream = self._streams[0]
        if self.format_name not in ("wav", "w64") or end is None or not stream.duration or stream.time_base is None:
            return False
        return bool(end >= stream.duration * stream.time_base)

    def _find_missing_end(self, end: Fraction | None) -> str | None:
        """Say what is missing if the sound, decoded up to the time `end`, ends before the file said it would."""
        if _count_bytes(self._file) < self._num_bytes:
            return "the file became shorter while it was read"
        stream = self._streams[0]
        if stream.duration is None or stream.time_base is None or end is None:
            return None
        if not set(self.format_name.split(",")) & _FORMATS_WITH_DURATION:
            return None
        told = Fraction((stream.start_time or 0) + stream.duration) * stream.time_base
        if end >= told - _DURATION_TOLERANCE_SECONDS:
            return None
        return f"its header tells of {float(told):.3f} s, and it ends after {float(end):.3f} s"

    def iterate_blocks(self, *, start: int, stop: int | None) -> Iterator[np.ndarray]:
        """Yield the first stream's samples from `start` to `stop` as float32 blocks (channel, time).

        Decodes from the beginning, since only so the position is exact in every container.
        """
        for _, block in self.iterate_streams([0]):
            first = max(0, start - self.position)
            last = None if stop is None else max(0, stop - self.position)
            self.position += block.shape[1]
            if block[:, first:last].shape[1] > 0:
                yield block[:, first:last]
            if stop is not None and self.position >= stop:
                return

    def iterate_streams(self, indices: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (index, float32 block (channel, time)) for the audio streams `indices`, as they come.

        Raises:
            AudioFileError: a file that is not cut off cannot be decoded, or changes its format.
        """
        chosen = [self._streams[index] for index in indices]
        index_of = {stream.index: index for stream, index in zip(chosen, indices, strict=True)}
        position = dict.fromkeys(indices, 0)
        stream_start = {index: self._read_start(self._streams[index]) for index in indices}
        stream_end = {index: self._read_end(self._streams[index]) for index in indices}
        last_packet_end: dict[int, Fraction | None] = dict.fromkeys(indices)
        decoded_end: dict[int, Fraction] = {}
        self._note_late_start(stream_start[indices[0]])
        for stream in chosen:
            if self.format_name == "caf" and stream.codec_context.name == "alac":
                # FFmpeg would cut the padding that the container tells of, which the decoder has left out already
                stream.codec_context.options = {"flags2": "+skip_manual"}
        failure: Exception | None = None
        try:
            for packet in self._container.demux(*chosen):
                index = index_of[packet.stream.index]
                if packet.pts is not None and packet.duration and packet.time_base is not None:
                    last_packet_end[index] = (packet.pts + packet.duration) * packet.time_base
                for frame in packet.decode():
                    assert isinstance(frame, av.AudioFrame)
                    self._check_format(frame, index)
                    block = _convert_samples(frame)
                    if frame.pts is not None and frame.time_base is not None:
                        begin = frame.pts * frame.time_base
                        self._note_gap(begin - decoded_end.get(index, begin), begin)
                        decoded_end[index] = begin + Fraction(frame.samples, frame.sample_rate)
                    if self._is_mp4:
                        block = block[:, : self._count_valid(frame, last_packet_end[index], stream_end[index])]
                        block = block[:, self._count_priming(frame, stream_start[index]) :]
                    elif stream_end[index] is not None:
                        block = block[:, : self._count_valid(frame, None, stream_end[index])]
                    position[index] += block.shape[1]
                    yield index, block
        except av.error.FFmpegError as error:
            reason, failure = error.strerror, error
        except OSError as error:  # of the file itself, on its way through FFmpeg
            reason, failure = error.strerror, error
        if failure is not None and len(indices) == 1 and self._is_past_end(decoded_end.get(indices[0])):
            failure = None  # padding of the container behind the last packet
        if self.cut is None and failure is not None:
            seconds = min(position[index] / self.stream_format(index)[0] for index in indices)
            self.cut = f"damaged or cut off after {seconds:.3f} s ({reason})"
        elif self.cut is None and len(indices) == 1:
            self.cut = self._find_missing_end(decoded_end.get(indices[0]))
        if self.cut is not None and not self._allow_truncated:
            raise AudioFileError(
                f"{self._path}: {self.cut}; expected a whole file; "
                "pass allow_truncated=True (--allow-truncated) to read what comes before"
            ) from failure

    def _check_format(self, frame: av.AudioFrame, index: int) -> None:
        expected = self.stream_format(index)
        got = (frame.sample_rate, len(frame.layout.channels))
        if got != expected:
            raise AudioFileError(
                f"{self._path}: changes from {expected[0]} Hz, {expected[1]} channels "
                f"to {got[0]} Hz, {got[1]} channels on the way; expected one format throughout"
            )

    def _count_valid(self, frame: av.AudioFrame, packet_end: Fraction | None, end: Fraction | None) -> int:
        """How many of a frame's samples lie before the end of its packet and of its stream."""
        if frame.pts is None or frame.time_base is None:
            return frame.samples
        ends = [known for known in (packet_end, end) if known is not None]
        if not ends:
            return frame.samples
        left = (min(ends) - frame.pts * frame.time_base) * frame.sample_rate
        return min(frame.samples, max(0, round(left)))

    def _count_priming(self, frame: av.AudioFrame, start: Fraction) -> int:
        """How many of a frame's samples lie before the start of its stream."""
        if frame.pts is None or frame.time_base is None:
            return 0
        return max(0, round((start - frame.pts * frame.time_base) * frame.sample_rate))

    def close(self) -> None:
        """Close the file."""
        self._container.close()
        self._file.close()


def _count_bytes(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _convert_samples(frame: av.AudioFrame) -> np.ndarray:
    """Give a frame's samples as float32 in [-1, 1], (channel, time)."""
    samples: np.ndarray
    if frame.format.name == "s64":  # PyAV has no array for it
        samples = np.frombuffer(bytes(frame.planes[0]), np.int64)[: frame.samples * len(frame.layout.channels)]
    else:
        samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(frame.samples, -1).T  # (1, time·channel) -> (channel, time)
    code = samples.dtype.str[1:]
    if code == "u1":
        return (samples.astype(np.float32) - 128) / 128
    if code in _FULL_SCALE:
        return samples.astype(np.float32) / np.float32(_FULL_SCALE[code])
    return samples.astype(np.float32, copy=False)
