from __future__ import annotations

import html
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workbench.report import page as page_module

RATE = 8000


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the working folder, with a name that is bad HTML."""
    monkeypatch.chdir(tmp_path)
    path = Path("<script>.flac")
    soundfile.write(path, 0.3 * np.random.default_rng(0).standard_normal((RATE, 2)), RATE)
    return path


def test_report_goes_to_the_working_folder_under_the_songs_name(
    song: Path, run_cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "render_steps", lambda trace: "")  # which takes seconds and is tested elsewhere
    done = run_cli("inspect", song, "-m", "passthrough", "--chunk-seconds", "0.25", "--set", "model.num_stems=3")
    assert (done.status, done.stderr) == (0, "")
    assert re.fullmatch(r"<script>\.html: [\d.]+ [kM]B \([\d.]+ s\)\n", done.stdout)
    text = Path("<script>.html").read_text(encoding="utf-8")
    assert text.count("<audio ") == 4
    assert "<script" not in text
    command = "workbench separate '<script>.flac' -m passthrough.passthrough --chunk-seconds 0.25 "
    assert html.escape(command + "--set model.num_stems=3") in text


def test_options_reach_the_run(song: Path, run_cli, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(page_module, "render_steps", lambda trace: seen.append(trace) or "")
    Path("run.yaml").write_text("chunking: {padding_mode: constant}\n")
    options = (*("-c", "run.yaml", "--overlap", "0.5", "--window", "hamming", "--batch-size", "2", "--device", "cpu"),)
    more = ("--stems", "harmonic", "--derive", "rest = mixture - harmonic", "--channels", "1", "--chunk-seconds", "0.5")
    done = run_cli("inspect", song, "-m", "hpss", *options, *more, "-o", "there/report.html", "--quiet")
    assert (done.status, done.stdout, done.stderr) == (0, "", "")
    [trace] = seen
    assert list(trace.stems) == ["harmonic", "rest"]
    assert trace.song.data.shape[0] == 1
    assert (trace.plan.padding_mode, trace.plan.window_name, trace.plan.batch_size) == ("constant", "hamming", 2)
    assert (trace.grid.chunk_size, trace.grid.hop_size) == (RATE // 2, RATE // 4)
    text = html.unescape(Path("there/report.html").read_text(encoding="utf-8"))
    assert "wb.load('<script>.flac', channels=1)" in text
    assert "--channels 1 --set chunking.padding_mode=constant" in text


def test_a_report_that_is_there_stays(song: Path, run_cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "render_steps", lambda trace: "")
    Path("<script>.html").write_text("mine")
    run_cli("inspect", song, "-m", "passthrough").check_error("exists already", "--overwrite")
    assert Path("<script>.html").read_text() == "mine"
    assert run_cli("inspect", song, "-m", "passthrough", "--overwrite", "--quiet").status == 0
    assert Path("<script>.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("missing.flac", "-m", "hpss"), "missing.flac"),
        (("<script>.flac", "-m", "nothing"), "nothing"),
        (("<script>.flac",), "model"),
        (("<script>.flac", "-m", "hpss", "--overlap", "2"), "overlap"),
        (("<script>.flac", "-m", "hpss", "-o", "."), "exists already"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(song: Path, run_cli, arguments: tuple[str, ...], part: str) -> None:
    run_cli("inspect", *arguments).check_error(part)
    assert [path.name for path in Path().iterdir()] == [song.name]
