"""YAML and JSON as plain data, and back.

Read as YAML 1.2, where ``1e-10`` is a number, as in JSON, and ``010`` is ten; ``yes``, ``no``, ``on`` and ``off`` are
truth values all the same, as in YAML 1.1. What is written has one meaning in both. A key that stands twice in one
mapping is an error: one of its values would be lost.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML, CollectionNode, MappingNode, Node, ScalarNode
from ruamel.yaml.representer import SafeRepresenter

from workbench.errors import InvalidValue

FLOAT_TAG = "tag:yaml.org,2002:float"
EXPONENTIAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")
BOOL_TAG = "tag:yaml.org,2002:bool"
OLD_BOOL = re.compile(r"(yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$")
# what YAML 1.1 takes for a number or a truth value, and 1.2 for text or another number
OLD_MEANING = re.compile(r"[-+]?[0-9.][-+0-9._:eE]*|[yYnN]|=")
MOST_VALUES = 100_000  # of a document, each alias counted as what it stands for


class _Representer(SafeRepresenter):
    """Puts text in quotes that older readers take for something else, and text of several lines on one."""

    def represent_text(self, text: str) -> ScalarNode:
        quoted = text.splitlines() not in ([], [text]) or OLD_MEANING.fullmatch(text)
        return self.represent_scalar("tag:yaml.org,2002:str", text, style='"' if quoted else None)

    def represent_number(self, number: float) -> ScalarNode:
        node = self.represent_float(number)
        if "." not in node.value:
            node.value = node.value.replace("e", ".0e")  # which YAML 1.1 needs
        return node


_Representer.add_representer(str, _Representer.represent_text)
_Representer.add_representer(float, _Representer.represent_number)


def _make_yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    assert yaml.resolver.versioned_resolver  # made on the first look, and added to from then on
    yaml.resolver.add_version_implicit_resolver((1, 2), BOOL_TAG, OLD_BOOL, list("yYnNoO"))
    yaml.resolver.add_version_implicit_resolver((1, 2), FLOAT_TAG, EXPONENTIAL, list("-+.0123456789"))
    return yaml


def write_yaml(value: object, *, in_line: bool = False) -> str:
    """A value as YAML that `read_yaml` gives back as it was.

    Args:
        value: plain data.
        in_line: on one line, in brackets or braces where it needs them; without the end of the line.
    """
    yaml = _make_yaml()
    yaml.default_flow_style = in_line
    yaml.width = sys.maxsize if in_line else 80
    yaml.representer.sort_base_mapping_type_on_output = False
    file = io.StringIO()
    yaml.dump(value, file)
    text = file.getvalue()
    return text.removesuffix("\n").removesuffix("\n...") if in_line else text


def read_yaml(text: str) -> Any:
    """What a YAML document says.

    Raises:
        InvalidValue: a key that stands twice, with its lines; aliases that make one value out of very many.
        ruamel.yaml.error.YAMLError, ValueError, RecursionError: no YAML.
    """
    yaml = _make_yaml()
    node = yaml.compose(text)
    if node is None:
        return None
    for mapping in _iterate_mappings(node):  # of the text, before "<<" brings keys of other mappings in
        _check_keys(mapping)
    _count_values(node, {})
    return yaml.constructor.construct_document(node)


def read_json(text: str) -> Any:
    """What a JSON document says.

    Raises:
        InvalidValue: a key that stands twice; the parser does not tell its lines.
        ValueError, RecursionError: no JSON.
    """
    return json.loads(text, object_pairs_hook=_make_object)


def _iterate_mappings(node: Node | None) -> Iterator[MappingNode]:
    """All mappings of a document, each once: an alias may stand for one in many places, or inside of itself."""
    waiting, seen = [node], set()
    while waiting:
        current = waiting.pop()
        if not isinstance(current, CollectionNode) or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, MappingNode):
            yield current
            waiting += [part for pair in current.value for part in pair]
        else:
            waiting += current.value


def _check_keys(mapping: MappingNode) -> None:
    lines: dict[tuple[str | None, str], int] = {}
    for key, _ in mapping.value:
        if not isinstance(key, ScalarNode):
            continue  # which no section has; the document is refused for that
        name, line = (key.tag, key.value), key.start_mark.line + 1
        if name in lines:
            where = f"line {line}" if lines[name] == line else f"lines {lines[name]} and {line}"
            raise InvalidValue(f"the key {key.value!r} stands twice, in {where}: leave one of them out")
        lines[name] = line


def _count_values(node: Node, counted: dict[int, int]) -> int:
    """How many values a node stands for; a mapping may hold itself, which counts once and is refused later on."""
    if not isinstance(node, CollectionNode):
        return 1
    if id(node) not in counted:
        counted[id(node)] = 1
        pairs = isinstance(node, MappingNode)
        parts = [part for pair in node.value for part in pair] if pairs else node.value
        counted[id(node)] += sum(_count_values(part, counted) for part in parts)
    if counted[id(node)] > MOST_VALUES:
        raise InvalidValue(f"it stands for more than {MOST_VALUES} values, most of them by aliases (*name)")
    return counted[id(node)]


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise InvalidValue(f"the key {key!r} stands twice: leave one of them out")
        made[key] = value
    return made
