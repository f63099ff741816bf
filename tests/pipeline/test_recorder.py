from __future__ import annotations

import math
import warnings
from typing import Any

import psutil
import pytest
import torch
from tiny_models import make_song, make_split

from workbench.errors import InvalidValue, WorkbenchNotice
from workbench.pipeline.recorder import KEEP_ORDER, Recorder, Summary
from workbench.pipeline.trace import Trace, trace

SONG = make_song()


def trace_split(**asked: Any) -> Trace:
    """A run with every step that there is."""
    model, _ = make_split("spectrogram", "spectrogram_mask")
    return trace(SONG, model=model, batch_size=3, settings={"wiener.iterations": 1}, **asked)


def size_of(values: torch.Tensor) -> int:
    return values.numel() * values.element_size()


def test_a_summary_is_what_it_says_of_all_values() -> None:
    values = torch.randn(10, 3, 7, generator=torch.Generator().manual_seed(0)) * 3 - 1
    summary = Summary(tuple(values.shape), values.dtype, size_of(values))
    assert (summary.minimum, summary.maximum, summary.rms) == (math.inf, -math.inf, 0.0)
    for batch in values.split(4):
        summary.add(batch)
    assert summary.minimum == float(values.min())
    assert summary.maximum == float(values.max())
    # squares are summed in float64, so that only their own float32 rounding is left
    assert summary.rms == pytest.approx(float(values.double().square().mean().sqrt()), rel=1e-6)
    assert summary.num_values == 210


def test_without_room_only_summaries_stay_and_a_notice_says_so() -> None:
    whole = trace_split()
    with pytest.warns(WorkbenchNotice, match=r"kept only a summary of inverse .*memory_budget_bytes is 0; raise it"):
        small = trace_split(memory_budget_bytes=0)
    assert any("kept only a summary" in notice for notice in small.notices)
    assert not any("kept only a summary" in notice for notice in whole.notices)
    for name in small:
        step, full = small[name], whole[name]
        assert step.is_kept == (name not in KEEP_ORDER)
        assert full.is_kept
        assert (step.shape, step.dtype, step.bytes) == (full.shape, full.dtype, full.bytes)
        if not step.is_kept:
            values, summary = full.output, step.summary
            assert summary.shape == tuple(values.shape)
            assert (summary.minimum, summary.maximum) == (float(values.min()), float(values.max()))
            assert summary.rms == pytest.approx(float(values.double().square().mean().sqrt()), rel=1e-6)
            with pytest.raises(InvalidValue, match=f"'{name}' kept only a summary .*raise memory_budget_bytes"):
                _ = step.output
    for name, stem in whole.stems.items():
        assert torch.equal(small.stems[name].data, stem.data)


def test_what_saves_most_work_is_kept_first_and_the_budget_holds() -> None:
    whole = trace_split()
    sizes = {step: whole[step].bytes for step in KEEP_ORDER}
    for budget, expected in (
        (sizes["inverse"], {"inverse"}),
        (sizes["inverse"] - 1, set()),  # the others are larger still
        (sizes["inverse"] + sizes["model"], {"inverse", "model"}),
        (sizes["inverse"] + sizes["transform"], {"inverse", "transform"}),  # what does not fit is passed over
        (sum(sizes.values()), set(KEEP_ORDER)),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WorkbenchNotice)
            kept = {step for step in KEEP_ORDER if trace_split(memory_budget_bytes=budget)[step].is_kept}
        if budget == sizes["inverse"] - 1:
            expected = {step for step in KEEP_ORDER if sizes[step] <= budget}
        assert kept == expected


def test_only_what_is_asked_for_is_kept_without_a_notice() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", WorkbenchNotice)
        for keep in (["mask"], ("model", "inverse"), [], ["stitch"]):
            kept = {step for step in KEEP_ORDER if trace_split(keep=keep)[step].is_kept}
            assert kept == set(keep) & set(KEEP_ORDER)


def test_a_rerun_counts_what_it_inherits() -> None:
    whole = trace_split()
    sizes = {step: whole[step].bytes for step in KEEP_ORDER}
    budget = sum(sizes.values()) - 1
    with pytest.warns(WorkbenchNotice, match="only a summary of mask"):
        first = trace_split(memory_budget_bytes=budget)
    with pytest.warns(WorkbenchNotice, match="only a summary of"):
        again = first.rerun("mask", mask=whole["mask"].mask)
    assert sum(sizes[step] for step in KEEP_ORDER if again[step].is_kept) <= budget


def test_the_default_budget_is_a_quarter_of_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class Memory:
        available = 4000

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    assert Recorder().memory_budget_bytes == 1000
    assert Recorder(memory_budget_bytes=7).memory_budget_bytes == 7


def test_a_step_or_budget_that_cannot_be_is_refused() -> None:
    for keep in (["masks"], "mask"):
        with pytest.raises(InvalidValue, match="keep must be a list of steps out of load, conform"):
            Recorder(keep=keep)
    with pytest.raises(InvalidValue, match="at least 0, got -1"):
        Recorder(memory_budget_bytes=-1)
