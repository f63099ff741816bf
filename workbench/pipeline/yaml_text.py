"""YAML and JSON as plain data, and back.

YAML is version 1.2, whose numbers and truth values are JSON's: ``1e-10`` is a number, ``yes`` and ``on`` are text. A
key that stands twice in one mapping is an error: one of its values would be lost. A merged key (``<<``) may be given
anew.
"""

from __future__ import annotations

import io
import json
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from workbench.errors import InvalidValue

_ENDLESS_LINE = 2**31 - 1
_MOST_VALUES = 100_000  # of a document, an alias counted as all that it stands for


def write_yaml(value: object, *, in_line: bool = False) -> str:
    """A value as YAML that `read_yaml` gives back as it was.

    Args:
        value: plain data.
        in_line: on one line, in brackets or braces where it needs them; without the end of the line.
    """
    yaml = _make_parser()
    yaml.default_flow_style = in_line
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue().removesuffix("\n").removesuffix("\n...") if in_line else text.getvalue()


def read_yaml(text: str) -> Any:
    """What a YAML document says.

    Raises:
        InvalidValue: no YAML, a key that stands twice, with its line, or aliases that stand for very many values.
    """
    try:
        document = _make_parser().load(text)
        _count_values(document, {})
        return document
    except InvalidValue:
        raise
    except DuplicateKeyError as error:
        problem, line = error.problem, error.problem_mark.line + 1
        raise InvalidValue(f"line {line}: {problem}: leave one of them out") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f"line {mark.line + 1}: "
        raise InvalidValue(f"neither YAML nor JSON: {where}{error.problem or error.context}") from error
    # ValueError: also of a date that is none, and of numbers with thousands of digits
    except (YAMLError, ValueError) as error:
        raise InvalidValue(f"neither YAML nor JSON: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise InvalidValue("neither YAML nor JSON that can be read: it is nested too deeply") from error


def read_json(text: str) -> Any:
    """What a JSON document says.

    Raises:
        InvalidValue: no JSON, or a key that stands twice; the parser does not tell its lines.
    """
    try:
        return json.loads(text, object_pairs_hook=_make_object)
    except InvalidValue:
        raise
    except ValueError as error:
        raise InvalidValue(f"neither YAML nor JSON: {error}") from error
    except RecursionError as error:
        raise InvalidValue("neither YAML nor JSON that can be read: it is nested too deeply") from error


def _make_parser() -> YAML:
    """A parser for one text: it keeps what it has read."""
    yaml = YAML(typ="safe", pure=True)  # only the pure one writes and reads version 1.2
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # declared as None there
    yaml.allow_unicode = True
    yaml.width = _ENDLESS_LINE
    return yaml


def _count_values(value: object, counted: dict[int, int]) -> int:
    """How many values a value holds, itself included; one inside of itself counts once."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in counted:
        counted[id(value)] = 1
        parts = value.values() if isinstance(value, dict) else value
        counted[id(value)] += sum(_count_values(part, counted) for part in parts)
        if counted[id(value)] > _MOST_VALUES:
            raise InvalidValue(f"stands for more than {_MOST_VALUES} values, most of them by aliases (*name)")
    return counted[id(value)]


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise InvalidValue(f"the key {key!r} stands twice: leave one of them out")
        made[key] = value
    return made
