"""No room on the disk: nothing is cut off under a final name, nothing is left beside, what was finished stays."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

import workbench
from workbench.errors import AudioFileError
from workbench.io import save, staging
from workbench.report import page as page_module

NO_ROOM = "No space left on device"


@contextmanager
def most_bytes(limit):
    """A limit on the size of each file fails a write as a full disk does (Python ignores the signal with it)."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def no_room_for(monkeypatch):
    """Make writing text fail that holds `part`, after half of it, as a full disk does."""

    def fail(part):
        write_text = Path.write_text

        def write(path, text, *arguments, **options):
            if part not in text:
                return write_text(path, text, *arguments, **options)
            write_text(path, text[: len(text) // 2], *arguments, **options)
            raise OSError(errno.ENOSPC, NO_ROOM, str(path))

        monkeypatch.setattr(Path, "write_text", write)

    return fail


def list_files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["song.wav", "song.flac", "song.ogg", "song.mp3"])
def test_a_file_is_whole_or_not_there(tmp_path, name):
    """However little is missing: limits from nothing to one byte too few."""
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 70_000)).astype(np.float32)
    audio = workbench.Audio(torch.from_numpy(noise), 44100)
    path = tmp_path / name
    tags = {"title": "A song"}
    save(audio, path, tags=tags)
    size = path.stat().st_size
    path.write_bytes(b"mine")
    for limit in (size - 1, size - 50, size - 1000, size - 10_000, size // 2, 4096, 100, 1):
        with most_bytes(limit), pytest.raises(AudioFileError, match=f"cannot write .*{name}"):
            save(audio, path, tags=tags, overwrite=True)
        assert (list_files(tmp_path), path.read_bytes()) == ([name], b"mine"), limit
    with most_bytes(size):
        save(audio, path, tags=tags, overwrite=True)
    assert path.stat().st_size == size


def test_stems_that_find_no_room(run_cli, write_song, register, out):
    """The song before stays, and so does what the next ones write; what failed leaves nothing."""
    register()
    songs = [write_song("one.wav"), write_song("two.wav", samples=60_000), write_song("three.wav")]
    with most_bytes(60_000):
        result = run_cli("separate", *songs, "-m", "made", "-o", out, "--json")

    assert result.status == 2
    assert [json.loads(line)["song"] for line in result.stdout.splitlines()] == [str(songs[0]), str(songs[2])]
    assert result.stderr.startswith(f"error: {songs[1]}: cannot write ")
    assert result.stderr.count("\n") == 1
    whole = [f"{name}/{file}" for name in ("one", "three") for file in ("a.flac", "b.flac", "stems.json")]
    assert list_files(out) == whole
    assert workbench.load(out / "three" / "b.flac").data.shape == (2, 4000)


def test_stems_json_that_finds_no_room(run_cli, write_song, register, out, no_room_for):
    register()
    song = write_song()
    (out / "song").mkdir(parents=True)
    (out / "song" / "a.flac").write_text("mine")
    no_room_for('"sha256"')
    result = run_cli("separate", song, "-m", "made", "-o", out, "--overwrite")
    result.check_error("stems.json", NO_ROOM)
    assert list_files(out) == ["song/a.flac"]
    assert (out / "song" / "a.flac").read_text() == "mine"
    with pytest.raises(AudioFileError, match=rf"stems\.json.*{NO_ROOM}"):
        workbench.separate(song, model="made").save(out / "other")


def test_settings_that_find_no_room(run_cli, write_song, register, out, tmp_path, no_room_for):
    register()
    no_room_for("model_type: notebook.made")
    config = tmp_path / "settings" / "run.yaml"
    result = run_cli("separate", write_song(), "-m", "made", "-o", out, "--save-config", config)
    result.check_error("run.yaml", NO_ROOM)
    assert list_files(config.parent) == []
    assert list_files(out) == ["song/a.flac", "song/b.flac", "song/stems.json"]  # finished before


def test_a_report_that_finds_no_room(run_cli, write_song, out, no_room_for, monkeypatch):
    monkeypatch.setattr(page_module, "render_steps", lambda trace: "")  # which takes seconds
    no_room_for("<!DOCTYPE html>")
    out.mkdir()
    (out / "song.html").write_text("mine")
    arguments = ("inspect", write_song(), "-m", "passthrough", "-o", out / "song.html", "--overwrite")
    run_cli(*arguments).check_error("song.html", NO_ROOM)
    assert (list_files(out), (out / "song.html").read_text()) == (["song.html"], "mine")


def test_a_demo_that_finds_no_room_for_its_picture(run_cli, out, monkeypatch):
    from matplotlib.figure import Figure

    from workbench.demo import run as demo

    def draw_nothing(trace, rows):
        return Figure()

    def fail(figure, file, **options):
        Path(file).write_bytes(b"\x89PNG, the first half")
        raise OSError("encoder error -2 when writing image file")  # as PIL says it, without a number

    monkeypatch.setattr(demo, "demo_song", make_short_song)
    monkeypatch.setattr(demo, "MODEL", "passthrough")
    monkeypatch.setattr(demo, "measure_rows", lambda run, references, progress: ())
    monkeypatch.setattr(demo, "draw_poster", draw_nothing)
    monkeypatch.setattr(Figure, "savefig", fail)
    run_cli("demo", "-o", out, "--quiet").check_error("demo.png", "encoder error")
    assert list_files(out) == ["mixture.flac", "part_1.flac", "part_2.flac"]  # finished before


def make_short_song():
    noise = 0.1 * torch.randn(5, 2, 8000, generator=torch.Generator().manual_seed(0))
    names = ("mixture", "bass", "chords", "lead", "drums")
    return {name: workbench.Audio(data, 8000) for name, data in zip(names, noise, strict=True)}


def test_notebooks_that_find_no_room(run_cli, out, monkeypatch):
    def copy_half(source, target):
        Path(target).write_bytes(Path(source).read_bytes()[:100])
        raise OSError(errno.ENOSPC, NO_ROOM, str(target))

    monkeypatch.setattr(shutil, "copyfile", copy_half)
    run_cli("lab", out, "--no-browser").check_error(".ipynb", NO_ROOM)
    assert list_files(out) == []  # half a notebook would be taken for the user's own the next time


def test_output_that_nobody_can_take(run_process, write_song, out):
    """Standard output itself may lie on a full disk."""
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    for arguments in (["windows"], ["config", "-m", "hpss"]):
        shell = f'exec "$0" -m workbench {" ".join(arguments)} > /dev/full'
        result = run_process(
            program=("-c", f"import os, sys; os.execvp('sh', ['sh', '-c', {shell!r}, sys.executable])")
        )
        result.check_error("cannot write the output", NO_ROOM)


def test_only_a_disk_without_room_is_said_to_be_one(tmp_path):
    with pytest.raises(ZeroDivisionError), staging.staged_files([tmp_path / "a"], overwrite=False):
        _ = 1 / 0
    with pytest.raises(FileNotFoundError), staging.staged_files([tmp_path / "a"], overwrite=False):
        (tmp_path / "none").read_text()
    assert list_files(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 128 KiB."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only the superuser can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder], check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("file_format", ["flac", "mp3"])
def test_a_disk_that_is_really_full(run_cli, write_song, register, small_disk, file_format):
    register()
    songs = [write_song("one.wav", samples=1000), write_song("two.wav", samples=200_000), write_song("three.wav")]
    result = run_cli("separate", *songs, "-m", "made", "-o", small_disk, "--format", file_format)
    assert result.status == 2
    assert result.stderr.startswith(f"error: {songs[1]}: cannot write ")
    assert result.stderr.count("\n") == 1
    endings = (f"a.{file_format}", f"b.{file_format}", "stems.json")
    assert list_files(small_disk) == [f"{name}/{file}" for name in ("one", "three") for file in endings]


def test_a_disk_that_may_only_be_read(run_cli, write_song, register, small_disk):
    calls = register()
    song = write_song()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    run_cli("separate", song, "-m", "made", "-o", small_disk / "out").check_error(str(small_disk), "cannot write")
    assert calls.loads == 0  # found before any work
    with pytest.raises(AudioFileError, match="Read-only file system"):
        workbench.separate(song, model="made").save(small_disk / "out")


def test_a_folder_that_turns_out_to_be_closed(run_cli, write_song, register, out, monkeypatch):
    """As the system would answer; who runs the tests may be the superuser, who may write everywhere."""
    register()
    song = write_song()
    out.mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or Path(path) != out)
    run_cli("separate", song, "-m", "made", "-o", out).check_error(str(out), "permission denied", "choose another")
    monkeypatch.undo()

    def refuse(self, *arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    run_cli("separate", song, "-m", "made", "-o", out).check_error(str(out), "Permission denied", "choose another")
    assert list_files(out) == []
