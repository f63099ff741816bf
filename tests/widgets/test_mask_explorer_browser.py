from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from harness import UNGUARDED, Mounted, mount
from mask_songs import make_trace

from workbench.pipeline.trace import Trace
from workbench.widgets import MaskExplorer

PANELS = ("mixture", "mask, magnitude", "mask, phase", "result", "difference")

pytestmark = pytest.mark.usefixtures("single_thread")


@pytest.fixture(scope="module")
def trace(single_thread: None) -> Trace:
    return make_trace()


@pytest.fixture
def shown(probed: Any, trace: Trace) -> Mounted:
    return mount(probed, MaskExplorer(trace, chunk=1, channel=0))


def focus_panel(page: Any, name: str) -> Any:
    panel = page.get_by_role("group", name=f"{name}: arrows")
    panel.focus()
    return panel


def find(page: Any, name: str) -> Any:
    """A control by the words before it or behind it."""
    label = page.locator("label.wb-control").filter(has_text=re.compile(f"^{name}"))
    return label.locator("input, select")


def press(shown: Mounted, name: str, key: str) -> MaskExplorer:
    """A key on a control, and what it changes carried to Python and back."""
    find(shown.page, name).focus()
    shown.page.keyboard.press(key)
    shown.sync()
    return shown.widget


def test_every_control_moves_by_keys_and_reaches_python(shown: Mounted) -> None:
    page = shown.page
    reached: list[str] = []
    page.expose_function("reach", lambda key: reached.append(key))
    page.evaluate("() => document.addEventListener('keydown', event => window.reach(event.key))")
    for name, key, trait, value in (
        ("stem", "ArrowDown", "stem", "soft"),
        ("channel", "ArrowDown", "channel", 1),
        ("chunk", "ArrowDown", "chunk", 2),
        ("chunk", "Home", "chunk", None),
        ("chunk", "End", "chunk", 4),
        ("mask", "ArrowDown", "origin", "ibm"),
        ("exponent", "ArrowRight", "exponent", 1.1),
        ("exponent", "End", "exponent", 8.0),
        ("threshold", "PageUp", "threshold", 0.1),
        ("difference", "ArrowDown", "show_difference", "mask"),
        ("ideal mask", "End", "against", "cirm"),
        ("floor", "ArrowRight", "floor_db", -79.0),
        ("top", "ArrowLeft", "top_db", -1.0),
        ("colours", "ArrowDown", "colour_map", "viridis"),
        ("frequency axis", "ArrowDown", "frequency_axis", "linear"),
        ("only the stretch shown", "Space", "hear_shown", True),
    ):
        assert getattr(press(shown, name, key), trait) == pytest.approx(value), (name, key)
    assert [key for key in reached if key != " "] == []  # a notebook's shortcuts would get what comes through
    page.get_by_role("button", name="exponent 1, threshold 0").press("Enter")
    assert (shown.sync().widget.exponent, shown.widget.threshold) == (1.0, 0.0)
    page.get_by_role("button", name="Apply to the song").press("Enter")
    shown.sync()
    assert shown.widget.result is not None
    assert page.get_by_text("the new trace is widget.result").is_visible()
    assert page.locator(UNGUARDED).count() == 0
    assert shown.widget.message == ""
    assert page.faults == []


def test_python_moves_every_control(shown: Mounted) -> None:
    page, widget = shown.page, shown.widget
    state = {"stem": "soft", "channel": 1, "exponent": 2.5, "threshold": 0.25, "origin": "psm", "colour_map": "cividis"}
    for name, value in {**state, "chunk": None, "show_difference": "result", "floor_db": -50.0, "top_db": 5.0}.items():
        setattr(widget, name, value)
    widget.frequency_axis, widget.hear_shown = "linear", True
    shown.sync()
    for label, value in (
        ("stem", "soft"),
        ("channel", "1"),
        ("chunk", "song"),
        ("mask", "psm"),
        ("exponent", "2.5"),
        ("threshold", "0.25"),
        ("difference", "result"),
        ("floor", "-50"),
        ("top", "5"),
        ("colours", "cividis"),
        ("frequency axis", "linear"),
    ):
        assert find(page, label).input_value() == value, label
    assert find(page, "ideal mask").is_disabled()
    assert find(page, "only the stretch shown").is_checked()
    assert page.get_by_text("Result minus true stem;").is_visible()
    assert page.faults == []


def test_all_panels_share_one_view_and_it_asks_nothing_of_python(shown: Mounted) -> None:
    page, widget = shown.page, shown.widget
    widget.show_difference = "mask"
    shown.sync()
    serial = widget.picture["serial"]
    for name in PANELS:
        focus_panel(page, name)
        page.keyboard.press("+")
        start, stop = shown.sync().widget.view[:2]
        assert stop - start == pytest.approx(0.5 / 1.5), name
        page.keyboard.press("Home")
        assert shown.sync().widget.view == []
    focus_panel(page, "result")
    before = read_panels(page)
    assert len(before) == len(PANELS)
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("+")
    shown.frames()
    assert all(one != other for one, other in zip(before, read_panels(page), strict=True))
    widget.view = [0.3, 0.4, 500.0, 1000.0]
    widget.floor_db = -60.0
    shown.sync()
    assert widget.picture["serial"] == serial
    assert page.faults == []


def read_panels(page: Any) -> list[str]:
    """What each visible panel shows, as text to compare."""
    return list(
        page.evaluate(
            "() => [...document.querySelectorAll('.wb-axes > canvas:first-child')].filter(c => c.offsetParent)"
            ".map(c => c.toDataURL())"
        )
    )


def test_levels_move_only_the_pictures_of_levels(shown: Mounted) -> None:
    before = read_panels(shown.page)
    assert len(before) == 4
    press(shown, "floor", "PageUp")
    after = read_panels(shown.page)
    assert [one != other for one, other in zip(before, after, strict=True)] == [True, False, False, True]
    press(shown, "exponent", "PageUp")
    changed = read_panels(shown.page)
    assert [one != other for one, other in zip(after, changed, strict=True)] == [False, True, True, True]


def test_the_readout_says_what_python_knows(shown: Mounted, trace: Trace) -> None:
    page, widget = shown.page, shown.widget
    widget.show_difference = "mask"
    shown.sync()
    box = focus_panel(page, "mask, magnitude").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    shown.frames()
    words = page.locator(".wb-mask > .wb-readout").inner_text().split(" · ")
    seconds, hertz = float(words[0].split()[0]), float(words[1].split()[0])
    said = {word.split()[0]: word.split()[1].replace("−", "-") for word in words[2:]}
    column = round((seconds - widget.picture["start_seconds"]) / widget.picture["step_seconds"])
    row = round(hertz / widget.picture["step_hertz"])
    mask = trace["mask"].mask[1, 0].unflatten(0, (-1, 2))[row, 0, column]
    ideal = trace.ideal_mask("irm")[1, 0].unflatten(0, (-1, 2))[row, 0, column]
    # one byte for 0 to 2, -pi to pi and -1 to 1, and two digits
    assert float(said["mask"]) == pytest.approx(float(mask.norm()), abs=0.01)
    assert float(said["phase"]) == pytest.approx(np.pi / 2, abs=0.02)
    assert float(said["difference"]) == pytest.approx(float(mask.norm() - ideal.norm()), abs=0.015)
    assert words[2].endswith("dB")
    assert words[4].endswith("rad")
    page.mouse.move(1, 1)
    shown.frames()
    assert "Point at a panel" in page.locator(".wb-mask > .wb-readout").inner_text()


def test_before_and_after_are_heard(shown: Mounted) -> None:
    page = shown.page
    page.evaluate(  # it is said for half a second each time
        """() => { window.said = [];
        new MutationObserver(() => said.push(document.querySelector('.wb').textContent))
          .observe(document.querySelector('.wb'), { subtree: true, childList: true, characterData: true }); }"""
    )
    for name, words in (("hear the mixture", "mixture"), ("hear before", "before"), ("hear after", "after")):
        page.get_by_role("button", name=name).press("Enter")
        shown.sync()
        page.wait_for_function("words => said.some(text => text.includes(words))", arg=f"Playing: {words}")
    page.get_by_role("button", name="stop the sound").press("Enter")
    assert page.get_by_text("Playing:").count() == 0
    widget = shown.widget
    widget.chunk = 0  # of which the first half is padding
    widget.hear_shown, widget.view = True, [-0.2, -0.1]
    shown.sync()
    page.get_by_role("button", name="hear after").click()
    shown.sync()
    assert "nothing to hear" in page.get_by_role("alert").inner_text()
    assert page.faults == []
    shown.close()
    assert page.evaluate("() => [...window.wb.handlers.values()].flat().length") == 0


@pytest.mark.filterwarnings("ignore::workbench.errors.WorkbenchNotice")
def test_what_is_not_there_has_no_control_and_is_said(page: Any) -> None:
    shown = mount(page, MaskExplorer(make_trace(references=False, memory_budget_bytes=0)))
    assert find(page, "difference").count() == 0
    assert find(page, "mask").locator("option").all_inner_texts() == ["the model's"]
    assert "whole song" not in find(page, "chunk").locator("option").all_inner_texts()
    assert page.get_by_text("only a summary was kept").is_visible()
    assert page.get_by_text("they need the true stems").is_visible()
    page.get_by_role("button", name="Apply to the song").click()
    shown.sync()
    assert "memory_budget_bytes" in page.get_by_role("alert").inner_text()
    assert page.faults == []


@pytest.mark.parametrize("width", [600, 1280, 1920])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_cut_off_and_all_can_be_read(probed: Any, trace: Trace, width: int, theme: str) -> None:
    page = probed
    page.set_viewport_size({"width": width, "height": 1100})
    mount(page, MaskExplorer(trace, show_difference="result", origin="cirm", exponent=2.0, threshold=0.1), theme=theme)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    edges = page.evaluate("() => [...document.querySelectorAll('.wb-axes > canvas:first-child')].map(countBorderInk)")
    assert edges == [[0, 0, 0, 0]] * len(PANELS)  # no ink touches the border
    contrasts = page.evaluate(
        "selector => measureContrasts(selector)", ".wb h4, .wb button:enabled, .wb label, .wb-mask-title, .wb-mask-line"
    )
    assert len(contrasts) > 20
    assert [entry for entry in contrasts if entry[0] < 4.5] == []
    boxes = [page.get_by_role("group", name=f"{name}: arrows").bounding_box() for name in PANELS]
    columns = {600: 1, 1280: 2, 1920: 4}[width]
    assert len({round(box["x"]) for box in boxes[:4]}) == columns
    for first in range(0, 4, columns):  # panels beside one another begin at one height
        assert len({round(box["y"]) for box in boxes[first : first + columns]}) == 1
    assert page.faults == []
