"""The mask explorer with runs that lack something, and with values that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mask_songs import RATE, make_card, make_stems, make_trace
from traitlets import TraitError

import workbench
from workbench.core import Audio
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.trace import Trace
from workbench.widgets import MaskExplorer
from workbench.widgets.mask_explorer_pictures import change_mask


@pytest.fixture(scope="module")
def trace() -> Trace:
    return make_trace()


@pytest.fixture
def widget(trace: Trace) -> MaskExplorer:
    return MaskExplorer(trace, stem="loud", channel=0, chunk=1)


@pytest.mark.filterwarnings("ignore::workbench.errors.WorkbenchNotice")
def test_a_trace_that_kept_only_summaries_is_computed_again_by_chunk(trace: Trace) -> None:
    poor = make_trace(memory_budget_bytes=0)
    rich, widget = MaskExplorer(trace, chunk=1, channel=0), MaskExplorer(poor, chunk=1, channel=0)
    for name in ("mixture", "mask", "phase", "result"):
        assert getattr(widget, f"{name}_levels") == getattr(rich, f"{name}_levels"), name
    assert widget.score == rich.score
    assert "only a summary was kept" in widget.notice
    with pytest.raises(TraitError, match=r"keep=\['transform', 'model'\]"):
        widget.chunk = None
    with pytest.raises(InvalidValue, match="memory_budget_bytes"):
        widget.rerun()
    widget._handle_custom_msg({"ask": "apply"}, [])
    assert "only a summary was kept" in widget.message
    widget.origin = "irm"  # which takes no run of the model
    widget.chunk = None
    assert torch.equal(widget.mask, trace.ideal_mask("irm"))


def test_mono_silence_and_one_stem() -> None:
    mono = MaskExplorer(make_trace(channels=1, card=make_card(stems=("loud",)), references=False))
    assert mono.choices["channels"] == ["mono"]
    assert mono.choices["stems"] == ["loud"]
    silent = MaskExplorer(make_trace(level=0.0), exponent=2.0, show_difference="result")
    assert set(silent.mixture_levels) == set(silent.result_levels) == {0}
    assert silent.score == "SDR of loud in this chunk: none, since the true stem is silent."
    assert silent.message == mono.message == ""
    silent.figure()
    assert "<audio" in silent.export_html()


def test_without_references_there_are_no_ideals_and_that_is_said(trace: Trace) -> None:
    bare = make_trace(references=False)
    widget = MaskExplorer(bare)
    assert widget.choices["kinds"] == []
    assert "references=" in widget.notice
    assert widget.score == ""
    with pytest.raises(TraitError, match="references="):
        widget.origin = "irm"
    with pytest.raises(TraitError, match="references="):
        widget.show_difference = "mask"
    given = MaskExplorer(bare, references=make_stems(), origin="irm")
    assert torch.equal(given.mask, trace.ideal_mask("irm"))
    other = MaskExplorer(bare, references={"drums": make_stems()["loud"]})
    assert "no reference is called loud, soft; there are drums" in other.notice


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("stem", "drums", "stem must be one of loud, soft, got 'drums'"),
        ("channel", 2, "channel must be from 0 to 1, got 2"),
        ("chunk", 7, "chunk must be from 0 to 4, or None for the song, got 7"),
        ("origin", "mine", "origin must be one of model, ibm"),
        ("exponent", float("nan"), "exponent must be a finite number, got nan"),
        ("threshold", 1.5, "threshold"),
        ("floor_db", 3.0, "floor_db must be below top_db, got 3 and 0 dB"),
        ("view", [2.0, 1.0], "view must be"),
    ],
)
def test_a_bad_value_is_refused_and_from_the_browser_shown(
    widget: MaskExplorer, name: str, value: Any, message: str
) -> None:
    before = getattr(widget, name)
    with pytest.raises(TraitError, match=message.replace("(", r"\(")):
        setattr(widget, name, value)
    assert getattr(widget, name) == before
    widget.set_state({name: value})
    assert message in widget.message
    assert "\n" not in widget.message
    assert getattr(widget, name) == before


def test_what_the_widget_cannot_show_is_one_line(trace: Trace, plain_types: None) -> None:
    waves = workbench.trace(trace.song, model="passthrough", chunk_seconds=0.5)
    with pytest.raises(InvalidValue, match=r"passthrough gives waveforms, no masks, .*: trace a model that masks"):
        MaskExplorer(waves)
    with pytest.raises(InvalidType, match="takes a trace of one pass, got Audio"):
        MaskExplorer(trace.song)
    with pytest.raises(InvalidValue, match="must begin and end together"):
        MaskExplorer(trace, references={"loud": Audio(torch.zeros(2, 5), RATE)})
    with pytest.raises(InvalidValue, match="the sound must be one of mixture, before, after, got 'drums'"):
        MaskExplorer(trace).sound("drums")


def test_too_large_an_exponent_is_said_in_the_widget() -> None:
    mask = torch.tensor([[1e6, 0.0]])
    with pytest.raises(InvalidValue, match=r"1e\+06, to the power 8 is more than float32 holds: lower the exponent"):
        change_mask(mask, exponent=8.0)
