"""One run, watched: what flowed between its steps, to look at, to change and to run again from."""

from __future__ import annotations

import html
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Unpack, cast

from torch import Tensor

from workbench.core.grid import ChunkGrid
from workbench.errors import InvalidValue, WorkbenchNotice
from workbench.pipeline.ensemble_decision import asks_for_passes
from workbench.pipeline.named_arguments import takes_song
from workbench.pipeline.network import NetworkKeeper
from workbench.pipeline.plan import Plan, make_plan
from workbench.pipeline.recorder import Recorder
from workbench.pipeline.references import check_references, make_ideal_masks
from workbench.pipeline.request import Request, RunOptions
from workbench.pipeline.rerun import ask_again, list_known, use_mask
from workbench.pipeline.separation import Separation
from workbench.pipeline.separator import Run, Song, watch
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.steps import STEPS
from workbench.pipeline.trace_step import TraceStep, format_bytes

if TYPE_CHECKING:
    from workbench.core.audio import Audio
    from workbench.pipeline.ensemble_trace import EnsembleTrace
    from workbench.pipeline.events import Event
    from workbench.widgets import TraceView


class Trace(Mapping[str, TraceStep]):
    """Step name -> what went in and out of it. Made by `trace`; shown as a table, a row a step."""

    def __init__(self, run: Run, recorder: Recorder, separation: Separation) -> None:
        self._run = run
        self._recorder = recorder
        self.stems = separation
        self.notices = (*separation.notices, *recorder.notices)

    @property
    def plan(self) -> Plan:
        """Everything that was decided for the run."""
        return cast(Plan, self._run.plan)

    @property
    def grid(self) -> ChunkGrid:
        """Where the chunks lie, in samples at the model's rate."""
        return self.plan.grid(self["conform"].output.shape[-1])

    @property
    def source(self) -> Song:
        """What was traced, as it was given: a path or audio."""
        return self._run.song

    @property
    def song(self) -> Audio[Tensor]:
        """The song as loaded."""
        return self.stems.mixture

    @cached_property
    def references(self) -> dict[str, Audio[Tensor]]:
        """The true stems, where they were given."""
        return check_references(self._run.request.true_stems, self.song)

    def ideal_mask(self, kind: str) -> Tensor:
        """The masks that the references prescribe for the stems of this run: the ceiling of what masking can do.

        ``trace.rerun("mask", mask=trace.ideal_mask("irm"))`` runs on with them.

        Args:
            kind: ``ibm``, ``irm``, ``wiener``, ``psm``, ``psm_clipped`` or ``cirm``; see `workbench.core.ideal_mask`.

        Shapes:
            returns (chunk, stem, freq * channel, frame, 2), as the step ``mask`` takes it.

        Raises:
            InvalidValue: a run without masks, without references or with references that are not called like its
                stems, an unknown kind, or a trace that kept only a summary of its spectrograms.
        """
        if "mask" not in self:
            raise InvalidValue(f"{self.plan.model_id} gives no masks: an ideal one would stand for nothing here")
        if not self.references:
            raise InvalidValue("an ideal mask is made from the true stems: trace with references=")
        return make_ideal_masks(
            kind,
            self.references,
            names=tuple(self.plan.stem_names[index] for index in self.plan.selected),
            plan=self.plan,
            stats=self["normalize"].stats,
            grid=self.grid,
            mixture=self["transform"].output,
        )

    @property
    def mask_override(self) -> Tensor | SongMask | None:
        """The mask that stood in for the model's, on a rerun of the step ``mask``."""
        return self._run.given_mask

    def __getitem__(self, step: str) -> TraceStep:
        if step not in self._recorder.steps():
            raise KeyError(f"no step {step!r} in this run; it has {', '.join(self)}")
        return TraceStep(step, self, self._recorder)

    def __iter__(self) -> Iterator[str]:
        return iter(self._recorder.steps())

    def __len__(self) -> int:
        return len(self._recorder.steps())

    def rerun(self, step: str, *, progress: bool | Callable[[Event], None] | None = None, **changes: Any) -> Trace:
        """Go on from ``step`` with something changed; what depends on it runs again, the rest is kept.

        A step whose output was not kept for want of memory is computed again. A mask given for ``mask`` stays for
        reruns of later steps; a rerun of an earlier one brings the model's own back.

        Args:
            step: where to go on from.
            progress: as in `separate`.
            changes: ``normalize``: enabled; ``chunk``: chunk_seconds, overlap, padding_mode; ``transform``: n_fft,
                hop_length and others of the config's section; ``model``: its parameters; ``mask``: mask, a tensor
                (chunk, stem, freq * channel, frame, 2) or a `SongMask`; ``wiener``: iterations and others of the
                config's section, also where the filter was off; ``stitch``: window; ``derive``: derive.

        Raises:
            InvalidValue: a step that this run does not have or that has nothing to change, an unknown change.
        """
        if step not in self and not (step == "wiener" and "inverse" in self):  # which can be switched on
            raise InvalidValue(f"no step {step!r} in this run; it has {', '.join(self)}")
        request, given_mask = ask_again(self, step, changes)
        if STEPS.index(step) > STEPS.index("mask") and given_mask is None:
            given_mask = self.mask_override
        plan = make_plan(self.song, request, networks=NetworkKeeper(self.plan.loaded))
        known = list_known(self, step, plan=plan, outputs=self._recorder.outputs)
        recorder = Recorder(
            keep=self._recorder.keep,
            memory_budget_bytes=self._recorder.memory_budget_bytes,
            inherited={name: value for name, value in known.items() if name in self._recorder.kept_chunks()},
            summaries={
                name: summary
                for name, summary in self._recorder.summaries.items()
                if STEPS.index(name) < STEPS.index(step)
            },
        )
        run = Run(self.source, request, observer=recorder, plan=plan, known=known)
        if given_mask is not None:
            grid = plan.grid(self["conform"].output.shape[-1])
            use_mask(run, mask=given_mask, plan=plan, song=self.song, grid=grid)
        return finish_trace(run, recorder, progress, stacklevel=3)

    def widget(self, **traits: Any) -> TraceView:
        """The path of the run in a notebook; each of its steps opens what explores it.

        Args:
            traits: what it begins with, such as ``selected="mask"``.
        """
        from workbench.widgets import TraceView

        return TraceView(self, **traits)

    def __repr__(self) -> str:
        seconds = self.song.data.shape[-1] / self.song.sample_rate
        head = f"Trace of {self.plan.model_id}: {seconds:.2f} s on {self.plan.device}"
        titles = ("step", "out", "dtype", "size", "seconds", "settings")
        rows = [titles, *(row_of(self[step]) for step in self)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(titles) - 1)]
        lines = [
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
            for row in rows
        ]
        return "\n".join([head, *lines, *(f"note: {notice}" for notice in self.notices)])

    def _repr_html_(self) -> str:
        titles = ("step", "out", "dtype", "size", "seconds", "settings")
        head = "".join(f"<th style='text-align:left'>{title}</th>" for title in titles)
        body = "".join(
            "<tr>"
            + "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in row_of(self[step]))
            + "</tr>"
            for step in self
        )
        notes = "".join(f"<p>{html.escape(notice)}</p>" for notice in self.notices)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


def row_of(step: TraceStep) -> tuple[str, str, str, str, str, str]:
    """A step as the cells of a table."""
    kept = "" if step.is_kept else " (summary)"
    settings = ", ".join(f"{name} {value}" for name, value in step.parameters.items())
    dtype = str(step.dtype).removeprefix("torch.")
    return (
        step.name,
        f"{step.axes} {step.shape}{kept}",
        dtype,
        format_bytes(step.bytes),
        f"{step.seconds:.3f}",
        settings,
    )


@takes_song
def trace(
    song: Song,
    *,
    keep: Sequence[str] | None = None,
    memory_budget_bytes: int | None = None,
    progress: bool | Callable[[Event], None] | None = None,
    **options: Unpack[RunOptions],
) -> Trace | EnsembleTrace:
    """Take a song apart as `separate` does, to the bit, and keep what flows between the steps.

    A run of several passes (``tta``, ``shifts``, ``ensemble``) gives an `EnsembleTrace`, with a trace of each.

    Args:
        song: a path, or ``Audio`` with data (channel, time).
        keep: the steps whose output to keep out of transform, model, mask, wiener and inverse; all that fit by default.
            Outputs of the other steps are a song or the result long and always there.
        memory_budget_bytes: room for them, a quarter of the free memory by default; what does not fit leaves a summary
            and a notice.
        progress: as in `separate`.
        options: the other arguments of `separate`.
    """
    recorder = Recorder(keep=keep, memory_budget_bytes=memory_budget_bytes)
    request = Request(**options)
    if asks_for_passes(request):
        from workbench.pipeline.ensemble_trace import trace_passes  # which is made of traces

        budget = cast(int, recorder.memory_budget_bytes)
        return trace_passes(song, request, keep=keep, memory_budget_bytes=budget, progress=progress)
    run = Run(song, request, observer=recorder)
    return finish_trace(run, recorder, progress, stacklevel=4)


def finish_trace(
    run: Run, recorder: Recorder, progress: bool | Callable[[Event], None] | None, *, stacklevel: int
) -> Trace:
    """Run to the end and wrap up what was seen; warn of what was not kept in the name of a caller so many levels up."""
    separation = watch(run.events(), progress, stacklevel=stacklevel + 1)
    for message in recorder.notices:
        warnings.warn(message, WorkbenchNotice, stacklevel=stacklevel)
    return Trace(run, recorder, separation)
