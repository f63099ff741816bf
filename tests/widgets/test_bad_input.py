"""Every widget with every song and trace that is out of the common: it works, or says in one line why not."""

from __future__ import annotations

import gc
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from share_model import make_card
from torch import Tensor

import workbench as wb
from workbench.core import Audio
from workbench.errors import InvalidValue, WorkbenchError, WorkbenchNotice
from workbench.pipeline.trace import Trace
from workbench.widgets import (
    ChunkExplorer,
    DerivedStems,
    MaskExplorer,
    MaskPainter,
    SeparatePanel,
    StemPlayer,
    StepFigure,
    TraceView,
    WindowExplorer,
    WorkbenchWidget,
)
from workbench.widgets.trace_view import TraceStrip

RATE = 8000
NOISE = 0.1 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(4))

SONGS: dict[str, Audio[Tensor]] = {
    "silence": Audio(torch.zeros(2, 4000), RATE),
    "mono": Audio(NOISE[:1, :4000], RATE),
    "one sample": Audio(torch.tensor([[0.5]]), RATE),
    "shorter than a hop": Audio(NOISE[:, :30], RATE),
    "one chunk": Audio(NOISE[:, :2000], RATE),
}
OPTIONS = {"one chunk": {"chunk_seconds": 1.0, "overlap": 0.0, "window": "rectangular"}}

WIDGETS: dict[str, Callable[[Trace], WorkbenchWidget]] = {
    "StemPlayer": StemPlayer,
    "ChunkExplorer": ChunkExplorer,
    "WindowExplorer": lambda trace: WindowExplorer(trace=trace),
    "MaskExplorer": MaskExplorer,
    "MaskPainter": MaskPainter,
    "DerivedStems": DerivedStems,
    "TraceStrip": TraceStrip,
    "StepFigure": lambda trace: StepFigure(trace["inverse"]),
}
REQUESTS: dict[str, list[dict[str, Any]]] = {
    "StemPlayer": [{"ask": "sound", "request": "1"}, {"ask": "spectrogram", "request": "1", "key": 0}],
    "ChunkExplorer": [{"ask": "sound", "track": "chunk", "request": "1"}],
    "WindowExplorer": [{"ask": "sound", "track": "signal", "request": "1"}],
    "MaskExplorer": [{"ask": "after"}, {"ask": "apply"}],
    "MaskPainter": [{"ask": "gain"}, {"ask": "play", "request": "1"}, {"ask": "apply"}],
    "DerivedStems": [{"hear": "mixture", "request": "1"}],
}

pytestmark = pytest.mark.usefixtures("single_thread")


def make_trace(name: str, **options: Any) -> Trace:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WorkbenchNotice)
        trace = wb.trace(SONGS[name], model=make_card()[0], **OPTIONS.get(name, {}), **options)
    assert isinstance(trace, Trace)
    return trace


@pytest.fixture(scope="module")
def traces(single_thread: None) -> dict[str, Trace]:
    made = {name: make_trace(name) for name in SONGS}
    return {**made, "summaries alone": make_trace("mono", memory_budget_bytes=0)}


def ask(widget: WorkbenchWidget, content: object, buffers: Any = ()) -> list[dict[str, Any]]:
    """What a view would hear after this message."""
    sent: list[dict[str, Any]] = []
    widget.send = lambda content, buffers=None: sent.append(content)
    widget._handle_custom_msg(content, list(buffers))
    return sent


@pytest.mark.parametrize("song", [*SONGS, "summaries alone"])
@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_of_any_song_works(traces: dict[str, Trace], name: str, song: str) -> None:
    widget = WIDGETS[name](traces[song])
    assert widget.message == ""
    for content in REQUESTS.get(name, []):
        sent = ask(widget, content)
        assert all("failed" not in answer for answer in sent)
        # there is no whole song of masks that were not kept: the one thing that is refused, with what to do
        is_refused = (name, song, content.get("ask")) == ("MaskExplorer", "summaries alone", "apply")
        assert ("memory_budget_bytes" in widget.message) if is_refused else widget.message == ""
    page = widget.export_html()
    assert "<img" in page
    assert widget.describe()
    assert not widget.busy


@pytest.mark.parametrize("song", SONGS)
def test_the_panel_separates_any_song(tmp_path: Path, song: str) -> None:
    path = wb.save(SONGS[song], tmp_path / "song.wav", subtype="FLOAT")
    panel = SeparatePanel(path, chunk_seconds=0.5)
    panel.run()
    panel.wait(60.0)
    assert (panel.running, panel.status.startswith("done")) == (False, True), panel.message
    assert panel.player is not None
    assert panel.player.message == ""
    assert panel.separation is not None
    assert panel.separation.mixture.data.shape == SONGS[song].data.shape
    panel.close()


STEMLESS = [
    (lambda: StemPlayer(SONGS["mono"], null_test=True), "a null test needs the mixture and its stems"),
    (lambda: StemPlayer({}), "holds nothing to play"),
    (lambda: DerivedStems(SONGS["mono"]), "a song alone has nothing to derive from, separate it first"),
    (lambda: DerivedStems({"vocals": SONGS["mono"]}), "the mixture is missing"),
    (lambda: MaskExplorer(SONGS["mono"]), "the mask explorer takes a trace of one pass, got Audio"),
    (lambda: MaskPainter(SONGS["mono"]), "the mask painter takes a trace of one pass, got Audio"),
    (lambda: TraceView(SONGS["mono"]), "expected a trace"),
    (lambda: StepFigure(SONGS["mono"]), "expected a step of a trace"),
    (lambda: ChunkExplorer("no such song.flac"), "no such song.flac"),
    (lambda: WindowExplorer("no such song.flac"), "no such song.flac"),
    (lambda: SeparatePanel(folder="no such folder"), "cannot read the folder no such folder"),
]


@pytest.mark.parametrize(("make", "words"), STEMLESS)
def test_what_has_nothing_to_show_is_one_line(make: Callable[[], Any], words: str, plain_types: None) -> None:
    with pytest.raises(WorkbenchError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_song_without_stems_says_so_and_plays() -> None:
    derived = DerivedStems({"mixture": SONGS["mono"]})
    assert derived.notice.startswith("There are no stems to derive others from")
    assert ask(derived, {"hear": "mixture", "request": "1"}) == [{"sound": "mixture", "request": "1"}]
    player = StemPlayer(SONGS["mono"])
    player.set_state({"null_test": True})
    assert (player.null_test, "null test needs the mixture" in player.message) == (False, True)


@pytest.mark.parametrize("name", WIDGETS)
def test_arguments_that_cannot_be_are_under_one_root(traces: dict[str, Trace], name: str) -> None:
    kind = type(WIDGETS[name](traces["mono"]))
    trace: Any = traces["mono"]["inverse"] if name == "StepFigure" else traces["mono"]
    given: dict[str, Any] = {"trace": trace} if name == "WindowExplorer" else {}
    positional = () if name == "WindowExplorer" else (trace,)
    with pytest.raises(InvalidValue, match=r"takes no argument 'labell'; did you mean 'label'\?"):
        kind(*positional, **given, labell="x")
    with pytest.raises(InvalidValue, match="label"):
        kind(*positional, **given, label=7)


HOSTILE: list[object] = [
    "play",
    {},
    {"ask": "everything"},
    {"ask": ["sound"]},
    {"ask": "sound"},
    {"ask": "sound", "request": 7, "track": "nothing"},
    {"ask": "spectrogram", "request": "1", "key": -1},
    {"ask": "spectrogram", "request": "1", "key": True},
    {"ask": "play", "from": "here"},
    {"hear": "nobody", "request": "1"},
    {"remove": 99},
    {"move": 0, "by": "up"},
    {"add": {"name": 7}},
    {"do": "format"},
    {"do": "upload", "name": "a.wav", "part": 3, "parts": 2},
    {"do": "upload", "name": 7, "part": 0, "parts": 1},
    {"do": "upload", "name": "a.wav", "part": 0, "parts": 10**9},
]


@pytest.mark.parametrize("name", [*REQUESTS, "SeparatePanel"])
def test_what_a_stale_page_asks_is_refused_in_words(traces: dict[str, Trace], name: str) -> None:
    widget = SeparatePanel() if name == "SeparatePanel" else WIDGETS[name](traces["mono"])
    before = {key: value for key, value in widget.get_state().items() if key != "message"}
    for content in HOSTILE:
        widget.message = ""
        sent = ask(widget, content, [b"x"])
        assert widget.message or sent, content
        assert "a fault of the workbench" not in widget.message, content
        assert "\n" not in widget.message
    after = {key: value for key, value in widget.get_state().items() if key != "message"}
    assert before == after


STATES: dict[str, list[dict[str, Any]]] = {
    "StemPlayer": [
        {"shown": [0.0]},
        {"shown": [0.2, 0.1]},
        {"shown": [0.0, 0.1, -5.0, 10.0]},
        {"current_seconds": 1e9},
        {"gains_db": {"loud": 99.0}},
        {"mute": ["nobody"]},
        {"loop_seconds": [0.1]},
        {"side": "B"},
    ],
    "ChunkExplorer": [{"chunk": 10**6}, {"chunk_samples": 0}, {"overlap": 1.0}, {"hop_samples": 3}, {"shown": [1.0]}],
    "WindowExplorer": [{"num_added": -7}, {"hop_samples": 0}, {"window": "hahn"}, {"start_seconds": 99.0}],
    "MaskExplorer": [{"chunk": -1}, {"view": [0.0, float("inf")]}, {"exponent": -1.0}, {"channel": 5}],
    "MaskPainter": [{"veil": float("nan")}, {"floor_db": 3.0}, {"position": 5}, {"strokes": [{"tool": "x"}]}],
    "DerivedStems": [{"rules": ["x = y - z"]}, {"chosen": ["nobody"]}, {"shown": [0.0, float("nan")]}],
    "TraceStrip": [{"selected": "nonsense"}, {"shown_pass": "second"}],
    "StepFigure": [{"chunk": 99}, {"stem": "nobody"}, {"frequency": "cubic"}],
    "SeparatePanel": [{"overlap": float("nan")}, {"batch_size": 1.5}, {"model": "hpps"}, {"precision": "low"}],
}


@pytest.mark.parametrize(("name", "state"), [(name, state) for name, states in STATES.items() for state in states])
def test_a_value_out_of_range_from_the_browser_is_a_message(
    traces: dict[str, Trace], name: str, state: dict[str, Any]
) -> None:
    widget = SeparatePanel() if name == "SeparatePanel" else WIDGETS[name](traces["mono"])
    widget.set_state(state)
    assert widget.message
    assert "a fault of the workbench" not in widget.message
    assert "\n" not in widget.message


def test_an_upload_that_is_not_audio_leaves_the_song_as_it_was(tmp_path: Path) -> None:
    song = wb.save(SONGS["mono"], tmp_path / "song.wav")
    panel = SeparatePanel(song)
    ask(panel, {"do": "upload", "name": "notes.flac", "part": 0, "parts": 1}, [b"no audio at all"])
    assert "notes.flac" in panel.message
    assert "not an audio file" in panel.message
    assert panel.song == str(song)
    panel.close()


@pytest.mark.parametrize("name", [*WIDGETS, "SeparatePanel"])
def test_a_closed_widget_that_nobody_holds_is_given_back(traces: dict[str, Trace], name: str) -> None:
    widget = SeparatePanel() if name == "SeparatePanel" else WIDGETS[name](traces["mono"])
    remembered = weakref.ref(widget)
    widget.close()
    del widget
    gc.collect()
    assert remembered() is None


def test_a_closed_view_of_a_trace_gives_its_explorers_back(traces: dict[str, Trace]) -> None:
    view = TraceView(traces["mono"], selected="derive")
    view.selected = "stitch"
    remembered = [weakref.ref(widget) for widget in (view, view.strip, *view._explorers.values())]
    assert len(remembered) == 4
    view.close()
    del view
    gc.collect()
    assert [one() for one in remembered] == [None] * 4


def test_the_panel_keeps_the_player_of_the_last_run_alone(tmp_path: Path) -> None:
    panel = SeparatePanel(wb.save(SONGS["mono"], tmp_path / "song.wav"), chunk_seconds=0.25)
    panel.run()
    panel.wait(60.0)
    assert panel.player is not None
    first = weakref.ref(panel.player)
    panel.run()
    panel.wait(60.0)
    gc.collect()
    assert first() is None
    last = weakref.ref(panel.player)
    panel.close()
    del panel
    gc.collect()
    assert last() is None
