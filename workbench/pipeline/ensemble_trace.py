"""A run of several passes, watched: a trace of each, and how far each lies from what they come to together."""

from __future__ import annotations

import dataclasses
import html
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import InvalidValue, WorkbenchNotice
from workbench.pipeline.alterations import average
from workbench.pipeline.ensemble import Ensemble, Weights, check_stem_weights
from workbench.pipeline.ensemble_decision import EnsembleDecision, plain_ensemble
from workbench.pipeline.passes import PassesRun, WatchedPass, combine_members, make_separation, take_stems
from workbench.pipeline.recorder import Recorder
from workbench.pipeline.request import Request
from workbench.pipeline.separation import Separation
from workbench.pipeline.separator import Song, watch
from workbench.pipeline.trace import Trace
from workbench.pipeline.validation import validate_config

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.pipeline.events import Event
    from workbench.widgets import TraceView


class EnsembleTrace(Mapping[str, Trace]):
    """Pass name -> `Trace`. Made by `trace` where there are several passes; shown as a table, a row a pass.

    The trace of a pass is of the song as that pass had it: exchanged, negated or delayed. It holds the pass's network.

    Attributes:
        stems: the result, to the bit what `separate` gives.
        source: what was traced, as it was given: a path or audio.
        decision: everything that was decided for the run as a whole.
        notices: what the user should know.
    """

    def __init__(
        self, source: Song, decision: EnsembleDecision, watched: Sequence[WatchedPass], separation: Separation
    ) -> None:
        self.source = source
        self.decision = decision
        self.stems = separation
        self._watched = {seen.part.name: seen for seen in watched}
        self._traces = {
            name: Trace(seen.run, cast(Recorder, seen.observer), seen.separation)
            for name, seen in self._watched.items()
        }
        of_passes = (notice for trace in self._traces.values() for notice in trace.notices)
        self.notices = tuple(dict.fromkeys((*separation.notices, *of_passes)))  # each once

    @property
    def song(self) -> Audio[Tensor]:
        """The song as loaded."""
        return self.stems.mixture

    def __getitem__(self, name: str) -> Trace:
        if name not in self._traces:
            raise KeyError(f"no pass {name!r} in this run; it has {', '.join(self)}")
        return self._traces[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._traces)

    def __len__(self) -> int:
        return len(self._traces)

    def align(self, name: str) -> dict[str, Audio[Tensor]]:
        """The stems of a pass as if its song had not been altered, to compare with the combined ones."""
        stems = take_stems(self[name].stems, self._watched[name].part.alteration, stem_names=self.decision.selected)
        return {
            stem: Audio(data, self.song.sample_rate) for stem, data in zip(self.decision.selected, stems, strict=True)
        }

    @cached_property
    def agreement(self) -> dict[str, dict[str, float]]:
        """Pass -> stem -> SDR of the combined stem against the pass's, in decibels; ``inf`` where they are equal."""
        from workbench.metrics.ratios import sdr

        return {
            name: {stem: sdr(audio, self.stems[stem]) for stem, audio in self.align(name).items() if stem in self.stems}
            for name in self
        }

    def rerun(self, *, method: str | None = None, weights: Weights = None) -> EnsembleTrace:
        """Combine the members' stems anew; no model runs.

        Args:
            method: as of `workbench.Ensemble`; as it was if left out, but ``mean`` where there are weights.
            weights: of the members, for the mean.

        Raises:
            InvalidValue: nothing to change, no ensemble, an unknown method or weights that do not fit.
        """
        decision = self.decision
        if method is None and weights is None:
            raise InvalidValue("nothing to change was given: rerun takes method= and weights=")
        if decision.members[0].name is None:
            raise InvalidValue("the passes of one model are always averaged: trace an ensemble to choose a method")
        if method is None:
            method = "mean"
        names = [str(member.name) for member in decision.members]
        ensemble = Ensemble(names, method=method, weights=weights)
        check_stem_weights(weights, stem_names=decision.stem_names)
        document = decision.config.to_document()
        document["ensemble"] = {**plain_ensemble(ensemble), "members": document["ensemble"]["members"]}
        config = validate_config(document)
        decision = dataclasses.replace(decision, config=config, method=method, weights=config.ensemble.weights)
        watched = list(self._watched.values())
        separation = make_separation(
            combine_members(average_members(watched, decision), decision),
            decision,
            song=self.song,
            notices=self.stems.notices,
            source=self.stems.source,
        )
        return EnsembleTrace(self.source, decision, watched, separation)

    def figure(self, stem: str | None = None) -> Figure:
        """Where in time and frequency the passes disagree about a stem, the first one by default.

        Raises:
            InvalidValue: no stem of the passes is called like this.
        """
        from workbench.figures.disagreement import draw_disagreement

        shown = [name for name in self.decision.selected if name in self.stems]
        stem = shown[0] if stem is None and shown else stem
        if stem not in shown:
            raise InvalidValue(f"there is no stem {stem!r} to compare; the passes give {', '.join(shown) or 'none'}")
        passes = {name: self.align(name)[stem] for name in self}
        return draw_disagreement(passes, self.stems[stem], stem=stem)

    def _describe(self) -> str:
        members, seconds = self.decision.members, self.song.data.shape[-1] / self.song.sample_rate
        passes = "1 pass" if len(self) == 1 else f"{len(self)} passes"
        if members[0].name is None:
            what = f"{members[0].decision.model_id} in {passes}"
        else:
            count = "1 member" if len(members) == 1 else f"{len(members)} members"
            what = f"{count} in {passes}, combined by {self.decision.method}"
        return f"EnsembleTrace of {what}: {seconds:.2f} s; SDR of the combined stems against each pass's"

    def _table(self) -> list[tuple[str, ...]]:
        stems = [name for name in self.decision.selected if name in self.stems]
        rows = [("pass", "seconds", *stems)]
        for name, trace in self.items():
            levels = (format_agreement(self.agreement[name][stem]) for stem in stems)
            rows.append((name, f"{sum(step.seconds for step in trace.values()):.3f}", *levels))
        return rows

    def __repr__(self) -> str:
        rows = self._table()
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([self._describe(), *lines, *(f"note: {notice}" for notice in self.notices)])

    def widget(self, **traits: Any) -> TraceView:
        """The passes in a notebook, and each one's steps; see `workbench.Trace.widget`."""
        from workbench.widgets import TraceView

        return TraceView(self, **traits)

    def _repr_html_(self) -> str:
        head, *rows = self._table()
        cells = "".join(f"<th style='text-align:left'>{html.escape(title)}</th>" for title in head)
        body = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        notes = "".join(f"<p>{html.escape(notice)}</p>" for notice in self.notices)
        caption = f"<caption style='text-align:left'>{html.escape(self._describe())}</caption>"
        return f"<table>{caption}<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>{notes}"


def format_agreement(decibels: float) -> str:
    """A level as a cell of the table: ``"31.2 dB"``."""
    if math.isnan(decibels):
        return "both silent"
    return {math.inf: "equal", -math.inf: "silent"}.get(decibels, f"{decibels:.1f} dB")


def average_members(watched: Sequence[WatchedPass], decision: EnsembleDecision) -> list[Tensor]:
    """What the passes of each member come to, (stem, channel, time) each."""
    averaged = []
    for index in range(len(decision.members)):
        own = [seen for seen in watched if seen.part.member == index]
        stems = None
        for place, seen in enumerate(own):
            given = take_stems(seen.separation, seen.part.alteration, stem_names=decision.selected)
            stems = average(stems, given, index=place, total=len(own))
        averaged.append(cast(Tensor, stems))
    return averaged


def trace_passes(
    song: Song,
    request: Request,
    *,
    keep: Sequence[str] | None,
    memory_budget_bytes: int,
    progress: bool | Callable[[Event], None] | None,
) -> EnsembleTrace:
    """Run all passes, each watched, with an equal share of the memory for what flows in them; for `trace`."""
    run = PassesRun(song, request, make_observer=lambda count: Recorder(keep, memory_budget_bytes // count))
    separation = watch(run.events(), progress, stacklevel=5)
    assert run.decision is not None  # the run is over
    watched = EnsembleTrace(song, run.decision, run.watched, separation)
    for message in watched.notices[len(separation.notices) :]:  # of what was not kept
        warnings.warn(message, WorkbenchNotice, stacklevel=4)
    return watched
