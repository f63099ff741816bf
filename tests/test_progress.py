from __future__ import annotations

import io

import pytest
from rich.console import Console

from workbench.pipeline.events import ChunksProcessed, PassStarted, StepCompleted, StepStarted
from workbench.progress import describe_state, follow_events, show_bar

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
