"""The boxes of an MP4 file (ISO/IEC 14496-12), as far as FFmpeg does not hand them on."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
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
    except (ValueError, KeyError, TypeError):  # no JSON, or JSON of another kind
        return None


def has_sample_exact_edits(path: Path, *, sample_rate: int) -> bool:
    """Say whether the file's edit lists tell the end of a track to the sample.

    An edit list counts in the movie's time scale. Apple's encoders write the sample rate there;
    FFmpeg's writes 1000, by which a length in samples cannot be told.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        header = find_box(file, "moov/mvhd", start=0, end=size)
        if (
            header is None
            or find_box(file, "moov/trak/edts", start=0, end=size) is None
            or find_box(file, "moov/mvex", start=0, end=size) is not None  # in fragments: length unknown
        ):
            return False
        file.seek(header.start)
        version = file.read(1)
        # version, flags, then two times of 4 bytes (version 0) or of 8, then the time scale
        file.seek(header.start + (4 + 2 * (8 if version == b"\1" else 4)))
        (time_scale,) = struct.unpack(">I", file.read(4))
    return bool(time_scale > 0 and time_scale % sample_rate == 0)
