"""YAML and JSON as plain data, and back.

A key that stands twice in one mapping is an error: one of its values would be lost. ``1e-10`` is a number, as in YAML
1.2 and in JSON; PyYAML, which knows 1.1, takes it for text unless it has a point.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from workbench.errors import InvalidValue

FLOAT_TAG = "tag:yaml.org,2002:float"
EXPONENTIAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")


class _Loader(yaml.SafeLoader):
    """Reads what has an exponent as a number."""


class _Dumper(yaml.SafeDumper):
    """Puts text that looks like that in quotes, and text of several lines on one."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    has_lines = text.splitlines() not in ([], [text])
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if has_lines else None)


_Dumper.add_representer(str, _represent_text)
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(FLOAT_TAG, EXPONENTIAL, list("-+.0123456789"))


def write_yaml(value: object, *, in_line: bool = False) -> str:
    """A value as YAML that `read_yaml` gives back as it was.

    Args:
        value: plain data.
        in_line: on one line, in brackets or braces where it needs them; without the end of the line.
    """
    options: dict[str, Any] = {"default_flow_style": True, "width": float("inf")} if in_line else {}
    text = str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **options))
    return text.removesuffix("\n").removesuffix("\n...") if in_line else text


def read_yaml(text: str) -> Any:
    """What a YAML document says.

    Raises:
        InvalidValue: a key that stands twice, with its lines.
        yaml.YAMLError, ValueError, RecursionError: no YAML.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        for mapping in _iterate_mappings(node):  # of the text, before "<<" brings keys of other mappings in
            _check_keys(mapping)
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def read_json(text: str) -> Any:
    """What a JSON document says.

    Raises:
        InvalidValue: a key that stands twice; the parser does not tell its lines.
        ValueError, RecursionError: no JSON.
    """
    return json.loads(text, object_pairs_hook=_make_object)


def _iterate_mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """All mappings of a document, each once: an alias may stand for one in many places, or inside of itself."""
    waiting, seen = [node], set()
    while waiting:
        current = waiting.pop()
        if not isinstance(current, yaml.CollectionNode) or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, yaml.MappingNode):
            yield current
            waiting += [part for pair in current.value for part in pair]
        else:
            waiting += current.value


def _check_keys(mapping: yaml.MappingNode) -> None:
    lines: dict[tuple[str, str], int] = {}
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode):
            continue  # which no section has; the document is refused for that
        name, line = (key.tag, key.value), key.start_mark.line + 1
        if name in lines:
            where = f"line {line}" if lines[name] == line else f"lines {lines[name]} and {line}"
            raise InvalidValue(f"the key {key.value!r} stands twice, in {where}: leave one of them out")
        lines[name] = line


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise InvalidValue(f"the key {key!r} stands twice: leave one of them out")
        made[key] = value
    return made
