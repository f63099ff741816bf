from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import InvalidValue
from workbench.pipeline.reading import parse_setting, read_config
from workbench.pipeline.yaml_text import read_json, read_yaml, write_yaml

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
@settings(max_examples=50)
def test_without_double_keys_it_reads_what_others_read(value: Any) -> None:
    text = yaml.safe_dump(value)
    assert read_yaml(text) == yaml.safe_load(text)
    assert read_json(json.dumps(value)) == value


TWICE = """\
model_type: hpss
chunking:
  overlap_ratio: 0.5
  window_shape: hann
  "overlap_ratio": 0.75
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TWICE, 'line 5: found duplicate key "overlap_ratio"'),
        ("output: {}\nmodel: {power: 1}\noutput: {}\n", 'line 3: found duplicate key "output"'),
        ("model: {power: 1, power: 2}\n", 'line 1: found duplicate key "power"'),
        ("ensemble:\n  members:\n    - name: a\n      name: b\n", 'line 4: found duplicate key "name"'),
        ("a: &loop\n  - *loop\n  - {b: 1,\n     b: 2}\n", 'line 4: found duplicate key "b"'),
    ],
)
def test_a_key_that_stands_twice_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(InvalidValue, match=rf"^\S*run\.yaml: {message} .*: leave one of them out$"):
        read_config(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-14", 1e-14), ("-2.5E3", -2500.0), ("0.5e1", 5.0), ("1e", "1e"), ("e5", "e5"), ("1 e5", "1 e5")],
)
def test_an_exponent_makes_a_number_with_or_without_a_point(text: str, value: object) -> None:
    assert parse_setting(f"wiener.eps={text}") == ("wiener.eps", value)


@pytest.mark.parametrize("value", ["1e5", "1e-14", 1e-14, {"1e5": ["1.e3", 1e300]}, "two\nlines", None, float("inf")])
def test_what_is_written_is_read_as_it_was(value: object) -> None:
    assert read_yaml(write_yaml(value)) == value
    line = write_yaml(value, in_line=True)
    assert "\n" not in line
    assert read_yaml(line) == value


def test_a_merged_key_may_be_given_anew() -> None:
    text = "one: &one {a: 1, b: 2}\ntwo: &two {<<: *one, b: 3}\nthree: {<<: *two, a: 4}\n"
    assert read_yaml(text)["three"] == {"a": 4, "b": 3}


@pytest.mark.parametrize("text", ["yes", "on", "off", "1:30"])
def test_what_only_yaml_1_1_took_for_another_type_is_text(text: str) -> None:
    assert read_yaml(f"a: {text}") == {"a": text}


def test_aliases_that_stand_for_very_many_values_are_refused() -> None:
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]"]
    lines += [f"a{depth}: &a{depth} [{', '.join([f'*a{depth - 1}'] * 10)}]" for depth in range(1, 30)]
    with pytest.raises(InvalidValue, match="stands for more than 100000 values"):
        read_yaml("\n".join(lines))


def test_a_document_nested_too_deeply_is_refused() -> None:
    for read in (read_yaml, read_json):
        with pytest.raises(InvalidValue, match="nested too deeply"):
            read("[" * 5_000)


def test_a_key_that_stands_twice_in_json_or_a_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"output": {"file_format": "wav", "file_format": "mp3"}}')
    with pytest.raises(InvalidValue, match=r"run\.json: the key 'file_format' stands twice"):
        read_config(path)
    with pytest.raises(InvalidValue, match=r"the value of model: line 1: found duplicate key \"power\""):
        parse_setting("model={power: 1, power: 2}")
