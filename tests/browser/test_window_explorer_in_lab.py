"""Window explorer in JupyterLab: every control does what it says, as the kernel has it afterwards."""

from __future__ import annotations

import re
from typing import Any

import pytest
from controls import check_quiet, run_notebook
from lab_explorer import RATE, SONG, drag_view, drive_view_buttons, make_view_check, press_view_keys
from lab_widget import LabWidget, within
from labdriver import Lab, Notebook

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
        tolerance_db = 8 if key in ("fade_whole_batch", "last_chunk_cut") else 0.3  # these two go by the length
        wait_error(shown, pytest.approx(error_db, abs=tolerance_db))
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


def wait_error(shown: LabWidget, error_db: Any) -> None:
    """Wait until the mistake's error is this, in the kernel and in the same words in the page."""

    def is_told(facts: list[dict[str, Any]]) -> bool:
        answers = [fact["answer"] for fact in facts if fact["name"] == "error of the mistake"]
        is_right = [float(answer.removesuffix(" dB").replace("−", "-")) == error_db for answer in answers] == [True]
        return is_right and shown.root.get_by_text(answers[0]).filter(visible=True).count() > 0

    shown.wait(facts=is_told)


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
