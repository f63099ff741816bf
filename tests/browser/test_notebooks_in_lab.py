"""Every notebook in JupyterLab: it runs to its end, and neither page nor kernel has anything to complain of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from accessibility import check_accessibility, find_axe
from controls import SAVED_BYTES
from labdriver import NOTEBOOKS, Lab, Notebook


@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])
def test_a_notebook_runs_to_its_end(notebook: Notebook, page: Any, lab: Lab, name: str) -> None:
    notebook.open(name)
    finished = notebook.run_all()
    assert notebook.errors() == []
    assert finished
    page.wait_for_timeout(1000)  # for what widgets do once they are shown
    notebook.wait_idle()
    assert page.get_by_text("Error displaying widget").count() == 0
    assert notebook.callback_errors() == []
    assert page.faults == []
    if find_axe() is not None and page.locator(".wb").count() > 0:  # else this test would end as a skip
        check_accessibility(page, ".wb")
    check_size(lab.root / notebook.save())


def check_size(path: Path) -> None:
    """What is saved besides figures, PNG files of 0.05 to 0.8 MB each, stays small: no data of widgets, no sound."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", ())]
    figures = sum(len(data.get("image/png", "")) for data in outputs)
    print(f"{path.name}: {path.stat().st_size} bytes, of which {figures} figures")
    assert any(outputs)  # it was run
    assert path.stat().st_size - figures < SAVED_BYTES
