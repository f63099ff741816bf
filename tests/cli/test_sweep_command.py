"""``workbench sweep``: what it prints and writes, and what it says of options that cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch

import workbench
from workbench.cli.sweep import split_list

PNG = b"\x89PNG"


@pytest.fixture
def song(write_song: Callable[..., Path], register: Callable[..., Any]) -> Path:
    """A song, its true stems in the folder ``true`` beside it, and a model ``made`` that halves."""
    register()
    path = write_song()
    audio = workbench.load(path)
    for name, gain in (("a", 0.5), ("b", 0.25)):
        workbench.save(workbench.Audio(gain * audio.data, audio.sample_rate), path.parent / "true" / f"{name}.wav")
    return path


def test_table_csv_figure_and_store(run_cli, song, tmp_path):
    command = [
        "sweep",
        song,
        "-m",
        "made",
        "--references",
        tmp_path / "true",
        "--overlap",
        "0.25,0.5",
        "--window",
        "hann,sine",
    ]
    files = {
        option: tmp_path / name for option, name in (("-o", "s.csv"), ("--figure", "s.png"), ("--store", "s.jsonl"))
    }
    result = run_cli(*command, *(part for pair in files.items() for part in pair))
    assert (result.status, result.stderr) == (0, ""), result
    head, *rows = result.stdout.splitlines()
    assert head.split()[:5] == ["overlap", "window", "sdr", "sdr.a", "sdr.b"]
    assert [row.split()[1:3] for row in rows[:4]] == [
        ["0.25", "hann"],
        ["0.25", "sine"],
        ["0.5", "hann"],
        ["0.5", "sine"],
    ]
    assert rows[4].startswith("best: ")
    table = pandas.read_csv(files["-o"])
    assert list(table["overlap"]) == [0.25, 0.25, 0.5, 0.5]
    assert (table["sdr.b"].abs() < 1e-4).all()  # half in place of a quarter: an error as large as the stem
    assert files["--figure"].read_bytes().startswith(PNG)
    assert len(files["--store"].read_text().splitlines()) == 4
    refused = run_cli(*command, "-o", files["-o"])
    refused.check_error("s.csv exists already", "--overwrite")
    again = run_cli(*command, "-o", files["-o"], "--store", files["--store"], "--overwrite")
    assert again.status == 0
    assert pandas.read_csv(files["-o"]).equals(table)  # the very seconds, out of the store


def test_json(run_cli, song, tmp_path):
    result = run_cli("sweep", song, "-m", "made", "--overlap", "0.25,0.5,1", "--json")
    report = json.loads(result.stdout)
    assert result.status == 0
    assert (report["axes"], report["metrics"], report["has_references"]) == (["overlap"], ["sdr"], False)
    assert report["cells"][1]["agreement_sdr"] == "inf"
    assert report["cells"][2]["agreement_sdr"] is None
    assert result.stderr == f"note: row 2: {report['cells'][2]['error']}\n"


def test_settings_and_several_models(run_cli, song):
    result = run_cli(
        "sweep", song, "-m", "made,passthrough", "--set", "chunking.padding_mode=[constant, reflect]", "--json"
    )
    assert result.status == 0, result
    cells = json.loads(result.stdout)["cells"]
    assert [(cell["chunking.padding_mode"], cell["model"]) for cell in cells] == [
        *(("constant", "made"), ("constant", "passthrough")),
        *(("reflect", "made"), ("reflect", "passthrough")),
    ]


def test_quiet_says_nothing(run_cli, song, tmp_path):
    result = run_cli("sweep", song, "-m", "made", "--overlap", "0.5", "--quiet", "-o", tmp_path / "s.csv")
    assert (result.status, result.stdout, result.stderr) == (0, "", "")
    assert len(pandas.read_csv(tmp_path / "s.csv")) == 1


def test_all_cells_fail(run_cli, song, register, tmp_path):
    def fail(chunk: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no\nluck")

    register(fail)
    result = run_cli("sweep", song, "-m", "made", "--overlap", "0.25,0.5", "-o", tmp_path / "s.csv")
    assert result.status == 1
    note, error = result.stderr.splitlines()
    assert note == "note: every cell of the sweep failed; the first: RuntimeError: no luck"
    assert error == "error: rows 0, 1: RuntimeError: no luck"
    assert list(pandas.read_csv(tmp_path / "s.csv")["error"]) == 2 * ["RuntimeError: no luck"]


def test_lists_on_the_command_line():
    assert split_list(None) is None
    assert split_list("hann") == "hann"
    assert split_list("hann, kaiser:beta=8") == ["hann", "kaiser:beta=8"]
    assert split_list("made:a=1,b=2,hann") == ["made:a=1,b=2", "hann"]


class TestBadInput:
    def test_lists_that_are_no_numbers(self, run_cli, song):
        run_cli("sweep", song, "-m", "made", "--overlap", "0.5,half").check_error(
            "--overlap must be numbers", "'0.5,half'"
        )
        run_cli("sweep", song, "-m", "made", "--batch-size", "1,1.5").check_error("--batch-size must be whole numbers")

    def test_files_that_cannot_be_written(self, run_cli, song, tmp_path):
        command = ("sweep", song, "-m", "made", "--overlap", "0.5")
        run_cli(*command, "--figure", tmp_path / "s.docx").check_error("s.docx must end in .png, .pdf, .svg")
        same = tmp_path / "s.png"
        run_cli(*command, "-o", same, "--figure", same).check_error("must be different files")
        run_cli(*command, "-o", tmp_path / "song.wav" / "s.csv").check_error("song.wav is a file")
        run_cli(*command, "--store", song).check_error("would replace", "song.wav, which is read")
        (tmp_path / "other.jsonl").write_text("no cell")
        run_cli(*command, "--store", tmp_path / "other.jsonl").check_error("line 1 is no cell of a sweep")

    def test_references_that_do_not_fit(self, run_cli, song, write_song, tmp_path):
        write_song("other/a.wav", samples=3000)
        command = ("sweep", song, "-m", "made", "--overlap", "0.5", "--references")
        run_cli(*command, tmp_path / "other").check_error("3000 samples", "4000")
        write_song("piano/piano.wav")
        run_cli(*command, tmp_path / "piano").check_error("references are piano", "gives a, b")
        run_cli(*command, tmp_path / "none").check_error("none: no such file")

    def test_metrics(self, run_cli, song):
        run_cli("sweep", song, "-m", "made", "--metrics", "sdrr").check_error("'sdrr'", "did you mean 'sdr'")
