"""Derived stems, the view of a trace and a step's figure in JupyterLab: each control driven, and read from Python."""

from __future__ import annotations

import re
from typing import Any

import pytest
from controls import check_quiet, count_cells, run_notebook, wait_value
from lab_widget import LabWidget
from labdriver import Lab, Notebook

SECONDS = 2.0
SONG = f"""
import torch
import workbench as wb
from workbench.core import Audio
from workbench.widgets import DerivedStems, StepFigure, TraceView
RATE = 8000
stems = {{
    name: Audio(0.1 * torch.randn(2, round({SECONDS} * RATE), generator=torch.Generator().manual_seed(seed)), RATE)
    for seed, name in enumerate(("vocals", "drums", "bass"))
}}
song = Audio(sum(stem.data for stem in stems.values()), RATE)
"""
RUNS = """
trace = wb.trace(song, model="hpss", chunk_seconds=1.0)
several = wb.trace(song, model="hpss", chunk_seconds=1.0, tta=["polarity"])
"""
# what the steps of that run are explored by
EXPLORERS = {
    "load": "StemPlayer",
    "conform": "StemPlayer",
    "normalize": "StemPlayer",
    "chunk": "ChunkExplorer",
    "transform": "MaskExplorer",
    "model": "MaskExplorer",
    "mask": "MaskExplorer",
    "inverse": "StepFigure",
    "stitch": "WindowExplorer",
    "denormalize": "StemPlayer",
    "restore": "StemPlayer",
    "derive": "DerivedStems",
}
REST, RHYTHM, THIN = "rest = mixture - vocals", "rhythm = drums + bass", "thin = rest - drums"


def test_every_control_of_derived_stems(notebook: Notebook, page: Any, lab: Lab) -> None:
    made = f"derived = DerivedStems(stems, mixture=song, rules=[{REST!r}]); derived"
    run_notebook(notebook, lab, "derived.ipynb", SONG, made)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown, cells = LabWidget(notebook, "derived", label="Derived stems"), count_cells(page)
    build_rules(shown)
    measure_additivity(shown)
    hear_stems(shown)
    move_view(shown)
    copy_rules(shown)
    order_rules(shown)
    shown.check()
    assert count_cells(page) == cells
    check_quiet(notebook)


def build_rules(shown: LabWidget) -> None:
    """A sum by keyboard, a difference by lists, and one that cannot be."""
    name = ("textbox", "name of the new stem")
    shown.press(*name, *"rhythm", group="new rule")
    shown.press("combobox", "operation", "ArrowDown", group="new rule")
    picks = {"group": "stems to add up"}
    for stem in ("mixture", "vocals", "drums", "bass", "rest"):
        shown.press("checkbox", stem, "Space", **picks)
    for stem in ("mixture", "vocals", "rest"):
        shown.click(stem, role="checkbox", **picks)  # and off again
    shown.press(*name, "Enter", group="new rule", rules=[REST, RHYTHM])
    shown.wait_page("([root, selector]) => root.querySelector(selector).value === ''", "[aria-label^='name of']")
    assert shown.root.locator(".wb-rule-line").all_inner_texts() == [REST.replace("-", "−"), RHYTHM]
    wait_value(shown.notebook, "derived.stems['rhythm'].data.equal(stems['drums'].data + stems['bass'].data)", True)
    shown.click("rhythm", role="checkbox", **picks)  # a derived one can be added up, too
    shown.choose("operation", "subtract", group="new rule")
    shown.press("combobox", "from", "End", "ArrowUp", "x", group="difference of")  # the last but one, rest
    shown.choose("take off", "drums", group="difference of")
    shown.type_in(*name, "thin", group="new rule", rules=[REST, RHYTHM, THIN])
    shown.use(*name, group="new rule").fill("thin")
    shown.click("Add rule", group="new rule")
    shown.wait_message("thin")
    shown.choose("operation", "sum", group="new rule")
    shown.click("thin", role="checkbox", **picks)
    shown.click("Dismiss", message="")
    shown.wait_message("")
    assert shown.read("rules") == [REST, RHYTHM, THIN]


def order_rules(shown: LabWidget) -> None:
    """Rules move and go, unless another one uses them."""
    shown.click("move thin up", rules=[REST, THIN, RHYTHM])
    shown.click("move thin down", rules=[REST, RHYTHM, THIN])
    shown.click("remove rest")
    shown.wait_message("rest")
    shown.wait(rules=[REST, RHYTHM, THIN])
    shown.press("button", "remove thin", "Enter", rules=[REST, RHYTHM])
    shown.wait_message("")
    shown.press("button", "move rest down", "Space", rules=[RHYTHM, REST])
    shown.press("button", "move rest up", "Enter", rules=[REST, RHYTHM])
    shown.click("move rhythm up", rules=[RHYTHM, REST])
    shown.click("move rhythm down", rules=[REST, RHYTHM])
    edges = "([root]) => [...root.querySelectorAll('.wb-graph [data-from]')].map(edge => edge.dataset.from).join()"
    shown.wait_page(f"given => ({edges})(given) === 'mixture,vocals,drums,bass'")
    shown.click("remove rhythm", rules=[REST])
    shown.notebook.python(f"derived.rules = [{REST!r}, {RHYTHM!r}]")
    shown.wait_page(f"given => ({edges})(given) === 'mixture,vocals,drums,bass'")


def measure_additivity(shown: LabWidget) -> None:
    """The meter follows its boxes."""
    group, meter = "stems taken off the mixture", shown.root.get_by_role("meter")
    shown.wait(**{"residual_db < -130": True})
    shown.click("bass", role="checkbox", group=group, chosen=["vocals", "drums"])
    shown.wait(residual_db=pytest.approx(-4.8, abs=0.1))  # a third of the energy
    shown.wait(**{"residual['words']": lambda words: meter.get_attribute("aria-valuetext") == words})
    shown.press("checkbox", "drums", "Space", group=group, chosen=["vocals"])
    shown.click("rhythm", role="checkbox", group=group, chosen=["vocals", "rhythm"])
    shown.wait(**{"residual_db < -130": True})
    shown.click("vocals", role="checkbox", group=group, chosen=["rhythm"])
    shown.click("rest", role="checkbox", group=group, chosen=["rest", "rhythm"])
    shown.click("thin", role="checkbox", group=group, chosen=["rest", "rhythm", "thin"])


def hear_stems(shown: LabWidget) -> None:
    """Each stem by both of its buttons; the player's own key; a click on the lanes."""
    audio = shown.use("audio", "player of one stem")
    heard, title = shown.root.locator("audio"), shown.root.locator(".wb-heard")
    is_at = "([root, seconds]) => Math.abs(root.querySelector('audio').currentTime - seconds) < 0.3"
    for name in ("mixture", "vocals", "drums", "bass", "rest", "rhythm", "thin"):
        shown.click(name, group="hear")
        title.filter(has_text=re.compile(f"^{name}$")).wait_for()
    shown.wait_page("([root]) => root.querySelector('audio').currentTime > 0.1")
    assert heard.evaluate("audio => audio.duration") == pytest.approx(SECONDS, abs=0.01)
    for name in ("rest", "rhythm", "thin"):
        shown.click(f"hear {name}")
        title.filter(has_text=re.compile(f"^{name}$")).wait_for()
    shown.wait_page("([root]) => root.querySelector('audio').paused")  # at its end
    audio.focus()
    shown.page.keyboard.press("Space")
    shown.wait_page("([root]) => !root.querySelector('audio').paused")
    shown.page.keyboard.press("Space")
    shown.wait_page("([root]) => root.querySelector('audio').paused")
    shown.page.mouse.click(*shown.place("Waveforms of the stems", 0.5, 0.5))
    shown.wait_page(is_at, SECONDS / 2)
    lanes = "root.__derived.lanes.lanes.map(lane => lane.name.split(',')[0]).join()"
    shown.wait_page(f"([root]) => {lanes} === 'mixture,vocals,drums,bass,rest,rhythm,thin'")


def move_view(shown: LabWidget) -> None:
    """What the lanes show, by buttons, keys, drag and wheel."""
    group, lanes = "view of time", "Waveforms of the stems"
    shown.click("zoom in in time", group=group, **{"shown[:2]": pytest.approx([0.5, 1.5])})
    shown.click("earlier", group=group, **{"shown[:2]": pytest.approx([0.0, 1.0])})
    shown.click("later", group=group, **{"shown[:2]": pytest.approx([0.5, 1.5])})
    shown.drag(lanes, (0.5, 0.5), (0.25, 0.5))
    shown.wait(**{"shown[:2]": pytest.approx([0.75, 1.75], abs=0.01)})
    shown.click("zoom out in time", group=group, shown=[])
    shown.press("group", lanes, "+", **{"shown[:2]": pytest.approx([1 / 3, 5 / 3])})
    shown.press("group", lanes, "ArrowLeft", "PageDown", "ArrowRight", **{"shown[:2]": pytest.approx([2 / 3, 2.0])})
    shown.press("group", lanes, "Home", shown=[])
    shown.wheel(lanes, 0.0, 0.5, -150, key="Control")
    shown.wait(**{"shown[:2]": lambda ends: len(ends) == 2 and ends[0] < 0.01 and ends[1] < 1.5})
    shown.click("Show all", shown=[])


def copy_rules(shown: LabWidget) -> None:
    """What is copied is what Python has."""
    for key, words in {"config": "config file (YAML)", "python": "Python", "command": "command line"}.items():
        text = shown.read(f"texts[{key!r}]")
        assert all(name in text for name in ("rest", "rhythm", "thin"))
        assert shown.use("textbox", words).input_value() == text
        shown.click(f"copy the {words}", group="copy")
        shown.page.wait_for_function("async text => await navigator.clipboard.readText() === text", arg=text)


def test_every_control_of_a_trace_and_a_figure(notebook: Notebook, page: Any, lab: Lab) -> None:
    cells_of = (
        "view = TraceView(trace); view",
        "passes = TraceView(several); passes",
        "figure = StepFigure(trace['model']); figure",
    )
    run_notebook(notebook, lab, "trace.ipynb", SONG + RUNS, *cells_of)
    cells = count_cells(page)
    pick_steps(LabWidget(notebook, "view", label="Trace of hpss.hpss"))
    switch_passes(LabWidget(notebook, "passes", label="Trace of 2 passes"))
    choose_part(LabWidget(notebook, "figure", label="Step model of hpss.hpss"))
    assert count_cells(page) == cells
    check_quiet(notebook)


def name_card(step: str) -> re.Pattern[str]:
    """A step's button, whose name goes on with its shape, size and time."""
    return re.compile(f"{step} .*")


def pick_steps(shown: LabWidget) -> None:
    """A click opens what explores a step, keys go from one to the next, and what is pressed again is let go."""
    assert [step["name"] for step in shown.read("strip.steps")] == list(EXPLORERS)
    for step, explorer in EXPLORERS.items():
        card = shown.click(name_card(step), selected=step)
        shown.wait(**{"opened.__class__.__name__": explorer, "strip.message": ""})
        shown.page.locator(f".wb[aria-label='{shown.read('opened.label')}']").last.wait_for()
        assert card.get_attribute("aria-pressed") == "true"
        assert shown.root.locator("[aria-pressed=true]").count() == 1
    shown.press("button", name_card("derive"), "ArrowLeft", "x", "Enter", selected="restore")
    shown.root.locator(".wb-step-details").get_by_text("sample_rate").wait_for()  # the focused step's settings
    shown.press("button", name_card("restore"), "Home", "ArrowRight", "Space", selected="conform")
    shown.press("button", name_card("conform"), "End", "Enter", selected="derive")
    shown.click(name_card("derive"), selected="")
    shown.wait(**{"opened is None": True})
    shown.notebook.python("view.selected = 'stitch'")
    shown.root.locator("[aria-pressed=true]").get_by_text("stitch").wait_for()
    shown.check()


def switch_passes(shown: LabWidget) -> None:
    """Each pass has its own steps and explorers."""
    first, second = shown.read("strip.passes")
    for step in EXPLORERS:
        shown.use("button", name_card(step))
    shown.click(name_card("load"), selected="load", **{"opened is not None": True})
    shown.notebook.python("opened_first = passes.opened")
    buttons = [shown.click(name, group="pass") for name in (second, first, second)]
    shown.wait(**{"strip.shown_pass": second, f"strip.trace is several[{second!r}]": True})
    assert [button.get_attribute("aria-pressed") for button in buttons[:2]] == ["true", "false"]
    shown.wait(selected="load", **{"opened not in (None, opened_first)": True})
    shown.check()


def choose_part(shown: LabWidget) -> None:
    """A figure's lists draw another part of the step."""
    image = shown.root.get_by_role("img")
    shown.wait_page("([root]) => root.querySelector('img').naturalWidth > 900")
    drawn = (
        lambda: shown.press("combobox", "chunk", "ArrowDown", "x", chunk=0),
        lambda: shown.choose("stem", "percussive", stem="percussive"),
        lambda: shown.choose("channel", "1", channel=1),
        lambda: shown.press("combobox", "frequency axis", "ArrowDown", frequency="linear"),
        lambda: shown.choose("chunk", "", chunk=None),
        lambda: shown.press("combobox", "channel", "ArrowUp", channel=0),
    )
    for draw in drawn:
        before = image.get_attribute("src")
        draw()
        shown.wait_page("([root, src]) => root.querySelector('img').src !== src", before)
        shown.wait_page("([root]) => root.querySelector('img').naturalWidth > 900")
    shown.wait(words=lambda words: "(left)" in words and image.get_attribute("alt") == words)
    shown.check()
