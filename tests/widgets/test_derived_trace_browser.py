"""Derived stems and the view of a trace in a browser: keys, clicks and what they come to in Python."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from harness import Mounted, mount

import workbench as wb
from workbench.core import Audio
from workbench.widgets import DerivedStems, StepFigure, TraceView

RATE = 8000


def make_song() -> dict[str, Any]:
    stems = {
        name: Audio(0.1 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(seed)), RATE)
        for seed, name in enumerate(("vocals", "drums", "bass"))
    }
    return {"mixture": Audio(sum(stem.data for stem in stems.values()), RATE), **stems}


@pytest.fixture
def derived(page: Any) -> Mounted:
    return mount(page, DerivedStems(make_song(), rules=["rest = mixture - vocals"])).sync()


def list_lines(page: Any) -> list[str]:
    return page.locator(".wb-rule-line").all_inner_texts()


def list_nodes(page: Any) -> list[str]:
    return page.locator(".wb-graph .wb-node").evaluate_all("nodes => nodes.map(node => node.dataset.name)")


def test_a_rule_is_built_by_keyboard(page: Any, derived: Mounted) -> None:
    name = page.get_by_label("name of the new stem")
    name.focus()
    page.keyboard.type("rhythm")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")  # difference -> sum
    for stem in ("drums", "bass"):
        page.get_by_role("group", name="stems to add up").get_by_label(stem).focus()
        page.keyboard.press("Space")
    name.focus()
    page.keyboard.press("Enter")
    derived.sync()
    assert derived.widget.rules == ["rest = mixture - vocals", "rhythm = drums + bass"]
    assert list_lines(page) == ["rest = mixture − vocals", "rhythm = drums + bass"]
    assert name.input_value() == ""  # ready for the next one
    assert page.faults == []


def test_a_difference_is_built_from_lists_and_a_bad_one_is_told(page: Any, derived: Mounted) -> None:
    page.get_by_label("name of the new stem").fill("karaoke")
    page.get_by_label("from").select_option("rest")
    page.get_by_label("take off").select_option("drums")
    add = page.get_by_role("button", name="Add rule")
    add.click()
    derived.sync()
    assert derived.widget.rules[-1] == "karaoke = rest - drums"
    page.get_by_label("name of the new stem").fill("karaoke")
    add.click()
    derived.sync()
    assert "two rules give the stem 'karaoke'" in page.get_by_role("alert").inner_text() or (
        "would replace" in page.get_by_role("alert").inner_text()
    )
    assert len(derived.widget.rules) == 2
    page.get_by_role("button", name="Dismiss").click()
    assert page.faults == []


def test_rules_move_and_go_and_the_focus_stays_near(page: Any, derived: Mounted) -> None:
    derived.widget.rules = [*derived.widget.rules, "beat = drums + bass"]
    derived.sync()
    page.get_by_role("button", name="move beat up").focus()
    page.keyboard.press("Enter")
    derived.sync()
    assert list_lines(page) == ["beat = drums + bass", "rest = mixture − vocals"]
    assert page.evaluate("() => document.activeElement.closest('.wb-rules') !== null")  # its own button is now disabled
    page.get_by_role("button", name="remove beat").click()
    derived.sync()
    assert derived.widget.rules == ["rest = mixture - vocals"]
    assert page.faults == []


def test_the_graph_has_every_stem_and_an_edge_for_every_term(page: Any, derived: Mounted) -> None:
    derived.widget.rules = ["rest = mixture - vocals", "beat = rest + drums"]
    derived.sync()
    assert list_nodes(page) == ["mixture", "vocals", "drums", "bass", "rest", "beat"]
    edges = page.locator(".wb-graph [data-from]").evaluate_all(
        "paths => paths.map(path => [path.dataset.from, path.dataset.to, path.classList.contains('wb-edge-minus')])"
    )
    assert edges == [
        ["mixture", "rest", False],
        ["vocals", "rest", True],
        ["rest", "beat", False],
        ["drums", "beat", False],
    ]
    graph = page.get_by_role("img", name="Graph of the rules: rest is mixture minus vocals; beat is rest plus drums")
    assert graph.count() == 1
    assert page.faults == []


def test_the_meter_follows_its_boxes(page: Any, derived: Mounted) -> None:
    meter = page.get_by_role("meter")
    assert int(meter.get_attribute("aria-valuenow")) < -130
    page.get_by_role("group", name="stems taken off the mixture").get_by_label("bass").click()
    derived.sync()
    assert derived.widget.chosen == ["vocals", "drums"]
    assert meter.get_attribute("aria-valuetext") == derived.widget.residual["words"]
    assert -6 <= int(meter.get_attribute("aria-valuenow")) <= -4  # a third of the energy: -4.8 dB
    assert page.faults == []


def test_what_is_copied_is_what_python_has(page: Any, derived: Mounted) -> None:
    page.evaluate("() => document.addEventListener('copy', () => { window.copied = document.activeElement.value; })")
    for key, words in [("config", "config file (YAML)"), ("python", "Python"), ("command", "command line")]:
        area = page.get_by_label(words, exact=True)
        assert area.input_value() == derived.widget.texts[key]
        page.get_by_role("button", name=f"copy the {words}").click()
        page.wait_for_function("words => window.copied === words", arg=area.input_value())  # a page without clipboard
    derived.widget.rules = []
    derived.sync()
    assert page.get_by_label("Python", exact=True).input_value() == "derive=[]"
    assert page.faults == []


def test_a_derived_stem_is_heard_and_lanes_are_there(page: Any, derived: Mounted) -> None:
    assert page.evaluate("() => document.querySelector('.wb').__derived.lanes.lanes.length") == 5
    page.get_by_role("button", name="hear rest").click()
    derived.sync()
    page.wait_for_function("() => document.querySelector('audio').currentTime > 0.1")
    assert page.evaluate("() => document.querySelector('audio').duration") == pytest.approx(1.0, abs=0.01)
    derived.close()
    assert page.faults == []


@pytest.fixture(scope="module")
def trace() -> wb.Trace:
    return wb.trace(make_song()["mixture"], model="hpss", chunk_seconds=0.5)


def test_a_click_and_enter_pick_a_step(page: Any, trace: wb.Trace) -> None:
    view = TraceView(trace)
    mounted = mount(page, view.strip)
    steps = page.locator(".wb-path button")
    assert steps.evaluate_all("nodes => nodes.map(node => node.dataset.step)") == list(trace)
    page.get_by_role("button", name="derive stem 2 channel 2 time 8 000").click()
    mounted.sync()
    assert view.selected == "derive"
    assert isinstance(view.opened, DerivedStems)
    assert page.locator("[aria-pressed=true]").get_attribute("data-step") == "derive"
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("() => document.activeElement.dataset.step") == "restore"
    assert "sample_rate 8000" in page.locator(".wb-step-details").inner_text()  # the focused step's settings
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    mounted.sync()
    assert view.selected == "load"
    page.keyboard.press("Enter")
    mounted.sync()
    assert (view.selected, view.opened) == ("", None)
    assert page.faults == []


def test_passes_are_switched(page: Any) -> None:
    several = wb.trace(make_song()["mixture"], model="hpss", chunk_seconds=0.5, tta=["polarity"])
    view = TraceView(several)
    mounted = mount(page, view.strip).sync()
    first, second = several
    buttons = page.get_by_role("group", name="pass", exact=True).get_by_role("button")
    assert buttons.all_inner_texts() == [first, second]
    buttons.nth(1).click()
    mounted.sync()
    assert view.strip.shown_pass == second
    assert buttons.nth(1).get_attribute("aria-pressed") == "true"
    assert buttons.nth(0).get_attribute("aria-pressed") == "false"
    assert page.faults == []


def test_a_figures_controls_draw_another_part(page: Any, trace: wb.Trace) -> None:
    widget = StepFigure(trace["inverse"])
    mounted = mount(page, widget).sync()
    image = page.locator(".wb-step-figure img")
    page.wait_for_function("() => document.querySelector('.wb-step-figure img').naturalWidth > 900")
    before = image.get_attribute("src")
    page.get_by_label("chunk").focus()
    page.keyboard.press("ArrowDown")
    mounted.sync()
    assert widget.chunk == 0
    assert image.get_attribute("src") != before
    page.get_by_label("stem").select_option("percussive")
    mounted.sync()
    assert widget.stem == "percussive"
    assert image.get_attribute("alt") == widget.words
    page.get_by_label("chunk").select_option("")
    mounted.sync()
    assert widget.chunk is None
    assert page.faults == []


def test_a_sound_that_cannot_come_is_not_waited_for(page: Any, derived: Mounted) -> None:
    title = page.locator(".wb-derived audio + span")
    page.get_by_role("button", name="hear rest", exact=True).click()
    assert title.inner_text() == "fetching rest …"
    derived.widget.rules = []  # gone meanwhile
    derived.sync()
    assert "rest" in page.get_by_role("alert").inner_text()
    assert title.inner_text() == "Press one to hear it."
    page.evaluate("() => { window.wb.model.send = () => { throw new Error('Cannot send'); }; }")
    page.get_by_role("group", name="hear", exact=True).get_by_role("button", name="vocals").click()
    assert "the kernel has ended or was restarted" in page.get_by_role("alert").inner_text()
    assert title.inner_text() == "Press one to hear it."
    assert page.faults == []
