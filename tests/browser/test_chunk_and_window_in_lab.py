"""Chunk and window explorer in JupyterLab: every control does what it says, as the kernel has it afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from controls import check_quiet, run_notebook
from lab_widget import LabWidget, within
from labdriver import Lab, Notebook

RATE, NUM_SAMPLES = 8000, 20_000
SONG = f"""
import torch
import workbench as wb
from workbench.core import Audio
from workbench.widgets import ChunkExplorer, WindowExplorer
song = Audio(0.2 * torch.randn(2, {NUM_SAMPLES}, generator=torch.Generator().manual_seed(3)), {RATE})

def measure(audio):
    return float(audio.data.double().square().mean().sqrt())
"""


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
    assert '"chunking.padding_mode": "replicate"' in shown.read("code")
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
        assert [entry["chunk"] for entry in shown.read("covering")] == covering
        shown.wait_text(f"in chunk {covering[0]} at its sample {sample - 2000 * covering[0] + 2000}")
    shown.wait(chunk=within(*covering))
    assert shown.read("chunk") % 2 == 1  # the lower of two lanes
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


def make_view_check(shown: LabWidget) -> Callable[[float, float], None]:
    """Waits until from when to when is shown."""
    return lambda first, last: shown.wait(shown=lambda value: value[:2] == pytest.approx([first, last], abs=1e-6))


def drive_view_buttons(shown: LabWidget, *, span: float, start: float) -> None:
    """The buttons for time: half as much, on by half of that, back, all."""
    group, check_view = "view of time", make_view_check(shown)

    def check(first: float, last: float) -> None:
        check_view(start + first * span, start + last * span)

    shown.click("zoom in in time", group=group)
    check(0.25, 0.75)
    shown.click("later", group=group)
    check(0.5, 1.0)
    shown.click("earlier", group=group)
    check(0.25, 0.75)
    shown.press("button", "zoom in in time", "Enter", group=group)
    check(0.375, 0.625)
    shown.click("zoom out in time", group=group)
    check(0.25, 0.75)
    shown.click("Show all", shown=[])


def press_view_keys(
    shown: LabWidget,
    name: str,
    check: Callable[[float, float], None],
    *,
    span: float,
    start: float,
    arrows: bool = True,
) -> None:
    """Keys, drag and wheel of a picture of the whole song."""
    keyboard = shown.page.keyboard
    shown.picture(name).focus()
    keyboard.press("+")
    first = start + span / 6
    check(first, first + span / 1.5)
    keyboard.press("PageDown")
    check(start + span / 3, start + span)
    keyboard.press("PageUp")
    check(start, start + span / 1.5)
    if arrows:
        keyboard.press("ArrowRight")
        check(start + span / 15, start + span * 11 / 15)
        keyboard.press("ArrowLeft")
        check(start, start + span / 1.5)
    keyboard.press("-")
    shown.wait(shown=[])
    keyboard.press("=")
    check(first, first + span / 1.5)
    drag_view(shown, name, first=first, span=span)
    shown.wheel(name, 0.0, 0.5, -200.0, key="Control")
    shown.wait(shown=lambda value: value != [] and value[0] == pytest.approx(start, abs=0.005 * span))
    keyboard.press("Home")
    shown.wait(shown=[])


def drag_view(shown: LabWidget, name: str, *, first: float, span: float) -> None:
    """Drag a picture that shows two thirds of the whole from ``first`` on, and show all of it again."""
    shown.drag(name, (0.3, 0.5), (0.35, 0.5))  # what was there comes along
    shown.wait(shown=lambda value: value[0] == pytest.approx(first - 0.05 * span / 1.5, abs=0.005 * span))
    shown.page.keyboard.press("Home")
    shown.wait(shown=[])


MISTAKES = {
    "uneven_hop": ("windows.hann", 0.4, -17.5),
    "hann_without_overlap": ("windows.hann", 0.0, -3.0),
    "divide_by_count": ("windows.hann", 0.75, -6.0),
    "fade_whole_batch": ("windows.linear_fade", 0.1, -10.8),
    "last_chunk_cut": ("windows.hann", 0.5, -14.8),
}


def test_every_control_of_the_window_explorer(notebook: Notebook, page: Any, lab: Lab) -> None:
    explorer = "explorer = WindowExplorer(song, chunk_size=2048, excerpt_seconds=2.0); explorer"
    run_notebook(notebook, lab, "windows.ipynb", SONG, explorer)
    shown = LabWidget(notebook, "explorer", label="Window explorer")

    # Every window that there is, by one arrow each, with its parameters
    known = shown.read("known_windows")
    assert len(known) > 10
    shown.press("combobox", "window", "Home", window=known[0]["id"])
    driven = 0
    for index, one in enumerate(known):
        shown.press("combobox", "window", *["ArrowDown"] * (index > 0), window=one["id"])
        shown.wait_text(one["summary"])
        for parameter in one["parameters"]:
            name, group = f"{parameter['name']} {parameter['summary']}".strip(), "parameters of the window"
            before = shown.read("parameters")[parameter["name"]]
            middle = (parameter["low"] + parameter["high"]) / 2
            towards, sign = ("ArrowRight", 1) if before < middle else ("ArrowLeft", -1)
            expected = {parameter["name"]: pytest.approx(before + sign * parameter["step"])}
            shown.press("slider", name, towards, group=group, parameters=expected)
            reach = 0.1 * (parameter["high"] - parameter["low"])
            is_near = within(middle - reach, middle + reach)
            shown.slide(name, 0.5, group=group, parameters=lambda value: is_near(*value.values()))  # noqa: B023
            driven += 1
    assert driven >= 6
    shown.wait_message("")
    assert shown.read("window") == known[-1]["id"]
    notebook.python(
        "def make_flat(length, *, dtype, device):\n    return torch.full((length,), 0.5, dtype=dtype, device=device)\n"
        "wb.register_window(wb.WindowCard(name='flat', make=make_flat, summary='Half everywhere.'))"
    )
    shown.press("slider", re.compile("hop"), group="")  # away from the list, which is read when it is come to
    shown.press("combobox", "window")
    shown.wait_page("([node]) => node.querySelector(\"option[value='notebook.flat']\")")
    shown.choose("window", "notebook.flat", window="notebook.flat", parameters={})
    shown.choose("window", "windows.hann", window="windows.hann")

    # Chunk, hop and overlap follow one another
    shown.press("spinbutton", "chunk samples", "ArrowUp", chunk_samples=2304, hop_samples=1152)
    shown.type_in("spinbutton", "chunk samples", "2000", chunk_samples=2000, hop_samples=1000)
    shown.press("slider", "hop", "ArrowLeft", hop_samples=within(961, 999), overlap=within(0.5001, 0.52))
    shown.slide("hop", 0.25, hop_samples=within(400, 600))
    shown.press("spinbutton", "hop exactly samples", "ArrowUp")
    shown.type_in("spinbutton", "hop exactly samples", "700", hop_samples=700, overlap=0.65)
    shown.press("spinbutton", "hop exactly samples", "ArrowDown", hop_samples=699)
    shown.press("combobox", "overlap", "Home", "ArrowDown", overlap=0.25, hop_samples=1500)
    shown.choose("overlap", "0.5", overlap=0.5, hop_samples=1000)

    # What is cut
    signals = shown.read("signals")
    shown.press("combobox", "signal", "ArrowDown", signal=signals[1])
    shown.choose("signal", "noise", signal="noise")
    shown.choose("signal", "song", signal="song")
    shown.press("slider", "from", "ArrowRight", start_seconds=0.1)
    shown.slide("from", 0.8, start_seconds=0.4)
    shown.press("slider", "from", "Home", start_seconds=0)
    assert notebook.value("bool((explorer.rebuilt.signal.data == song.data[:, :16000]).all())")
    count = shown.read("drawn['num_chunks']")
    shown.press("slider", "chunks added", "Home", "ArrowRight", num_added=2)
    shown.slide("chunks added", 0.5, num_added=within(count // 2 - 2, count // 2 + 2))
    shown.press("slider", "chunks added", "End", num_added=-1)

    # Mistakes: settings that show each, what is wrong in words, its error, and how it sounds
    assert set(shown.read("known_mistakes[0]")) == {"key", "title", "wrong", "heard"}
    shown.type_in("spinbutton", "chunk samples", "2048", chunk_samples=2048)
    told = {one["key"]: one for one in shown.read("known_mistakes")}
    assert set(told) == set(MISTAKES)
    for key in told:
        window, overlap, error_db = MISTAKES[key]
        shown.press("combobox", "well-known mistakes", "ArrowDown", mistake=key, window=window, overlap=overlap)
        for words in (f"What is wrong: {told[key]['wrong']}", f"What is heard and seen: {told[key]['heard']}"):
            shown.wait_text(words)
        [answer] = [fact["answer"] for fact in shown.read("facts") if fact["name"] == "error of the mistake"]
        tolerance_db = 8 if key in ("fade_whole_batch", "last_chunk_cut") else 0.3  # these two go by the length
        assert float(answer.removesuffix(" dB").replace("−", "-")) == pytest.approx(error_db, abs=tolerance_db)
        shown.wait_text(answer)
        check_sound(shown, "mistake", "the mistake")
        check_sound(shown, "difference", "the difference")
    shown.press("combobox", "well-known mistakes", "Home", mistake="")
    shown.root.get_by_role("button", name="Play the mistake").wait_for(state="hidden")

    # Without normalization a window that does not add up ripples, and one hears that
    shown.choose("overlap", "0.25", overlap=0.25)
    signal = check_sound(shown, "signal", "the signal")
    assert check_sound(shown, "stitched", "stitch_chunks") == pytest.approx(signal, rel=1e-3)
    assert check_sound(shown, "plain", "without normalization") > 1.05 * signal  # peaks of hann over one gain for all
    shown.click("Play without normalization", group="listen")  # stops it
    shown.wait_page("([node]) => node.__explorer.clip.position === null")
    assert shown.read("verdict.is_cola") is False
    shown.wait_text("COLA: the windows add up to a constant")

    # What is shown
    rate, drawn = RATE, shown.read("drawn")
    start, span = drawn["start"] / rate, drawn["padded_length"] / rate
    drive_view_buttons(shown, span=span, start=start)
    check_view = make_view_check(shown)
    for name in ("Windows and their sum", "Sum after normalization", "Waveforms", "Reconstruction error"):
        if name == "Windows and their sum":
            press_view_keys(shown, name, check_view, span=span, start=start)
        shown.picture(name).focus()
        page.keyboard.press("+")
        check_view(start + span / 6, start + span * 5 / 6)
        drag_view(shown, name, first=start + span / 6, span=span)
        page.mouse.move(*shown.place(name, 0.5, 0.5))
        shown.wait_page(
            "([node, name]) => [...node.querySelectorAll('.wb-axes')].find(axes => axes.getAttribute('aria-label')"
            ".startsWith(name)).parentNode.querySelector('.wb-readout').textContent.includes(' s, ')",
            name,
        )
    for index, name in ((2, "First chunk"), (3, "Last chunk")):
        view = f"node.__explorer.allAxes[{index}].view"
        shown.picture(name).focus()
        page.keyboard.press("+")
        shown.wait_page(f"([node]) => {view}.x[0] > {view}.whole.x[0]")
        first = shown.root.evaluate(f"node => {view}.x[0]")
        shown.drag(name, (0.3, 0.5), (0.4, 0.5))
        shown.wait_page(f"([node, first]) => {view}.x[0] < first", first)
        page.keyboard.press("Home")
        shown.wait_page(f"([node]) => {view}.x[0] === {view}.whole.x[0]")
    assert shown.read("shown") == []  # the ends have views of their own

    # What cannot be
    serial = shown.read("drawn['serial']")
    shown.type_in("spinbutton", "hop exactly samples", "0")
    shown.wait_message("hop_size must be at least 1 sample, got 0")
    assert shown.read("drawn['serial']") == serial
    shown.click("Dismiss", message="")
    shown.type_in("spinbutton", "hop exactly samples", "512", hop_samples=512)
    shown.check()
    check_quiet(notebook)


def check_sound(shown: LabWidget, track: str, words: str) -> float:
    """What the button plays is what Python has; gives its root mean square before the gain that all tracks share."""
    [[seconds, level]] = shown.hear(f"Play {words}", group="listen")
    gain, expected = shown.notebook.value(
        "[__import__('workbench.widgets.sound', fromlist=['']).choose_gain(explorer.tracks.values()),"
        f" measure(explorer.tracks[{track!r}])]"
    )
    assert seconds == pytest.approx(2.0)
    assert level == pytest.approx(gain * expected, rel=1e-3, abs=1e-5)  # 16 bit
    return level / gain
