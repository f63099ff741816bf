from __future__ import annotations

import io
import sys
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import IPython
import pytest
from rich.console import Console

from workbench import progress
from workbench.pipeline.events import ChunksProcessed, PassStarted, StepCompleted, StepStarted
from workbench.progress import (
    describe_state,
    follow_events,
    is_watched,
    open_bar_later,
    open_notebook_bar,
    show_bar,
    start_timer,
)

EVENTS = [
    StepStarted("load"),
    StepCompleted("load", 0.1),
    StepStarted("model"),
    ChunksProcessed(done=1, total=4, seconds=2.0, audio_seconds=5.0),
    ChunksProcessed(done=4, total=4, seconds=8.0, audio_seconds=40.0),
    StepStarted("restore"),
]


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (EVENTS[3], "1/4, 0:06 left, 2.5x real time"),
        (EVENTS[4], "4/4, 0:00 left, 5.0x real time"),
        (ChunksProcessed(done=10, total=20, seconds=4000.0, audio_seconds=0.0), "10/20, 1:06:40 left, 0.0x real time"),
        (ChunksProcessed(done=1, total=2, seconds=0.0, audio_seconds=1.0), "1/2, 0:00 left, 0.0x real time"),
    ],
)
def test_state_in_words(event, state):
    assert describe_state(event) == state


def test_bar_passes_every_event_on_and_goes_away():
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=100, color_system=None)
    seen, steps = [], []
    for event in show_bar(iter(EVENTS), console=console, label="[red]song.wav"):
        seen.append(event)
        console.file.flush()
        steps.append(drawn.getvalue())
    assert seen == EVENTS
    text = drawn.getvalue()
    assert "[red]song.wav load" in text
    assert "\x1b[?25l" in text  # the cursor is hidden
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # and comes back
    assert text.rpartition("\x1b[2K")[2].strip() == ""  # the bar's line is erased at the end


def test_bar_ends_where_its_consumer_stops():
    drawn = io.StringIO()
    bar = show_bar(iter(EVENTS), console=Console(file=drawn, force_terminal=True, width=100))
    next(bar)
    bar.close()
    assert drawn.getvalue().rindex("\x1b[?25h") > drawn.getvalue().rindex("\x1b[?25l")


def test_follow_events_calls_or_keeps_quiet():
    seen = []
    assert list(follow_events(iter(EVENTS), seen.append)) == EVENTS == seen
    assert list(follow_events(iter(EVENTS), None)) == EVENTS
    assert list(follow_events(iter(EVENTS), False)) == EVENTS


def test_bar_draws_nothing_where_no_terminal_is():
    drawn = io.StringIO()
    assert list(follow_events(iter(EVENTS), True, console=Console(file=drawn, width=100))) == EVENTS
    assert drawn.getvalue().strip() == ""


def test_bar_says_which_pass_it_is():
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=100, color_system=None)
    for _ in show_bar(iter([PassStarted("[swap]", 2, 3), *EVENTS]), console=console, label="song.wav"):
        console.file.flush()
    assert "song.wav pass 2/3 ([swap])" in drawn.getvalue()


class Clock:
    """Timers that go off when they are told to."""

    def __init__(self):
        self.waiting = []
        self.seconds = []

    def start(self, seconds, call):
        self.seconds.append(seconds)
        self.waiting.append(call)
        return SimpleNamespace(cancel=self.waiting.clear)

    def ring(self):
        for call in self.waiting:
            call()


class Bars:
    """What was drawn, and how many bars are open."""

    def __init__(self):
        self.drawn = []
        self.open = 0

    @contextmanager
    def show(self):
        self.open += 1
        try:
            yield self.drawn.append
        finally:
            self.open -= 1


def test_a_bar_of_its_own_waits_two_seconds_and_begins_where_the_run_is():
    clock, bars = Clock(), Bars()
    with open_bar_later(bars.show, start_timer=clock.start) as draw:
        for event in EVENTS[:4]:
            draw(event)
        assert (clock.seconds, bars.open, bars.drawn) == ([2.0], 0, [])
        clock.ring()
        assert (bars.open, bars.drawn) == (1, [EVENTS[2], EVENTS[3]])  # the last step and the last chunk
        draw(EVENTS[4])
        assert bars.drawn[-1] is EVENTS[4]
    assert bars.open == 0


def test_a_short_run_shows_nothing_even_if_the_timer_is_late():
    clock, bars = Clock(), Bars()
    with open_bar_later(bars.show, start_timer=clock.start) as draw:
        draw(EVENTS[0])
        late = list(clock.waiting)
    assert clock.waiting == []
    late[0]()
    assert (bars.open, bars.drawn) == (0, [])


def test_a_bar_of_its_own_goes_away_with_an_error():
    clock, bars = Clock(), Bars()

    def fail():
        with open_bar_later(bars.show, start_timer=clock.start):
            clock.ring()
            raise ValueError("of a model")

    with pytest.raises(ValueError, match="of a model"):
        fail()
    assert (bars.open, clock.waiting) == (0, [])


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "is_seen"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"TERM": "xterm", "CI": "true"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
        (None, {"TERM": "xterm"}, False),
    ],
)
def test_a_bar_shows_by_itself_only_where_somebody_watches(monkeypatch, stream, environment, is_seen):
    monkeypatch.delenv("CI", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", stream)
    bars = Bars()
    monkeypatch.setattr(progress, "open_bar_later", lambda _: bars.show())
    assert list(follow_events(iter(EVENTS), None)) == EVENTS
    assert bars.drawn == (EVENTS if is_seen else [])
    bars.drawn.clear()
    assert list(follow_events(iter(EVENTS), False)) == EVENTS
    assert bars.drawn == []


def test_a_real_timer_calls_and_can_be_called_off():
    called = threading.Event()
    start_timer(0.0, called.set)
    assert called.wait(60)
    start_timer(3600.0, called.clear).cancel()
    assert called.is_set()


def test_in_a_notebook_the_bar_is_in_the_cell_and_leaves_nothing_behind(monkeypatch):
    shown = []
    handle = SimpleNamespace(update=lambda page, raw: shown.append(page["text/html"]))
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setattr("IPython.display.display", lambda page, raw, display_id: handle)
    assert is_watched()
    with open_notebook_bar(label="<song>") as draw:
        for event in EVENTS:
            draw(event)
    assert "<div>&lt;song&gt; load <progress></progress></div>" in shown
    assert any('<progress value="4" max="4"></progress> 4/4, 0:00 left, 5.0x real time' in page for page in shown)
    assert shown[-1] == ""
