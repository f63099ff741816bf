"""The frames of an MP3 file (ISO/IEC 11172-3, 13818-3 and MPEG 2.5), as far as no library hands them on.

A Xing or Info header lies in the first frame of a song, behind the side information, so that a player that does not
know it decodes that frame to silence. It counts the frames behind it; LAME adds how many samples are the codec's own.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

# Kilobits per second of layer III by index, MPEG 1 and MPEG 2 or 2.5.
_KILOBITS = (
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
)
_SAMPLE_RATES = {0: (11025, 12000, 8000), 2: (22050, 24000, 16000), 3: (44100, 48000, 32000)}  # by version


@dataclass(frozen=True)
class MpegSong:
    """The frames of one song: an MP3 file may be several, joined end to end.

    Attributes:
        start: position of the first frame.
        stop: position behind the last frame.
        num_frames: frames, without the one that holds a Xing header.
        told_frames: how many frames its Xing header tells of; None without one.
        told_position: where that count stands in the file; None without one.
        frame_samples: samples in a frame.
    """

    start: int
    stop: int
    num_frames: int
    told_frames: int | None
    told_position: int | None
    frame_samples: int


def find_songs(data: bytes) -> list[MpegSong]:
    """Walk the frames of layer III in the bytes of a file and give its songs; none if it is no such file.

    A song begins with a frame that holds a Xing header, or with the first frame of all. Bytes between the frames, such
    as tags, are passed over.
    """
    songs: list[MpegSong] = []
    position = _find_frame(data, skip_tags(data, 0))
    if position is None:
        return []
    start, told, num_frames, stop, frame_samples = position, _find_count(data, position), 0, position, 0
    while position is not None:
        num_bytes, frame_samples = _read_frame(data, position) or (0, frame_samples)
        if num_bytes == 0 or position + num_bytes > len(data):
            after = skip_tags(data, position)
            position = _find_frame(data, after if after > position else position + 1)
            continue
        count = _find_count(data, position)
        if count is not None and position != start:
            songs.append(_make_song(start, stop, num_frames, told, frame_samples))
            start, told, num_frames = position, count, 0
        num_frames += count is None
        position += num_bytes
        stop = position
    songs.append(_make_song(start, stop, num_frames, told, frame_samples))
    return songs


def _make_song(start: int, stop: int, num_frames: int, told: tuple[int, int] | None, frame_samples: int) -> MpegSong:
    position, count = (None, None) if told is None else told
    return MpegSong(start, stop, num_frames, count, position, frame_samples)


def skip_tags(data: bytes, position: int) -> int:
    """Give the position behind the ID3v2 tags that begin at `position`: ten bytes, four of them tell the size."""
    while data[position : position + 3] == b"ID3" and position + 10 <= len(data):
        flags, a, b, c, d = data[position + 5 : position + 10]
        footer_bytes = 10 if flags & 0x10 else 0
        position += 10 + ((a & 127) << 21 | (b & 127) << 14 | (c & 127) << 7 | d & 127) + footer_bytes
    return position


def _find_frame(data: bytes, position: int) -> int | None:
    """Give the position of the next frame that another one follows, or that is the last; None without any."""
    while (position := data.find(b"\xff", position)) >= 0:
        frame = _read_frame(data, position)
        if frame is not None:
            end = position + frame[0]
            if end == len(data) or (end < len(data) and _begins_something(data, end)):
                return position
        position += 1
    return None


def _begins_something(data: bytes, position: int) -> bool:
    return _read_frame(data, position) is not None or data[position : position + 3] in (b"TAG", b"ID3", b"APE")


def _read_frame(data: bytes, position: int) -> tuple[int, int] | None:
    """Give (bytes, samples) of the frame whose header stands at `position`, None if it is no such header."""
    if position + 4 > len(data) or data[position] != 0xFF or data[position + 1] & 0xE6 != 0xE2:
        return None  # 11 bits of sync, then the version, then layer III
    version, bits = data[position + 1] >> 3 & 3, data[position + 2]
    rate_index, kilobit_index, padding = bits >> 2 & 3, bits >> 4, bits >> 1 & 1
    if version == 1 or rate_index == 3 or not 0 < kilobit_index < 15:
        return None
    is_mpeg_1 = version == 3
    samples = 1152 if is_mpeg_1 else 576
    rate, kilobits = _SAMPLE_RATES[version][rate_index], _KILOBITS[is_mpeg_1][kilobit_index]
    return samples // 8 * 1000 * kilobits // rate + padding, samples


def _find_count(data: bytes, position: int) -> tuple[int, int] | None:
    """Give (position in the file, count of frames) of the Xing header in the frame at `position`, None without."""
    is_mpeg_1, is_mono = data[position + 1] & 0x18 == 0x18, data[position + 3] >> 6 == 3
    side_info_bytes = (17 if is_mono else 32) if is_mpeg_1 else (9 if is_mono else 17)
    place = position + 4 + side_info_bytes
    if data[place : place + 4] not in (b"Xing", b"Info") or place + 12 > len(data):
        return None
    flags, count = struct.unpack_from(">II", data, place + 4)
    return (place + 8, count) if flags & 1 else None
