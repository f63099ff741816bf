"""Models that break their promise, geometry that cannot be, checkpoints, configs and names."""

from __future__ import annotations

import pytest
import torch

import workbench
from workbench.errors import CheckpointError, InvalidType, InvalidValue, ModelError, WorkbenchError


def leave(chunk):
    raise SystemExit(0)


def separate_made(song, **options):
    return workbench.separate(song, model="made", batch_size=2, **options)


def give_nan(chunk):
    stems = torch.stack((chunk, chunk), dim=1)
    stems[-1, 0, 0, 5] = float("nan")
    return stems


BROKEN = {
    "nan": (give_nan, ["NaN", "chunks 0 to 1", "(2, 2, 2, 800)"]),
    "shape": (lambda chunk: torch.stack((chunk, chunk), dim=1)[..., :-1], ["(2, 2, 2, 799)", "(2, 2, 2, 800)"]),
    "fewer_stems": (lambda chunk: chunk.unsqueeze(1), ["(2, 1, 2, 800)", "(2, 2, 2, 800)", "2 stems (a, b)"]),
    "leaves": (leave, ["ended the program with status 0"]),
    "no_tensor": (lambda chunk: {"a": chunk}, ["dict"]),
}


@pytest.mark.parametrize(("function", "parts"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_model_is_named_with_chunk_and_shapes(run_cli, write_song, register, out, function, parts):
    register(function)
    song = write_song()
    with pytest.raises(ModelError) as raised:
        separate_made(song)
    for part in ("made", *parts):
        assert part in str(raised.value)
    result = run_cli("separate", song, "-m", "made", "--batch-size", "2", "-o", out)
    result.check_error("notebook.made", *parts, status=1)
    assert not out.exists()


def test_model_that_raises_is_a_fault_not_the_users(run_cli, write_song, register, out):
    def fail(chunk):
        raise IndexError("no such layer")

    register(fail)
    song = write_song()
    with pytest.raises(IndexError, match="no such layer"):
        separate_made(song)
    run_cli("separate", song, "-m", "made", "-o", out).check_error("IndexError", "no such layer", status=1)


GEOMETRY = {
    "overlap_1": (["--overlap", "1.0"], {"overlap": 1.0}, ["overlap", "1.0", "less than 1"]),
    "overlap_negative": (["--overlap", "-0.1"], {"overlap": -0.1}, ["overlap", "-0.1"]),
    "overlap_nan": (["--overlap", "nan"], {"overlap": float("nan")}, ["overlap", "nan"]),
    "hop_0": (["--overlap", "0.9999"], {"overlap": 0.9999}, ["hop of 0", "at least 1"]),
    "chunk_0": (["--chunk-seconds", "0"], {"chunk_seconds": 0.0}, ["chunk_seconds", "greater than 0"]),
    "chunk_nan": (["--chunk-seconds", "nan"], {"chunk_seconds": float("nan")}, ["chunk_seconds", "nan"]),
    "chunk_infinite": (["--chunk-seconds", "inf"], {"chunk_seconds": float("inf")}, ["chunk_seconds", "inf"]),
    "chunk_size_0": (
        ["--set", "model.chunk_size=0"],
        {"settings": {"model.chunk_size": 0}},
        ["model.chunk_size", "greater than or equal to 1", "got 0"],
    ),
    "window_sums_to_nothing": (["--overlap", "0"], {"overlap": 0.0}, ["window", "hop of 800", "sums to 0"]),
    "window_unknown": (["--window", "han"], {"window": "han"}, ["'han'", "'hann'"]),
    "window_parameter": (["--window", "hann:x=1"], {"window": "hann:x=1"}, ["hann", "'x'"]),
    "batch_0": (["--batch-size", "0"], {"batch_size": 0}, ["batch_size", "greater than or equal to 1"]),
    "device": (["--device", "abacus"], {"device": "abacus"}, ["abacus", "auto"]),
}


@pytest.mark.parametrize(("arguments", "options", "parts"), GEOMETRY.values(), ids=GEOMETRY.keys())
def test_impossible_geometry_is_found_before_any_work(run_cli, write_song, register, out, arguments, options, parts):
    calls = register()
    song = write_song()
    with pytest.raises(WorkbenchError) as raised:
        workbench.separate(song, model="made", **options)
    result = run_cli("separate", song, "-m", "made", "-o", out, *arguments)
    result.check_error(*parts)
    for part in parts:
        assert part in str(raised.value)
    assert (calls.loads, calls.chunks) == (0, None)


def test_checkpoint_that_is_missing(run_cli, write_song, register, out, tmp_path):
    calls = register(needs_checkpoint=True)
    song, path = write_song(), tmp_path / "weights.ckpt"

    with pytest.raises(CheckpointError, match="made needs weights"):
        workbench.separate(song, model="made")
    run_cli("separate", song, "-m", "made", "-o", out).check_error("needs weights", "--checkpoint")

    with pytest.raises(CheckpointError, match=r"no checkpoint .*weights\.ckpt"):
        workbench.separate(song, model="made", checkpoint=path)
    run_cli("separate", song, "-m", "made", "-o", out, "--checkpoint", path).check_error(str(path))
    assert calls.loads == 0

    path.touch()
    assert run_cli("separate", song, "-m", "made", "-o", out, "--checkpoint", path).status == 0


CONFIGS = {
    "unknown_key": ("chunking: {overlap_ration: 0.5}", ["'chunking.overlap_ration'", "'overlap_ratio'"]),
    "unknown_section": ("chunkin: {}", ["'chunkin'", "'chunking'"]),
    "unknown_parameter": ("model: {colour: 3}", ["model.colour", "made"]),
    "wrong_type": ("inference: {batch_size: four}", ["inference.batch_size", "integer", "'four'"]),
    "number_as_text": ('chunking: {overlap_ratio: "0.5"}', ["chunking.overlap_ratio", "number", "'0.5'"]),
    "no_mapping": ("- 1\n- 2", ["mapping", "list"]),
    "no_yaml": ("a: [1, 2", ["neither YAML nor JSON"]),
    "no_text": ("\x00\x01", ["run.yaml"]),
}


@pytest.mark.parametrize(("text", "parts"), CONFIGS.values(), ids=CONFIGS.keys())
def test_bad_config_names_key_and_nearest(run_cli, write_song, register, out, tmp_path, text, parts):
    calls = register()
    song, config = write_song(), tmp_path / "run.yaml"
    config.write_text(text)
    with pytest.raises((InvalidValue, InvalidType)) as raised:
        workbench.separate(song, model="made", config=config)
    assert "\n" not in str(raised.value)
    for part in parts:
        assert part in str(raised.value)
    run_cli("separate", song, "-m", "made", "-c", config, "-o", out).check_error(*parts)
    assert calls.loads == 0


def test_config_that_is_missing(run_cli, write_song, out, tmp_path):
    path = tmp_path / "no.yaml"
    with pytest.raises(InvalidValue, match=r"no\.yaml"):
        workbench.separate(write_song(), model="passthrough", config=path)
    run_cli("separate", write_song(), "-m", "passthrough", "-c", path, "-o", out).check_error(str(path))


SETTINGS = {
    "unknown": ("chunking.overlapratio=0.5", ["'chunking.overlapratio'", "'overlap_ratio'"]),
    "wrong_type": ("inference.batch_size=many", ["inference.batch_size", "'many'"]),
    "no_value": ("chunking.overlap_ratio", ["KEY=VALUE", "'chunking.overlap_ratio'"]),
    "no_key": ("=3", ["KEY=VALUE", "'=3'"]),
    "no_path": ("chunking..x=3", ["path", "'chunking..x'"]),
    "section": ("chunking=3", ["chunking", "got 3"]),
    "no_yaml": ("model.power=[1", ["model.power", "YAML"]),
}


@pytest.mark.parametrize(("setting", "parts"), SETTINGS.values(), ids=SETTINGS.keys())
def test_bad_setting(run_cli, write_song, out, setting, parts):
    song = write_song()
    run_cli("separate", song, "-m", "passthrough", "-o", out, "--set", setting).check_error(*parts)
    key, equals, value = setting.partition("=")
    if key and equals and value != "[1":
        given = {key: 3 if value == "3" else value}
        with pytest.raises((InvalidValue, InvalidType)) as raised:
            workbench.separate(song, model="passthrough", settings=given)
        assert parts[0] in str(raised.value)


UNSAFE = [
    "../x",
    "..",
    ".",
    "",
    "a/b",
    "a\\b",
    "/etc/x",
    "a\nb",
    "a\x00b",
    "\x1b[2J",
    "con",
    "NUL",
    "mixture",
    "Remainder",
]


@pytest.mark.parametrize("name", UNSAFE)
def test_stem_name_cannot_leave_the_folder(run_cli, write_song, register, out, tmp_path, name):
    song = write_song()
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(InvalidValue, match="stem"):
        register(stems=("a", name))
    calls = register(stems=lambda parameters: ("a", "b"))
    with pytest.raises(InvalidValue):
        workbench.separate(song, model="made", settings={"model.output_stem_names": ["a", name]})
    with pytest.raises(InvalidValue):
        workbench.separate(song, model="made", derive={name: {"operation": "sum", "stem_names": ["a", "b"]}})

    command = ("separate", song, "-m", "made", "-o", out)
    config = tmp_path / "run.yaml"
    if "\x00" not in name and "\x1b" not in name:  # which no YAML holds
        result = run_cli(*command, "--set", f"model.output_stem_names={['a', name]}".replace("\n", "\\n"))
        result.check_error("stem" if name not in ("a\nb", "a\\b") else "")
    run_cli(*command, "--derive", f'"{name}" = a + b').check_error("")
    assert calls.loads == 0
    config.unlink(missing_ok=True)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["../x", "a/b", "a\nb", "", "A b", ".."])
def test_model_name_cannot_be_odd(run_cli, write_song, register, out, name):
    with pytest.raises(InvalidValue, match="cannot name a model"):
        register(name=name)
    run_cli("separate", write_song(), "-m", name, "-o", out).check_error("model")


def test_unknown_stem_and_rule(run_cli, write_song, out):
    song = write_song()
    command = ("separate", song, "-m", "passthrough", "-o", out)
    run_cli(*command, "--stems", "vocals").check_error("'vocals'", "part_1, part_2")
    run_cli(*command, "--derive", "x = mixture - vocals").check_error("'vocals'", "mixture, part_1, part_2")
    run_cli(*command, "--derive", "x mixture").check_error("=")
    run_cli(*command, "--derive", "part_1 = mixture - part_2").check_error("'part_1'", "replace")
    with pytest.raises(InvalidValue, match="'vocals'"):
        workbench.separate(song, model="passthrough", stems=["vocals"])
    with pytest.raises(InvalidValue, match="'vocals'"):
        workbench.separate(song, model="passthrough", derive=["x = mixture - vocals"])


def test_unknown_model_names_the_nearest(run_cli, write_song, out):
    run_cli("separate", write_song(), "-m", "hps", "-o", out).check_error("'hps'", "'hpss'")
    with pytest.raises(InvalidValue, match="'hpss'"):
        workbench.separate(write_song(), model="hps")
