"""Is a file cut off? Only what the file says of its own size is asked; nothing is decoded."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from workbench.io.mp4_boxes import iterate_boxes

# Programs that write into a pipe cannot go back to fill the size in: they leave the largest number,
# or one a little below it.
_PLACEHOLDER_MARGIN = 4096

_MP4_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp")


def find_cut(path: Path) -> str | None:
    """Say what is missing from a file that is shorter than its own header says, else None.

    Knows wav, RF64, W64, AIFF, AU, CAF, MP4, Matroska and WebM, Ogg, and MP3 with a Xing header. A FLAC file
    does not say how many bytes it has: whether its last sample is there shows when it is read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(40).ljust(40, b"\0")
        if head[:4] == b"OggS":
            return _find_ogg_cut(file, size)
        if head[4:8] in _MP4_FIRST_BOXES:
            return _find_mp4_cut(file, size)
        end = _find_end(file, head, size)
    if end is None or end <= size:
        return None
    return f"its header tells of {end} bytes, the file has {size}"


def _find_end(file: BinaryIO, head: bytes, size: int) -> int | None:
    """Give the position where the audio should end, None if the file does not tell."""
    kind = head[:4]
    if kind == b"RIFF" and head[8:12] == b"WAVE":
        return _find_chunk_end(file, b"data", size, start=12, layout="<4sI")
    if kind in (b"RF64", b"BW64"):
        # EBU Tech 3306: the 64-bit sizes stand in the chunk ds64, which comes first.
        (data_bytes,) = struct.unpack_from("<Q", head, 28)
        data_end = _find_chunk_end(file, b"data", size, start=12, layout="<4sI", data_bytes=data_bytes)
        return data_end if head[12:16] == b"ds64" else None
    if kind == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _find_chunk_end(file, b"SSND", size, start=12, layout=">4sI")
    if kind == b"caff":
        return _find_chunk_end(file, b"data", size, start=8, layout=">4sQ", alignment=1)
    if kind == b".snd":
        offset, data_bytes = struct.unpack_from(">II", head, 4)
        return None if _is_placeholder(data_bytes) else offset + data_bytes
    if kind == b"riff":  # Sony Wave64: a 16-byte identifier, then the size of the file
        (file_bytes,) = struct.unpack_from("<Q", head, 16)
        return None if file_bytes >= 2**63 - 1 else int(file_bytes)
    if kind == b"\x1a\x45\xdf\xa3":
        return _find_matroska_end(file, size)
    return _find_mp3_end(file, head)


def _is_placeholder(num_bytes: int) -> bool:
    return any(limit - _PLACEHOLDER_MARGIN <= num_bytes <= limit for limit in (2**31, 2**32, 2**63, 2**64))


def _find_chunk_end(
    file: BinaryIO,
    name: bytes,
    size: int,
    *,
    start: int,
    layout: str,
    alignment: int = 2,
    data_bytes: int | None = None,
) -> int | None:
    """Walk a chunked file up to the chunk `name` and give its end; `data_bytes` overrides its size.

    A file that ends before that chunk gives the end of the first chunk that is not whole.
    """
    header_bytes = struct.calcsize(layout)
    position = start
    while position + header_bytes <= size:
        file.seek(position)
        kind, num_bytes = struct.unpack(layout, file.read(header_bytes))
        if kind == name and data_bytes is not None:
            num_bytes = data_bytes
        if kind == name and _is_placeholder(num_bytes):
            return None
        position += header_bytes + num_bytes
        if kind == name:
            return int(position)
        position += -num_bytes % alignment
    return int(position) if position > size else None


def _find_mp4_cut(file: BinaryIO, size: int) -> str | None:
    """Walk the boxes of the top level: does the last one end where the file does, is the index there?"""
    kinds = set()
    for box in iterate_boxes(file, start=0, end=size):
        kinds.add(box.kind)
        if box.end > size:
            without = "" if {b"moov", b"moof"} & kinds else ", and its index (moov) is missing"
            return f"its box {box.kind.decode('latin-1')!r} ends at byte {box.end}, the file has {size}{without}"
    if not {b"moov", b"moof"} & kinds:
        return "its index (moov) is missing"
    return None


def _read_vint(file: BinaryIO) -> int | None:
    """Read a variable-size number of EBML (RFC 8794, section 4); None if it means "unknown"."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    num_bytes = 9 - first[0].bit_length()
    value = first[0] - (1 << (8 - num_bytes))
    for byte in file.read(num_bytes - 1):
        value = value << 8 | byte
    return None if value == (1 << (7 * num_bytes)) - 1 else value


def _find_matroska_end(file: BinaryIO, size: int) -> int | None:
    """Give the end of the Segment, which holds everything behind the EBML header (RFC 9559)."""
    file.seek(4)
    header_bytes = _read_vint(file)
    if header_bytes is None:
        return None
    header_end = file.tell() + header_bytes
    if header_end > size:  # also beyond what a file position can hold
        return header_end
    file.seek(header_end)
    if file.read(4) != b"\x18\x53\x80\x67":
        return None
    segment_bytes = _read_vint(file)
    return None if segment_bytes is None else file.tell() + segment_bytes


def _find_ogg_cut(file: BinaryIO, size: int) -> str | None:
    """Look at the last page (RFC 3533, section 6): is it whole, and marked as the stream's end?"""
    largest_page = 27 + 255 + 255 * 255
    tail_start = max(0, size - largest_page)
    file.seek(tail_start)
    tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0:
        return None  # not an Ogg page anywhere near the end: the reader says what is wrong
    header = tail[page : page + 27]
    if len(header) < 27 or len(tail) < page + 27 + header[26]:
        return "its last Ogg page is not whole"
    num_segments = header[26]
    page_bytes = 27 + num_segments + sum(tail[page + 27 : page + 27 + num_segments])
    if page + page_bytes > len(tail):
        return "its last Ogg page is not whole"
    if not header[5] & 0x04:
        return "its last Ogg page is not marked as the end"
    return None


def find_xing_header(file: BinaryIO, head: bytes) -> tuple[int, int | None, int | None] | None:
    """Give (position of the frame, MP3 frames, bytes) from a Xing or Info header, None without one.

    `head` is the beginning of the file, at least 10 bytes.

    The header lies in the first MPEG frame, behind the side information, so that a player that does
    not know it decodes that frame to silence. Its position and fields are those that LAME writes.
    """
    position = 0
    if head[:3] == b"ID3":  # ID3v2: four bytes of seven bits tell how much to skip
        a, b, c, d = head[6:10]
        footer_bytes = 10 if head[5] & 0x10 else 0
        position = 10 + (a << 21 | b << 14 | c << 7 | d) + footer_bytes
    file.seek(position)
    frame = file.read(4 + 32 + 16)
    if len(frame) < 52 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return None
    is_mpeg_1 = frame[1] & 0x18 == 0x18
    is_mono = frame[3] >> 6 == 3
    side_info_bytes = (17 if is_mono else 32) if is_mpeg_1 else (9 if is_mono else 17)
    name, flags, *numbers = struct.unpack_from(">4sIII", frame, 4 + side_info_bytes)
    if name not in (b"Xing", b"Info"):
        return None
    num_frames = numbers.pop(0) if flags & 1 else None
    num_bytes = numbers.pop(0) if flags & 2 else None
    return position, num_frames, num_bytes


def _find_mp3_end(file: BinaryIO, head: bytes) -> int | None:
    xing = find_xing_header(file, head)
    if xing is None or xing[2] is None:
        return None
    return xing[0] + xing[2]
