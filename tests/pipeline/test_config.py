from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.config import RunConfig
from workbench.pipeline.merging import merge
from workbench.pipeline.reading import nest_settings, parse_setting, read_config
from workbench.pipeline.validation import name_nearest, validate_config

DOCUMENT: dict[str, Any] = {
    "model_type": "hpss",
    "model": {
        "chunk_size": 4096,
        "output_stem_names": ["tonal", "noisy"],
        "power": 1.5,
        "layers": [1, 2],
        "note": None,
    },
    "transform": {"n_fft": 1024, "hop_length": 256, "win_length": 1024, "window_shape": "hamming", "normalized": True},
    "audio_io": {"target_sample_rate": 44100, "force_channels": 2},
    "inference": {
        "batch_size": 2,
        "requested_stems": ["tonal"],
        "force_weights_dtype": "bfloat16",
        "use_autocast_dtype": "float16",
        "device": "cpu",
        "compile_model": False,
    },
    "normalization": {"enabled": True},
    "chunking": {"overlap_ratio": 0.1, "window_shape": "linear_fade:fade=0.1", "padding_mode": "constant"},
    "masking": {"add_sub_dtype": "float32", "out_dtype": "float64"},
    "derived_stems": {
        "rest": {"operation": "subtract", "stem_name": "mixture", "by_stem_name": "tonal"},
        "both": {"operation": "sum", "stem_names": ["tonal", "noisy"]},
    },
    "output": {"stem_names": ["rest"], "file_format": "wav", "bit_rate": 320},
}


def test_the_whole_document_reads_the_same_from_every_source(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(DOCUMENT))
    # with what JSON allows and PyYAML refuses: tabs, and an exponent without a dot
    text = json.dumps(DOCUMENT, indent="\t")
    assert '"overlap_ratio": 0.1' in text
    (tmp_path / "run.json").write_text(text.replace('"overlap_ratio": 0.1', '"overlap_ratio": 1e-1'))
    for source in (tmp_path / "run.yaml", str(tmp_path / "run.json"), DOCUMENT, validate_config(DOCUMENT)):
        assert read_config(source) == DOCUMENT
    assert read_config(None) == {}
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    assert read_config(tmp_path / "empty.yaml") == {}


def test_a_run_config_gives_back_what_it_was_made_of() -> None:
    assert RunConfig().to_document() == {}
    document = validate_config(DOCUMENT).to_document()
    assert document == DOCUMENT
    assert yaml.safe_load(yaml.safe_dump(document)) == DOCUMENT  # plain data: no tuple, no section
    assert json.loads(json.dumps(document)) == DOCUMENT
    # hpss has a parameter that may be infinite, and None may be a value of an architecture's own parameter
    parameters = {"model": {"power": math.inf, "layers": None}}
    assert validate_config(parameters).to_document() == parameters


def test_the_architecture_keeps_its_own_parameters() -> None:
    section = validate_config(DOCUMENT).model
    assert section.parameters == {"power": 1.5, "layers": [1, 2], "note": None}
    assert (section.chunk_size, section.output_stem_names) == (4096, ("tonal", "noisy"))


def test_a_config_cannot_be_changed() -> None:
    config = validate_config(DOCUMENT)
    with pytest.raises(ValueError, match="frozen"):
        config.model_type = "other"
    with pytest.raises(ValueError, match="frozen"):
        config.chunking.overlap_ratio = 0.9


@pytest.mark.parametrize(
    ("document", "path", "nearest"),
    [
        ({"chunkin": {}}, "chunkin", "chunking"),
        ({"chunking": {"overlap": 0.5}}, "chunking.overlap", "overlap_ratio"),
        ({"inference": {"batchsize": 2}}, "inference.batchsize", "batch_size"),
        ({"transform": {"hop_size": 2}}, "transform.hop_size", "hop_length"),
        (
            {"derived_stems": {"x": {**DOCUMENT["derived_stems"]["rest"], "by_stem": "a"}}},
            "derived_stems.x.by_stem",
            "by_stem_name",
        ),
    ],
)
def test_an_unknown_key_is_named_with_its_path_and_the_nearest_key(
    document: dict[str, Any], path: str, nearest: str
) -> None:
    with pytest.raises(InvalidValue, match=rf"unknown key '{path}'; did you mean '{nearest}'\?"):
        read_config(document)


def test_a_key_like_no_other_gets_the_list_of_all() -> None:
    with pytest.raises(InvalidValue, match=r"unknown key 'masking\.zzz'; known are add_sub_dtype, out_dtype"):
        read_config({"masking": {"zzz": 1}})
    assert name_nearest("hop", ["shop", "window"]) == "did you mean 'shop'?"


WRONG_TYPES: dict[str, list[Any]] = {
    "chunking.overlap_ratio": ["0.5", True, [0.5]],
    "inference.batch_size": [2.0, "2", True],
    "inference.requested_stems": ["vocals", {"vocals": 1}, [1]],
    "inference.device": [0],
    "normalization.enabled": ["yes", 1],
    "chunking.window_shape": [5],
    "model.chunk_size": [4096.0],
    "model.output_stem_names": ["vocals"],
    "derived_stems.x": [5],
    "derived_stems": [["x = a - b"]],
    "audio_io": [44100],
    "model_type": [3],
}


@pytest.mark.parametrize(("path", "value"), [(path, value) for path, values in WRONG_TYPES.items() for value in values])
def test_a_value_of_another_type_is_an_invalid_type(path: str, value: object) -> None:
    with pytest.raises(InvalidType, match=path) as caught:
        nest_settings({path: value})
    assert isinstance(caught.value, TypeError)
    assert "\n" not in str(caught.value)
    assert "got" in str(caught.value)


WRONG_VALUES: dict[str, list[Any]] = {
    "chunking.overlap_ratio": [1.0, -0.1, math.nan],
    "chunking.padding_mode": ["mirror"],
    "inference.batch_size": [0],
    "inference.tta": [["swap", "swap"], ["mirror"]],
    "inference.force_weights_dtype": ["float23"],
    "inference.use_autocast_dtype": ["float32"],  # autocast is for half precision
    "transform.n_fft": [0, 2**40],
    "transform.conv_dtype": ["int8"],
    "masking.out_dtype": ["half"],
    "model.chunk_size": [0],
    "output.bit_rate": [0],
    "derived_stems.x": [
        {"operation": "divide", "stem_name": "a", "by_stem_name": "b"},
        {"operation": "subtract", "stem_name": "a"},
        {"stem_name": "a", "by_stem_name": "b"},
    ],
}


@pytest.mark.parametrize(
    ("path", "value"), [(path, value) for path, values in WRONG_VALUES.items() for value in values]
)
def test_a_value_out_of_its_range_is_an_invalid_value(path: str, value: object) -> None:
    with pytest.raises(InvalidValue, match=path) as caught:
        nest_settings({path: value})
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("gone.yaml", None, "cannot read the config .*gone.yaml"),
        ("bytes.yaml", b"\xff\xfe\x00", "cannot read the config .*bytes.yaml"),
        ("bad.yaml", b"a: [1", "bad.yaml: neither YAML nor JSON"),
        ("bad.json", b"{'a': 1}", "bad.json: neither YAML nor JSON"),
        ("code.yaml", b"model_type: !!python/object/apply:os.getcwd []", "code.yaml: neither YAML nor JSON"),
        ("typo.yaml", b"chunking: {overlap_ratio: 2.0}", r"typo.yaml: chunking\.overlap_ratio"),
    ],
)
def test_a_file_that_is_no_config_is_named(tmp_path: Path, name: str, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidValue, match=reason) as caught:
        read_config(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_document_must_be_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(InvalidType, match="must be a mapping of sections, got list"):
        read_config(tmp_path / "list.yaml")


def test_settings_are_paths_to_values() -> None:
    dotted = {
        "chunking.overlap_ratio": 0.75,
        "chunking": {"padding_mode": "constant"},
        "model.power": 2,
        "derived_stems.x": {"operation": "sum", "stem_names": ["a"]},
        "derived_stems.y.operation": "sum",
        "derived_stems.y.stem_names": ["b"],
    }
    assert nest_settings(dotted) == {
        "chunking": {"overlap_ratio": 0.75, "padding_mode": "constant"},
        "model": {"power": 2},
        "derived_stems": {
            "x": {"operation": "sum", "stem_names": ["a"]},
            "y": {"operation": "sum", "stem_names": ["b"]},
        },
    }
    assert nest_settings(None) == {}
    assert nest_settings({"chunking": {"overlap_ratio": 0.1}, "chunking.overlap_ratio": 0.2}) == {
        "chunking": {"overlap_ratio": 0.2}  # the later one counts
    }


@pytest.mark.parametrize("key", ["", ".", "chunking.", ".overlap_ratio", "chunking..overlap_ratio"])
def test_a_setting_needs_a_whole_path(key: str) -> None:
    with pytest.raises(InvalidValue, match="must be a path such as chunking"):
        nest_settings({key: 1})


def test_a_setting_of_the_command_line_is_read_as_yaml() -> None:
    assert parse_setting("chunking.overlap_ratio=0.75") == ("chunking.overlap_ratio", 0.75)
    assert parse_setting("inference.requested_stems=[a, b]") == ("inference.requested_stems", ["a", "b"])
    assert parse_setting("chunking.window_shape=linear_fade:fade=0.2") == (
        "chunking.window_shape",
        "linear_fade:fade=0.2",
    )
    assert parse_setting("normalization.enabled = true") == ("normalization.enabled", True)
    for text in ("chunking.overlap_ratio", "=3", " = 3"):
        with pytest.raises(InvalidValue, match="must be KEY=VALUE"):
            parse_setting(text)
    with pytest.raises(InvalidValue, match="neither YAML nor JSON"):
        parse_setting("model.x=[1")


def test_merging_lays_one_document_over_another_and_changes_neither() -> None:
    lower = {"chunking": {"overlap_ratio": 0.5, "padding_mode": "reflect"}, "model": {"power": 2, "note": "x"}}
    upper = {"chunking": {"overlap_ratio": 0.25}, "model": {"note": None}, "model_type": "hpss"}
    before = copy.deepcopy((lower, upper))
    assert merge(lower, upper) == {
        "chunking": {"overlap_ratio": 0.25, "padding_mode": "reflect"},
        "model": {"power": 2, "note": None},  # None is a value of an own parameter
        "model_type": "hpss",
    }
    assert (lower, upper) == before


def test_null_counts_as_left_out() -> None:
    lower = {"chunking": {"overlap_ratio": 0.5}, "model": {"chunk_size": 7}, "inference": {"device": "auto"}}
    upper = {
        "chunking": {"overlap_ratio": None},
        "model": {"chunk_size": None, "output_stem_names": None},
        "inference": {"device": None},
        "model_type": None,
    }
    assert merge(lower, upper) == lower


def test_derived_stems_are_replaced_as_a_whole() -> None:
    lower = {"derived_stems": {"x": {"operation": "sum", "stem_names": ["a"]}}}
    upper = {"derived_stems": {"y": {"operation": "sum", "stem_names": ["b"]}}}
    assert merge(lower, upper) == upper
    assert merge(lower, {"derived_stems": {}}) == {"derived_stems": {}}
