"""Does a file end where it says? Only what the file says of its own size is asked; nothing is decoded."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from workbench.io.mp4_boxes import iterate_boxes

# Programs that write into a pipe cannot go back to fill the size in: they leave the largest number,
# or one a little below it.
_PLACEHOLDER_MARGIN = 4096

_MP4_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp")


@dataclass(frozen=True)
class SampleBytes:
    """Where the bytes of uncompressed samples begin in a file, how many it tells of, and how many there are.

    `before_file` says that what follows those it tells of is another file, joined to this one.
    """

    start: int
    told: int
    there: int
    before_file: bool = False


@dataclass(frozen=True)
class _Chunks:
    """How a chunked container writes its chunks: the name of that with the samples, and its header.

    Attributes:
        first: position of the first chunk.
        layout: of a chunk's header, its name and its size.
        data: the name of the chunk with the samples.
        counts_header: whether the size counts the header too.
        alignment: of the chunks.
        skipped: bytes of the chunk before the samples.
    """

    first: int
    layout: str
    data: bytes
    counts_header: bool = False
    alignment: int = 2
    skipped: int = 0


_WAVE_GUID_TAIL = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"  # of Sony Wave64's chunk "data"
_WAV = _Chunks(12, "<4sI", b"data")
_AIFF = _Chunks(12, ">4sI", b"SSND", skipped=8)
_CAF = _Chunks(8, ">4sQ", b"data", alignment=1, skipped=4)
_W64 = _Chunks(40, "<16sQ", b"data" + _WAVE_GUID_TAIL, counts_header=True, alignment=8)


def find_cut(path: Path) -> str | None:
    """Say what is missing from a file that is shorter than its own header says, else None.

    Knows wav, RF64, W64, AIFF, AU, CAF, MP4, Matroska and WebM, and Ogg. A FLAC file does not say how many bytes it
    has, nor does an MP3 file: whether the last sample is there shows when it is read.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(40).ljust(40, b"\0")
        if head[:4] == b"OggS":
            return _find_ogg_cut(file, size)
        if head[4:8] in _MP4_FIRST_BOXES:
            return _find_mp4_cut(file, size)
        end = _find_matroska_end(file, size) if head[:4] == b"\x1a\x45\xdf\xa3" else _find_end(file, head, size)
    if end is None or end <= size:
        return None
    return f"its header tells of {end} bytes, the file has {size}"


def find_surplus(path: Path) -> SampleBytes | None:
    """Say where the samples are in a file that goes on behind those it tells of, else None.

    Knows wav, RF64, W64, AIFF, AU and CAF, whose writers leave 0 where they did not come to fill the size in, and a
    size modulo 2^32 where it was larger. Further chunks, and bytes that are all 0, are no samples.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(40).ljust(40, b"\0")
        chunks = _choose_chunks(head)
        if head[:4] == b".snd":
            start, told = struct.unpack_from(">II", head, 4)
            alignment = 1
        elif chunks is None:
            return None
        else:
            found = _find_samples(file, chunks, head, size)
            if found is None:
                return None
            start, told, alignment = found.start, found.told, chunks.alignment
        if _is_placeholder(told) or start + told >= size:
            return None
        after = start + told + -told % alignment
        file.seek(after)
        if _choose_chunks(file.read(12).ljust(12, b"\0")) is not None:
            return SampleBytes(start=start, told=told, there=size - start, before_file=True)
        if (chunks is not None and _are_chunks(file, chunks, after, size)) or _are_zeros(file, after, size):
            return None
    return SampleBytes(start=start, told=told, there=size - start)


def read_told_samples(path: Path) -> int | None:
    """Give the samples that the chunk ``fact`` of a WAV or W64 file tells of, None without one.

    It is there for codecs that work in frames (Microsoft, Multimedia Standards Update, 1994), of which the last may
    be longer than the sound, and in W64 for samples whose bytes are padded.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        chunks = _choose_chunks(file.read(40).ljust(40, b"\0"))
        if chunks not in (_WAV, _W64):
            return None
        header_bytes, position = struct.calcsize(chunks.layout), chunks.first
        while position + header_bytes <= size:
            file.seek(position)
            kind, num_bytes = struct.unpack(chunks.layout, file.read(header_bytes))
            num_bytes -= header_bytes if chunks.counts_header else 0
            if kind[:4] == b"fact":
                told = file.read(8 if chunks is _W64 else 4)
                return int.from_bytes(told, "little") or None
            if kind == chunks.data or num_bytes < 0:
                return None
            position += header_bytes + num_bytes + -num_bytes % chunks.alignment
    return None


def _choose_chunks(head: bytes) -> _Chunks | None:
    kind = head[:4]
    if kind in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return _WAV
    if kind == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _AIFF
    return {b"caff": _CAF, b"riff": _W64}.get(kind)


def _find_samples(file: BinaryIO, chunks: _Chunks, head: bytes, size: int) -> SampleBytes | None:
    """Walk a chunked file up to its samples; `told` goes beyond the file's end where the file is cut off."""
    header_bytes, position = struct.calcsize(chunks.layout), chunks.first
    while position + header_bytes <= size:
        file.seek(position)
        kind, num_bytes = struct.unpack(chunks.layout, file.read(header_bytes))
        if kind == chunks.data and head[:4] in (b"RF64", b"BW64"):
            if head[12:16] != b"ds64":
                return None
            # EBU Tech 3306: the 64-bit sizes stand in the chunk ds64, which comes first.
            (num_bytes,) = struct.unpack_from("<Q", head, 28)
        if chunks.counts_header and not _is_placeholder(num_bytes):
            num_bytes = max(0, num_bytes - header_bytes)
        position += header_bytes
        if kind == chunks.data:
            skipped = 0 if _is_placeholder(num_bytes) else chunks.skipped
            return SampleBytes(position + chunks.skipped, max(0, num_bytes - skipped), size - position - chunks.skipped)
        position += num_bytes + -num_bytes % chunks.alignment
    if position > size:  # it ends before the samples
        return SampleBytes(position, 0, size - position)
    return None


def _find_end(file: BinaryIO, head: bytes, size: int) -> int | None:
    """Give the position where the audio should end, None if the file does not tell."""
    if head[:4] == b".snd":
        start, told = struct.unpack_from(">II", head, 4)
    else:
        chunks = _choose_chunks(head)
        found = None if chunks is None else _find_samples(file, chunks, head, size)
        if found is None:
            return None
        start, told = found.start, found.told
    return None if _is_placeholder(told) else int(start + told)


def _are_chunks(file: BinaryIO, chunks: _Chunks, position: int, size: int) -> bool:
    """Whether what lies between two positions is a row of chunks, the last perhaps without its padding."""
    header_bytes = struct.calcsize(chunks.layout)
    while position + header_bytes <= size:
        file.seek(position)
        kind, num_bytes = struct.unpack(chunks.layout, file.read(header_bytes))
        if chunks.counts_header:
            num_bytes -= header_bytes
        if not all(0x20 <= character < 0x7F for character in kind[:4]) or num_bytes < 0:
            return False
        position += header_bytes + num_bytes
        if position > size:
            return False
        position += -num_bytes % chunks.alignment
    return True


def _are_zeros(file: BinaryIO, position: int, size: int) -> bool:
    file.seek(position)
    while position < size:
        block = file.read(1 << 20)
        if not block or block.strip(b"\0"):
            return not block
        position += len(block)
    return True


def _is_placeholder(num_bytes: int) -> bool:
    return any(limit - _PLACEHOLDER_MARGIN <= num_bytes <= limit for limit in (2**31, 2**32, 2**63, 2**64))


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
