"""A run of several passes over the song: test-time augmentation, shifts, ensembles.

Each pass is an ordinary `Run` over the song, or over the song as an `Alteration` changes it. The stems of a member's
passes are averaged, those of the members combined, and only then further stems are derived.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.stems import derive_stems
from workbench.errors import InvalidValue
from workbench.pipeline import steps
from workbench.pipeline.alterations import Alteration, average, list_alterations
from workbench.pipeline.combine import combine_stems
from workbench.pipeline.ensemble import Weights
from workbench.pipeline.ensemble_decision import EnsembleDecision, asks_for_passes, check_members, decide_members
from workbench.pipeline.events import Event, Notice, PassStarted, Result, StepCompleted, StepStarted
from workbench.pipeline.members import Member, naming_member
from workbench.pipeline.network import NetworkKeeper
from workbench.pipeline.plan import make_plan
from workbench.pipeline.references import check_references
from workbench.pipeline.request import Request
from workbench.pipeline.separation import Separation
from workbench.pipeline.separator import Observer, Run, Song


@dataclass(frozen=True, eq=False)
class Pass:
    """One run over the song.

    Attributes:
        name: of the pass, such as ``"swap"``, or ``"hpss: swap"`` for a member that has several.
        member: whose pass it is; an index.
        alteration: what is done to the song before it.
    """

    name: str
    member: int
    alteration: Alteration


@dataclass(frozen=True, eq=False)
class WatchedPass:
    """A pass that is over, and what was seen of it."""

    part: Pass
    run: Run
    observer: Observer
    separation: Separation


@dataclass(eq=False)
class PassesRun:
    """A separation in several passes; as `Run`, but for what goes on inside.

    Args:
        song: what is separated.
        request: how.
        make_observer: number of passes -> what observes the next one; ``None`` if nobody does.
        networks: loads the members' networks, one after the other.
        watched: the passes that are over, if somebody does.
    """

    song: Song
    request: Request
    make_observer: Callable[[int], Observer] | None = None
    networks: NetworkKeeper = field(default_factory=NetworkKeeper)
    watched: list[WatchedPass] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    decision: EnsembleDecision | None = None

    def events(self) -> Iterator[Event]:
        """Run, and report on the way; the last event is a `Result`.

        First the step ``load``, then a `PassStarted` and the events of a run for each pass, then ``combine`` and
        ``derive``. A notice that several passes have in common comes once.
        """
        song = yield from timed_step("load", lambda: steps.load_song(self.song))
        num_channels, num_samples = song.data.shape
        self.decision = decide_members(
            self.request, song_rate=song.sample_rate, song_channels=num_channels, song_samples=num_samples
        )
        check_members(self.decision)
        references = check_references(self.request.true_stems, song)
        passes = list_passes(self.decision, song)
        for message in self.decision.notices:
            yield from self._notice(message)
        averaged = []
        for index, member in enumerate(self.decision.members):
            with naming_member(member.name):
                averaged.append((yield from self._run_member(index, member, passes, song, references)))
        combined = yield from timed_step("combine", lambda: combine_members(averaged, self._decided))
        averaged.clear()
        source = None if isinstance(self.song, Audio) else self.song
        separation = yield from timed_step(
            "derive",
            lambda: make_separation(combined, self._decided, song=song, notices=self.notices, source=source),
        )
        yield Result(separation)

    @property
    def _decided(self) -> EnsembleDecision:
        assert self.decision is not None  # from the first pass on
        return self.decision

    def _run_member(
        self,
        index: int,
        member: Member,
        passes: Sequence[Pass],
        song: Audio[Tensor],
        references: Mapping[str, Audio[Tensor]],
    ) -> Generator[Event, None, Tensor]:
        """The average of a member's passes, (stem, channel, time); its network is loaded once."""
        own = [part for part in passes if part.member == index]
        request = member.request_of_pass(self._decided.selected)
        stems = None
        for place, part in enumerate(own):
            yield PassStarted(part.name, passes.index(part) + 1, len(passes))
            altered = part.alteration.apply(song)
            true_stems = {name: part.alteration.apply(audio) for name, audio in references.items()}
            asked = dataclasses.replace(request, references=true_stems or None)
            plan = make_plan(altered, asked, networks=self.networks)
            observer = None if self.make_observer is None else self.make_observer(len(passes))
            run = Run(altered, asked, observer=observer, plan=plan)
            separation = yield from self._pass_on(run)
            if observer is not None:
                self.watched.append(WatchedPass(part, run, observer, separation))
            given = take_stems(separation, part.alteration, stem_names=self._decided.selected)
            stems = average(stems, given, index=place, total=len(own))
            del plan, run, separation, given  # before the next pass needs the room
        assert stems is not None  # every member has a pass
        return stems

    def _pass_on(self, run: Run) -> Generator[Event, None, Separation]:
        """The events of a pass without its result, and notices that were not heard before."""
        with closing(run.events()) as events:  # type: ignore[type-var]
            for event in events:
                if isinstance(event, Result):
                    return event.separation
                if isinstance(event, Notice):
                    yield from self._notice(event.message)
                else:
                    yield event
        raise AssertionError("a run ends with its result")

    def _notice(self, message: str) -> Iterator[Notice]:
        if message not in self.notices:
            self.notices.append(message)
            yield Notice(message)


def make_run(song: Song, request: Request, *, networks: NetworkKeeper | None = None) -> Run | PassesRun:
    """The run that a request is for: a single plain one, or several passes; `networks` may serve several runs."""
    networks = networks or NetworkKeeper()
    kind = PassesRun if asks_for_passes(request) else Run
    return kind(song, request, networks=networks)


def timed_step(step: str, compute: Callable[[], Any]) -> Generator[Event, None, Any]:
    """A step of the run as a whole, between its events."""
    yield StepStarted(step)
    started = time.perf_counter()
    with torch.no_grad():
        output = compute()
    yield StepCompleted(step, time.perf_counter() - started)
    return output


def list_passes(decision: EnsembleDecision, song: Audio[Tensor]) -> list[Pass]:
    """All passes in order, checked against the song.

    Raises:
        InvalidValue: an augmentation that this song cannot have.
    """
    passes: list[Pass] = []
    for index, member in enumerate(decision.members):
        inference = member.decision.config.inference.model_dump(exclude_none=True)
        with naming_member(member.name):
            alterations = list_alterations(inference, sample_rate=song.sample_rate)
            for alteration in alterations.values():
                alteration.check(song)
        for name, alteration in alterations.items():
            if member.name is not None:
                name = member.name if len(alterations) == 1 else f"{member.name}: {name}"
            passes.append(Pass(name, index, alteration))
    names = [part.name for part in passes]
    for name in names:
        if names.count(name) > 1:  # a member may be called "other: swap"
            raise InvalidValue(f"two passes are called {name!r}: give the members other names")
    return passes


def take_stems(stems: Mapping[str, Audio[Tensor]], alteration: Alteration, *, stem_names: Sequence[str]) -> Tensor:
    """What a pass gave, as if the song had not been altered: (stem, channel, time)."""
    return alteration.undo(torch.stack([stems[name].data for name in stem_names]))


def combine_members(averaged: Sequence[Tensor], decision: EnsembleDecision) -> Tensor:
    """The members' stems (stem, channel, time) as one set."""
    weights: Weights = decision.weights
    if isinstance(weights, Mapping):
        weights = {name: weights[name] for name in decision.selected if name in weights}
    return combine_stems(averaged, stem_names=decision.selected, method=decision.method, weights=weights)


def make_separation(
    combined: Tensor,
    decision: EnsembleDecision,
    *,
    song: Audio[Tensor],
    notices: Sequence[str],
    source: str | PathLike[str] | None,
) -> Separation:
    """The result: the combined stems that were asked for, and those derived from them and the song."""
    computed = dict(zip(decision.selected, combined, strict=True))
    derived = derive_stems(computed, song.data, decision.rules)
    wanted = (*decision.requested, *decision.rules)
    alone = decision.members[0] if decision.members[0].name is None else None
    return Separation(
        {name: Audio(stem, song.sample_rate) for name, stem in derived.items() if name in wanted},
        song,
        all_stems=combined if decision.selected == decision.stem_names else None,
        config=decision.config,
        notices=notices,
        source=source,
        checkpoint=None if alone is None else alone.request.checkpoint,
        not_in_settings=decision.not_in_settings,
    )
