"""Which library reads a file, and what of it: one song, several that were joined, or more than its header tells of."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from workbench.errors import AudioFileError
from workbench.io.av_source import AvSource
from workbench.io.chains import Link, find_flac_end, find_flac_links, find_ogg_links
from workbench.io.mpeg_frames import MpegSong, find_songs
from workbench.io.soundfile_source import SoundfileSource
from workbench.io.source import AudioSource, ChainedSource, RefusedFileError
from workbench.io.truncation import SampleBytes, find_cut, find_surplus, read_told_samples

# A count of MP3 frames may be off by one or two after tools have cut or tagged a file.
_TOLERATED_FRAMES = 2

# What begins a file that is surely no MP3 file, by which FFmpeg need not be asked first.
_OTHER_BEGINNINGS = (
    b"RIFF",
    b"RF64",
    b"BW64",
    b"FORM",
    b"caff",
    b".snd",
    b"riff",
    b"fLaC",
    b"OggS",
    b"\x1a\x45\xdf\xa3",
)

# FFmpeg's names of uncompressed samples, without their byte order, and the bytes of one.
_RAW_FORMATS = {
    "PCM_16": ("s16", 2), "PCM_24": ("s24", 3), "PCM_32": ("s32", 4), "FLOAT": ("f32", 4), "DOUBLE": ("f64", 8),
    "PCM_S8": ("s8", 1), "PCM_U8": ("u8", 1), "ULAW": ("mulaw", 1), "ALAW": ("alaw", 1),
}  # fmt: skip


def open_source(path: Path, *, allow_truncated: bool) -> AudioSource:
    """Open a file that is there.

    libsndfile reads wav, flac, ogg, opus, aiff and the like; FFmpeg mp3, m4a, mp4, webm, mkv and what libsndfile
    refuses. Songs that were joined end to end (ogg, opus, mp3, flac) come one after the other.

    Raises:
        AudioFileError: no audio file that can be read, one that is cut off unless `allow_truncated`, or songs joined
            that differ in sample rate or channels.
    """
    try:
        cut = find_cut(path)
        if cut is not None and not allow_truncated:
            raise make_cut_error(path, cut)
        source = _open_first(path, cut=cut, allow_truncated=allow_truncated)
    except OSError as error:
        raise AudioFileError(f"{path}: cannot be read: {error.strerror}") from error
    if source.cut is not None and not allow_truncated:
        source.close()
        raise make_cut_error(path, source.cut)
    return source


def make_cut_error(
    path: Path, cut: str, *, hint: str = "pass allow_truncated=True (--allow-truncated) to read what is there"
) -> AudioFileError:
    """The error of a file of which `cut` says what is missing."""
    return AudioFileError(f"{path}: is cut off: {cut}; expected a whole file; {hint}")


def open_with_ffmpeg(path: Path, *, cut: str | None, allow_truncated: bool) -> AvSource:
    """Open a file as it is.

    Raises:
        RefusedFileError: FFmpeg does not know the format.
        AudioFileError: there is no audio stream.
    """
    return AvSource(open(path, "rb"), path, cut=cut, allow_truncated=allow_truncated)


def _open_first(path: Path, *, cut: str | None, allow_truncated: bool) -> AudioSource:
    """Open with the library that knows the format best; the error has the reasons of both."""
    with open(path, "rb") as file:
        head = file.read(4)
    try:
        if head == b"OggS":
            return _open_links(path, find_ogg_links, cut=cut, allow_truncated=allow_truncated)
        if not head.startswith(_OTHER_BEGINNINGS) and (songs := _find_mp3_songs(path)):
            return _open_mp3(path, songs, allow_truncated=allow_truncated)
        surplus = find_surplus(path)
        if surplus is not None:
            return _open_beyond_header(path, surplus, allow_truncated=allow_truncated)
        if head == b"fLaC" or head[:3] == b"ID3":
            return _open_links(path, find_flac_links, cut=cut, allow_truncated=allow_truncated)
        return SoundfileSource(
            os.open(path, os.O_RDONLY),
            path,
            cut=cut,
            allow_truncated=allow_truncated,
            told_samples=read_told_samples(path),
        )
    except RefusedFileError as refusal:
        first_reason = str(refusal)
    try:
        return open_with_ffmpeg(path, cut=cut, allow_truncated=allow_truncated)
    except RefusedFileError as refusal:
        if cut is not None:
            raise make_cut_error(path, cut, hint="it cannot be read even up to the cut") from refusal
        raise AudioFileError(
            f"{path}: not an audio file that can be read ({first_reason}; {refusal}); "
            "expected wav, flac, ogg, mp3, m4a, mp4, webm, opus or the like"
        ) from refusal


def _open_links(
    path: Path, find_links: Callable[[BinaryIO], Sequence[Link]], *, cut: str | None, allow_truncated: bool
) -> AudioSource:
    """Open with libsndfile: the whole file, or each of the songs that were joined."""
    with open(path, "rb") as file:
        links = find_links(file)
        if len(links) < 2:
            source = _open_with_libsndfile(os.dup(file.fileno()), path, cut=cut, allow_truncated=allow_truncated)
            if source.file_format != "FLAC" or not links:
                return source
            if source.cut is not None:
                # At a cut libsndfile's FLAC decoder fails without saying how far it came; FFmpeg gives all of it.
                source.close()
                return open_with_ffmpeg(path, cut=source.cut, allow_truncated=allow_truncated)
            end = find_flac_end(file, links[0])
            if end is None or end <= cast(int, source.num_samples):
                return source
            source.close()
            told = cast(int, source.num_samples)
            whole = open_with_ffmpeg(path, cut=None, allow_truncated=allow_truncated)
            whole.notes.append(f"its header tells of {told} samples, and {end} are there; all are read")
            return whole
        return _chain(
            path,
            [
                lambda link=link: _open_with_libsndfile(  # type: ignore[misc]
                    _copy_part(file, link.start, link.stop), path, cut=cut, allow_truncated=allow_truncated
                )
                for link in links
            ],
        )


def _open_with_libsndfile(descriptor: int, path: Path, *, cut: str | None, allow_truncated: bool) -> SoundfileSource:
    return SoundfileSource(descriptor, path, cut=cut, allow_truncated=allow_truncated)


def _chain(path: Path, openings: Sequence[Callable[[], AudioSource]]) -> AudioSource:
    """Open one after the other, and close them again if one is refused."""
    sources: list[AudioSource] = []
    try:
        sources.extend(opening() for opening in openings)
        return sources[0] if len(sources) == 1 else ChainedSource(path, sources)
    except BaseException:
        for source in sources:
            source.close()
        raise


def _find_mp3_songs(path: Path) -> list[MpegSong]:
    """Give the songs of an MP3 file, none if FFmpeg takes it for something else."""
    try:
        probe = open_with_ffmpeg(path, cut=None, allow_truncated=False)
    except (RefusedFileError, AudioFileError):
        return []
    is_mp3 = probe.format_name == "mp3"
    probe.close()
    if not is_mp3:
        return []
    return find_songs(path.read_bytes())


def _open_mp3(path: Path, songs: Sequence[MpegSong], *, allow_truncated: bool) -> AudioSource:
    return _chain(
        path,
        [lambda song=song: _open_mp3_song(path, song, allow_truncated=allow_truncated) for song in songs],  # type: ignore[misc]
    )


def _open_mp3_song(path: Path, song: MpegSong, *, allow_truncated: bool) -> AvSource:
    """Open one of the songs of an MP3 file, with its count of frames set right."""
    cut, note = None, None
    told, found = song.told_frames, song.num_frames
    if told is not None and told > found + _TOLERATED_FRAMES:
        cut = f"its header tells of {told} frames, the file has {found}"
    if told is not None and told < found - _TOLERATED_FRAMES:
        note = f"its header tells of {told} frames, the file has {found}; all are read"
    with open(path, "rb") as file:
        copy = os.fdopen(_copy_part(file, song.start, song.stop), "r+b")
    if note is not None:
        copy.seek(cast(int, song.told_position) - song.start)
        copy.write(struct.pack(">I", found))
        copy.seek(0)
    source = AvSource(cast(BinaryIO, copy), path, cut=cut, allow_truncated=allow_truncated, input_format="mp3")
    source.notes += [] if note is None else [note]
    return source


def _open_beyond_header(path: Path, surplus: SampleBytes, *, allow_truncated: bool) -> AudioSource:
    """Open uncompressed samples up to the end of the file, for which the header tells of fewer."""
    num_more = surplus.there - surplus.told
    left = f"its header tells of {surplus.told} bytes of sound, and {num_more} more stand behind them"
    if surplus.before_file:  # at which libsndfile refuses the whole
        first = open_with_ffmpeg(path, cut=None, allow_truncated=allow_truncated)
        first.notes.append(f"another file is joined to it, of {num_more} bytes; it is left out")
        return first
    source = _open_with_libsndfile(os.open(path, os.O_RDONLY), path, cut=None, allow_truncated=allow_truncated)
    file_format, subtype, is_little = source.file_format, source.subtype, source.is_little_endian
    rate, channels = source.sample_rate, source.num_channels
    left = (
        f"its header tells of {surplus.told} bytes of sound, and {surplus.there - surplus.told} more stand behind them"
    )
    name, num_bytes = _RAW_FORMATS.get(subtype, ("", 0))
    # what is shorter than a second may be a tag of a kind that is not known here
    if not name or 0 < surplus.told > surplus.there - num_bytes * channels * rate:
        source.notes.append(f"{left}; they are left out")
        return source
    source.close()
    order = "" if num_bytes == 1 else ("le" if is_little else "be")
    samples = AvSource(
        open(path, "rb"),  # noqa: SIM115  # closed by the source
        path,
        cut=None,
        allow_truncated=allow_truncated,
        input_format=name + order,
        options={
            "skip_initial_bytes": str(surplus.start),
            "sample_rate": str(rate),
            "ch_layout": f"{channels}c",
        },
    )
    samples.notes.append(f"{left}; all are read (was the {file_format} file never closed?)")
    return samples


def _copy_part(file: BinaryIO, start: int, stop: int) -> int:
    """Copy bytes of a file into one that has no name, and give its descriptor."""
    with tempfile.TemporaryFile() as part:
        file.seek(start)
        left = stop - start
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            part.write(block)
            left -= len(block)
        part.flush()
        part.seek(0)
        return os.dup(part.fileno())
