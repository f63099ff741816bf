"""Notebooks are committed stripped and ready to run; nbval runs their cells (`--nbval-lax` in pyproject.toml)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


LESSONS = (
    "00_tour",
    "01_chunking",
    "02_windows_and_overlap_add",
    "03_spectrograms_and_masks",
    "04_paint_a_mask",
    "05_derived_stems",
    "06_separate_on_gpu",
    "07_write_a_window",
    "08_write_a_model",
)


def read_cells(path: Path, kind: str) -> list[str]:
    """The text of each cell of a kind, ``markdown`` or ``code``."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == kind]


def test_there_are_notebooks() -> None:
    assert tuple(path.stem for path in NOTEBOOKS) == LESSONS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_says_what_one_learns_and_ends_with_exercises(path: Path) -> None:
    first, *_, last = read_cells(path, "markdown")
    assert re.match(rf"# {path.name[:2]} · \w", first)  # the title carries the number of the file
    assert "**What you will learn**" in first
    learned = re.findall(r"^- .+", first, flags=re.MULTILINE)
    assert 3 <= len(learned) <= 5
    _, found, exercises = last.partition("## Exercises\n")
    assert found
    assert 3 <= len(re.findall(r"^\d\. .+", exercises, flags=re.MULTILINE)) <= 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_the_cells_of_a_notebook_have_names_that_stay(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    names = [cell["id"] for cell in notebook["cells"]]
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z0-9_-]{2,40}", name)] == []
    assert [name for name in names if re.fullmatch(r"[0-9a-f]{8}|cell-\d+", name)] == []  # as tools make them up


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stripped(path: Path) -> None:
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"  # any other opens a dialog in JupyterLab
    assert "widgets" not in notebook["metadata"]
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in cells] == [[] for _ in cells]
    assert {cell["execution_count"] for cell in cells} == {None}
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_asserts_what_it_claims(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = "".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    assert code.count("assert") >= 5


def test_the_tour_leads_to_all_others_by_their_titles() -> None:
    text = "\n".join(read_cells(NOTEBOOKS[0], "markdown"))
    others = [(read_cells(path, "markdown")[0].splitlines()[0].removeprefix("# "), path.name) for path in NOTEBOOKS[1:]]
    assert re.findall(r"\[([^\]]+)\]\((\w+\.ipynb)\)", text) == others
