from __future__ import annotations

import builtins
import os
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import AudioFileError
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
