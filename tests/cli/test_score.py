"""``workbench score``: what it prints, and what it says of folders that do not match."""

from __future__ import annotations

import json

import numpy as np
import pytest

import workbench
from workbench.metrics import METRICS, score
from workbench.pipeline.provenance import spell_infinities


@pytest.fixture
def folders(tmp_path, write_song):
    """References and estimates of two stems, the latter partly in other formats and beside other files."""
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 2, 4000))
    write_song("true/mixture.wav", data=noise.sum(axis=0))
    for name, data in zip(("bass", "lead vocals"), noise, strict=True):
        write_song(f"true/{name}.wav", data=data)
        write_song(f"made/{name}.wav", data=0.5 * data)
    bass = tmp_path / "made" / "bass.wav"
    workbench.save(workbench.load(bass), tmp_path / "made" / "bass.flac")
    bass.unlink()
    (tmp_path / "made" / "stems.json").write_text("{}")
    (tmp_path / "made" / "._bass.wav").write_text("what macOS leaves on other disks")
    return tmp_path / "true", tmp_path / "made"


def test_table(run_cli, folders):
    result = run_cli("score", *folders)
    assert (result.status, result.stderr) == (0, "")
    head, _, *rows = result.stdout.splitlines()
    assert head.split() == ["stem", "sdr", "(dB)", "si_sdr", "(dB)"]
    assert [row[: len("lead vocals")].strip() for row in rows] == ["bass", "lead vocals"]
    assert all(" 6.02 " in row for row in rows)


def test_json_has_what_python_gives(run_cli, folders):
    names = list(METRICS)
    result = run_cli("score", *folders, "--metrics", ", ".join(names), "--json")
    true = {name: workbench.load(folders[0] / f"{name}.wav") for name in ("mixture", "bass", "lead vocals")}
    made = {name: workbench.load(folders[1] / name) for name in ("bass.flac", "lead vocals.wav")}
    expected = score(true, {name.split(".")[0]: audio for name, audio in made.items()}, metrics=names)
    assert json.loads(result.stdout) == {stem: spell_infinities(dict(row)) for stem, row in expected.items()}


def test_infinities_are_text_in_json(run_cli, folders):
    report = json.loads(run_cli("score", folders[0], folders[0], "--metrics", "sdr", "--json").stdout)
    assert report == {"bass": {"sdr": "inf"}, "lead vocals": {"sdr": "inf"}}


def test_files_without_counterpart_are_named(run_cli, folders, write_song):
    (folders[0] / "bass.wav").unlink()
    write_song("true/drums.wav")
    result = run_cli("score", *folders, "--json")
    assert list(json.loads(result.stdout)) == ["lead vocals"]
    assert result.stderr == "note: no estimate of drums; no reference for bass: left out\n"


def test_names_show_as_they_are(run_cli, folders):
    for folder in folders:
        (folder / "lead vocals.wav").rename(folder / "[red]\x1b.wav")
    assert "[red]\\x1b" in run_cli("score", *folders).stdout


def test_help_names_every_metric(run_cli):
    printed = run_cli("score", "--help").stdout
    assert all(name in printed for name in METRICS)


class TestBadInput:
    def test_no_such_folder(self, run_cli, folders, tmp_path):
        run_cli("score", tmp_path / "none", folders[1]).check_error(str(tmp_path / "none"), "expected a folder")
        run_cli("score", folders[0], folders[0] / "bass.wav").check_error("bass.wav: cannot be read")

    def test_no_audio_in_it(self, run_cli, folders, tmp_path):
        (tmp_path / "empty").mkdir()
        run_cli("score", folders[0], tmp_path / "empty").check_error("empty: holds no audio file; expected stems")

    def test_two_files_of_one_name(self, run_cli, folders, write_song):
        write_song("made/bass.wav")
        run_cli("score", *folders).check_error("both bass.flac and bass.wav are 'bass'")

    def test_nothing_in_common(self, run_cli, folders, write_song):
        other = write_song("other/piano.wav").parent
        run_cli("score", folders[0], other).check_error("references are bass, lead vocals, the estimates piano")

    def test_other_length_and_rate(self, run_cli, folders, write_song):
        write_song("made/lead vocals.wav", samples=3000, rate=16_000)
        result = run_cli("score", *folders)
        result.check_error("lead vocals: ", "4000 samples in 2 channels at 8000 Hz", "3000 samples", "16000 Hz")

    def test_file_that_is_no_audio(self, run_cli, folders):
        (folders[1] / "bass.flac").write_bytes(b"no audio")
        run_cli("score", *folders).check_error("bass.flac", "not an audio file")

    def test_unknown_metric(self, run_cli, folders):
        run_cli("score", *folders, "--metrics", "sdr,sisdr").check_error("'sisdr'", "did you mean 'si_sdr'")
        run_cli("score", *folders, "--metrics", " ,").check_error("expected at least one metric")

    def test_metric_without_its_mixture(self, run_cli, folders):
        (folders[0] / "mixture.wav").unlink()
        run_cli("score", *folders, "--metrics", "log_wmse").check_error("log_wmse", "no 'mixture'")
