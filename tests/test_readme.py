"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import workbench
from workbench.registry import forget_plugin

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mixture = workbench.demo_song()["mixture"]
    workbench.save(workbench.Audio(mixture.data[:, : 2 * 44100], 44100), tmp_path / "song.flac")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) >= 5
    names: dict[str, object] = {}
    try:
        for block in blocks:
            exec(compile(block, "README.md", "exec"), names)
    finally:
        forget_plugin("notebook")
    saved = ["harmonic.flac", "percussive.flac", "stems.json"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == saved


def test_commands_of_the_readme_are_the_ones_that_ci_runs() -> None:
    ci = (Path(__file__).parents[1] / ".ci" / "run").read_text(encoding="utf-8")
    assert "python -m pip install . && workbench demo" in README
    assert "python -m pip install '.[test]' && python -m pytest" in README
    assert "python -m pip install . && workbench demo" in ci
    assert "python -m pip install '.[test]' && python -m pytest" in ci


def test_pictures_of_the_readme_are_there_and_small() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert pictures
    for picture in pictures:
        size = (Path(__file__).parents[1] / picture).stat().st_size
        assert 0 < size <= 150_000, picture
