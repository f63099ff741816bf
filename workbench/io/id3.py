"""Tags of MP3 files: ID3 version 2.4.0 (id3.org, November 2000), in UTF-8.

Written here because libsndfile hands its texts, which are UTF-8, to LAME as Latin-1, and only the year of a date.
"""

from __future__ import annotations

from collections.abc import Mapping

# The section "Text information frames" of the standard's list of frames.
_TEXT_FRAMES = {
    "title": b"TIT2",
    "artist": b"TPE1",
    "album": b"TALB",
    "date": b"TDRC",
    "genre": b"TCON",
    "tracknumber": b"TRCK",
    "copyright": b"TCOP",
}
_UTF_8 = b"\x03"


def make_id3(tags: Mapping[str, str]) -> bytes:
    """Give the bytes that stand before the first MPEG frame; none without tags.

    Args:
        tags: as of `read_tags`.
    """
    frames = b"".join(_make_frame(name, text) for name, text in tags.items())
    return b"ID3\x04\x00\x00" + _spread(len(frames)) + frames if frames else b""


def _make_frame(name: str, text: str) -> bytes:
    content = text.encode("utf-8", errors="replace")
    if name in _TEXT_FRAMES:
        kind, content = _TEXT_FRAMES[name], _UTF_8 + content
    elif name == "comment":  # in an unknown language, with an empty description
        kind, content = b"COMM", _UTF_8 + b"XXX" + b"\0" + content
    else:  # with the name as description
        kind, content = b"TXXX", _UTF_8 + name.encode() + b"\0" + content
    return kind + _spread(len(content)) + b"\0\0" + content


def _spread(number: int) -> bytes:
    """A number in four bytes of seven bits each, so that no byte looks like the start of an MPEG frame."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
