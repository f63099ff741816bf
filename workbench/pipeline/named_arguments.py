"""What people call with names: a misspelt one gets the nearest, and the help shows every one that there is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from os import PathLike
from typing import Any, ParamSpec, TypeVar

from workbench.errors import InvalidType
from workbench.io.names import expand_home
from workbench.pipeline.request import Request
from workbench.registry.names import suggest_nearest

P = ParamSpec("P")
R = TypeVar("R")


def takes_song(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function of a song and named arguments refuse others in words, and find a song in the home folder (``~``).

    ``**options`` of the function stand for the arguments of `workbench.separate`: its signature, which notebooks show,
    gets them one by one. What warns of the caller's line has one more level to go.
    """
    signature = spell_out(inspect.signature(function))
    known = [name for name, one in signature.parameters.items() if one.kind is one.KEYWORD_ONLY]

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known and name != "song":
                hint = suggest_nearest(name, known) or f"; there are {', '.join(known)}"
                raise InvalidType(f"{function.__name__} takes no argument {name!r}{hint}")
        given = [*args, *([kwargs["song"]] if "song" in kwargs else [])]
        if not given:
            raise InvalidType(f"{function.__name__} needs a song: a path, or wb.Audio(tensor, sample_rate)")
        if len(given) > 1:
            if isinstance(given[0], str | PathLike) or isinstance(given[1], str):
                hint = "write model=... and so on"
            else:
                from workbench.pipeline.steps import describe_samples

                hint = f"of {describe_samples(given[0])} and its rate make wb.Audio(tensor, sample_rate)"
            raise InvalidType(
                f"{function.__name__} takes one song, and all else by name, got {type(given[1]).__name__} as a second "
                f"argument: {hint}"
            )
        song: Any = given[0]
        if isinstance(song, str | PathLike):
            song = expand_home(song)
        options: Any = {name: value for name, value in kwargs.items() if name != "song"}
        return function(song, **options)

    checked.__signature__ = signature  # type: ignore[attr-defined]
    return checked


def spell_out(signature: inspect.Signature) -> inspect.Signature:
    """A signature with the arguments of `workbench.separate` in place of ``**options``."""
    kept = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    if len(kept) == len(signature.parameters):
        return signature
    names = {one.name for one in kept}
    spelled = [
        inspect.Parameter(
            one.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.default is MISSING else one.default,
            annotation=one.type,
        )
        for one in fields(Request)
        if one.init and one.name not in names
    ]
    return signature.replace(parameters=[*kept, *spelled])
