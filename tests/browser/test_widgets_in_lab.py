"""Widgets over a real kernel: little is saved of them, keys and clicks reach Python, a restart freezes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from controls import SAVED_BYTES, check_quiet, count_cells, run_notebook, wait_value
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


def test_a_trace_of_five_minutes_leaves_little_in_the_notebook(notebook: Notebook, lab: Lab) -> None:
    shown = ("trace.widget(selected='stitch')", "trace.stems.player()", "trace['chunk'].widget()", "trace")
    run_notebook(notebook, lab, "long.ipynb", LONG, *shown)
    assert (Path(lab.root) / notebook.save()).stat().st_size < SAVED_BYTES


def test_keys_and_clicks_go_through_the_kernel(notebook: Notebook, page: Any, lab: Lab) -> None:
    shown = ("view = trace.widget(); view", "masks = trace['mask'].widget(); masks")
    run_notebook(notebook, lab, "keys.ipynb", SONG, *shown)
    count = count_cells(page)
    page.get_by_role("button", name="stitch").first.click()
    page.get_by_text("Window explorer").first.wait_for()
    wait_value(notebook, "view.selected", "stitch")
    hop_samples = notebook.value("view.opened.hop_samples")
    exponent = page.get_by_label("exponent").first
    exponent.focus()
    for key in ("ArrowRight", "ArrowRight", "x", "a"):  # the last two are the notebook's shortcuts
        page.keyboard.press(key)
    page.get_by_label("hop", exact=False).first.focus()
    page.keyboard.press("ArrowLeft")
    wait_value(notebook, "view.opened.hop_samples", lambda samples: samples < hop_samples)
    wait_value(notebook, "masks.exponent", pytest.approx(1.2))
    assert count_cells(page) == count
    check_quiet(notebook)


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
    run_notebook(notebook, lab, "restart.ipynb", SONG, *WIDGETS)
    page.locator(".wb").nth(len(WIDGETS) - 1).wait_for()
    page.evaluate(
        """() => { jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart()
            .then(() => { window.isRestarted = true; }); }"""
    )
    page.wait_for_function("() => window.isRestarted", timeout=120_000)
    notebook.wait_idle()
    told = page.get_by_role("alert").filter(has_text="the kernel has ended or was restarted")
    told.nth(len(WIDGETS) - 1).wait_for()  # each says so
    for root, name in ((".wb", "Play what is shown"), (".wb-derived", "mixture"), (".wb", "Separate")):
        page.locator(root).get_by_role("button", name=name, exact=True).first.click()  # nothing waits for an answer
    assert not [words for words in page.get_by_role("status").all_inner_texts() if words.endswith("…")]
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
