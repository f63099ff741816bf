from __future__ import annotations

import builtins
import errno
import multiprocessing
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import AudioFileError, InvalidValue, WorkbenchNotice
from workbench.io import staging
from workbench.io.staging import staged_files


def write_two(folder: Path) -> None:
    with staged_files([folder / "a", folder / "b"], overwrite=True) as drafts:
        for draft in drafts:
            draft.write_text("new")


def test_a_signal_right_after_a_draft_is_made_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, drafts = builtins.open, []

    def interrupt(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        opened = real(file, mode, *arguments, **options)
        if mode == "xb":
            drafts.append(file)
            if len(drafts) == 2:
                opened.close()
                raise KeyboardInterrupt
        return opened

    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(builtins, "open", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_two(tmp_path)
    monkeypatch.undo()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_a_signal_between_two_moves_leaves_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.replace

    def interrupt(source: Path, target: Path) -> None:
        real(source, target)
        raise KeyboardInterrupt

    (tmp_path / "b").write_text("old")
    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_two(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "new", "b": "old"}


def test_a_file_that_came_up_during_the_work_is_not_replaced(tmp_path: Path) -> None:
    def write_beside_another() -> None:
        with staged_files([tmp_path / "a", tmp_path / "b"], overwrite=False) as drafts:
            for draft in drafts:
                draft.write_text("ours")
            (tmp_path / "b").write_text("theirs")

    with pytest.raises(AudioFileError, match="b exists already"):
        write_beside_another()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b": "theirs"}


def save_at_once(folder: Path, ready: Any, results: Any) -> None:
    try:
        with staged_files([folder / "a", folder / "b"], overwrite=False) as drafts:
            for draft in drafts:
                draft.write_text(str(os.getpid()))
            ready.wait()  # so that both check before either moves
        results.put(os.getpid())
    except AudioFileError:
        results.put(None)


def test_of_two_processes_that_save_into_one_folder_one_is_told_that_it_did_not(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        ready, results = context.Barrier(2), context.Queue()
        processes = [context.Process(target=save_at_once, args=(folder, ready, results)) for _ in range(2)]
        for process in processes:
            process.start()
        told = [results.get(timeout=60) for _ in processes]
        for process in processes:
            process.join()
        (saved,) = [process for process in told if process is not None]
        assert {path.name: path.read_text() for path in folder.iterdir()} == {"a": str(saved), "b": str(saved)}


@pytest.mark.parametrize("has_links", [True, False])
def test_a_name_that_is_taken_between_check_and_move_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")

    if not has_links:
        monkeypatch.setattr(os, "link", refuse)
    real = staging._check_targets
    calls = []

    def take_the_name(targets: Any, *, overwrite: bool) -> None:
        real(targets, overwrite=overwrite)
        calls.append(1)
        if len(calls) == 2:
            (tmp_path / "b").write_text("theirs")

    monkeypatch.setattr(staging, "_check_targets", take_the_name)
    with (
        pytest.raises(AudioFileError, match="b exists already"),
        staged_files([tmp_path / "a", tmp_path / "b"], overwrite=False),
    ):
        pass
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b": "theirs"}


def test_drafts_of_a_killed_process_are_removed_with_a_notice_and_those_of_a_living_one_are_not(
    tmp_path: Path,
) -> None:
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom workbench.io.staging import staged_files\n"
        "with staged_files([Path(sys.argv[1]) / 'a'], overwrite=False): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    (left,) = tmp_path.iterdir()
    with warnings.catch_warnings(record=True) as notices, staged_files([tmp_path / "b"], overwrite=False) as [living]:
        with staged_files([tmp_path / "c"], overwrite=False):
            pass
        assert living.exists()
    assert [(notice.category, left.name in str(notice.message)) for notice in notices] == [(WorkbenchNotice, True)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]


def test_folders_that_were_made_are_removed_where_the_work_fails(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    targets = [tmp_path / "there" / "x" / "y" / "a", tmp_path / "there" / "x" / "z" / "b"]
    with pytest.raises(RuntimeError, match="fails"), staged_files(targets, overwrite=False):
        raise RuntimeError("fails")
    assert list((tmp_path / "there").iterdir()) == []


@pytest.mark.parametrize("make_link", [os.link, os.symlink])
def test_no_input_is_replaced_under_whatever_name(tmp_path: Path, make_link: Any) -> None:
    song = tmp_path / "song.wav"
    song.write_text("song")
    make_link(song, tmp_path / "vocals.wav")
    for target in (song, tmp_path / "vocals.wav"):
        with (
            pytest.raises(InvalidValue, match=r"would replace .*song\.wav, which is read"),
            staged_files([target], overwrite=True, inputs=[song]),
        ):
            pass
    assert song.read_text() == "song"
