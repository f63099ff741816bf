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
        (TWICE, "the key 'overlap_ratio' stands twice, in lines 3 and 5"),
        ("output: {}\nmodel: {power: 1}\noutput: {}\n", "the key 'output' stands twice, in lines 1 and 3"),
        ("model: {power: 1, power: 2}\n", "the key 'power' stands twice, in line 1"),
        ("ensemble:\n  members:\n    - name: a\n      name: b\n", "the key 'name' stands twice, in lines 3 and 4"),
        ("a: &loop\n  - *loop\n  - {b: 1,\n     b: 2}\n", "the key 'b' stands twice, in lines 3 and 4"),
    ],
)
def test_a_key_that_stands_twice_is_named_with_its_lines(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(InvalidValue, match=rf"^\S*run\.yaml: {message}: leave one of them out$"):
        read_config(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-14", 1e-14), ("-2.5E3", -2500.0), (".5e1", 5.0), ("1e", "1e"), ("e5", "e5"), ("1 e5", "1 e5")],
)
def test_an_exponent_makes_a_number_with_or_without_a_point(text: str, value: object) -> None:
    assert parse_setting(f"wiener.eps={text}") == ("wiener.eps", value)


@pytest.mark.parametrize("value", ["1e5", "1e-14", 1e-14, {"1e5": ["1.e3", 1e300]}, "two\nlines", None, float("inf")])
def test_what_is_written_is_read_as_it_was(value: object) -> None:
    assert read_yaml(write_yaml(value)) == value
    line = write_yaml(value, in_line=True)
    assert "\n" not in line
    assert read_yaml(line) == value


@pytest.mark.parametrize(
    ("merged", "value"),
    [
        ("{<<: *two, a: 4}", {"a": 4, "b": 3}),
        ("{a: 4, <<: *two}", {"a": 4, "b": 3}),
        ("{<<: [*two, *one]}", {"a": 1, "b": 3}),  # the first that has a key decides
        ("{<<: [*one, *two]}", {"a": 1, "b": 2}),
        ("{<<: {<<: *two, a: 5}, b: 6}", {"a": 5, "b": 6}),
    ],
)
def test_a_merged_key_may_be_given_anew(merged: str, value: object) -> None:
    text = f"one: &one {{a: 1, b: 2}}\ntwo: &two {{<<: *one, b: 3}}\nthree: {merged}\n"
    assert read_yaml(text)["three"] == value


def test_two_merges_in_one_mapping_are_a_key_that_stands_twice() -> None:
    with pytest.raises(InvalidValue, match="the key '<<' stands twice, in lines 1 and 2"):
        read_yaml("<<: {a: 1}\n<<: {b: 2}\n")


@pytest.mark.parametrize("step", ["[{}]", "{{<<: [{}], k: 1}}"])  # aliases, and merges
def test_few_lines_that_stand_for_very_many_values_are_refused(step: str) -> None:
    lines = ["a0: &a0 {k: 1}", *(f"a{i}: &a{i} {step.format(', '.join([f'*a{i - 1}'] * 9))}" for i in range(1, 30))]
    with pytest.raises(InvalidValue, match="more than 100000 values"):
        read_yaml("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "value"),
    [("yes", True), ("Off", False), ("010", 10), ("1:30", "1:30"), ("y", "y"), ("0x1F", 31), ("-.inf", -float("inf"))],
)
def test_old_and_new_yaml_where_they_differ(text: str, value: object) -> None:
    assert parse_setting(f"model.x={text}") == ("model.x", value)


@pytest.mark.parametrize(
    "text", ["yes", "n", "010", "1:30", "1_000", "1e5", ".5e1", "0x1F", "=", "", "null", "2001-01-01"]
)
def test_text_is_text_to_readers_of_either_yaml(text: str) -> None:
    for written in (write_yaml({text: text}), write_yaml([text], in_line=True)):
        assert read_yaml(written) == yaml.safe_load(written)
    assert read_yaml(write_yaml({text: text})) == {text: text}


@given(PLAIN | st.floats(allow_nan=False))
@settings(max_examples=50)
def test_other_readers_read_what_is_written(value: Any) -> None:
    assert yaml.safe_load(write_yaml(value)) == value


def test_a_key_that_stands_twice_in_json_or_a_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"output": {"file_format": "wav", "file_format": "mp3"}}')
    with pytest.raises(InvalidValue, match=r"run\.json: the key 'file_format' stands twice"):
        read_config(path)
    with pytest.raises(InvalidValue, match=r"the value of model: the key 'power' stands twice, in line 1"):
        parse_setting("model={power: 1, power: 2}")
