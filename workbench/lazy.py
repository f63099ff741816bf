"""Names of a package that are loaded on use, so that importing it stays instant."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping


def load_on_use(
    package: str, homes: Mapping[str, str], *, modules: tuple[str, ...] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` (PEP 562) of a package.

    Args:
        package: its ``__name__``.
        homes: public name -> the module of the package that defines it.
        modules: modules that are public under their own names.
    """

    def get_attribute(name: str) -> object:
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)  # found at once from now on
        return value

    def list_names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes, *modules})

    return get_attribute, list_names
