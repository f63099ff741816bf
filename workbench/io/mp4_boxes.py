"""The boxes of an MP4 file (ISO/IEC 14496-12), as far as FFmpeg does not hand them on."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

# No description of a song needs more; what a damaged file claims is not read blindly.
_MAX_TEXT_BYTES = 1 << 20


@dataclass(frozen=True)
class Box:
    """One box: its four-character type, and where its content begins and ends in the file."""

    kind: bytes
    start: int
    end: int


def iterate_boxes(file: BinaryIO, *, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes that lie between two positions, one level deep.

    A box may claim to end beyond `end`: the caller sees that in its `end`. The walk stops at what
    cannot be a box.
    """
    position = start
    while position + 8 <= end:
        file.seek(position)
        size, kind = struct.unpack(">I4s", file.read(8))
        header_bytes = 8
        if size == 1:  # the size is in 64 bits behind the type
            extended = file.read(8)
            if len(extended) < 8:
                return
            (size,) = struct.unpack(">Q", extended)
            header_bytes = 16
        elif size == 0:  # up to the end
            size = end - position
        if size < header_bytes:
            return
        yield Box(kind=kind, start=position + header_bytes, end=position + size)
        position += size


def find_box(file: BinaryIO, path: str, *, start: int, end: int) -> Box | None:
    """Give the first box at `path`, such as ``"moov/udta/stem"``, or None."""
    first, _, rest = path.partition("/")
    for box in iterate_boxes(file, start=start, end=end):
        if box.kind == first.encode("ascii") and box.end <= end:
            found = find_box(file, rest, start=box.start, end=box.end) if rest else box
            if found is not None:
                return found
    return None


def read_stem_names(path: Path) -> list[str] | None:
    """Give the names in a Native Instruments stem file's ``moov/udta/stem`` box, None without one.

    The box holds JSON: ``{"version": 1, "stems": [{"name": "Drums", "color": "#009E73"}, ...], ...}``,
    one entry for each stream after the mixture.
    """
    with open(path, "rb") as file:
        box = find_box(file, "moov/udta/stem", start=0, end=os.fstat(file.fileno()).st_size)
        if box is None or box.end - box.start > _MAX_TEXT_BYTES:
            return None
        file.seek(box.start)
        text = file.read(box.end - box.start)
    try:
        stems = json.loads(text)["stems"]
        return [str(stem["name"]) for stem in stems]
    except (ValueError, KeyError, TypeError, RecursionError):  # no JSON, or JSON of another kind
        return None


def has_sample_exact_edits(file: BinaryIO, *, sample_rate: int) -> bool:
    """Say whether the file's edit lists tell the end of a track to the sample. Leaves the position where it was.

    An edit list counts in the movie's time scale. Apple's encoders write the sample rate there;
    FFmpeg's writes 1000, by which a length in samples cannot be told.
    """
    with _at_beginning(file) as size:
        header = find_box(file, "moov/mvhd", start=0, end=size)
        if (
            header is None
            or find_box(file, "moov/trak/edts", start=0, end=size) is None
            or find_box(file, "moov/mvex", start=0, end=size) is not None  # in fragments: length unknown
        ):
            return False
        time_scale = _read_time_scale(file, header)
    return bool(time_scale > 0 and time_scale % sample_rate == 0)


@dataclass(frozen=True)
class TrackTimes:
    """What the edit list of a track says that plays one stretch of it.

    Attributes:
        starts_late: whether silence comes first, by an empty edit.
        first: which of the track's own seconds is the first to be heard; what comes before is the codec's own.
        duration: of the whole track in seconds, by its own clock, which counts samples.
    """

    starts_late: bool
    first: Fraction
    duration: Fraction


def read_track_times(file: BinaryIO, *, track_id: int) -> TrackTimes | None:
    """Give the times of a track, None for one in fragments, without a duration, or of several stretches.

    Leaves the position where it was.
    """
    with _at_beginning(file) as size:
        movie = find_box(file, "moov", start=0, end=size)
        for track in iterate_boxes(file, start=movie.start, end=movie.end) if movie is not None else ():
            header = find_box(file, "tkhd", start=track.start, end=track.end) if track.kind == b"trak" else None
            if header is None or _read_at(file, header.start + _after_times(file, header), ">I") != track_id:
                continue
            media = find_box(file, "mdia/mdhd", start=track.start, end=track.end)
            edits = find_box(file, "edts/elst", start=track.start, end=track.end)
            if media is None:
                return None
            time_scale = _read_time_scale(file, media)
            is_long = _read_at(file, media.start, ">B") == 1
            duration = _read_at(file, media.start + _after_times(file, media) + 4, ">Q" if is_long else ">I")
            starts = [] if edits is None else _read_edit_starts(file, edits)
            starts_late = starts[:1] == [-1]
            if time_scale == 0 or duration == 0 or len(starts) > 1 + starts_late or starts == [-1]:
                return None
            first = max(0, starts[-1]) if starts else 0
            return TrackTimes(starts_late, Fraction(first, time_scale), Fraction(duration, time_scale))
    return None


def _read_edit_starts(file: BinaryIO, edits: Box) -> list[int]:
    """Where in the track each edit of a list begins, in the track's units; -1 for an empty one."""
    is_long, count = _read_at(file, edits.start, ">B") == 1, min(_read_at(file, edits.start + 4, ">I"), 16)
    entry_bytes, offset, layout = (20, 8, ">q") if is_long else (12, 4, ">i")
    return [_read_at(file, edits.start + 8 + index * entry_bytes + offset, layout) for index in range(count)]


@contextmanager
def _at_beginning(file: BinaryIO) -> Iterator[int]:
    """Give the file's size, and go back to where it stood."""
    position = file.tell()
    try:
        yield os.fstat(file.fileno()).st_size
    finally:
        file.seek(position)


def _after_times(file: BinaryIO, header: Box) -> int:
    """Where in a header the fields begin behind version, flags and two times of 4 bytes (version 0) or of 8."""
    return 4 + 2 * (8 if _read_at(file, header.start, ">B") == 1 else 4)


def _read_time_scale(file: BinaryIO, header: Box) -> int:
    return _read_at(file, header.start + _after_times(file, header), ">I")


def _read_at(file: BinaryIO, position: int, layout: str) -> int:
    """Read one number; 0 where the file ends before it."""
    file.seek(position)
    text = file.read(struct.calcsize(layout))
    return int(struct.unpack(layout, text)[0]) if len(text) == struct.calcsize(layout) else 0
