"""The Workbench section of JupyterLab's launcher, as `pip install` puts it there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labdriver import NOTEBOOKS, Lab, Notebook

TILES = ".jp-Launcher-section:has(h2:text-is('Workbench')) .jp-LauncherCard"


@pytest.fixture(scope="module")
def empty_lab(tmp_path_factory: pytest.TempPathFactory, prefix: Path) -> Any:
    """JupyterLab on a folder without any notebook."""
    folder = tmp_path_factory.mktemp("launcher")
    with Lab(folder / "root", folder / "home", prefix=prefix) as lab:
        yield lab
        lab.stop_kernels()


def open_launcher(page: Any, lab: Lab, *, folder: str = "") -> Any:
    """The tiles of our section, in a fresh workspace that shows a folder."""
    page.goto(f"{lab.url}/lab{folder and '/tree/' + folder}?reset&token={lab.token}")
    tiles = page.locator(TILES)
    tiles.first.wait_for(timeout=120_000)
    return tiles


def read_heading(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")


def test_there_is_a_tile_for_each_notebook(page: Any, empty_lab: Lab) -> None:
    tiles = open_launcher(page, empty_lab)
    headings = [read_heading(path) for path in NOTEBOOKS]
    assert tiles.all_inner_texts() == [heading.split(":")[0] for heading in headings]
    assert [tile.get_attribute("title") for tile in tiles.all()] == headings
    assert page.locator(f"{TILES} svg").count() == len(NOTEBOOKS)
    assert page.faults == []


def test_a_tile_copies_its_notebook_once_and_opens_it(page: Any, empty_lab: Lab) -> None:
    first, tour = NOTEBOOKS[0], empty_lab.root / NOTEBOOKS[0].name
    open_launcher(page, empty_lab).first.click()
    Notebook(page, empty_lab).attach()
    assert page.locator(".jp-Notebook h1").first.inner_text().startswith(read_heading(first))
    copied, shipped = json.loads(tour.read_text()), json.loads(first.read_text(encoding="utf-8"))
    assert [cell["source"] for cell in copied["cells"]] == [cell["source"] for cell in shipped["cells"]]

    shipped["cells"] = [{"cell_type": "markdown", "id": "mine", "metadata": {}, "source": "# Mine"}]
    edited = json.dumps(shipped)
    tour.write_text(edited)
    open_launcher(page, empty_lab).first.click()
    Notebook(page, empty_lab).attach()
    assert page.locator(".jp-Notebook h1").inner_text().rstrip("¶") == "Mine"
    assert tour.read_text() == edited
    assert page.faults == [
        "Failed to load resource: the server responded with a status of 404 (Not Found)"
    ]  # the asking


def test_a_tile_copies_into_the_folder_that_is_shown(page: Any, empty_lab: Lab) -> None:
    (empty_lab.root / "below").mkdir()
    open_launcher(page, empty_lab, folder="below").nth(0).click()
    Notebook(page, empty_lab).attach()
    assert (empty_lab.root / "below" / NOTEBOOKS[0].name).is_file()


def test_nothing_is_written_while_it_is_unknown_what_is_there(page: Any, empty_lab: Lab) -> None:
    (empty_lab.root / "unsure").mkdir()
    tiles = open_launcher(page, empty_lab, folder="unsure")
    page.route(f"**/api/contents/unsure/{NOTEBOOKS[0].name}?*", lambda route: route.fulfill(status=500, body="{}"))
    tiles.first.click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    assert f"Cannot open {NOTEBOOKS[0].name}" in dialog.inner_text()
    assert list((empty_lab.root / "unsure").iterdir()) == []
