"""Which part of a step is drawn: what there is to choose, and whether it is there."""

from __future__ import annotations

from dataclasses import dataclass, fields

from workbench.errors import InvalidType, InvalidValue
from workbench.figures.spectrogram import is_log_axis
from workbench.figures.style import color_stems
from workbench.pipeline.trace import Trace
from workbench.pipeline.trace_step import TraceStep


@dataclass(frozen=True)
class View:
    """What part of a step is drawn, and how; ``None`` leaves the choice to the figure."""

    chunk: int | None = None
    stem: str | None = None
    channel: int | None = None
    frequency: str | None = None


# Which parts a step has to choose from.
CHOICES = {
    "load": ("channel", "frequency"),
    "conform": (),
    "normalize": (),
    "chunk": ("chunk",),
    "transform": ("chunk", "channel", "frequency"),
    "model": ("chunk", "stem", "channel", "frequency"),
    "mask": ("chunk", "stem", "channel", "frequency"),
    "wiener": ("chunk", "stem", "channel", "frequency"),
    "inverse": ("chunk", "stem"),
    "stitch": ("chunk", "stem"),
    "denormalize": ("stem",),
    "restore": ("stem",),
    "derive": ("stem", "channel", "frequency"),
}


def check_view(step: TraceStep, view: View) -> None:
    """Raise `InvalidValue` or `InvalidType` unless every choice is one that the step has."""
    for field in fields(view):
        if getattr(view, field.name) is not None and field.name not in list_choices(step):
            having = ", ".join(name for name, other in step.trace.items() if field.name in list_choices(other))
            raise InvalidValue(f"the figure of {step.name!r} has no {field.name} to choose; these have: {having}")
    for name, count in (("chunk", _count_chunks(step)), ("channel", _count_channels(step))):
        value = getattr(view, name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidType(f"{name} must be a whole number, got {value!r}")
        if not 0 <= value < count:
            raise InvalidValue(f"{name} must be from 0 to {count - 1}, got {value}")
    if view.stem is not None and view.stem not in list_stem_names(step):
        raise InvalidValue(f"there is no stem {view.stem!r} here; there are {', '.join(list_stem_names(step))}")
    if view.frequency is not None:
        is_log_axis(view.frequency)


def list_choices(step: TraceStep) -> tuple[str, ...]:
    """What there is to choose in a step's figure; a model of waveforms has no channel or frequencies to pick."""
    gives_waveforms = step.name == "model" and not step.trace.plan.stages.inverts
    return CHOICES["inverse"] if gives_waveforms else CHOICES[step.name]


def list_stem_names(step: TraceStep) -> tuple[str, ...]:
    """The stems in a step's output, in order."""
    plan = step.trace.plan
    if step.name == "model":
        return plan.stem_names
    if step.name == "derive":
        return tuple(step.trace.stems)
    return tuple(plan.stem_names[index] for index in plan.selected)


def color_run(trace: Trace) -> dict[str, str]:
    """The colour of each stem of a run, the same in all of its figures: the model's stems first, then derived ones."""
    return color_stems((*trace.plan.stem_names, *trace.plan.rules))


def select_stems(step: TraceStep, view: View) -> dict[str, int]:
    """Name -> place in the step's output, of the stems to draw."""
    names = list_stem_names(step)
    return {name: index for index, name in enumerate(names) if view.stem in (None, name)}


def _count_chunks(step: TraceStep) -> int:
    return step.trace.grid.num_chunks


def _count_channels(step: TraceStep) -> int:
    whole = step.name in ("load", "derive")
    return int(step.trace.song.data.shape[0]) if whole else step.trace.plan.num_channels
