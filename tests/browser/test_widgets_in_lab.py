"""Widgets over a real kernel: little is saved of them, keys and clicks reach Python, a restart freezes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from labdriver import Lab, Notebook

SONG = """
import workbench as wb
from workbench.core import Audio
from workbench.widgets import *
demo = wb.demo_song()
song = Audio(demo["mixture"].data[:, : 3 * 44100], 44100)
trace = wb.trace(song, model="hpss", chunk_seconds=1.0)
"""
LONG = """
import torch
import workbench as wb
from workbench.core import Audio
demo = wb.demo_song()["mixture"]
song = Audio(demo.data.repeat(1, 25), demo.sample_rate)
assert song.data.shape[-1] == 300 * 44100
trace = wb.trace(song, model="hpss", memory_budget_bytes=100_000_000)
"""
SAVED_BYTES = 2_000_000


def write(lab: Lab, name: str, *sources: str) -> str:
    """A notebook beside those of the lessons, with a cell for each source."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=cells), Path(lab.root) / name)
    return name


def test_a_trace_of_five_minutes_leaves_little_in_the_notebook(notebook: Notebook, lab: Lab) -> None:
    shown = ("trace.widget(selected='stitch')", "trace.stems.player()", "trace['chunk'].widget()", "trace")
    notebook.open(write(lab, "long.ipynb", LONG, *shown))
    assert notebook.run_all()
    assert notebook.errors() == []
    assert (Path(lab.root) / notebook.save()).stat().st_size < SAVED_BYTES


def test_keys_and_clicks_go_through_the_kernel(notebook: Notebook, page: Any, lab: Lab) -> None:
    shown = ("view = trace.widget(); view", "masks = trace['mask'].widget(); masks")
    notebook.open(write(lab, "keys.ipynb", SONG, *shown))
    assert notebook.run_all()
    count = page.evaluate("() => jupyterapp.shell.currentWidget.content.model.cells.length")
    page.get_by_role("button", name="stitch").first.click()
    page.get_by_text("Window explorer").first.wait_for()
    notebook.wait_idle()
    hop_samples = notebook.value("view.opened.hop_samples")
    exponent = page.get_by_label("exponent").first
    exponent.focus()
    for key in ("ArrowRight", "ArrowRight", "x", "a"):  # the last two are the notebook's shortcuts
        page.keyboard.press(key)
    page.get_by_label("hop", exact=False).first.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(1500)
    notebook.wait_idle()
    assert notebook.value("view.selected") == "stitch"
    assert notebook.value("masks.exponent") == pytest.approx(1.2)
    assert notebook.value("view.opened.hop_samples") < hop_samples
    assert page.evaluate("() => jupyterapp.shell.currentWidget.content.model.cells.length") == count
    assert notebook.callback_errors() == []
    assert page.faults == []


WIDGETS = (
    "trace.widget(selected='mask')",
    "StemPlayer(trace)",
    "ChunkExplorer(trace)",
    "WindowExplorer(trace=trace)",
    "MaskPainter(trace)",
    "DerivedStems(trace)",
    "SeparatePanel()",
)


def test_after_a_restart_of_the_kernel_the_page_goes_on(notebook: Notebook, page: Any, lab: Lab) -> None:
    notebook.open(write(lab, "restart.ipynb", SONG, *WIDGETS))
    assert notebook.run_all()
    page.wait_for_timeout(1000)
    assert page.locator(".wb").count() >= len(WIDGETS)
    page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()")
    page.wait_for_timeout(3000)
    notebook.wait_idle()
    # what only the browser needs still works: zoom by the keyboard, a slider's number
    slider = page.get_by_label("exponent").first
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert "1.1" in slider.locator("xpath=..").inner_text()
    page.get_by_role("button", name="zoom in in time").first.click()
    assert page.faults == []
    assert notebook.run_all()  # and running the cells again brings new ones
    assert notebook.errors() == []
    assert notebook.value("trace.plan.model_id") == "hpss.hpss"
