"""The tags of a song: title, artist, album and the like."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import BinaryIO

from workbench.io.mpeg_frames import skip_tags

_MAX_TEXT_FRAMES = 2000

# What FFmpeg calls them, whatever the file does -> what libsndfile does.
_NAMES = {
    "title": "title",
    "artist": "artist",
    "album": "album",
    "date": "date",
    "genre": "genre",
    "track": "tracknumber",
    "comment": "comment",
    "copyright": "copyright",
    "license": "license",
}


def read_tags(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read a song's tags, from any of the formats that `load` reads.

    Those of the whole file go before those of its first audio stream, where Ogg has them.

    Returns:
        name -> text, not empty; the names that there may be: title, artist, album, date, genre, tracknumber, comment,
        copyright, license. Nothing for a file that has no tags, none that FFmpeg can read, or thousands of them in ID3.

    Raises:
        OSError: the file cannot be opened.
    """
    import av

    from workbench.io.av_source import ALLOWED_FORMATS

    with open(path, "rb") as file:
        if _has_too_many_frames(file):
            return {}
        try:
            container = av.open(
                file, mode="r", container_options={"format_whitelist": ALLOWED_FORMATS}, metadata_errors="replace"
            )
        except av.error.FFmpegError:  # a format that libsndfile alone knows: there is nowhere to read tags from
            return {}
        with container:
            found: dict[str, str] = {}
            for metadata in (container.metadata, *(stream.metadata for stream in container.streams.audio[:1])):
                for key, text in metadata.items():
                    found.setdefault(key.casefold(), text.strip())
    return {name: found[key] for key, name in _NAMES.items() if found.get(key)}


def _has_too_many_frames(file: BinaryIO) -> bool:
    """Whether an ID3 tag holds so many texts that FFmpeg, whose time grows with their square, would take seconds."""
    head = file.read(10)
    tag = file.read(skip_tags(head, 0))
    file.seek(0)
    return tag.count(b"TXX") > _MAX_TEXT_FRAMES


def tags_of_stem(tags: Mapping[str, str], *, stem: str) -> dict[str, str]:
    """A song's tags for one of its stems: the stem's name is added to the title, where there is one."""
    added = {"title": f"{tags['title']} ({stem})"} if "title" in tags else {}
    return {**tags, **added}
