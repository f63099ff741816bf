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


def _explain(error: ValidationError, origin: str) -> InvalidValue | InvalidType:
    """The first fault of a document, in one line."""
    fault = error.errors()[0]
    location = tuple(part for part in fault["loc"] if part not in TAGS)
    path = ".".join(str(part) for part in location)
    if fault["type"] == "extra_forbidden":
        section = _section_at(location[:-1])
        known = list(section.model_fields) if section else []
        return InvalidValue(f"{origin}: unknown key {path!r}; {name_nearest(str(location[-1]), known)}")
    message = f"{origin}: {path or 'the document'}: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {fault['input']!r}"
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
