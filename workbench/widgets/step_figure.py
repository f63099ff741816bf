"""The figure of any step of a trace, with controls for the part of it that is drawn."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure
from traitlets import Dict, Enum, Int, Unicode, validate

from workbench.errors import InvalidType
from workbench.figures.step import draw_step
from workbench.figures.style import format_seconds, name_channel
from workbench.figures.view import list_choices, list_stem_names
from workbench.pipeline.trace_step import TraceStep
from workbench.widgets.base import PAGE_KIT, WorkbenchWidget, bytes_trait, read_module, read_style
from workbench.widgets.errors import RefusedValueError

DOTS_PER_INCH = 140  # sharp in a notebook 1300 pixels wide


class StepFigure(WorkbenchWidget):
    """A picture of what went out of a step, as ``step.figure()`` draws it.

    Args:
        step: of a trace, such as ``trace["inverse"]``.
        traits: what to begin with, such as ``stem="vocals"``.

    Attributes:
        chunk: the chunk that is drawn; ``None`` leaves it to the figure.
        stem: the only stem that is drawn, or empty for all.
        channel: of spectrograms and masks; ``None`` is the song's loudest.
        frequency: axis of spectrograms and masks, ``log`` or ``linear``.
        choices: what there is to choose, by the name of its trait; none of a step that kept only a summary.
        words: the picture's headline.

    Raises:
        InvalidType: no step of a trace.
        InvalidValue: a choice that the step does not have.
    """

    _esm = read_module(*PAGE_KIT, "step_figure.js")
    _css = read_style("step_figure.css")

    chunk = Int(None, allow_none=True).tag(sync=True)
    stem = Unicode("").tag(sync=True)
    channel = Int(None, allow_none=True).tag(sync=True)
    frequency = Enum(("log", "linear"), "log").tag(sync=True)
    choices = Dict().tag(sync=True)
    words = Unicode().tag(sync=True)
    notice = Unicode(help="Why there is no more than a summary.").tag(sync=True)
    picture = bytes_trait()

    def __init__(self, step: object, **traits: Any) -> None:
        if not isinstance(step, TraceStep):
            raise InvalidType(f"expected a step of a trace, such as trace['inverse'], got {type(step).__name__}")
        self._step = step
        self._choices = list_options(step)
        traits.setdefault("label", f"Step {step.name} of {step.trace.plan.model_id}")
        super().__init__(**traits, choices=self._choices)
        if not is_drawn(step):
            self.notice = (
                f"Of {step.name} only a summary was kept: raise memory_budget_bytes, name it in keep, or trace a "
                "shorter excerpt to see it."
            )
        self._draw()
        self.watch(self._draw, "chunk", "stem", "channel", "frequency")

    @property
    def step(self) -> TraceStep:
        """The step."""
        return self._step

    @validate("chunk", "stem", "channel", "frequency")
    def _check(self, proposal: dict[str, Any]) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if value in (None, "") or (name == "frequency" and value == "log"):
            return value
        options = [option for option, _ in self._choices.get(name, ())]
        if not options:
            raise RefusedValueError(f"the figure of {self._step.name!r} has no {name} to choose")
        if str(value) not in options:
            known = f"from 0 to {len(options) - 1}" if name in ("chunk", "channel") else f"one of {', '.join(options)}"
            raise RefusedValueError(f"{name} must be {known}, got {value!r}")
        return value

    def _draw(self, change: object = None) -> None:
        with self.working(), self.hold_sync():
            figure, file = self.figure(), io.BytesIO()
            figure.savefig(file, format="png", dpi=DOTS_PER_INCH)
            self.words = " ".join(figure.get_suptitle().split())
            self.picture = file.getvalue()

    def figure(self) -> Figure:
        """The picture."""
        view = {"chunk": self.chunk, "stem": self.stem or None, "channel": self.channel, "frequency": self.frequency}
        return draw_step(self._step, **{name: value for name, value in view.items() if name in self._choices})  # type: ignore[arg-type]

    def describe(self) -> str:
        """The picture's headline."""
        return f"Figure of the step {self._step.name}. {self.words}".strip()


def is_drawn(step: TraceStep) -> bool:
    """Whether there is more to draw of a step than a summary; the step ``mask`` is drawn from the masks themselves."""
    if step.name == "mask":
        return step.trace.mask_override is not None or step.trace["model"].is_kept
    return step.is_kept


def list_options(step: TraceStep) -> dict[str, list[list[str]]]:
    """What a step's figure has to choose from: value and words of each, as text."""
    if not is_drawn(step):
        return {}
    trace, options = step.trace, {}
    for name in list_choices(step):
        if name == "chunk":
            rate, size = trace.plan.sample_rate, trace.grid.chunk_size
            spans = [(start / rate, (start + size) / rate) for start in trace.grid.starts]
            options[name] = [
                [str(index), f"{index}: {format_seconds(start)} to {format_seconds(stop)}"]
                for index, (start, stop) in enumerate(spans)
            ]
        elif name == "stem":
            options[name] = [[stem, stem] for stem in list_stem_names(step)]
        elif name == "channel":
            of_song = step.name in ("load", "derive")
            count = trace.song.data.shape[0] if of_song else trace.plan.num_channels
            options[name] = [[str(index), name_channel(index, num_channels=count)] for index in range(count)]
        else:
            options[name] = [["log", "logarithmic"], ["linear", "linear"]]
    return options
