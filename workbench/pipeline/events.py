"""What a run reports while it goes: frozen events, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.pipeline.separation import Separation


@dataclass(frozen=True)
class StepStarted:
    """A step begins. The steps from chunk to stitch take turns, batch by batch; each begins once."""

    step: str


@dataclass(frozen=True)
class StepCompleted:
    """A step is done; ``seconds`` is the time spent in it alone."""

    step: str
    seconds: float


@dataclass(frozen=True)
class PassStarted:
    """One of several runs over the song begins, the ``index``-th (from 1) of ``total``; its own events follow.

    Only where there are several: test-time augmentation, shifts, an ensemble.
    """

    name: str
    index: int
    total: int


@dataclass(frozen=True)
class ChunksProcessed:
    """So many chunks of all are through; ``seconds`` have passed since the first began.

    ``audio_seconds`` is the length of the song that is final by now.
    """

    done: int
    total: int
    seconds: float
    audio_seconds: float

    @property
    def seconds_left(self) -> float:
        """Expected time to the last chunk, at the speed so far."""
        return self.seconds / self.done * (self.total - self.done)


@dataclass(frozen=True)
class Notice:
    """Something the user should know though the work goes on."""

    message: str


@dataclass(frozen=True)
class Result:
    """The last event: the stems."""

    separation: Separation


Event = PassStarted | StepStarted | StepCompleted | ChunksProcessed | Notice | Result
