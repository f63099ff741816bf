"""Which installed distributions bring plugins, also where the files that say so are damaged."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from workbench.errors import PluginError
from workbench.registry.failures import describe_failure
from workbench.registry.hookspecs import GROUP
from workbench.registry.records import PluginRecord

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

OWN_DISTRIBUTION = "stem-workbench"
BYTE_ORDER_MARK = "\ufeff"


def read_entry_points() -> tuple[list[EntryPoint], list[PluginRecord]]:
    """Give all entry points of plugins, and a record of each distribution whose entry points cannot be read.

    Each distribution by itself, not ``importlib.metadata.entry_points``: a damaged file ends that call for all, and
    the empty folder that a broken removal leaves hides a distribution of its name that comes later on Python's path.
    """
    from importlib.metadata import distributions

    found: list[EntryPoint] = []
    failed: list[PluginRecord] = []
    seen: set[tuple[str, str]] = set()  # a folder may stand twice on Python's path
    for one in distributions():
        try:
            text = one.read_text("entry_points.txt") or ""
            if GROUP not in text or _is_hidden(one):  # most have no such file, and their names need not be read
                continue
            place = (name_distribution(one), str(one.locate_file("")))
            if place in seen:
                continue
            seen.add(place)
            if text.startswith(BYTE_ORDER_MARK):
                raise PluginError("it begins with a byte-order mark: save it as UTF-8 without one")
            found += one.entry_points.select(group=GROUP)
            failed += [_record_failure(one, f"its entry points are in {wrong}") for wrong in _find_near_groups(text)]
        except Exception as error:
            text = f"its entry_points.txt cannot be read: {describe_failure(error, packages=set())}"
            record = _record_failure(one, text)
            failed += [] if record in failed else [record]
    return found, failed


def _record_failure(distribution: Distribution, text: str) -> PluginRecord:
    name = name_distribution(distribution) or "unnamed"
    return PluginRecord(name, f"{name} {read_version(distribution)}", "failed", error=text)


def _is_hidden(distribution: Distribution) -> bool:
    """Whether another of its name, which is imported in its place, comes earlier on Python's path."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import distribution as find_first

    name = name_distribution(distribution)
    if not name:
        return False
    try:
        first = find_first(name)
        is_empty = not (first.read_text("METADATA") or first.read_text("PKG-INFO"))
    except PackageNotFoundError:
        return False
    return not is_empty and first.locate_file("") != distribution.locate_file("")


def _find_near_groups(text: str) -> list[str]:
    """Groups that may have been meant for ours, with what to write instead."""
    groups = re.findall(r"^\[([^\]]+)\]", text, re.MULTILINE)
    near = [one for one in groups if one != GROUP and GROUP in re.split(r"\W", one.replace("_", "."))]
    near += [one for one in difflib.get_close_matches(GROUP, groups, cutoff=0.8) if one not in (*near, GROUP)]
    return [f"the group {one!r}, expected [project.entry-points.{GROUP}] in pyproject.toml" for one in near]


def describe_origin(entry_point: EntryPoint) -> str:
    """Name the distribution that an entry point belongs to, with its version."""
    if entry_point.dist is None:  # made by hand, as tests do
        return entry_point.value
    name = name_distribution(entry_point.dist) or f"unnamed package of {entry_point.value}"
    return f"{name} {read_version(entry_point.dist)}"


def name_distribution(distribution: Distribution) -> str:
    """Give a distribution's name, or nothing if its metadata are missing or damaged."""
    try:
        return distribution.name or ""
    except Exception:  # versions of Python differ in what they raise
        return ""


def read_version(distribution: Distribution) -> str:
    """Give a distribution's version, or say that it has none."""
    try:
        return distribution.version or "without version"
    except Exception:  # as above
        return "without version"
