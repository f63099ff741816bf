"""Mask painter in JupyterLab: strokes drawn by pointer and keys reach the kernel, and change what is heard."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from controls import check_quiet, run_notebook, wait_value
from lab_painter import PAINTER, PICTURE, SECONDS, SONG, TRUTH, PainterLab
from lab_plane import HIGH, LOW, make_plane_check, zoom_by_buttons
from lab_widget import within
from labdriver import Lab, Notebook


def test_every_tool_paints(notebook: Notebook, page: Any, lab: Lab, tmp_path: Path) -> None:
    run_notebook(notebook, lab, "painter.ipynb", SONG, PAINTER, TRUTH)
    shown = PainterLab(notebook, "painter", label="Mask painter", right=78)
    shown.check_shown()
    check_tools(shown)
    check_keys(shown)
    check_whole(shown)
    check_view(shown)
    check_sound(shown)
    check_files(shown, tmp_path)
    shown.check()
    check_quiet(notebook)


def check_tools(shown: PainterLab) -> None:
    """Each tool by the pointer, with what can be set of it."""
    shown.press("slider", "softness", "ArrowLeft", softness=pytest.approx(0.45))
    shown.slide("softness", 0.0, softness=0.0)
    shown.press("slider", "width", "ArrowRight", size_seconds=pytest.approx(0.21))
    shown.slide("width", 0.5, size_seconds=within(0.25, 0.4))  # the middle of 0.01 to 10 s, in octaves
    shown.press("slider", "height", "ArrowRight", size_octaves=within(0.51, 0.6))
    shown.slide("height", 0.4, size_octaves=within(0.3, 0.5))
    wide, high = shown.read("size_seconds"), shown.read("size_octaves")

    # Brush: of one stem, as wide and high as it is set to
    shown.paint((0.3, 500), (1.0, 500), tool="brush", stem="loud", gain=0.0, softness=0.0, size_seconds=wide)
    assert [shown.gain(0.6, 500), shown.gain(0.6, 500, "soft"), shown.gain(1.7, 500)] == [0, 1, 1]
    assert [shown.gain(1.0 + part * wide / 2, 500) for part in (0.8, 1.3)] == [0, 1]
    assert [shown.gain(0.6, 500 * 2 ** (part * high / 2)) for part in (0.6, 1.5)] == [0, 1]
    shown.press("slider", "gain", "ArrowRight", gain=0.05)
    shown.slide("gain", 0.5, gain=within(0.4, 0.6))
    shown.press("slider", "softness", "End", softness=1.0)
    gain = shown.read("gain")
    shown.paint((1.6, 2000), gain=gain, softness=1.0)
    assert shown.gain(1.6, 2000) == pytest.approx(gain, abs=0.05)  # within a cell of the middle
    assert gain + 0.1 < shown.gain(1.6 + wide / 4, 2000) < 0.9

    # Harmonic brush: its overtones too, and no more of them
    shown.click("Harmonic brush", group="tool", tool="harmonic")
    shown.press("slider", "softness", "Home", softness=0.0)
    shown.press("slider", "overtones", "ArrowRight", overtones=9)
    shown.slide("overtones", 0.5, overtones=within(28, 36))
    shown.press("slider", "overtones", "Home", "ArrowRight", "ArrowRight", overtones=2)
    shown.paint((1.3, 600), tool="harmonic", overtones=2)
    gains = [shown.gain(1.3, hertz) for hertz in (600, 1200, 1800, 2400)]
    assert gains == pytest.approx([gain, gain, gain, 1], abs=1e-3)

    # Rectangle, from corner to corner in either direction; the others get the rest
    shown.click("Rectangle", group="tool", tool="rectangle")
    for name in ("width", "height", "overtones"):
        assert shown.use("slider", name).is_disabled()
    shown.click("others get the rest", role="checkbox", others_get_rest=True)
    shown.press("slider", "gain", "Home", "PageUp", gain=0.5)
    shown.paint((0.6, 300), (0.2, 150), tool="rectangle", others_get_rest=True, gain=0.5)
    assert [shown.gain(0.4, 200), shown.gain(0.4, 200, "soft")] == [0.5, 0.5]
    assert [shown.gain(0.4, 100), shown.gain(0.7, 200)] == [1, 1]
    shown.press("checkbox", "others get the rest", "Space", others_get_rest=False)

    # Eraser: what was there at the start comes back
    shown.click("Eraser", group="tool", tool="eraser")
    assert shown.use("slider", "gain").is_disabled()
    shown.paint((0.5, 500), (0.7, 500), tool="eraser")
    assert [shown.gain(0.6, 500), shown.gain(0.9, 500)] == [1, 0]
    shown.click("Brush", group="tool", tool="brush")

    # Undo and redo, and a stroke after that, which takes the place of those that were undone
    shown.click("Undo", group="strokes", position=4)
    shown.wait_text("4 of 5 strokes")
    assert shown.gain(0.6, 500) == 0
    shown.press("button", "Undo", "Enter", "Enter", group="strokes", position=2)
    assert [shown.gain(0.4, 200), shown.gain(1.3, 1200)] == [1, 1]
    shown.check_shown()
    shown.click("Redo", group="strokes", position=3)
    assert shown.gain(1.3, 1200) == pytest.approx(shown.read("strokes[2]['gain']"), abs=1e-3)
    shown.paint((1.8, 100), tool="brush")
    assert shown.read("strokes.__len__()") == 4
    assert shown.root.get_by_role("button", name="Redo").is_disabled()
    page = shown.page
    page.mouse.move(*shown.place(PICTURE, *shown.find(0.8, 500)))
    shown.wait_page("([node]) => node.querySelector('.wb-readout').textContent.includes(', gain 0.00')")


def check_keys(shown: PainterLab) -> None:
    """The cursor on the picture paints without a pointer; no key reaches the notebook."""
    page, keyboard = shown.page, shown.page.keyboard
    cells = "() => jupyterapp.shell.currentWidget.content.model.cells.length"
    num_cells = page.evaluate(cells)
    shown.notebook.python("painter.strokes = []")
    shown.wait_text("0 of 0 strokes")
    page.mouse.click(*shown.place(PICTURE, *shown.find(1.0, 400)))
    shown.wait(position=1)
    keyboard.press("ArrowRight")
    keyboard.press("ArrowUp")
    keyboard.press("Enter")
    shown.wait(position=2)
    [[seconds, hertz]] = shown.read("strokes[1]['points']")
    assert seconds == pytest.approx(1.0 + SECONDS / 50, abs=0.006)
    assert math.log2(hertz / 400) == pytest.approx(math.log2(HIGH / LOW) / 50, abs=0.05)
    shown.wait_text("cursor at 1.04 s")
    keyboard.press("Shift+ArrowLeft")
    keyboard.press("Shift+ArrowDown")
    keyboard.press("Shift+Enter")
    shown.wait(position=3)
    line = shown.read("strokes[2]['points']")
    assert line == [[seconds, hertz], pytest.approx([seconds - 0.008, hertz - 31.25], abs=1e-3)]  # a cell
    for key in ("r", "ArrowLeft", "ArrowDown", "r"):
        keyboard.press(key)
    shown.wait(position=4)
    assert shown.read("strokes[3]['tool']") == "rectangle"
    for key in ("r", "Escape", "Space"):
        keyboard.press(key)
    shown.wait(position=5)
    assert shown.read("strokes[4]['tool']") == "brush"
    keyboard.press("z")
    keyboard.press("z")
    shown.wait(position=3)
    keyboard.press("Shift+Z")
    shown.wait(position=4)
    for key in ("x", "a", "b", "d", "d"):  # which cut, insert and delete cells where the notebook gets them
        keyboard.press(key)
    shown.settle()
    assert page.evaluate(cells) == num_cells
    shown.check_shown()


def check_whole(shown: PainterLab) -> None:
    """Clear, invert, another stem, another start."""
    shown.click("Clear", group="strokes", position=5)
    assert shown.notebook.value("float(painter.mask.gain.min())") == 1
    shown.check_shown()
    shown.click("Invert", group="strokes", position=6)
    assert shown.notebook.value("float(painter.mask.gain[0].max())") == 0
    shown.check_shown()
    shown.press("combobox", "stem", "ArrowDown", stem="soft")
    shown.check_shown()
    shown.choose("stem", "loud", stem="loud")
    shown.check_shown()
    shown.notebook.python("painter.strokes = []")
    shown.press("combobox", "start from", "End", start="zeros")
    wait_value(shown.notebook, "float(painter.mask.gain.max())", 0)
    shown.check_shown()
    shown.choose("start from", "model", start="model")
    wait_value(shown.notebook, "0 < float(painter.mask.gain[0].mean()) < 1", True)
    shown.check_shown()
    shown.choose("start from", "ones", start="ones")
    wait_value(shown.notebook, "float(painter.mask.gain.min())", 1)
    shown.check_shown()


def check_view(shown: PainterLab) -> None:
    """Zoom and pan by buttons, keys and the tool Move; what the picture looks like."""
    keyboard = shown.page.keyboard
    wait = make_plane_check(shown, seconds=SECONDS, tolerance_seconds=0.006)
    zoom_by_buttons(shown, wait, seconds=SECONDS)
    time_group, frequency_group = "view of time", "view of frequency"
    shown.click("Move", group="tool", tool="move")
    shown.drag(PICTURE, (0.5, 0.5), (0.7, 0.4))
    wait((0.3, 1.3), (0.3, 0.8))
    keyboard.press("ArrowRight")  # with this tool the view's
    wait((0.4, 1.4), (0.3, 0.8))
    assert shown.read("strokes") == []
    shown.click("Brush", group="tool", tool="brush")
    shown.click("zoom out in frequency", group=frequency_group)
    wait((0.4, 1.4))
    shown.press("button", "zoom out in time", "Enter", group=time_group, view=[])
    shown.picture(PICTURE).focus()
    keyboard.press("+")
    wait((1 / 3, 5 / 3))
    keyboard.press("PageDown")
    wait((2 / 3, 2.0))
    keyboard.press("PageUp")
    wait((0.0, 4 / 3))
    keyboard.press("Home")
    shown.wait(view=[])
    shown.wheel(PICTURE, 0.0, 0.5, -200.0, key="Control")
    wait((0, SECONDS * math.exp(-200 / 300)))
    shown.click("Show all", view=[])

    shown.paint((0.2, 100), (1.8, 3000))
    top, below = "node => node.__painter.axes.top.toDataURL()", "node => node.__painter.axes.canvas.toDataURL()"
    for script, drive in (
        (top, lambda: shown.press("slider", "veil", "ArrowLeft", veil=0.75)),
        (top, lambda: shown.slide("veil", 0.3, veil=within(0.2, 0.4))),
        (below, lambda: shown.press("slider", "floor", "ArrowRight", floor_db=-79.0)),
        (below, lambda: shown.slide("floor", 0.7, floor_db=within(-45, -30))),
        (below, lambda: shown.press("combobox", "frequency axis", "ArrowDown", frequency_axis="linear")),
    ):
        shown.page.mouse.move(0, 0)
        shown.settle()
        before = shown.root.evaluate(script)
        drive()
        shown.wait_page(f"([node, before]) => ({script})(node) !== before", before)
    shown.choose("frequency axis", "log", frequency_axis="log")


def check_sound(shown: PainterLab) -> None:
    """What is painted away is not heard any more: while painting, and through the run."""
    shown.notebook.python("painter.strokes = []")
    shown.click("Rectangle", group="tool", tool="rectangle")
    shown.press("slider", "gain", "Home", gain=0.0)
    shown.paint((0.0, 30), (1.0, 4000), tool="rectangle", gain=0.0)
    shown.click("loop", role="checkbox", group="hear")
    heard = shown.hear("Play what is shown", group="hear", count=2)
    assert [seconds for seconds, _ in heard] == pytest.approx([SECONDS, SECONDS])
    before, after = (level for _, level in heard)
    assert [before, after] == pytest.approx(
        shown.notebook.value("[measure(painter.sound('before')), measure(painter.sound('after'))]"), rel=2e-3
    )  # 16 bit
    assert abs(after / before - 1) > 0.1
    shown.wait_text("playing 0.00 to 2.00 s")
    sound = "node.__painter.sound.sound"
    gains = f"['before', 'after'].map(name => {sound}.tracks.get(name).gain.gain.value).join()"
    shown.wait_page(f"([node]) => {gains} === '0,1' && {sound}.run.loop[1] === 2")
    shown.click("hear before", group="hear")
    shown.wait_page(f"([node]) => {gains} === '1,0'")
    shown.press("button", "hear before", "Space", group="hear")
    shown.wait_page(f"([node]) => {gains} === '0,1'")
    shown.click("Stop the sound", group="hear")
    shown.wait_page(f"([node]) => {sound} === null")
    shown.press("checkbox", "loop", "Space", group="hear")
    shown.click("zoom in in time", group="view of time")
    heard = shown.hear("Play what is shown", group="hear", count=2)
    assert [seconds for seconds, _ in heard] == pytest.approx([SECONDS / 2, SECONDS / 2])  # no more than what is shown
    shown.click("Show all", view=[])

    assert shown.read("result is None")
    shown.click("Apply to the song")
    shown.wait_text("applied 1 stroke to the whole song: painter.result has the stems")
    levels = [
        shown.notebook.value(f"[measure(Audio({run}.stems['loud'].data[:, {part}], 8000)) for part in (0, 1)]")
        for part in ("8000 * part + 400 : 8000 * part + 7600",)
        for run in ("trace", "painter.result", "trace.rerun('mask', mask=painter.mask)")
    ]
    assert min(levels[0]) > 0.05
    assert levels[1] == levels[2]  # the same run
    assert levels[1][0] < 0.02 * levels[0][0]  # the first second is painted away, down to the 30 Hz that are shown
    assert levels[1][1] > levels[0][1]  # the second one is all of the mixture


def check_files(shown: PainterLab, folder: Path) -> None:
    """Strokes and masks, saved and loaded; what cannot be says so."""
    strokes = shown.read("strokes")
    path = folder / "mine.json"
    shown.type_in("textbox", "file", str(path), group="files", file=str(path))
    shown.click("Save", group="files")
    shown.wait_text(f"saved {path}")
    shown.click("Save", group="files")
    shown.wait_message("exists already")
    shown.click("Dismiss", message="")
    shown.notebook.python("painter.strokes = []")
    shown.press("button", "Load", "Enter", group="files", position=1)
    assert shown.read("strokes") == strokes
    shown.check_shown()

    path = folder / "mine.npz"
    shown.type_in("textbox", "file", str(path), group="files", file=str(path))
    shown.press("button", "Save", "Enter", group="files")
    shown.wait_text(f"saved {path}")
    gain = shown.notebook.value("float(painter.mask.gain.mean())")
    shown.notebook.python("painter.strokes = []")
    shown.click("Load", group="files", start="given")
    wait_value(shown.notebook, "float(painter.mask.gain.mean())", gain)
    shown.check_shown()
    assert shown.read("strokes") == []
    assert shown.use("combobox", "start from").input_value() == "given"

    shown.type_in("textbox", "file", "no-such.json", group="files", file="no-such.json")
    shown.click("Load", group="files")
    shown.wait_message("there is no file no-such.json")
    shown.type_in("textbox", "file", "mine.txt", group="files", file="mine.txt")
    shown.click("Load", group="files")
    shown.wait_message("a painted mask is a .json file")
    shown.click("Dismiss", message="")
