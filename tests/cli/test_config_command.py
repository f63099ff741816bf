from __future__ import annotations

import json

import pytest
import soundfile
import yaml

from workbench.pipeline.config import RunConfig


def test_config_shows_values_and_origins(run_cli, register, tmp_path):
    register(sample_rate=8000, channels=2)
    file = tmp_path / "run.yaml"
    file.write_text("chunking: {overlap_ratio: 0.25, padding_mode: constant}\n")

    arguments = ("config", "-m", "made", "-c", file, "--set", "chunking.overlap_ratio=0.75")
    result = run_cli(*arguments)

    assert (result.status, result.stderr) == (0, "")
    lines = [line.strip() for line in result.stdout.splitlines()]
    assert "model_type: notebook.made  # argument" in lines
    assert "overlap_ratio: 0.75  # setting" in lines
    assert "padding_mode: constant  # config" in lines
    assert "chunk_size: 800  # model card" in lines
    assert "file_format: flac  # default" in lines
    report = json.loads(run_cli(*arguments, "--json").stdout)
    assert report["config"] == yaml.safe_load(result.stdout)
    assert report["origins"]["chunking.padding_mode"] == "config"
    assert report["depends_on_song"] == []


def test_schema_is_of_the_whole_document(run_cli):
    result = run_cli("config", "--schema")
    assert result.status == 0
    assert json.loads(result.stdout) == RunConfig.model_json_schema()
    run_cli("config", "--schema", "-m", "hpss").check_error("--schema", "leave out")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [((), "no model was named"), (("-m", "nonesuch"), "nonesuch"), (("-m", "hpss", "--set", "model.powr=1"), "power")],
)
def test_what_cannot_be_is_one_line(run_cli, arguments, part):
    run_cli("config", *arguments).check_error(part)


@pytest.mark.parametrize("context", ["chunk", "song"])
def test_a_saved_config_gives_the_same_bits(run_cli, write_song, register, tmp_path, context):
    model = {"chunk": "hpss", "song": "made"}[context]
    register(context=context)
    song, config = write_song(samples=12000), tmp_path / "run.yaml"
    in_chunks = ("--chunk-seconds", 0.5, "--overlap", 0.7, "--window", "triangle:power=2", "--set", "model.power=1.0")
    stem = {"chunk": "harmonic", "song": "a"}[context]
    rest = ("--format", "wav", "--derive", f"rest = mixture - {stem}", "--stems", stem)

    asked = ("-m", model, *rest, *(in_chunks if context == "chunk" else ()))
    first = run_cli("separate", song, *asked, "-o", tmp_path / "first", "--save-config", config)
    again = run_cli("separate", song, "-c", config, "-o", tmp_path / "again", "--json")

    assert (first.status, again.status) == (0, 0), (first, again)
    assert json.loads(again.stdout)["settings"] == yaml.safe_load(config.read_text())
    for name in (stem, "rest"):
        # samples, not bytes: libsndfile puts the time of day into a float wav file
        one, same = (soundfile.read(tmp_path / run / "song" / f"{name}.wav")[0] for run in ("first", "again"))
        assert one.tobytes() == same.tobytes()
        assert abs(one).max() > 0


def test_a_config_that_exists_is_found_before_any_work(run_cli, write_song, register, out, tmp_path):
    calls = register()
    song, config = write_song(), tmp_path / "run.yaml"
    config.write_text("mine")

    run_cli("separate", song, "-m", "made", "-o", out, "--save-config", config).check_error("run.yaml exists already")

    assert (calls.loads, config.read_text(), out.exists()) == (0, "mine", False)
    assert run_cli("separate", song, "-m", "made", "-o", out, "--save-config", config, "--overwrite").status == 0
    assert yaml.safe_load(config.read_text())["model_type"] == "notebook.made"


def test_a_config_for_several_songs_or_in_the_place_of_a_stem_is_refused(run_cli, write_song, register, out):
    register()
    songs = [write_song(), write_song("other.wav")]
    several = run_cli("separate", *songs, "-m", "made", "-o", out, "--save-config", out / "run.yaml")
    several.check_error("--save-config", "2 songs")
    taken = run_cli("separate", songs[0], "-m", "made", "-o", out, "--save-config", out / "song" / "a.flac")
    taken.check_error("--save-config", "choose another name")
    assert not out.exists()


def test_a_model_made_of_references_is_shown_with_them(run_cli, tmp_path):
    soundfile.write(tmp_path / "drums.wav", [[0.1, 0.2]] * 10, 8000)
    run_cli("config", "-m", "oracle").check_error("--references")
    shown = run_cli("config", "-m", "oracle", "--references", tmp_path, "--set", "output.stem_names=[drums]")
    assert (shown.status, shown.stderr) == (0, "")
    assert "model_type: oracle.oracle  # argument" in shown.stdout.splitlines()
    run_cli("config", "--schema", "--references", tmp_path).check_error("--schema", "--references")
