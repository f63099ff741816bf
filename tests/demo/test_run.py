from __future__ import annotations

import math
import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

import workbench as wb
from workbench.demo.report import BASELINE, CEILINGS, DemoReport
from workbench.demo.run import choose_folder, run_demo
from workbench.errors import AudioFileError, WorkbenchNotice


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> DemoReport:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return run_demo(tmp_path_factory.mktemp("demo") / "out")


def test_files_are_there_and_hold_what_they_should(report):
    assert sorted(path.name for path in report.folder.iterdir()) == [
        "demo.png",
        "harmonic.flac",
        "mixture.flac",
        "percussive.flac",
    ]
    mixture = wb.load(report.paths["mixture"])
    stems = sum(wb.load(report.paths[name]).data for name in ("harmonic", "percussive"))
    # three files of 24 bits, each rounded to half a step of 2^-23, and the rounding of a float32 sum
    torch.testing.assert_close(stems, mixture.data, rtol=0, atol=2 * 2**-23)


def test_the_picture_is_large_enough_to_read_and_small_enough_to_send(report):
    picture = report.paths["picture"]
    with Image.open(picture) as image:
        assert image.size == (1600, 2000)
    assert picture.stat().st_size <= 1.5e6


def test_the_table_lies_between_doing_nothing_and_the_ceilings(report):
    assert [(row.stem, row.reference) for row in report.rows] == [
        ("harmonic", ("bass", "chords", "lead")),
        ("percussive", ("drums",)),
    ]
    for row in report.rows:
        scores = row.sdr_decibels
        assert list(scores) == [BASELINE, "hpss", *CEILINGS]
        assert all(math.isfinite(score) for score in scores.values())
        assert scores[BASELINE] < scores["hpss"] < min(scores[name] for name in CEILINGS)
        # the best real mask in least squares lies above the other real ones; the complex one leaves float32's rounding
        assert max(scores["IRM"], scores["Wiener"]) < scores["PSM"] < 60 < scores["cIRM"]


def test_the_text_says_all_of_it(report):
    text = str(report)
    for row in report.rows:
        line = next(line for line in text.splitlines() if line.startswith(row.stem))
        assert line.split()[-len(row.sdr_decibels) :] == [f"{score:.1f}" for score in row.sdr_decibels.values()]
    assert f"{report.times_real_time:.1f} times real time" in text
    assert report.times_real_time == pytest.approx(12.0 / report.seconds)
    assert str(report.paths["picture"]) in text
    assert "workbench separate SONG -m hpss" in text


def test_a_second_run_takes_the_next_free_folder_and_says_so(report):
    with pytest.warns(WorkbenchNotice, match=r"holds a demo already: writing to .*out-2; .*--overwrite"):
        second = choose_folder(report.folder, overwrite=False)
    assert second == report.folder.with_name("out-2")
    second.mkdir()
    with pytest.warns(WorkbenchNotice, match="out-3"):
        assert choose_folder(report.folder, overwrite=False).name == "out-3"
    assert choose_folder(report.folder, overwrite=True) == report.folder
    assert choose_folder(second, overwrite=False) == second  # there, but nothing of a demo in it


def test_a_file_in_the_folders_place(tmp_path: Path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(AudioFileError, match="out is a file; expected a folder"):
        run_demo(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"
