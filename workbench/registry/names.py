"""What plugins, windows, models and stems may be called. This module imports no array library."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

from workbench.errors import InvalidType, InvalidValue
from workbench.io.names import check_file_stem
from workbench.registry.cards import RESERVED_STEM_NAMES

SHORT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def suggest_nearest(name: str, known: Iterable[str]) -> str:
    """Say which known names are spelt like ``name``: ``"; did you mean 'hann'?"``, or nothing."""
    nearest = difflib.get_close_matches(name, list(dict.fromkeys(known)), n=3, cutoff=0.6)
    if not nearest:
        return ""
    return f"; did you mean {' or '.join(repr(one) for one in nearest)}?"


def join_names(names: Iterable[str]) -> str:
    """List names for a message, or say that there is none."""
    return ", ".join(names) or "none"


def validate_short_name(name: object, *, kind: str) -> str:
    """Check the short name of a plugin, window or model.

    Args:
        name: what was given.
        kind: what it names, for the message: ``"window"``.

    Raises:
        InvalidType: not a string.
        InvalidValue: other characters than lowercase letters, digits, ``_`` and ``-``.
    """
    if not isinstance(name, str):
        raise InvalidType(f"the name of a {kind} must be a string, got {type(name).__name__} {name!r}")
    if not SHORT_NAME.fullmatch(name):
        raise InvalidValue(
            f"{name!r} cannot name a {kind}: use lowercase letters, digits, '_' and '-', beginning with "
            "a letter or digit ('.' and ':' separate a plugin and its parameters)"
        )
    return name


def validate_stem_name(name: object) -> str:
    """Check a stem's name, which becomes a file's name and a word of ``--stems`` and ``--derive``.

    Raises:
        InvalidType: not a string.
        InvalidValue: empty, reserved, or not safe as a file name on every system.
    """
    checked = check_file_stem(name)
    if checked.casefold() in RESERVED_STEM_NAMES:
        raise InvalidValue(f"{name!r} cannot name a stem: {join_names(RESERVED_STEM_NAMES)} are reserved")
    if "," in checked:
        raise InvalidValue(f"{name!r} cannot name a stem: ',' separates the names of a list, choose another name")
    return checked


def validate_stem_names(names: Iterable[object]) -> tuple[str, ...]:
    """Check all stems of a model: each name by itself, at least one, and no two that share a file.

    Two names that differ only in case are one file on macOS and Windows.

    Raises:
        InvalidType: a name that is not a string.
        InvalidValue: no stem, a bad name, or the same name twice.
    """
    valid = tuple(validate_stem_name(name) for name in names)
    if not valid:
        raise InvalidValue("a model needs at least one stem, got none")
    seen: dict[str, str] = {}
    for name in valid:
        key = unicodedata.normalize("NFC", name).casefold()
        if key in seen:
            raise InvalidValue(f"stems must differ beyond case, got {seen[key]!r} and {name!r}")
        seen[key] = name
    return valid
