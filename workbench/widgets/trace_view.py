"""The path of a run as a strip of steps; each opens what explores it."""

from __future__ import annotations

import html
import os
from typing import Any

from ipywidgets import VBox
from matplotlib.figure import Figure
from traitlets import Dict, List, Unicode, validate

from workbench.errors import InvalidType
from workbench.figures.path import format_time
from workbench.figures.step import draw_trace
from workbench.pipeline.ensemble_trace import EnsembleTrace
from workbench.pipeline.trace import Trace
from workbench.pipeline.trace_step import TraceStep, format_bytes
from workbench.report.words import MEANINGS
from workbench.widgets.base import EXPORT_VARIABLE, PAGE_KIT, WorkbenchWidget, read_module, read_style
from workbench.widgets.errors import RefusedValueError
from workbench.widgets.for_step import make_step_widget

PARTS_OF_NUMBERS = "re/im"  # the last axis of spectrograms and masks, which `TraceStep.axes` calls 2


class TraceStrip(WorkbenchWidget):
    """The steps of a run in order, with what went out of each, its time and its memory.

    Args:
        trace: of one pass or of several.
        traits: what to begin with, such as ``selected="mask"``.

    Attributes:
        selected: the step that is picked, or empty.
        shown_pass: of a run of several passes, the one whose steps are shown; else empty.
        passes: their names; empty for a run of one.
        steps: what the strip shows of each step.
        totals: time, times real time and memory, in words.
        notices: of the run.

    Raises:
        InvalidType: no trace.
        InvalidValue: a step or pass that the run does not have.
    """

    _esm = read_module(*PAGE_KIT, "trace_view.js")
    _css = read_style("trace_view.css")

    selected = Unicode("").tag(sync=True)
    shown_pass = Unicode("").tag(sync=True)
    passes = List(Unicode()).tag(sync=True)
    steps = List(Dict()).tag(sync=True)
    totals = Unicode().tag(sync=True)
    notices = List(Unicode()).tag(sync=True)

    def __init__(self, trace: object, **traits: Any) -> None:
        if not isinstance(trace, Trace | EnsembleTrace):
            raise InvalidType(f"expected a trace, wb.trace(...), got {type(trace).__name__}")
        self._traces: dict[str, Trace] = dict(trace) if isinstance(trace, EnsembleTrace) else {"": trace}
        model_id = next(iter(self._traces.values())).plan.model_id
        of_several = f"Trace of {len(self._traces)} pass{'' if len(self._traces) == 1 else 'es'}"
        label = of_several if isinstance(trace, EnsembleTrace) else f"Trace of {model_id}"
        passes = [name for name in self._traces if name]
        super().__init__(
            **{"label": label, "shown_pass": next(iter(self._traces)), **traits},
            passes=passes,
            notices=list(trace.notices),
        )
        self._show_pass()
        self.watch(self._show_pass, "shown_pass")

    @property
    def trace(self) -> Trace:
        """The run whose steps are shown."""
        return self._traces[self.shown_pass]

    @validate("selected")
    def _check_selected(self, proposal: dict[str, Any]) -> str:
        name = str(proposal["value"])
        trace = self._traces.get(self.shown_pass)
        if name and trace is not None and name not in trace:
            raise RefusedValueError(f"no step {name!r} in this run; it has {', '.join(trace)}")
        return name

    @validate("shown_pass")
    def _check_pass(self, proposal: dict[str, Any]) -> str:
        name = str(proposal["value"])
        if name not in self._traces:
            raise RefusedValueError(f"no pass {name!r} in this run; it has {', '.join(self._traces) or 'one only'}")
        return name

    def _show_pass(self, change: object = None) -> None:
        with self.hold_sync():
            if self.selected not in self.trace:
                self.selected = ""
            longest = max(step.seconds for step in self.trace.values()) or 1.0
            self.steps = [describe_step(step, longest_seconds=longest) for step in self.trace.values()]
            self.totals = describe_totals(self.trace)

    def figure(self) -> Figure:
        """The path as a figure."""
        return draw_trace(self.trace)

    def describe(self) -> str:
        """The steps and the totals, in words."""
        return f"{self.label}: {', '.join(self.trace)}. {self.totals}"

    def export_html(self) -> str:
        """The path as a picture, with totals and notices."""
        notes = "".join(f"<p>{html.escape(text)}</p>" for text in (self.totals, *self.notices))
        return f"{super().export_html()}{notes}"


class TraceView(VBox):  # type: ignore[misc]
    """The strip of a run's steps and, below it, what explores the one that is picked.

    Args:
        trace: of one pass or of several.
        traits: of the strip, such as ``selected="mask"``.

    Attributes:
        strip: the `TraceStrip`; observe its ``selected``.

    Raises:
        InvalidType: no trace.
        InvalidValue: a step or pass that the run does not have.
    """

    _parts: tuple[WorkbenchWidget, ...] = ()  # none where it could not be made

    def __init__(self, trace: object, **traits: Any) -> None:
        self.strip = TraceStrip(trace, **traits)
        self._explorers: dict[tuple[str, str], WorkbenchWidget] = {}  # a step that is picked again is as it was left
        self._parts = (self.strip,)
        super().__init__([self.strip])
        self.strip.watch(self._open, "selected", "shown_pass")
        if self.strip.selected:
            self._open()

    @property
    def selected(self) -> str:
        """The step that is picked, or empty; set it to open another one."""
        return self.strip.selected

    @selected.setter
    def selected(self, name: str) -> None:
        self.strip.selected = name

    @property
    def opened(self) -> WorkbenchWidget | None:
        """What explores the step that is picked."""
        return self.children[1] if len(self.children) > 1 else None

    def _open(self, change: object = None) -> None:
        strip, name = self.strip, self.strip.selected
        key = (strip.shown_pass, name)
        if name and key not in self._explorers:
            self.children = [strip]  # nothing of the step before, should this one fail
            with strip.working():
                self._explorers[key] = made = make_step_widget(strip.trace[name])
            self._parts = (*self._parts, made)
        self.children = [strip, self._explorers[key]] if name else [strip]

    def close(self) -> None:
        """Close the strip and every explorer too, which would be kept for as long as the kernel lives."""
        for widget in self._parts:
            widget.close()
        super().close()
        self.__dict__.pop("_repr_mimebundle_", None)  # as `WorkbenchWidget.close` says

    def export_html(self) -> str:
        """The strip and what is open, without a kernel."""
        return "".join(widget.export_html() for widget in self.children)

    def __repr__(self) -> str:
        return f"<TraceView: {self.strip.label}>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if self.comm is None:
            return self.strip._repr_mimebundle_(**options)
        if os.environ.get(EXPORT_VARIABLE):
            return {"text/html": self.export_html(), "text/plain": repr(self)}, {}
        return super()._repr_mimebundle_(**options)


def describe_step(step: TraceStep, *, longest_seconds: float) -> dict[str, Any]:
    """What the strip shows of a step, as text; ``part`` is its time beside the longest step's."""
    return {
        "name": step.name,
        "shape": name_axes(step),
        "dtype": str(step.dtype).removeprefix("torch."),
        "size": format_bytes(step.bytes),
        "time": format_time(step.seconds),
        "part": step.seconds / longest_seconds,
        "is_kept": step.is_kept,
        "device": str(step.device),
        "meaning": MEANINGS[step.name],
        "settings": [[name, str(value)] for name, value in step.parameters.items()],
    }


def name_axes(step: TraceStep) -> list[list[str]]:
    """Name and length of each axis of a step's output, as text."""
    names = step.axes.strip("()").split(", ")
    return [
        [PARTS_OF_NUMBERS if name == "2" else name, f"{length:,}".replace(",", " ")]
        for name, length in zip(names, step.shape, strict=True)
    ]


def describe_totals(trace: Trace) -> str:
    """``"12.00 s of music in 0.52 s on cpu, 23 times real time; 45.1 MB came out of the steps, 40.0 MB are kept"``."""
    seconds = trace.song.data.shape[-1] / trace.song.sample_rate
    spent = sum(step.seconds for step in trace.values())
    speed = f", {seconds / spent:.3g} times real time" if spent > 0 else ""
    size = sum(step.bytes for step in trace.values())
    kept = sum(step.bytes for step in trace.values() if step.is_kept)
    memory = f"{format_bytes(size)} came out of the steps, " + (
        "all kept" if kept == size else f"{format_bytes(kept)} are kept"
    )
    return f"{seconds:.2f} s of music in {format_time(spent)} on {trace.plan.device}{speed}; {memory}."
