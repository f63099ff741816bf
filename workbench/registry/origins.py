"""Which installed distributions bring plugins, also where the files that say so are damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.registry.failures import describe_failure
from workbench.registry.hookspecs import GROUP
from workbench.registry.records import PluginRecord

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

OWN_DISTRIBUTION = "stem-workbench"


def read_entry_points() -> tuple[list[EntryPoint], list[PluginRecord]]:
    """Give all entry points of plugins, and a record of each distribution whose entry points cannot be read."""
    from importlib.metadata import distributions, entry_points

    try:
        return list(entry_points(group=GROUP)), []
    except Exception:  # one damaged file ends that call for all; so each by itself
        pass
    found: list[EntryPoint] = []
    failed: list[PluginRecord] = []
    seen: set[str] = set()
    for one in distributions():
        name = name_distribution(one) or "unnamed"
        if name in seen:  # the first on Python's path is the one that is imported
            continue
        seen.add(name)
        try:
            found += one.entry_points.select(group=GROUP)
        except Exception as error:
            text = f"its entry_points.txt cannot be read: {describe_failure(error, packages=set())}"
            failed.append(PluginRecord(name, f"{name} {read_version(one)}", "failed", error=text))
    return found, failed


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
