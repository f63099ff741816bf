from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

ENSEMBLE = """
ensemble:
  members:
    - hpss
    - {model: hpss, name: short, chunk_seconds: 0.25, settings: {model.power: 1.0}}
  method: median
derived_stems:
  rest: {operation: subtract, stem_name: mixture, by_stem_name: harmonic}
"""


def read_stem(folder, stem="a"):
    return soundfile.read(folder / "song" / f"{stem}.wav", always_2d=True)[0].T


def lopsided(chunk):
    """Two stems that tell left from right, plus from minus and early from late."""
    gains = torch.tensor([0.8, 0.2]).view(1, 2, 1) * torch.linspace(0.5, 1.0, chunk.shape[-1])
    first = chunk * gains + chunk.square()
    return torch.stack((first, chunk - first), dim=1)


@pytest.mark.parametrize(
    ("options", "num_passes"),
    [
        (("--tta", "swap"), 2),
        (("--tta", "swap, polarity"), 3),
        (("--shifts", "2"), 2),
        (("--shifts", "2", "--shift-seed", "1", "--tta", "swap"), 4),
    ],
)
def test_passes_change_the_stems_and_the_saved_config_repeats_them(
    run_cli, write_song, register, out, tmp_path, options, num_passes
):
    calls = register(lopsided, context="song")
    song, config = write_song(), tmp_path / "run.yaml"
    wav = ("--format", "wav")
    assert run_cli("separate", song, "-m", "made", *wav, "-o", out / "plain").status == 0
    calls.loads, calls.chunks = 0, None

    first = run_cli("separate", song, "-m", "made", *options, *wav, "-o", out / "one", "--save-config", config)

    assert (first.status, first.stderr) == (0, "")
    assert (calls.loads, len(calls.chunks)) == (1, num_passes)  # each sees the song as one chunk
    assert abs(read_stem(out / "one") - read_stem(out / "plain")).max() > 1e-3
    again = run_cli("separate", song, "-c", config, *wav, "-o", out / "two", "--json")
    assert again.status == 0
    assert np.array_equal(read_stem(out / "two"), read_stem(out / "one"))
    told = json.loads((out / "two" / "song" / "stems.json").read_text())
    assert told["settings"] == json.loads(again.stdout)["settings"] == yaml.safe_load(config.read_text())


def test_an_ensemble_comes_from_a_config(run_cli, write_song, out, tmp_path):
    song, config = write_song(samples=6000), tmp_path / "ensemble.yaml"
    config.write_text(ENSEMBLE)
    saved = tmp_path / "saved.yaml"
    wav = ("--format", "wav")
    asked = ("--overlap", "0.5", "--set", "ensemble.method=mean", "--set", "ensemble.weights=[3, 1]")

    first = run_cli("separate", song, "-c", config, *asked, *wav, "-o", out / "one", "--save-config", saved)

    assert (first.status, first.stderr) == (0, "")
    assert sorted(path.stem for path in (out / "one" / "song").glob("*.wav")) == ["harmonic", "percussive", "rest"]
    settings = yaml.safe_load(saved.read_text())
    assert settings["ensemble"]["weights"] == [3.0, 1.0]
    assert [member["config"]["chunking"]["overlap_ratio"] for member in settings["ensemble"]["members"]] == [0.5, 0.5]
    again = run_cli("separate", song, "-c", saved, *wav, "-o", out / "two")
    assert again.status == 0
    for stem in ("harmonic", "percussive", "rest"):
        assert np.array_equal(read_stem(out / "one", stem), read_stem(out / "two", stem))
    rest = soundfile.read(song)[0].T - read_stem(out / "one", "harmonic")
    assert abs(rest - read_stem(out / "one", "rest")).max() < 1e-6
    one = run_cli("separate", song, "-c", config, "--stems", "percussive", *wav, "-o", out / "three")
    assert one.status == 0
    assert not (out / "three" / "song" / "harmonic.wav").exists()


def test_the_readmes_config_runs(run_cli, write_song, out, tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    [block] = [block for block in re.findall(r"```yaml\n(.*?)```", readme, flags=re.DOTALL) if "ensemble:" in block]
    config = tmp_path / "ensemble.yaml"
    config.write_text(block)
    done = run_cli("separate", write_song(), "-c", config, "--set", "ensemble.weights=[1, 1]", "-o", out)
    assert (done.status, done.stderr) == (0, "")
    told = json.loads((out / "song" / "stems.json").read_text())["settings"]["ensemble"]
    assert ([member["name"] for member in told["members"]], told["weights"]) == (["hpss", "short"], [1.0, 1.0])


def test_config_shows_the_members(run_cli, tmp_path):
    config = tmp_path / "ensemble.yaml"
    config.write_text(ENSEMBLE)
    shown = run_cli("config", "-c", config, "--set", "chunking.overlap_ratio=0.25")
    assert (shown.status, shown.stderr) == (0, "")
    assert "  method: median  # config" in shown.stdout.splitlines()
    assert "  members:  # config" in shown.stdout.splitlines()
    members = yaml.safe_load(shown.stdout)["ensemble"]["members"]
    assert [member["name"] for member in members] == ["hpss", "short"]
    assert [member["config"]["model"]["power"] for member in members] == [2.0, 1.0]
    assert [member["config"]["chunking"]["overlap_ratio"] for member in members] == [0.25, 0.25]
    assert members[1]["chunk_seconds"] == 0.25
    report = json.loads(run_cli("config", "-c", config, "--json").stdout)
    assert report["origins"]["ensemble.members"] == "config"


@pytest.mark.parametrize(
    ("channels", "options", "part"),
    [
        (1, ("-m", "made", "--tta", "swap"), "1 channel"),
        (2, ("-m", "made", "--tta", "swop"), "'swap' or 'polarity', got 'swop'"),
        (2, ("-m", "made", "--tta", ""), "got ''"),
        (2, ("-m", "made", "--shifts", "0"), "got 0"),
        (2, ("-m", "made", "--set", "ensemble.members=[hpss, made]"), "no stem in common: hpss gives harmonic"),
        (2, ("--set", "ensemble.members=[nonesuch]"), "member nonesuch: no model"),
        (2, ("--set", "ensemble.members=[made, {modl: made}]"), "did you mean 'model'"),
        (2, ("--set", "ensemble.members=[made, made]", "--set", "ensemble.weights=[1]"), "got 1 for 2 members"),
        (2, ("-m", "made", "--set", "ensemble.method=mean"), "no members"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(run_cli, write_song, register, out, channels, options, part):
    calls = register()
    run_cli("separate", write_song(channels=channels), *options, "-o", out).check_error(part)
    assert calls.loads == 0
    assert not list(out.rglob("*.flac"))


def test_a_member_that_fails_is_named_with_status_1(run_cli, write_song, register, out):
    register(lambda chunk: torch.full((1, 2, 2, chunk.shape[-1]), torch.nan))
    members = "ensemble.members=[{name: ill, model: made}]"
    failed = run_cli("separate", write_song(), "--set", members, "-o", out)
    failed.check_error("member ill: ", "NaN", status=1)
