from __future__ import annotations

import pytest
import torch

import workbench as wb
from workbench.core import Audio
from workbench.errors import InvalidType, InvalidValue, WorkbenchNotice
from workbench.widgets import DerivedStems, StemPlayer, TraceView
from workbench.widgets.base import EXPORT_VARIABLE

RATE = 8000
SONG = Audio(0.1 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(3)), RATE)


@pytest.fixture(scope="module")
def trace() -> wb.Trace:
    return wb.trace(SONG, model="hpss", chunk_seconds=0.5)


def test_the_strip_tells_each_step(trace: wb.Trace) -> None:
    strip = trace.widget().strip
    assert [step["name"] for step in strip.steps] == list(trace)
    told = {step["name"]: step for step in strip.steps}
    rows = trace["mask"].shape[2]
    assert told["mask"]["shape"] == [
        ["chunk", "3"],
        ["stem", "2"],
        ["freq·channel", f"{rows:,}".replace(",", " ")],
        ["frame", str(trace["mask"].shape[3])],
        ["re/im", "2"],
    ]
    assert told["load"]["shape"] == [["channel", "2"], ["time", "8 000"]]
    assert (told["load"]["dtype"], told["load"]["size"]) == ("float32", "64.0 kB")
    assert max(step["part"] for step in strip.steps) == 1.0
    assert ["window", "windows.hann"] in told["stitch"]["settings"] or ["window", "hann"] in told["stitch"]["settings"]
    assert strip.totals.startswith("1.00 s of music in ")
    assert strip.totals.endswith("all kept.")
    assert "times real time" in strip.totals


def test_a_picked_step_opens_its_explorer_and_is_as_it_was_left(trace: wb.Trace) -> None:
    view = TraceView(trace)
    assert (view.opened, len(view.children)) == (None, 1)
    view.strip.set_state({"selected": "derive"})  # as a click does
    derived = view.opened
    assert isinstance(derived, DerivedStems)
    derived.rules = ["rest = mixture - harmonic"]
    view.selected = "restore"
    assert isinstance(view.opened, StemPlayer)
    assert list(view.children) == [view.strip, view.opened]
    view.selected = "derive"
    assert view.opened is derived
    view.selected = ""
    assert view.opened is None
    assert isinstance(TraceView(trace, selected="load").opened, StemPlayer)


def test_a_step_that_is_not_there_is_refused(trace: wb.Trace) -> None:
    view = TraceView(trace, selected="load")
    with pytest.raises(InvalidValue, match="no step 'wiener' in this run; it has load"):
        view.selected = "wiener"
    view.strip.set_state({"selected": "nonsense"})
    assert "no step 'nonsense'" in view.strip.message
    assert view.selected == "load"
    for given in ("song.flac", SONG, trace["mask"]):
        with pytest.raises(InvalidType, match="expected a trace"):
            TraceView(given)


def test_an_explorer_that_cannot_be_made_is_told_in_the_strip(trace: wb.Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(step: object) -> None:
        raise InvalidValue("nothing to see here")

    view = TraceView(trace, selected="load")
    monkeypatch.setattr("workbench.widgets.trace_view.make_step_widget", refuse)
    view.selected = "restore"
    assert view.strip.message == "nothing to see here"
    assert view.opened is None
    assert not view.strip.busy
    view.selected = "load"
    assert view.strip.message == ""
    assert view.opened is not None


def test_summaries_are_marked() -> None:
    with pytest.warns(WorkbenchNotice, match="only a summary"):
        trace = wb.trace(SONG, model="hpss", chunk_seconds=0.5, memory_budget_bytes=0)
    strip = TraceView(trace).strip
    assert [step["name"] for step in strip.steps if not step["is_kept"]] == ["transform", "model", "mask", "inverse"]
    assert "are kept" in strip.totals
    assert any("only a summary" in notice for notice in strip.notices)


def test_of_several_passes_each_has_its_strip() -> None:
    several = wb.trace(SONG, model="hpss", chunk_seconds=0.5, tta=["polarity"])
    view = several.widget(selected="restore")
    names = list(several)
    assert view.strip.passes == names
    assert view.strip.shown_pass == names[0]
    first = view.opened
    view.strip.shown_pass = names[1]
    assert isinstance(view.opened, StemPlayer)
    assert view.opened is not first
    assert torch.equal(view.opened.tracks["mixture"].data, several[names[1]].song.data)
    with pytest.raises(InvalidValue, match="no pass 'x' in this run; it has"):
        view.strip.shown_pass = "x"


def test_the_export_shows_the_path_and_what_is_open(trace: wb.Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    live = TraceView(trace)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in str(live)
    monkeypatch.setenv(EXPORT_VARIABLE, "1")
    data, _ = TraceView(trace, selected="load")._repr_mimebundle_()
    page = data["text/html"]
    assert page.count("<img") == 2
    assert page.count("<audio") == 1
    assert "1.00 s of music in " in page
