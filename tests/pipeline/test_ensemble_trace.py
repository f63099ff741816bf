from __future__ import annotations

import html
from typing import Any

import pytest
import torch
from tiny_models import CHUNK_SECONDS, TwoBands, make_song, make_split

from workbench import Ensemble, EnsembleTrace, Trace
from workbench.core import Audio
from workbench.errors import InvalidValue, WorkbenchNotice
from workbench.metrics import sdr
from workbench.pipeline.combine import combine_stems
from workbench.pipeline.ensemble import METHODS
from workbench.pipeline.events import PassStarted
from workbench.pipeline.separator import separate
from workbench.pipeline.trace import trace

SONG = make_song(0.25)
RENAMED = {"model.output_stem_names": ["loud", "soft"]}


def make_ensemble(**fields: Any) -> tuple[Ensemble, TwoBands]:
    """Three members that differ, the first with a pass more."""
    bands = TwoBands()
    card, _ = make_split("spectrogram", "spectrogram_mask")
    members = [
        {"model": bands, "settings": RENAMED, "name": "<bands>", "tta": ["swap"]},
        {"model": card, "name": "split"},
        {"model": card, "overlap": 0.75, "name": "more"},
    ]
    return Ensemble(members, **fields), bands


def trace_ensemble(**asked: Any) -> tuple[EnsembleTrace, TwoBands]:
    ensemble, bands = make_ensemble()
    traced = trace(SONG, **{"ensemble": ensemble, "chunk_seconds": CHUNK_SECONDS, **asked})
    assert isinstance(traced, EnsembleTrace)
    return traced, bands


def assert_same(one: Any, other: Any) -> None:
    """The same stems, to the bit."""
    assert list(one) == list(other)
    for name in one:
        assert torch.equal(one[name].data, other[name].data), name


@pytest.mark.parametrize("method", METHODS)
def test_traced_stems_are_the_separated_ones(method: str) -> None:
    asked: dict[str, Any] = {"chunk_seconds": CHUNK_SECONDS, "derive": ["rest = mixture - loud"], "stems": ["loud"]}
    traced = trace(SONG, ensemble=make_ensemble(method=method)[0], **asked)
    separated = separate(SONG, ensemble=make_ensemble(method=method)[0], **asked)
    assert_same(traced.stems, separated)
    assert list(separated) == ["loud", "rest"]


def test_one_model_with_several_passes_is_traced_pass_by_pass() -> None:
    model = TwoBands()
    traced = trace(SONG, model=model, chunk_seconds=CHUNK_SECONDS, tta=["polarity"], shifts=2)
    assert isinstance(traced, EnsembleTrace)
    assert list(traced) == ["shift 1", "shift 1, polarity", "shift 2", "shift 2, polarity"]
    assert_same(traced.stems, separate(SONG, model=model, chunk_seconds=CHUNK_SECONDS, tta=["polarity"], shifts=2))
    assert isinstance(trace(SONG, model=model, chunk_seconds=CHUNK_SECONDS), Trace)
    with pytest.raises(InvalidValue, match="always averaged"):
        traced.rerun(method="median")


def test_each_pass_has_a_trace_of_its_own() -> None:
    traced, bands = trace_ensemble()
    assert list(traced) == ["<bands>: as it is", "<bands>: swap", "split", "more"]
    assert traced.source is SONG
    assert torch.equal(traced.song.data, SONG.data)
    swapped = traced["<bands>: swap"]
    assert torch.equal(swapped["load"].output, SONG.data.flip(0))
    assert torch.equal(traced.align("<bands>: swap")["loud"].data, swapped.stems["loud"].data.flip(0))
    assert "mask" in traced["split"]
    assert "mask" not in swapped
    calls = len(bands.calls)
    again = traced["<bands>: as it is"].rerun("stitch", window="hamming")
    assert len(bands.calls) == calls
    assert again.plan.window_name == "hamming"
    with pytest.raises(KeyError, match="no pass 'swap' in this run; it has <bands>: as it is"):
        _ = traced["swap"]


def test_rerun_combines_anew_and_runs_no_model() -> None:
    traced, bands = trace_ensemble()
    calls = len(bands.calls)
    aligned = {name: torch.stack([audio.data for audio in traced.align(name).values()]) for name in traced}
    members = [(aligned["<bands>: as it is"] + aligned["<bands>: swap"]) / 2, aligned["split"], aligned["more"]]
    for method in METHODS:
        again = traced.rerun(method=method)
        expected = combine_stems(members, stem_names=("loud", "soft"), method=method)
        assert torch.equal(torch.stack([again.stems["loud"].data, again.stems["soft"].data]), expected), method
        assert again.stems.config.ensemble.method == method
        assert_same(again.stems, separate(SONG, ensemble=make_ensemble(method=method)[0], chunk_seconds=CHUNK_SECONDS))
    weighted = traced.rerun(weights=[0.0, 0.0, 2.0])
    assert torch.equal(weighted.stems["soft"].data, traced["more"].stems["soft"].data)
    assert weighted.stems.config.ensemble.weights == (0.0, 0.0, 2.0)
    assert weighted.rerun(method="mean").stems.config.ensemble.weights is None
    assert len(bands.calls) == calls


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "nothing to change"),
        ({"method": "avg"}, "one of mean, median"),
        ({"weights": [1.0]}, "got 1 for 3 members"),
        ({"method": "median", "weights": [1.0, 1.0, 1.0]}, "leave one of them out"),
        ({"weights": {"voice": [1.0, 1.0, 1.0]}}, "weights of a stem 'voice'"),
    ],
)
def test_a_rerun_that_cannot_be_says_so(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        trace_ensemble()[0].rerun(**changes)


def test_the_table_shows_passes_seconds_and_how_far_they_lie_apart() -> None:
    traced, _ = trace_ensemble(derive=["rest = mixture - loud"])
    for name in traced:
        for stem in ("loud", "soft"):
            assert traced.agreement[name][stem] == sdr(traced.align(name)[stem], traced.stems[stem])
    lines = repr(traced).splitlines()
    assert lines[0].startswith("EnsembleTrace of 3 members in 4 passes, combined by mean: 0.25 s")
    assert lines[1].split() == ["pass", "seconds", "loud", "soft"]
    assert [line.split("  ")[0] for line in lines[2:]] == list(traced)
    assert f"{traced.agreement['more']['soft']:.1f} dB" in lines[5]
    page = traced._repr_html_()
    assert page.count("<tr>") == 5
    assert html.escape("<bands>: swap") in page
    assert "<bands>" not in page
    one = trace(SONG, model="passthrough", chunk_seconds=CHUNK_SECONDS, ensemble=Ensemble([{}]))
    assert "1 member in 1 pass" in repr(one)
    assert repr(one).count("equal") == 2
    silent = trace(Audio(torch.zeros(2, 500), 8000), model="passthrough", tta=["swap"])
    assert repr(silent).count("both silent") == 4


def test_the_memory_budget_is_shared_by_the_passes() -> None:
    plain = trace(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS, overlap=0.0, window="rectangular")
    size = plain["model"].bytes
    options: dict[str, Any] = {"chunk_seconds": CHUNK_SECONDS, "overlap": 0.0, "window": "rectangular"}
    enough = trace(SONG, model=TwoBands(), tta=["swap"], memory_budget_bytes=2 * size, **options)
    assert all(passed["model"].is_kept for passed in enough.values())
    assert enough.notices == ()
    with pytest.warns(WorkbenchNotice, match="kept only a summary") as caught:
        short = trace(SONG, model=TwoBands(), tta=["swap"], memory_budget_bytes=2 * size - 2, **options)
    assert not any(passed["model"].is_kept for passed in short.values())
    assert (len(caught), len(short.notices)) == (1, 1)  # once, though both passes have it
    assert f"note: {short.notices[0]}" in repr(short)
    none = trace(SONG, model=TwoBands(), tta=["swap"], keep=[], **options)
    assert not any(passed["model"].is_kept for passed in none.values())


def test_progress_sees_the_passes() -> None:
    seen: list[Any] = []
    trace_ensemble(progress=seen.append)
    assert [event.name for event in seen if isinstance(event, PassStarted)][:2] == [
        "<bands>: as it is",
        "<bands>: swap",
    ]


def test_the_figure_is_of_one_stem() -> None:
    traced, _ = trace_ensemble(derive=["rest = mixture - loud"], stems=["soft"])
    figure = traced.figure()
    assert "soft" in figure.get_suptitle()
    assert len(figure.axes[0].lines) == 5  # the combined one and four passes
    for stem in ("rest", "loud", "voice"):
        with pytest.raises(InvalidValue, match=f"no stem '{stem}' to compare; the passes give soft"):
            traced.figure(stem)
