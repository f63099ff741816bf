"""Files that hold several songs, one after the other: each a stream of its own, which readers take for the end."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

_BLOCK_BYTES = 1 << 23

_FLAC_STARTS = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")  # with the block that must come first


@dataclass(frozen=True)
class Link:
    """One of the songs: where its bytes begin and end."""

    start: int
    stop: int


def find_flac_links(file: BinaryIO) -> list[Link]:
    """Give the FLAC streams in an open file, in order."""
    starts: list[int] = []
    position, before = 0, b""
    file.seek(0)
    while block := file.read(_BLOCK_BYTES):
        text = before + block
        starts += [position - len(before) + place for start in _FLAC_STARTS for place in _find_all(text, start)]
        position += len(block)
        before = text[1 - len(_FLAC_STARTS[0]) :]
    return _split(sorted(starts), position)


def find_ogg_links(file: BinaryIO) -> list[Link]:
    """Give the links of a chained Ogg file (RFC 3533, section 4), in order.

    A page that begins a stream, behind one that does not, begins a link.
    """
    starts: list[int] = []
    position, was_first = 0, False
    while True:
        file.seek(position)
        header = file.read(27 + 255)
        if header[:4] != b"OggS" or len(header) < 27:
            return _split(starts, os.fstat(file.fileno()).st_size)
        is_first = bool(header[5] & 0x02)
        if is_first and not was_first:
            starts.append(position)
        was_first = is_first
        num_segments = header[26]
        position += 27 + num_segments + sum(header[27 : 27 + num_segments])


def find_flac_end(file: BinaryIO, link: Link) -> int | None:
    """Give the number of samples up to the end of the last frame that is found, None if none is.

    RFC 9639, section 9.1: a frame's header tells its own place. What looks like a header may be none: this tells where
    to look twice, no more.
    """
    file.seek(link.start + 8)
    info = file.read(34)
    largest_block, largest_frame = int.from_bytes(info[2:4], "big"), int.from_bytes(info[7:10], "big")
    file.seek(max(link.start, link.stop - 2 * (largest_frame or 1 << 16) - 1024))
    tail = file.read()
    ends = [_read_frame_end(tail, place, largest_block) for place in _find_all(tail, b"\xff")]
    return max((end for end in ends if end is not None), default=None)


def _read_frame_end(data: bytes, position: int, largest_block: int) -> int | None:
    header = data[position : position + 16]
    if len(header) < 16 or header[1] not in (0xF8, 0xF9) or header[3] & 1:
        return None
    number, num_bytes = _read_coded_number(header[4:])
    block_code, rate_code = header[2] >> 4, header[2] & 15
    if number is None or block_code == 0 or rate_code == 15:
        return None
    end, block = 4 + num_bytes, largest_block
    if block_code in (6, 7):
        extra = block_code - 5
        block = int.from_bytes(header[end : end + extra], "big") + 1
        end += extra
    elif block_code == 1:
        block = 192
    else:
        block = 576 << (block_code - 2) if block_code < 6 else 256 << (block_code - 8)
    end += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if end >= len(header) or _crc_8(header[:end]) != header[end]:
        return None
    return (number if header[1] & 1 else number * largest_block) + block


def _read_coded_number(text: bytes) -> tuple[int | None, int]:
    """A number coded as UTF-8 codes characters, of up to 36 bits, and in how many bytes."""
    first = text[0]
    if first < 0x80:
        return first, 1
    num_bytes = 8 - (first ^ 0xFF).bit_length()
    rest = text[1:num_bytes]
    if num_bytes < 2 or num_bytes > 7 or any(byte & 0xC0 != 0x80 for byte in rest):
        return None, num_bytes
    number = first & (0x7F >> num_bytes)
    for byte in rest:
        number = number << 6 | byte & 0x3F
    return number, num_bytes


def _crc_8(text: bytes) -> int:
    """Of FLAC's frame headers: polynomial x^8 + x^2 + x + 1."""
    crc = 0
    for byte in text:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def _find_all(data: bytes, text: bytes) -> list[int]:
    places, start = [], 0
    while (start := data.find(text, start)) >= 0:
        places.append(start)
        start += 1
    return places


def _split(starts: list[int], size: int) -> list[Link]:
    return [Link(start, stop) for start, stop in zip(starts, [*starts, size][1:], strict=True)]
