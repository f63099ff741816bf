"""Chunk explorer in JupyterLab: every control does what it says, as the kernel has it afterwards."""

from __future__ import annotations

import re
from typing import Any

import pytest
from controls import check_quiet, run_notebook
from lab_explorer import RATE, SONG, drive_view_buttons, make_view_check, press_view_keys
from lab_widget import LabWidget, within
from labdriver import Lab, Notebook


def test_every_control_of_the_chunk_explorer(notebook: Notebook, page: Any, lab: Lab) -> None:
    run_notebook(notebook, lab, "chunks.ipynb", SONG, "explorer = ChunkExplorer(song, chunk_size=4000); explorer")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = LabWidget(notebook, "explorer", label="Chunk explorer")

    # Sizes
    shown.press("spinbutton", "chunk samples", "ArrowUp", chunk_samples=4080, hop_samples=2040)
    shown.type_in("spinbutton", "chunk samples", "5000", chunk_samples=5000, hop_samples=2500)
    shown.press("slider", "length", "ArrowRight", chunk_samples=within(5001, 5500))
    shown.slide("length", 0.5, chunk_samples=within(1000, 2500))  # of 0.01 to 5 s the middle is 0.22 s
    shown.type_in("spinbutton", "chunk samples", "4000", chunk_samples=4000)
    shown.press("slider", "overlap", "ArrowRight", overlap=pytest.approx(0.51), hop_samples=1960)
    shown.slide("overlap", 0.2, overlap=within(0.1, 0.3))
    shown.choose("overlap of", "0.875", overlap=0.875, hop_samples=500)
    shown.press("combobox", "overlap of", "Home", "ArrowDown", overlap=0.25, hop_samples=3000)
    shown.choose("overlap of", "0.5", overlap=0.5)
    shown.press("combobox", "padding", "ArrowDown", padding_mode="constant")
    shown.choose("padding", "replicate", padding_mode="replicate")
    shown.wait(code=lambda code: '"chunking.padding_mode": "replicate"' in code)
    shown.wait_text(shown.read("code").splitlines()[0])

    # What is shown: from 0.25 s before the song to the end of the last chunk
    start, span, check_view = -0.25, shown.read("grid.padded_length") / RATE, make_view_check(shown)
    drive_view_buttons(shown, span=span, start=start)
    for name in ("Song with padding", "Chunks in lanes"):
        press_view_keys(shown, name, check_view, span=span, start=start, arrows=name == "Song with padding")
    shown.picture("Chunks in lanes").focus()
    before = shown.read("chunk")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    shown.wait(chunk=before + 1, shown=[])

    # A click says which chunks cover an instant; in the lanes it selects the one that is hit, too
    for name, across in (("Song with padding", 0.4), ("Chunks in lanes", 0.6)):
        page.mouse.click(*shown.place(name, across, 0.25))
        instant = round((start + across * span) * RATE)
        shown.wait(instant_sample=within(instant - 40, instant + 40))  # two pixels
        sample, grid = shown.read("instant_sample"), "explorer.grid.covering(explorer.instant_sample)"
        covering = notebook.value(f"list({grid})")
        assert len(covering) == 2
        shown.wait(covering=lambda told, expected=covering: [entry["chunk"] for entry in told] == expected)
        shown.wait_text(f"in chunk {covering[0]} at its sample {sample - 2000 * covering[0] + 2000}")
    shown.wait(chunk=lambda chunk: chunk in covering and chunk % 2 == 1)  # the lower of two lanes
    page.mouse.move(*shown.place("Song with padding", 0.5, 0.5))
    middle = round((start + span / 2) * RATE)
    assert int(shown.root.get_by_text(re.compile("sample [0-9]+")).first.inner_text().split("sample ")[1]) == (
        pytest.approx(middle, abs=40)
    )

    # One chunk
    shown.press("spinbutton", "instant samples", "ArrowUp", group="instant", instant_sample=sample + 1)
    shown.type_in("spinbutton", "instant samples", "-100", group="instant", instant_sample=-100)
    shown.press("slider", "selected chunk", "Home", "ArrowRight", group="chunk", chunk=1)
    shown.slide("selected chunk", 0.6, group="chunk", chunk=within(5, 7))
    shown.press("slider", "selected chunk", "Home", group="chunk", chunk=0)
    shown.click("next chunk", group="chunk", chunk=1)
    shown.press("button", "next chunk", "Enter", "Space", group="chunk", chunk=3)
    shown.click("previous chunk", group="chunk", chunk=2)
    shown.wait_text("Chunk 2 (of 0 to 10) as a model gets it: 0.25 s to 0.75 s")
    part = "node => node.__explorer.chunkAxes.view.x"
    shown.picture("Selected chunk").focus()
    page.keyboard.press("+")
    shown.wait_page("([node]) => node.__explorer.chunkAxes.view.x[1] - node.__explorer.chunkAxes.view.x[0] < 0.34")
    before = shown.root.evaluate(part)
    shown.drag("Selected chunk", (0.5, 0.5), (0.3, 0.5))
    assert shown.root.evaluate(part)[0] == pytest.approx(before[0] + 0.2 * (before[1] - before[0]), abs=0.005)
    page.keyboard.press("Home")
    shown.wait_page("([node]) => node.__explorer.chunkAxes.view.x[0] === 0.25")
    assert shown.read("shown") == []  # this picture has a view of its own

    # Sound and code
    [[seconds, level]] = shown.hear("▶ Hear the chunk")
    assert seconds == pytest.approx(0.5)
    assert level == pytest.approx(notebook.value("measure(explorer.take_chunk())"), rel=1e-3)  # 16 bit
    shown.type_in("spinbutton", "chunk samples", "200000", chunk_samples=200_000)  # 25 s, lest it ends meanwhile
    shown.hear("▶ Hear the chunk")
    shown.click("■ Stop")
    shown.root.get_by_role("button", name="▶ Hear the chunk").wait_for()
    shown.click("Copy settings as Python", group="copy")
    shown.wait_text("copied")
    assert page.evaluate("() => navigator.clipboard.readText()") == shown.read("code")
    assert notebook.value(f"len({shown.read('code')})") == 2  # it runs

    # What cannot be
    serial = shown.read("drawn['serial']")
    shown.type_in("spinbutton", "chunk samples", "99999999")
    shown.wait_message("a chunk must have from 1 to 4800000 samples, got 99999999")
    assert shown.read("drawn['serial']") == serial
    shown.click("Dismiss", message="")
    shown.type_in("spinbutton", "chunk samples", "88888888")
    shown.wait_message("got 88888888")
    shown.type_in("spinbutton", "chunk samples", "4000", message="", hop_samples=2000)
    shown.wait_message("")
    shown.check()
    check_quiet(notebook)
