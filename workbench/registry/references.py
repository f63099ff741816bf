"""References to functions as text, ``"package.module:function"``, which keep heavy imports out of cards."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

from workbench.errors import InvalidType, InvalidValue, PluginError
from workbench.registry.names import suggest_nearest

REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def validate_reference(reference: object, *, field: str) -> None:
    """Check, without importing anything, that this is a function or the text of a reference to one.

    Args:
        reference: what was given.
        field: what it is, for the message: ``"load of model 'hpss'"``.

    Raises:
        InvalidType: neither callable nor a string.
        InvalidValue: a string that is not ``"package.module:function"``.
    """
    if callable(reference):
        return
    if not isinstance(reference, str):
        raise InvalidType(
            f'{field} must be a function or "package.module:function", got {type(reference).__name__} {reference!r}'
        )
    if not REFERENCE.fullmatch(reference):
        raise InvalidValue(f'{field} must read "package.module:function", got {reference!r}')


def resolve_callable(reference: Callable[..., Any] | str, *, field: str = "reference") -> Callable[..., Any]:
    """Give the function that a card's ``make`` or ``load`` names; a function is given back as it is.

    Args:
        reference: a function, or ``"package.module:function"``, whose module is imported now.
        field: what it is, for the message: ``"load of model 'hpss'"``.

    Raises:
        InvalidType, InvalidValue: not such a reference.
        PluginError: the module cannot be imported, or has no such function.
    """
    validate_reference(reference, field=field)
    if not isinstance(reference, str):
        return reference
    module_name, _, path = reference.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # an import runs the author's code, which may raise anything
        reason = " ".join(str(error).split())
        raise PluginError(
            f"{field} names {reference!r}, but importing {module_name!r} failed: {type(error).__name__}: {reason}"
        ) from error
    for name in path.split("."):
        if not hasattr(found, name):
            hint = suggest_nearest(name, dir(found)) or ": correct the name"
            raise PluginError(f"{field} names {reference!r}, but {module_name!r} has no {path!r}{hint}")
        found = getattr(found, name)
    if not callable(found):
        raise PluginError(f"{field} names {reference!r}, which is {type(found).__name__}, expected a function")
    function: Callable[..., Any] = found
    return function
