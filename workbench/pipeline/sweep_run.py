"""The cells of a sweep, one after the other: run, timed, scored, stored."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.stems import MIXTURE
from workbench.errors import InvalidValue
from workbench.metrics.scores import score
from workbench.pipeline.events import Event, Result, StepStarted
from workbench.pipeline.network import NetworkKeeper
from workbench.pipeline.request import Request
from workbench.pipeline.separator import run_events, watch
from workbench.pipeline.sweep_cells import DecidedCell, describe_error
from workbench.pipeline.sweep_store import SweepStore, identify_cell, identify_sweep
from workbench.registry.names import join_names

AGREEMENT = "agreement_"  # before a metric's name where the stems of another cell stand in for true ones
WARM_UP_SECONDS = 1.0

Stems = dict[str, Audio[Tensor]]


@dataclass(frozen=True)
class CellStarted:
    """A cell of a sweep begins: ``name`` tells its place on the axes."""

    index: int
    total: int
    name: str


@dataclass(frozen=True)
class CellCompleted:
    """A cell of a sweep is done, or was found in the store, or failed with an error."""

    index: int
    total: int
    name: str
    from_store: bool
    error: str


@dataclass(frozen=True, eq=False)
class FinishedCell:
    """What came of a cell: its ``row`` (scores, seconds, ...), or its ``error``; warnings that came up on the way."""

    decided: DecidedCell
    row: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    warned: Sequence[warnings.WarningMessage] = ()


class Stopwatch:
    """Measures separation alone: from the first step after loading to the result, without what looks on.

    It is called with the events of a run, and passes them on.
    """

    def __init__(self, follow: Callable[[Any], None]) -> None:
        self.seconds = 0.0
        self._follow = follow
        self._since: float | None = None

    def __call__(self, event: Event) -> None:
        """Pass on an event; the time that this takes does not count."""
        now = time.perf_counter()
        if self._since is not None:
            self.seconds += now - self._since
        self._follow(event)
        begins = isinstance(event, StepStarted) and event.step == "conform"  # the network is loaded by then
        goes_on = (begins or self._since is not None) and not isinstance(event, Result)
        self._since = time.perf_counter() if goes_on else None


@dataclass(eq=False)
class Sweeper:
    """Runs cells.

    Args:
        song: as loaded.
        references: the true stems; where there are none, the cells of a family are held against the one of them that
            computes most.
        metrics: names of `workbench.metrics.METRICS`.
        repeats: how often each cell is timed.
        store: of finished cells.
        follow: called with every event.
        total: number of cells.
    """

    song: Audio[Tensor]
    references: Stems
    metrics: tuple[str, ...]
    repeats: int
    store: SweepStore | None
    follow: Callable[[Any], None]
    total: int
    _networks: NetworkKeeper = field(default_factory=NetworkKeeper)
    _warm: set[str] = field(default_factory=set)
    _shared: dict[str, Any] = field(default_factory=dict)

    def finish_cells(self, cells: Sequence[DecidedCell]) -> Iterator[FinishedCell]:
        """Finish each cell; of the stems no more are held than those of two cells."""
        if self.store is not None:
            self._shared = identify_sweep(self.song, self.references, metrics=self.metrics, repeats=self.repeats)
        if self.references:
            for decided in cells:
                yield self._finish(decided, Truth(self, self.references))
            return
        for family in dict.fromkeys(decided.family for decided in cells):
            members = [decided for decided in cells if decided.family == family]
            truth = Truth(self)
            for decided in sorted(members, key=lambda one: -one.redundancy if one.decision is not None else 0.0):
                finished = self._finish(decided, truth)
                if truth.origin is None:  # the first that works is what the rest of the family is held against
                    truth.origin, truth.stems = (None, None) if finished.error else (decided, truth.stems)
                yield finished

    def _finish(self, decided: DecidedCell, truth: Truth) -> FinishedCell:
        place = (decided.cell.index, self.total, decided.cell.name)
        self.follow(CellStarted(*place))
        error, row, stored = decided.error, None, None
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                if not error:
                    identity = self._identify(decided, truth)
                    stored = self.store.find(identity) if self.store is not None else None
                    row = stored or self._measure(decided, truth)
            except Exception as fault:  # whatever a model raises, the other cells go on
                error = describe_error(fault)
        if error and torch.cuda.is_available():
            torch.cuda.empty_cache()  # here the error no longer holds what it was about
        if row is not None and stored is None and self.store is not None:
            self.store.append(identity, cell=decided.cell.name, row=row)
        self.follow(CellCompleted(*place, from_store=stored is not None, error=error))
        return FinishedCell(decided, row or {}, error, warned)

    def _identify(self, decided: DecidedCell, truth: Truth) -> dict[str, Any]:
        if self.store is None:
            return {}
        origin = truth.origin
        against = None if origin is None else identify_cell(origin)
        return {**self._shared, **identify_cell(decided), "held_against": against}

    def _measure(self, decided: DecidedCell, truth: Truth) -> dict[str, Any]:
        self._warm_up(decided)
        gpus = [device for device in decided.devices if device.type == "cuda"]
        for device in gpus:
            torch.cuda.reset_peak_memory_stats(device)
        seconds = math.inf
        for _ in range(self.repeats):
            watch = Stopwatch(self.follow)
            stems: Stems = {}  # what the run before gave is let go first
            stems = self.separate(decided, follow=watch)
            seconds = min(seconds, watch.seconds)
        peak = sum(torch.cuda.max_memory_allocated(device) for device in gpus) if gpus else None
        return {
            "scores": self._score(stems, truth),
            "seconds": seconds,
            "redundancy": decided.redundancy,
            "peak_gpu_bytes": peak,
        }

    def _warm_up(self, decided: DecidedCell) -> None:
        """Let libraries set up what they set up on first use: it would count for whichever cell comes first."""
        setup = f"{decided.family} {decided.devices}"
        if setup not in self._warm:
            with suppress(Exception):  # a cell that cannot run says so itself, on the whole song
                self.separate(decided, seconds=WARM_UP_SECONDS)
                self._warm.add(setup)

    def separate(
        self, decided: DecidedCell, *, follow: Callable[[Any], None] | None = None, seconds: float | None = None
    ) -> Stems:
        """The stems of a cell; with ``seconds`` only of the beginning of the song."""
        stop = None if seconds is None else max(1, round(seconds * self.song.sample_rate))

        def cut(audio: Audio[Tensor]) -> Audio[Tensor]:
            return Audio(audio.data[:, :stop], audio.sample_rate)

        references = {name: cut(audio) for name, audio in self.references.items()} or None
        request = Request(**decided.cell.options, references=references)
        events = run_events(cut(self.song), request, networks=self._networks)
        return dict(watch(events, follow or False, stacklevel=2))

    def _score(self, stems: Stems, truth: Truth) -> dict[str, float]:
        true = truth.read(own=stems)
        common = match_stems(true, stems)
        rows = score(
            {name: true[name] for name in common} | {MIXTURE: self.song},
            {name: stems[name] for name in common},
            metrics=self.metrics,
        )
        columns: dict[str, float] = {}
        prefix = "" if self.references else AGREEMENT
        for metric in self.metrics:
            columns[prefix + metric] = average([rows[stem][metric] for stem in common])
            columns |= {f"{prefix}{metric}.{stem}": rows[stem][metric] for stem in common}
        return columns


@dataclass(eq=False)
class Truth:
    """What the stems of cells are held against: true ones, or those of a cell, which are computed when first needed."""

    sweeper: Sweeper
    stems: Stems | None = None
    origin: DecidedCell | None = None

    def read(self, *, own: Stems) -> Stems:
        """The stems; ``own`` are those of the cell that asks, which is the first of its family if there is none yet."""
        if self.stems is None:
            if self.origin is None:
                self.stems = own
            else:
                self.stems = self.sweeper.separate(self.origin)
        return self.stems


def match_stems(references: Collection[str], stems: Collection[str]) -> list[str]:
    """The names that both have.

    Raises:
        InvalidValue: there is none.
    """
    common = [name for name in references if name in stems]
    if not common:
        raise InvalidValue(
            f"no stem is in both: the references are {join_names(references)}, the model gives {join_names(stems)}; "
            "give them the same names"
        )
    return common


def average(values: Sequence[float]) -> float:
    """The mean of those that are numbers: of a silent stem, some metrics have none."""
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan
