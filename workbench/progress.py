"""A progress bar over a run's events, in a terminal or a notebook.

A run that takes longer than `PATIENCE_SECONDS` shows one by itself where somebody watches: ``progress=None``.
``progress=True`` shows it at once, ``progress=False`` never.
"""

from __future__ import annotations

import html
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from workbench.pipeline.events import ChunksProcessed, Event, PassStarted, StepStarted

if TYPE_CHECKING:
    from rich.console import Console

PATIENCE_SECONDS = 2.0
REDRAW_SECONDS = 0.2  # a notebook's bar is drawn no more often
Draw = Callable[[Event], None]


@runtime_checkable
class Timer(Protocol):
    """Something that has been started and can be called off."""

    def cancel(self) -> None:
        """Do not call what was to be called."""


def follow_events(
    events: Iterator[Event],
    progress: bool | Callable[[Event], None] | None,
    *,
    console: Console | None = None,
) -> Iterator[Event]:
    """Pass events on; show a bar at once (``True``), after a while where somebody watches (``None``) or not at all
    (``False``), or call a function with each.
    """
    if callable(progress):
        for event in events:
            progress(event)
            yield event
    elif progress is True:
        yield from show_bar(events, console=console)
    elif progress is None and is_watched():
        with open_bar_later(open_watched_bar) as draw:
            for event in events:
                draw(event)
                yield event
    else:
        yield from events


def is_watched() -> bool:
    """Whether somebody sees what is drawn: in a notebook, or where standard error is a terminal, but for a CI's."""
    if is_notebook():
        return True
    stream = sys.stderr
    is_terminal = stream is not None and stream.isatty()
    return is_terminal and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


def is_notebook() -> bool:
    """Whether this is the kernel of a notebook."""
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


def open_watched_bar(label: str = "") -> AbstractContextManager[Draw]:
    """A bar where `is_watched` looks: in the cell's output, or on standard error."""
    if is_notebook():
        return open_notebook_bar(label=label)
    from rich.console import Console

    return open_bar(console=Console(stderr=True), label=label)


def start_timer(seconds: float, call: Callable[[], None]) -> Timer:
    """Call something from a thread after so many seconds, unless it is called off before."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True  # or it would hold up the end of the program
    timer.start()
    return timer


@contextmanager
def open_bar_later(
    open_drawn: Callable[[], AbstractContextManager[Draw]],
    *,
    seconds: float = PATIENCE_SECONDS,
    start_timer: Callable[[float, Callable[[], None]], Timer] = start_timer,
) -> Iterator[Draw]:
    """Open a bar after a while, unless all is over by then; it then begins with where the run is.

    Args:
        open_drawn: opens it.
        seconds: the while.
        start_timer: as `start_timer` does; a test has its own.

    Yields:
        What is to be called with each event of the run.
    """
    bars, lock = ExitStack(), threading.Lock()
    latest: dict[type[Event], Event] = {}
    drawing: list[Draw] = []
    is_over = False

    def show() -> None:
        with lock:
            if is_over:
                return
            draw = bars.enter_context(open_drawn())
            for event in latest.values():
                draw(event)
            drawing.append(draw)

    def follow(event: Event) -> None:
        with lock:
            if isinstance(event, PassStarted):
                latest.clear()
            if isinstance(event, PassStarted | StepStarted | ChunksProcessed):  # not a result, which is large
                latest.pop(type(event), None)  # the latest is drawn last
                latest[type(event)] = event
            for draw in drawing:
                draw(event)

    timer = start_timer(seconds, show)
    try:
        yield follow
    finally:
        timer.cancel()
        with lock:
            is_over = True
            bars.close()


@contextmanager
def open_notebook_bar(*, label: str = "") -> Iterator[Draw]:
    """A bar in the output of a notebook's cell, with the same words as `open_bar`; it leaves nothing behind."""
    from IPython.display import display

    def make_page(page: str) -> dict[str, str]:
        return {"text/html": page, "text/plain": ""}

    handle: Any = display(make_page(""), raw=True, display_id=True)  # type: ignore[no-untyped-call]
    place, step, drawn = label, "load", 0.0

    def draw(event: Event) -> None:
        nonlocal place, step, drawn
        bar, state = "<progress></progress>", ""
        if isinstance(event, PassStarted):
            place = describe_pass(event, label=label)
        elif isinstance(event, StepStarted):
            step = event.step
        elif isinstance(event, ChunksProcessed):
            step, state = "chunks", describe_state(event)
            bar = f'<progress value="{event.done}" max="{event.total}"></progress>'
            if event.done < event.total and time.monotonic() - drawn < REDRAW_SECONDS:
                return
        else:
            return
        drawn = time.monotonic()
        words = f"{html.escape(f'{place} {step}'.strip())} {bar} {html.escape(state)}"
        handle.update(make_page(f"<div>{words.strip()}</div>"), raw=True)

    try:
        yield draw
    finally:
        handle.update(make_page(""), raw=True)


def show_bar(events: Iterator[Event], *, console: Console | None = None, label: str = "") -> Iterator[Event]:
    """Pass events on under a bar, see `open_bar`."""
    in_cell = console is None and is_notebook()
    with open_notebook_bar(label=label) if in_cell else open_bar(console=console, label=label) as draw:
        for event in events:
            draw(event)
            yield event


@contextmanager
def open_bar(*, console: Console | None = None, label: str = "") -> Iterator[Draw]:
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
                bar.update(task, label=describe_pass(event, label=label), total=None, completed=0, state="")
            if isinstance(event, StepStarted):
                bar.update(task, description=event.step)
            if isinstance(event, ChunksProcessed):
                state = describe_state(event)
                bar.update(task, description="chunks", completed=event.done, total=event.total, state=state)

        yield draw


def describe_pass(event: PassStarted, *, label: str) -> str:
    """``"song.wav pass 2/3 (swap)"``."""
    return f"{label} pass {event.index}/{event.total} ({event.name})".strip()


def describe_state(event: ChunksProcessed) -> str:
    """``"12/40, 0:15 left, 8.1x real time"``."""
    minutes, seconds = divmod(round(event.seconds_left), 60)
    hours, minutes = divmod(minutes, 60)
    left = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    speed = event.audio_seconds / event.seconds if event.seconds > 0 else 0.0
    return f"{event.done}/{event.total}, {left} left, {speed:.1f}x real time"
