"""Short names in the box stay its own, whatever is installed beside it.

Cards and configs say ``window="hann"``: a package that brings another ``hann`` must neither stop them nor change what
they mean. Its own is found by its full id. What a notebook registers is its user's doing, and stays ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from workbench.registry.names import join_names
from workbench.registry.origins import OWN_DISTRIBUTION
from workbench.registry.records import NOTEBOOK, PluginRecord, RegisteredModel, RegisteredWindow

R = TypeVar("R", RegisteredModel, RegisteredWindow)


def mark_shadowed(plugins: Sequence[PluginRecord]) -> tuple[PluginRecord, ...]:
    """Note in the record of each plugin which of its short names mean something else."""
    models = _find_shadowed([(plugin, plugin.models) for plugin in plugins])
    windows = _find_shadowed([(plugin, plugin.windows) for plugin in plugins])
    return tuple(_mark(plugin, {**models, **windows}) for plugin in plugins)


def drop_shadowed(listed: Sequence[tuple[PluginRecord, Sequence[R]]], *, name: str) -> list[R]:
    """Give all that ``name`` may mean: what is shadowed only if it is the full id.

    Args:
        listed: each plugin with its models, or each with its windows.
        name: what is looked for.
    """
    shadowed = _find_shadowed(listed)
    return [one for _, given in listed for one in given if one.id == name or one.id not in shadowed]


def _find_shadowed(listed: Iterable[tuple[PluginRecord, Sequence[R]]]) -> dict[str, str]:
    """Ids of what has a short name of ours, each with the id that the name means."""
    listed = list(listed)
    ours = {one.card.name: one.id for plugin, given in listed if _is_ours(plugin) for one in given}
    others = (given for plugin, given in listed if not _is_ours(plugin) and plugin.origin != NOTEBOOK)
    return {one.id: ours[one.card.name] for given in others for one in given if one.card.name in ours}


def _is_ours(plugin: PluginRecord) -> bool:
    return plugin.origin.partition(" ")[0] == OWN_DISTRIBUTION


def _mark(plugin: PluginRecord, shadowed: dict[str, str]) -> PluginRecord:
    taken = [one for one in plugin.gave if one in shadowed]
    if not taken or plugin.error:
        return plugin
    meant = join_names(dict.fromkeys(shadowed[one] for one in taken))
    return replace(plugin, error=f"say {join_names(taken)} in full: the short name means {meant}")
