"""A progress bar over a run's events, in a terminal or a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.pipeline.events import ChunksProcessed, Event, PassStarted, StepStarted

if TYPE_CHECKING:
    from rich.console import Console


def follow_events(
    events: Iterator[Event],
    progress: bool | Callable[[Event], None] | None,
    *,
    console: Console | None = None,
) -> Iterator[Event]:
    """Pass events on; show a bar (``True``) or call a function with each."""
    if progress is True:
        yield from show_bar(events, console=console)
        return
    for event in events:
        if callable(progress):
            progress(event)
        yield event


def show_bar(events: Iterator[Event], *, console: Console | None = None, label: str = "") -> Iterator[Event]:
    """Pass events on under a bar, see `open_bar`."""
    with open_bar(console=console, label=label) as draw:
        for event in events:
            draw(event)
            yield event


@contextmanager
def open_bar(*, console: Console | None = None, label: str = "") -> Iterator[Callable[[Event], None]]:
    """Show a bar with the step, chunks, time left and times-real-time; it goes away at the end.

    Args:
        console: where to draw, standard output if left out; nothing is drawn where that is no terminal.
        label: put in front, such as the name of the song.

    Yields:
        What is to be called with each event of the run.
    """
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.fields[label]} {task.description}", markup=False),  # a song may be called "[live]"
        BarColumn(),
        TextColumn("{task.fields[state]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("load", total=None, label=label, state="")  # no total: the bar pulses

        def draw(event: Event) -> None:
            if isinstance(event, PassStarted):
                place = f"{label} pass {event.index}/{event.total} ({event.name})".strip()
                bar.update(task, label=place, total=None, completed=0, state="")
            if isinstance(event, StepStarted):
                bar.update(task, description=event.step)
            if isinstance(event, ChunksProcessed):
                state = describe_state(event)
                bar.update(task, description="chunks", completed=event.done, total=event.total, state=state)

        yield draw


def describe_state(event: ChunksProcessed) -> str:
    """``"12/40, 0:15 left, 8.1x real time"``."""
    minutes, seconds = divmod(round(event.seconds_left), 60)
    hours, minutes = divmod(minutes, 60)
    left = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    speed = event.audio_seconds / event.seconds if event.seconds > 0 else 0.0
    return f"{event.done}/{event.total}, {left} left, {speed:.1f}x real time"
