"""What a new plugin may be called: a package, a module and the first part of its ids come of one name."""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from workbench import registry
from workbench.errors import InvalidType, InvalidValue
from workbench.io.names import check_file_stem
from workbench.registry.records import NOTEBOOK

MAX_NAME_LENGTH = 50  # characters; it is typed often, as the first part of ids
# Of the packaging specification "Names and normalization", less two separators in a row.
PACKAGE_NAME = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*", flags=re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class PluginNames:
    """What a plugin is called.

    Args:
        distribution: what pip installs: ``"my-separator"``.
        module: what Python imports, and the first part of its ids: ``"my_separator"``.
    """

    distribution: str
    module: str


def derive_names(name: str) -> PluginNames:
    """Give the names of a new plugin, in their normal form (PEP 503): lowercase, joined by hyphens.

    Raises:
        InvalidType: not a string.
        InvalidValue: it cannot name a package, a module or a folder, or something installed is called so.
    """
    if not isinstance(name, str):
        raise InvalidType(f"the name of a plugin must be a string, got {type(name).__name__}")
    advice = 'choose one such as "my-separator"'
    if not PACKAGE_NAME.fullmatch(name):
        raise InvalidValue(
            f"{name!r} cannot name a package: use letters, digits and single hyphens between them; {advice}"
        )
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidValue(f"a package's name may have at most {MAX_NAME_LENGTH} characters, got {len(name)}; {advice}")
    names = PluginNames(distribution=re.sub(r"[-_.]", "-", name).lower(), module=re.sub(r"[-_.]", "_", name).lower())
    if names.module[0].isdigit() or keyword.iskeyword(names.module):
        raise InvalidValue(f"{name!r} cannot name a Python module, which {names.module!r} would be; {advice}")
    try:
        check_file_stem(names.distribution)
    except InvalidValue:  # all but the names of devices is refused above
        raise InvalidValue(f"{name!r} cannot name a folder on every system; {advice}") from None
    holder = find_holder(names)
    if holder:
        raise InvalidValue(f"{name!r} is taken: {holder}; choose another name")
    return names


def find_holder(names: PluginNames) -> str:
    """Say what has one of these names in this environment already, or nothing."""
    if names.module in sys.stdlib_module_names:
        return f"{names.module} is a module of Python itself"
    if names.module == NOTEBOOK:
        return f"plugin {NOTEBOOK} is what a notebook registers"
    for row in registry.plugins():
        if row.name == names.module:
            return f"plugin {row.name} comes from {row.origin}"
    try:
        return f"the package {names.distribution} {distribution(names.distribution).version} is installed"
    except PackageNotFoundError:
        pass
    try:
        spec = importlib.util.find_spec(names.module)  # of a top-level module, so that nothing is imported
    except ValueError:  # it is loaded, by something that left no trace of where from
        return f"a module {names.module} is loaded"
    if spec is None:
        return ""
    if spec.origin:
        return f"a module {names.module} is installed in {spec.origin}"
    # A folder without code is a module too, where Python may look for one; one that happens to lie here is no matter.
    places = [place for place in spec.submodule_search_locations or () if Path(place).parent != Path.cwd()]
    return f"a module {names.module} is installed in {places[0]}" if places else ""
