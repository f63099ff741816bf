"""Plugins that installed packages bring by entry points: found, ordered, blocked, loaded once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from workbench.errors import InvalidValue, PluginError
from workbench.registry.names import join_names, suggest_nearest
from workbench.registry.origins import OWN_DISTRIBUTION, describe_origin, name_distribution, read_entry_points
from workbench.registry.records import PluginRecord
from workbench.registry.staging import load_entry_point

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BLOCK_VARIABLE = "WORKBENCH_PLUGINS_BLOCK"
ALLOW_VARIABLE = "WORKBENCH_PLUGINS_ALLOW"


Rank = tuple[bool, str, str, str]  # ours first, then by distribution, name and value


class InstalledPlugins:
    """Entry points of the group ``workbench``, read on first need and each imported at most once.

    Args:
        entry_points: read from this environment if ``None``.
        environ: holds the block and allow lists, read anew each time.
    """

    def __init__(self, entry_points: Iterable[EntryPoint] | None, *, environ: Mapping[str, str]) -> None:
        """Keep what was given; look for nothing yet."""
        self._given = None if entry_points is None else tuple(entry_points)
        self._environ = environ
        self._found: dict[Rank, EntryPoint] | None = None
        self._unreadable: list[PluginRecord] = []
        self._origins: dict[Rank, str] = {}
        self._loaded: dict[Rank, PluginRecord] = {}
        self._blocked: dict[str, bool] = {}  # plugin name -> as chosen in this process
        self._lock = threading.RLock()
        self._loading = False

    def find(self) -> Mapping[Rank, EntryPoint]:
        """Read the entry points once, importing none, in the order in which they are loaded.

        Our own distribution comes first, so that no other can take the name of a plugin in the box;
        then by distribution and name, so that the order is the same on every machine.
        """
        if self._found is None:
            given: Iterable[EntryPoint] | None = self._given
            if given is None:
                given, self._unreadable = read_entry_points()
            found = {_rank_entry_point(one): one for one in given}
            self._found = dict(sorted(found.items()))
            # kept, since each look at a distribution's name or version reads its metadata anew
            self._origins = {rank: describe_origin(one) for rank, one in self._found.items()}
        return self._found

    def choose(self, name: str, *, blocked: bool) -> None:
        """Block or unblock a plugin; this outweighs the environment's lists.

        Raises:
            InvalidValue: no installed plugin has this name.
        """
        names = [one.name for one in self.find().values()]
        if name not in names:
            hint = suggest_nearest(name, names) or f"; installed are {join_names(names)}"
            raise InvalidValue(f"no installed plugin is called {name!r}{hint}")
        self._blocked[name] = blocked

    def load(self) -> tuple[PluginRecord, ...]:
        """Give a record of each plugin, importing those not imported yet, except blocked ones.

        Of two with one name the first has it, even if it failed: which plugin an id means must not
        depend on what happens to work today.

        Raises:
            PluginError: called by a plugin while it is being loaded.
        """
        with self._lock:
            if self._loading:
                raise PluginError("a plugin asked for models or windows while plugins are being loaded: ask later")
            self._loading = True
            try:
                return self._load_all()
            finally:
                self._loading = False

    def _load_all(self) -> tuple[PluginRecord, ...]:
        records: list[PluginRecord] = []
        holders: dict[str, str] = {}
        for rank, entry_point in self.find().items():
            name, origin = entry_point.name, self._origins[rank]
            ban = self._find_ban(name)
            if ban:
                records.append(PluginRecord(name, origin, "blocked", error=ban))
            elif name in holders:
                error = f"PluginError: the name {name!r} is taken by {holders[name]}, loaded before it"
                records.append(PluginRecord(name, origin, "failed", error=error))
            else:
                holders[name] = origin
                if rank not in self._loaded:
                    self._loaded[rank] = load_entry_point(entry_point)
                records.append(self._loaded[rank])
        return (*records, *self._unreadable)

    def _find_ban(self, name: str) -> str:
        """Say why a plugin is blocked, or nothing."""
        if name in self._blocked:
            return "blocked by call" if self._blocked[name] else ""
        if name in _split_names(self._environ.get(BLOCK_VARIABLE, "")):
            return f"named in {BLOCK_VARIABLE}"
        allowed = _split_names(self._environ.get(ALLOW_VARIABLE, ""))
        return f"not named in {ALLOW_VARIABLE}" if allowed and name not in allowed else ""


def _rank_entry_point(entry_point: EntryPoint) -> Rank:
    distribution = name_distribution(entry_point.dist) if entry_point.dist is not None else ""
    return distribution != OWN_DISTRIBUTION, distribution, entry_point.name, entry_point.value


def _split_names(text: str) -> set[str]:
    return {name.strip() for name in text.split(",") if name.strip()}
