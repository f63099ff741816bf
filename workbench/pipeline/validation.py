"""Whether a document is a config; what is wrong with it in one line, with the key's path and the nearest known key."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.config import (
    MEMBER,
    MODEL_NAME,
    PATH_OF_ARGUMENT,
    STEM_WEIGHTS,
    WEIGHTS,
    EnsembleSection,
    MemberSection,
    RunConfig,
    SubtractSection,
)

# Which kind of a union a value was taken for: in pydantic's location, not in the document.
TAGS = ("subtract", "sum", MODEL_NAME, MEMBER, WEIGHTS, STEM_WEIGHTS)


def validate_config(document: Mapping[str, Any], *, origin: str = "the config") -> RunConfig:
    """The document as a `RunConfig`; raises `InvalidValue` or `InvalidType` with the path of the first bad key."""
    try:
        return RunConfig.model_validate(document)
    except ValidationError as error:
        raise _explain(error, origin) from error


def name_nearest(name: str, known: list[str]) -> str:
    """The end of an error message: the nearest known name, or all of them."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"


def suggest_share(overlap: object) -> str:
    """The end of an error message about an overlap that was meant in percent: ``": did you mean 0.75?"``."""
    is_percent = isinstance(overlap, int | float) and 1 < overlap < 100
    return f": did you mean {overlap / 100:g}?" if is_percent else ""  # type: ignore[operator]


def list_settings() -> dict[str, str]:
    """Every setting by its last name alone, and every argument of `separate`, with the path that a config has for it.

    Of settings with one name, such as ``window_shape``, the first in the order of the sections.
    """
    paths = {name: ".".join(path) for name, path in PATH_OF_ARGUMENT.items()}
    paths |= {"stems": "inference.requested_stems", "derive": "derived_stems", "padding_mode": "chunking.padding_mode"}
    for section, field in RunConfig.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            for name in field.annotation.model_fields:
                paths.setdefault(name, f"{section}.{name}")
    return paths


def suggest_setting(name: str, known: list[str]) -> str:
    """The end of an error message: the setting of that name or near it, of those ``known`` here or of all there are.

    >>> suggest_setting("overlap", ["model", "chunking"])
    "did you mean 'chunking.overlap_ratio'?"
    """
    paths = list_settings()
    if name in paths:
        return f"did you mean {paths[name]!r}?"
    near = difflib.get_close_matches(name, [*known, *paths], n=1, cutoff=0.7)
    return f"did you mean {paths[near[0]]!r}?" if near and near[0] not in known else name_nearest(name, known)


def _explain(error: ValidationError, origin: str) -> InvalidValue | InvalidType:
    """The first fault of a document, in one line."""
    fault = error.errors()[0]
    location = tuple(part for part in fault["loc"] if part not in TAGS)
    path = ".".join(str(part) for part in location)
    if fault["type"] == "extra_forbidden":
        section = _section_at(location[:-1])
        known = list(section.model_fields) if section else []
        # inside of a section its own keys come first: the windows of two sections have one name
        suggest = suggest_setting if section is RunConfig else name_nearest
        return InvalidValue(f"{origin}: unknown key {path!r}; {suggest(str(location[-1]), known)}")
    message = f"{origin}: {path or 'the document'}: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {fault['input']!r}"
    if location[-2:] == ("chunking", "overlap_ratio"):
        message += suggest_share(fault["input"])
    wrong_type = fault["type"].endswith("_type") or fault["type"] in ("int_from_float", "is_instance_of")
    return InvalidType(message) if wrong_type else InvalidValue(message)


def _section_at(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    section: type[BaseModel] = RunConfig
    for part in location:
        if section is RunConfig and part == "derived_stems":
            return SubtractSection
        if section is EnsembleSection and part == "members":
            return MemberSection
        annotation = section.model_fields[str(part)].annotation if str(part) in section.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return None
        section = annotation
    return section
