"""The widgets in Jupyter Notebook 7: the same as in JupyterLab, which the other tests drive control by control."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from controls import check_quiet, count_cells, find_widget, wait_value, write_notebook
from lab_player import LabPlayer
from lab_widget import LabWidget
from labdriver import Lab, Notebook

OWN_FAULT = "Cannot read properties of undefined (reading 'schema')"  # Notebook 7.6 with nothing of ours in it
SONG = """
import workbench as wb
from workbench.core import Audio
from workbench.widgets import *
demo = wb.demo_song()["mixture"]
song = Audio(demo.data[:, : 3 * demo.sample_rate], demo.sample_rate)
trace = wb.trace(song, model="hpss", chunk_seconds=1.0, overlap=0.5)
"""
SHOWN = {
    "player": "StemPlayer(trace)",
    "chunks": "ChunkExplorer(trace)",
    "windows": "WindowExplorer(trace=trace)",
    "masks": "MaskExplorer(trace)",
    "painter": "MaskPainter(trace)",
    "derived": "DerivedStems(trace)",
    "panel": "SeparatePanel()",
    "view": "trace.widget()",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, prefix: Path) -> Iterator[Lab]:
    """Jupyter Notebook on a folder of its own."""
    pytest.importorskip("notebook", reason="needs Jupyter Notebook 7: pip install notebook")
    folder = tmp_path_factory.mktemp("notebook")
    with Lab(
        folder / "root", folder / "home", command=("-m", "notebook"), app="JupyterNotebookApp", prefix=prefix
    ) as server:
        yield server
        server.stop_kernels()


def test_every_widget_works_in_notebook_7(page: Any, server: Lab) -> None:
    sources = [f"{name} = {code}; {name}" for name, code in SHOWN.items()]
    notebook = Notebook(page, server)
    notebook.open(write_notebook(server, "widgets.ipynb", SONG, *sources), below="notebooks")
    assert notebook.run_all()
    page.locator(".wb").nth(len(SHOWN) - 1).wait_for()
    cells = count_cells(page)

    player = LabPlayer(notebook, "player")
    notebook.python("player.loop_seconds = [0.0, 3.0]")  # lest the song ends meanwhile
    player.click("▶ Play", group="playing", playing=True)
    player.wait(current_seconds=lambda seconds: seconds > 0.2)
    player.click("■ Stop", group="playing", playing=False)
    for name, label, control, key, trait in (
        ("chunks", "Chunk explorer", "overlap", "ArrowRight", "overlap"),
        ("windows", "Window explorer", "hop", "ArrowLeft", "hop_samples"),
        ("masks", "Masks of hpss.hpss", "exponent", "ArrowRight", "exponent"),
        ("painter", "Paint a mask of hpss.hpss", "softness", "ArrowRight", "softness"),
    ):
        before = notebook.value(f"{name}.{trait}")
        LabWidget(notebook, name, label=label).press("slider", control, key, "x", "a", **{trait: is_not(before)})
    find_widget(page, "Trace of hpss.hpss").get_by_role("button", name="stitch").click()
    wait_value(notebook, "view.selected", "stitch")
    assert count_cells(page) == cells  # no key went through to the notebook
    assert notebook.value(f"[each.message for each in ({', '.join(SHOWN)}.opened)]") == [""] * len(SHOWN)
    page.faults[:] = [fault for fault in page.faults if fault != OWN_FAULT]
    check_quiet(notebook)


def is_not(before: Any) -> Any:
    """Whether a value is another one now."""
    return lambda value: value != before
