"""The server's part of the launcher, and what is written twice; tests/browser shows the launcher itself."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

import workbench
from workbench import labextension
from workbench.labextension.server import Tile, list_tiles, make_tile

ROOT = Path(__file__).parents[2]


def test_there_is_a_tile_for_each_notebook_in_order() -> None:
    tiles = list_tiles()
    assert [tile.name for tile in tiles] == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert tiles[0] == Tile("00_tour.ipynb", "00 · A tour: one song, taken apart, every stage open", "00 · A tour")
    assert all(len(tile.label) <= 40 for tile in tiles)  # what three lines of a tile hold


@pytest.mark.parametrize(
    ("cells", "title", "label"),
    [
        ([("markdown", ["text\n", "## Two: *x*\n"]), ("markdown", "# Other")], "Two: *x*", "Two"),
        ([("code", "# a comment"), ("markdown", "# One")], "One", "One"),
        ([("markdown", "no heading")], "lesson", "lesson"),
        ([], "lesson", "lesson"),
    ],
)
def test_a_title_is_the_first_heading(cells: list[tuple[str, str | list[str]]], title: str, label: str) -> None:
    notebook = {"cells": [{"cell_type": kind, "source": source} for kind, source in cells]}
    assert make_tile("lesson.ipynb", notebook) == Tile("lesson.ipynb", title, label)


def test_what_is_installed_is_there_and_of_this_version() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    installed = {folder: sorted(Path(path).name for path in paths) for folder, paths in settings["data-files"].items()}
    assert installed == {
        "share/jupyter/labextensions/stem-workbench": ["package.json"],
        "share/jupyter/labextensions/stem-workbench/static": ["icon.svg", "launcher.js"],
        "etc/jupyter/jupyter_server_config.d": ["stem-workbench.json"],
    }
    assert all((ROOT / path).is_file() for paths in settings["data-files"].values() for path in paths)
    folder = Path(labextension.__file__).parent
    package = json.loads((folder / "stem-workbench" / "package.json").read_text())
    assert package["version"] == workbench.__version__
    config = json.loads((folder / "stem-workbench.json").read_text())
    points = labextension._jupyter_server_extension_points()
    assert [{"module": name} for name in config["ServerApp"]["jpserver_extensions"]] == points
