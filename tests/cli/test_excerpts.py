"""``--start`` and ``--seconds``: a part of a song, taken apart as if it were all there is."""

from __future__ import annotations

import html
import json

import numpy as np
import pytest
import soundfile

import workbench as wb
from workbench.report import page as page_module

RATE = 8000
PASSTHROUGH = ("-m", "passthrough")


def test_stems_are_those_of_the_excerpt(run_cli, write_song, out):
    song = write_song(samples=20_000)
    result = run_cli("separate", song, *PASSTHROUGH, "-o", out, "--start", "0.5", "--seconds", "1", "--format", "wav")
    assert (result.status, result.stderr) == (0, "")
    stem, _ = soundfile.read(out / "song" / "part_1.wav", always_2d=True)
    whole, _ = soundfile.read(song, always_2d=True)
    np.testing.assert_allclose(2 * stem, whole[4000:12_000], atol=1e-6)
    facts = json.loads((out / "song" / "stems.json").read_text())
    assert facts["excerpt"] == {"start_seconds": 0.5, "seconds": 1.0}
    assert facts["num_samples"] == 8000


def test_what_lies_beyond_the_end_is_left_out(run_cli, write_song, out):
    song = write_song(samples=20_000)
    assert run_cli("separate", song, *PASSTHROUGH, "-o", out, "--start", "2", "--seconds", "60").status == 0
    assert json.loads((out / "song" / "stems.json").read_text())["excerpt"] == {"start_seconds": 2.0, "seconds": 0.5}


def test_a_whole_song_is_no_excerpt(run_cli, write_song, out):
    assert run_cli("separate", write_song(), *PASSTHROUGH, "-o", out).status == 0
    assert "excerpt" not in json.loads((out / "song" / "stems.json").read_text())


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--start", "3"), ("lies beyond the end", "lasts 2.500 s")),
        (("--start", "-1"), ("--start",)),
        (("--start", "nan"), ("--start",)),
        (("--seconds", "0"), ("--seconds must be more than 0, got 0",)),
        (("--seconds", "1e-9"), ("less than one sample",)),
    ],
)
def test_an_excerpt_that_cannot_be_is_an_error(run_cli, write_song, out, options, parts):
    run_cli("separate", write_song(samples=20_000), *PASSTHROUGH, "-o", out, *options).check_error(*parts)
    assert not out.exists()


def test_true_stems_are_cut_as_the_song_is(run_cli, write_song, out, tmp_path):
    data = 0.1 * np.random.default_rng(1).standard_normal((3, 1, 20_001))
    data[0] = data[1] + data[2]
    song = write_song("song.wav", data=data[0])
    write_song("true/a.wav", data=data[1])
    write_song("true/b.wav", data=data[2])
    excerpt = ("--references", tmp_path / "true", "--start", "0.3333", "--seconds", "1.00007")
    assert run_cli("separate", song, "-m", "oracle", "-o", out, *excerpt).status == 0
    swept = run_cli("sweep", song, "-m", "oracle", *excerpt, "--json")
    assert swept.status == 0, swept
    (cell,) = json.loads(swept.stdout)["cells"]
    assert cell["error"] == ""
    kept = wb.load(out / "song" / "a.flac")
    truth = data[1][:, round(0.3333 * RATE) :][:, : kept.num_samples]
    assert np.sum((kept.numpy() - truth) ** 2) < 0.4 * np.sum(truth**2)


def test_a_report_says_how_to_read_the_excerpt_again(run_cli, write_song, tmp_path, monkeypatch):
    monkeypatch.setattr(page_module, "render_steps", lambda trace: "")
    page = tmp_path / "page.html"
    done = run_cli("inspect", write_song(samples=20_000), *PASSTHROUGH, "-o", page, "--start", "0.5", "--seconds", "1")
    assert done.status == 0, done
    text = html.unescape(page.read_text(encoding="utf-8"))
    assert "start_seconds=0.5, duration_seconds=1.0)" in text
    assert "--start 0.5 --seconds 1.0" in text
