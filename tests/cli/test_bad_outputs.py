"""Outputs that exist, folders that cannot be, songs that would share a folder: refused before any work."""

from __future__ import annotations

import os

import pytest
import torch

import workbench
from workbench.errors import AudioFileError, InvalidValue


def test_existing_output_is_refused_before_any_work(run_cli, write_song, register, out):
    calls = register()
    songs = [write_song("one.wav"), write_song("two.wav")]
    stands = out / "two" / "b.flac"
    stands.parent.mkdir(parents=True)
    stands.write_text("precious")

    run_cli("separate", *songs, "-m", "made", "-o", out).check_error(str(stands), "exists already", "--overwrite")
    assert (calls.loads, calls.chunks) == (0, None)
    with pytest.raises(AudioFileError, match="exists already"):
        workbench.separate(songs[1], model="made", out=out / "two")
    assert (calls.loads, calls.chunks) == (0, None)
    with pytest.raises(AudioFileError, match="exists already"):
        workbench.separate(songs[1], model="made").save(out / "two")
    assert stands.read_text() == "precious"
    assert sorted(path.name for path in out.rglob("*")) == ["b.flac", "two"]


def test_overwrite_replaces_stems_and_nothing_else(run_cli, write_song, register, out):
    register()
    song, folder = write_song(), out / "song"
    folder.mkdir(parents=True)
    (folder / "a.flac").write_text("old")
    (folder / "c.flac").write_text("mine")

    assert run_cli("separate", song, "-m", "made", "-o", out, "--overwrite").status == 0

    assert workbench.load(folder / "a.flac").data.shape == (2, 4000)
    assert (folder / "c.flac").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == [
        "a.flac",
        "b.flac",
        "c.flac",
        "stems.json",
    ]  # no temporary file
    separation = workbench.separate(song, model="made")
    separation.save(folder, overwrite=True)
    assert (folder / "c.flac").read_text() == "mine"


def test_failure_with_overwrite_loses_nothing(run_cli, write_song, register, out):
    def fail(chunk):
        raise RuntimeError("in the middle")

    register(fail)
    (out / "song").mkdir(parents=True)
    (out / "song" / "a.flac").write_text("old")
    result = run_cli("separate", write_song(), "-m", "made", "-o", out, "--overwrite")
    result.check_error("in the middle", status=1)
    assert {path.name: path.read_text() for path in (out / "song").iterdir()} == {"a.flac": "old"}


def test_link_and_folder_in_the_way(run_cli, write_song, register, out, tmp_path):
    register()
    song, folder, elsewhere = write_song(), out / "song", tmp_path / "elsewhere"
    folder.mkdir(parents=True)
    (folder / "a.flac").symlink_to(elsewhere)  # to nothing yet
    run_cli("separate", song, "-m", "made", "-o", out).check_error("exists already")
    assert run_cli("separate", song, "-m", "made", "-o", out, "--overwrite").status == 0
    assert not elsewhere.exists()  # the link was replaced, not followed

    (folder / "b.flac").unlink()
    (folder / "b.flac").mkdir()
    run_cli("separate", song, "-m", "made", "-o", out, "--overwrite").check_error("b.flac", "folder")


def test_folder_below_a_file(run_cli, write_song, register, tmp_path):
    calls = register()
    song, file = write_song(), tmp_path / "notes.txt"
    file.write_text("mine")
    run_cli("separate", song, "-m", "made", "-o", file / "sub").check_error(str(file))
    with pytest.raises(AudioFileError, match=r"notes\.txt"):
        workbench.separate(song, model="made", out=file / "sub")
    assert calls.chunks is None
    with pytest.raises(AudioFileError, match=r"notes\.txt"):
        workbench.separate(song, model="made").save(file / "sub")
    assert file.read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission(run_cli, write_song, register, out):
    calls = register()
    out.mkdir()
    out.chmod(0o500)
    run_cli("separate", write_song(), "-m", "made", "-o", out).check_error(str(out), "permission")
    assert calls.chunks is None


@pytest.mark.parametrize("second", ["b/song.wav", "a/song.flac", "a/Song.wav", "a/song.wav", "a/song.stem.wav"])
def test_two_songs_of_one_name_are_refused_before_any_work(run_cli, write_song, register, out, second):
    calls = register()
    first = write_song("a/song.wav")
    run_cli("separate", first, first.parents[1] / second, "-m", "made", "-o", out).check_error(
        str(first), second, "both", "-o"
    )
    assert calls.loads == 0
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--format", "opus"], ["'opus'", "flac"]),
        (["--set", "output.file_format=mp4"], ["'mp4'"]),
        (["--set", "output.bit_rate=128000"], ["bit_rate"]),
        (["--subtype", "FLOAT"], ["'FLOAT'", "PCM_16"]),
        (["--format", "mp3"], ["mp3 holds only the sample rates 8000", "48000 Hz, got 7000"]),
        (["--set", "output.stem_names=[vocals]"], ["'vocals'", "a, b"]),
    ],
)
def test_impossible_format_is_found_before_any_work(run_cli, write_song, register, out, arguments, parts):
    calls = register()
    song = write_song(rate=7000)
    run_cli("separate", song, "-m", "made", "-o", out, *arguments).check_error(*parts)
    assert calls.loads == 0
    with pytest.raises(InvalidValue, match="opus"):
        workbench.separate(workbench.Audio(torch.zeros(1, 10), 8000), model="made").save(out, format="opus")
