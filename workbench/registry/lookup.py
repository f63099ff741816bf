"""Finding a model or window by its full id, or by its short name while that is unique."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from workbench.errors import InvalidType, InvalidValue
from workbench.registry.names import join_names, suggest_nearest
from workbench.registry.records import PluginRecord, RegisteredModel, RegisteredWindow

R = TypeVar("R", RegisteredModel, RegisteredWindow)


def shorten_id(full_id: str) -> str:
    """Give the short name in an id: ``"hann"`` in ``"windows.hann"``."""
    return full_id.partition(".")[2]


def find_by_name(name: str, *, kind: str, known: Sequence[R], plugins: Sequence[PluginRecord]) -> R:
    """Find what has this id, or this short name.

    Args:
        name: ``"windows.hann"`` or ``"hann"``.
        kind: ``"model"`` or ``"window"``, for messages; with an ``s`` it is the command that lists them.
        known: all there are.
        plugins: all plugins; one that failed or is blocked is named, since it might have held the name.

    Raises:
        InvalidType: not a string.
        InvalidValue: nothing is called so (the nearest names are given), or more than one is (all ids are).
    """
    if not isinstance(name, str):
        raise InvalidType(f"the name of a {kind} must be a string, got {type(name).__name__} {name!r}")
    found = [one for one in known if name in (one.id, shorten_id(one.id))]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidValue(
            f"{kind} {name!r} is ambiguous: it may be {join_names(one.id for one in found)}; give the full id"
        )
    ids: list[str] = [one.id for one in known]
    hint = suggest_nearest(name, [*map(shorten_id, ids), *ids])
    hint = hint or f"; known are {join_names(ids)}"
    raise InvalidValue(f"no {kind} is called {name!r}{hint}{_mention_absent(name, plugins)}")


def _mention_absent(name: str, plugins: Sequence[PluginRecord]) -> str:
    """Name the plugins that gave nothing: with a full id its own plugin, with a short name any of them."""
    plugin, dot, _ = name.partition(".")
    absent = [one for one in plugins if one.status != "ok" and (one.name == plugin or not dot)]
    if not absent:
        return ""
    named = join_names(f"{one.name!r} {one.status}" for one in absent)
    return f"; it may be missing because plugin {named}: see `workbench plugins`"
