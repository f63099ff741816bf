"""A separation in a thread of its own, which tells how far it is and can be cancelled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.pipeline.events import ChunksProcessed, Event, Notice, PassStarted, Result, StepCompleted, StepStarted
from workbench.pipeline.separator import stream
from workbench.widgets.panel_settings import find_device, forget_peak_memory, measure_memory

if TYPE_CHECKING:
    from workbench.pipeline.separation import Separation

UPDATE_SECONDS = 0.1  # no more often does progress go to the browser
WAITING = "waiting until the cancelled run has ended its chunk"


class CancelledError(WorkbenchError):
    """The user ended the run."""


class PanelRun:
    """One run over one song.

    A chunk at work cannot be stopped, so that a cancelled run ends after it, unheard: it reports nothing any more, and
    a run that comes ``after`` it waits for its end, lest two of them share the memory.

    Args:
        song: path of the file.
        options: of `workbench.stream`.
        report: called from the thread with what changed: ``done``, ``status``, ``steps`` and ``memory``, as the
            panel's traits have them.
        finish: called at the end with the separation, or the error, and the notices; with a `CancelledError` even
            where nothing more was reported.
        after: a run that was cancelled.
    """

    def __init__(
        self,
        song: str,
        options: Mapping[str, Any],
        *,
        report: Callable[[dict[str, Any]], None],
        finish: Callable[[Separation | Exception, list[str]], None],
        after: PanelRun | None = None,
    ) -> None:
        self._song, self._options, self._after = song, dict(options), after
        self._report, self._finish = report, finish
        self._cancelled = threading.Event()
        self._has_finished = False
        self._lock = threading.RLock()  # so that nothing is reported once `cancel` has returned
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._device = find_device(self._options.get("device"))
        self._notices: list[str] = []
        self._rows: dict[str, list[Any]] = {}
        self._prefix, self._latest = "", 0.0
        self._started = time.perf_counter()

    @property
    def is_alive(self) -> bool:
        """Whether anything is still being computed."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self, last_words: dict[str, Any]) -> None:
        """End after the chunk at work; these changes are the last that are reported, unless it has ended already."""
        with self._lock:
            if not self._has_finished:
                self._report(last_words)
                self._cancelled.set()

    def wait(self, seconds: float | None = None) -> None:
        """Until nothing is computed any more, or so long."""
        self._thread.join(seconds)

    @property
    def seconds(self) -> float:
        """Since it began to compute."""
        return time.perf_counter() - self._started

    def _work(self) -> None:
        outcome: Separation | Exception
        try:
            self._wait_for_turn()
            outcome = self._separate()
        except Exception as error:  # whatever a model raises: it is shown, and the panel can be used again
            outcome = error
        with self._lock:
            if self._cancelled.is_set():
                outcome = CancelledError("cancelled")
            self._has_finished = True
            self._finish(outcome, self._notices)

    def _wait_for_turn(self) -> None:
        if self._after is not None and self._after.is_alive:
            self._tell(status=WAITING)
            self._after.wait()  # also when cancelled meanwhile: what comes next waits for this one
        self._after = None
        self._started = time.perf_counter()

    def _separate(self) -> Separation:
        forget_peak_memory(self._device)
        events = stream(self._song, **self._options)
        try:
            for event in events:
                if self._cancelled.is_set():
                    raise CancelledError("cancelled")
                if isinstance(event, Result):
                    return event.separation
                self._follow(event)
        finally:
            events.close()  # type: ignore[attr-defined]
        raise AssertionError("a run ends with its result")

    def _tell(self, **changes: Any) -> None:
        with self._lock:
            if not self._cancelled.is_set():
                self._report(changes)

    def _follow(self, event: Event) -> None:
        """Report an event, but chunks not more often than a screen shows."""
        if isinstance(event, Notice):
            self._notices.append(event.message)
        elif isinstance(event, PassStarted):
            self._rows.clear()
            self._prefix = f"pass {event.index} of {event.total} ({event.name}), "
        elif isinstance(event, StepStarted):
            self._rows[event.step] = [event.step, "running", None]
        elif isinstance(event, StepCompleted):
            self._rows[event.step] = [event.step, "done", round(event.seconds, 3)]
        elif isinstance(event, ChunksProcessed):
            if time.perf_counter() - self._latest < UPDATE_SECONDS and event.done < event.total:
                return
            self._latest = time.perf_counter()
            self._tell(
                done=event.done / event.total,
                status=f"{self._prefix}{describe_progress(event)}",
                memory=measure_memory(self._device),
            )
        self._tell(steps=[list(row) for row in self._rows.values()])


def describe_progress(event: ChunksProcessed) -> str:
    """How far it is, the time left and times-real-time."""
    speed = event.audio_seconds / event.seconds if event.seconds > 0 else 0.0
    return f"chunk {event.done} of {event.total}, {event.seconds_left:.0f} s left, {speed:.1f} times real time"
