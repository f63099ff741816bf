"""``workbench lab``, without anything of ours where Jupyter looks for extensions by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from labdriver import NOTEBOOKS, Lab, Notebook


@pytest.fixture(scope="module")
def workbench_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("workbench-lab")
    root = folder / "notebooks"
    with Lab(root, folder / "home", command=["-m", "workbench", "lab", str(root)]) as lab:
        yield lab
        lab.stop_kernels()


def test_it_opens_on_the_first_notebook_and_has_the_tiles(page: Any, workbench_lab: Lab) -> None:
    page.goto(f"{workbench_lab.url}/?token={workbench_lab.token}")  # as the browser that it opens
    Notebook(page, workbench_lab).attach()
    assert page.url.split("?")[0].endswith("/lab/tree/00_tour.ipynb")
    assert page.locator(".jp-Notebook h1").first.inner_text().startswith("00 · A tour")
    page.evaluate("() => { jupyterapp.commands.execute('launcher:create'); }")
    section = page.locator(".jp-Launcher-section", has=page.get_by_role("heading", name="Workbench", exact=True))
    section.wait_for()
    assert section.locator(".jp-LauncherCard").count() == len(NOTEBOOKS)
    assert page.faults == []


def test_a_song_can_be_sent_to_the_kernel(page: Any, workbench_lab: Lab) -> None:
    """In one message of more than the 10 MiB at which a Jupyter server cuts the connection unless told otherwise."""
    notebook = Notebook(page, workbench_lab).open("00_tour.ipynb")
    page.evaluate(
        """() => {
            const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            const { done } = kernel.requestExecute({ code: `sent = len('${"a".repeat(12e6)}')` });
            done.then(() => { window.isSent = true; });
        }"""
    )
    page.wait_for_function("() => window.isSent")
    assert notebook.value("sent") == 12e6
