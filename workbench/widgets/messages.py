"""What a page asks of the kernel: custom messages, whose parts are checked, since a page may be stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from workbench.errors import InvalidValue

T = TypeVar("T")
RELOAD = "reload the page, or run the cell again"


def read_part(content: Mapping[str, Any], name: str, kind: type[T]) -> T:
    """A part of a message.

    Args:
        content: the message.
        name: of the part.
        kind: what it must be.

    Raises:
        InvalidValue: it is not there, or of another kind.
    """
    value = content.get(name)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidValue(f"the browser sent {name} = {value!r}, expected {kind.__name__}: {RELOAD}")
    return value


def read_place(content: Mapping[str, Any], name: str, *, count: int) -> int:
    """A part that says which one of ``count`` is meant.

    Raises:
        InvalidValue: no whole number from 0 to ``count - 1``.
    """
    place = read_part(content, name, int)
    if not 0 <= place < count:
        raise InvalidValue(f"the browser sent {name} = {place}, there are {count}: {RELOAD}")
    return place


def read_choice(content: Mapping[str, Any], name: str, *, choices: Sequence[str]) -> str:
    """A part that is one of some words.

    Raises:
        InvalidValue: it is none of them.
    """
    value = content.get(name)
    if value not in choices:
        raise InvalidValue(f"the browser sent {name} = {value!r}, expected one of {', '.join(choices)}: {RELOAD}")
    return str(value)
