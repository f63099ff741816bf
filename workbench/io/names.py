"""Which names a stem's file may have, so that no name leaves its folder or breaks on another system."""

from __future__ import annotations

import os
import unicodedata

from workbench.errors import InvalidType, InvalidValue

# File names hold at most 255 bytes on common file systems; the rest is for ending and temporary name.
MAX_NAME_BYTES = 200

# Device names that Windows keeps in every folder, whatever the ending and the case.
_RESERVED_ON_WINDOWS = {"con", "prn", "aux", "nul"} | {
    device + digit for device in ("com", "lpt") for digit in "0123456789\u00b9\u00b2\u00b3"
}
_SEPARATORS_AND_WILDCARDS = '/\\:*?"<>|'
# Control characters, halves of surrogate pairs, line and paragraph separators.
_REFUSED_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
# Characters that turn the direction of writing, so that a name reads as another one.
_REFUSED_BIDI_CLASSES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def expand_home(path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """A path with the home folder for a ``~`` in front, as shells put it there where nothing is quoted."""
    return os.path.expanduser(path) if os.fspath(path).startswith("~") else path


def check_file_stem(name: object) -> str:
    """Give back `name` if a file can be called so, on any system and inside its folder.

    Args:
        name: a file name without its ending, such as ``"vocals"``.

    Raises:
        InvalidType: `name` is no string.
        InvalidValue: `name` is empty, too long, begins with a dot, ends in a dot or a space, holds
            ``..``, a path separator, another character that Windows refuses, a control character,
            or is the name of a Windows device.
    """
    if not isinstance(name, str):
        raise InvalidType(f"a stem's name must be a string, got {type(name).__name__}")
    reason = _find_fault(name)
    if reason is not None:
        raise InvalidValue(f"{name!r} cannot be a stem's file name: {reason}; choose another name")
    return name


def _find_fault(name: str) -> str | None:
    """Say what is wrong with `name`, or None."""
    if not name.strip():
        return "it is empty"
    for character in name:
        if unicodedata.category(character) in _REFUSED_CATEGORIES:
            return f"it holds the control character {character!r}"
        if unicodedata.bidirectional(character) in _REFUSED_BIDI_CLASSES:
            return f"it holds the direction mark {character!r}"
        if character in _SEPARATORS_AND_WILDCARDS:
            return f"it holds {character!r}"
    if ".." in name:
        return "it holds '..'"
    if name.startswith("."):
        return "it begins with a dot"
    if name[-1] in ". " or name[0] == " ":
        return "it begins with a space or ends in a dot or a space"
    if name.split(".")[0].strip().lower() in _RESERVED_ON_WINDOWS:
        return "Windows reserves it for a device"
    num_bytes = len(name.encode("utf-8"))
    if num_bytes > MAX_NAME_BYTES:
        return f"it has {num_bytes} bytes, at most {MAX_NAME_BYTES} are possible"
    return None
