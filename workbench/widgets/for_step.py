"""Which widget explores which step of a trace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.stems import MIXTURE
from workbench.errors import InvalidType
from workbench.figures.view import list_stem_names
from workbench.pipeline.trace_step import TraceStep
from workbench.widgets.base import WorkbenchWidget


def make_step_widget(step: TraceStep, **traits: Any) -> WorkbenchWidget:
    """The widget that shows most of a step.

    ``load``, ``conform``, ``normalize``, ``denormalize`` and ``restore`` are songs to hear, in a `StemPlayer`;
    ``chunk`` has the `ChunkExplorer`, ``stitch`` the `WindowExplorer`, ``derive`` `DerivedStems`, and ``transform``,
    ``model`` and ``mask`` of a model that gives masks the `MaskExplorer`. What is left is a `StepFigure`: ``wiener``
    and ``inverse``, and ``transform`` and ``model`` of models that give waveforms or spectrograms.

    Args:
        step: of a trace, such as ``trace["mask"]``.
        traits: what the widget begins with, such as ``stem="vocals"``.

    Raises:
        InvalidType: no step of a trace.
        InvalidValue: a trait that cannot be.
    """
    if not isinstance(step, TraceStep):
        raise InvalidType(f"expected a step of a trace, such as trace['stitch'], got {type(step).__name__}")
    return _MAKE[step.name](step, traits)


def _make_figure(step: TraceStep, traits: dict[str, Any]) -> WorkbenchWidget:
    from workbench.widgets.step_figure import StepFigure

    return StepFigure(step, **traits)


def _make_player(step: TraceStep, traits: dict[str, Any]) -> WorkbenchWidget:
    from workbench.widgets.stem_player import StemPlayer

    return StemPlayer(name_tracks(step), **{"label": f"Step {step.name} of {step.trace.plan.model_id}", **traits})


def name_tracks(step: TraceStep) -> dict[str, Audio[Tensor]]:
    """What went out of a step that gives the whole song or its stems, by name, at the rate that it has there.

    Beside stems lies the song that they add up to: as loaded after ``restore``, as conformed after ``denormalize``.
    """
    trace = step.trace
    at_song_rate = step.name in ("load", "restore")
    rate = trace.song.sample_rate if at_song_rate else trace.plan.sample_rate
    if step.name not in ("denormalize", "restore"):
        return {step.name: Audio(step.output, rate)}
    song = trace["load" if at_song_rate else "conform"].output
    stems = zip(list_stem_names(step), step.output, strict=True)
    return {MIXTURE: Audio(song, rate), **{name: Audio(stem, rate) for name, stem in stems}}


def _make_chunk_explorer(step: TraceStep, traits: dict[str, Any]) -> WorkbenchWidget:
    from workbench.widgets.chunk_explorer import ChunkExplorer

    return ChunkExplorer(step.trace, **traits)


def _make_mask_explorer(step: TraceStep, traits: dict[str, Any]) -> WorkbenchWidget:
    if "mask" not in step.trace:
        return _make_figure(step, traits)
    from workbench.widgets.mask_explorer import MaskExplorer

    return MaskExplorer(step.trace, **traits)


def _make_window_explorer(step: TraceStep, traits: dict[str, Any]) -> WorkbenchWidget:
    from workbench.widgets.window_explorer import WindowExplorer

    return WindowExplorer(trace=step.trace, **traits)


def _make_derived_stems(step: TraceStep, traits: dict[str, Any]) -> WorkbenchWidget:
    from workbench.widgets.derived_stems import DerivedStems

    return DerivedStems(step.trace, **traits)


_MAKE: Mapping[str, Callable[[TraceStep, dict[str, Any]], WorkbenchWidget]] = {
    "load": _make_player,
    "conform": _make_player,
    "normalize": _make_player,
    "chunk": _make_chunk_explorer,
    "transform": _make_mask_explorer,
    "model": _make_mask_explorer,
    "mask": _make_mask_explorer,
    "wiener": _make_figure,
    "inverse": _make_figure,
    "stitch": _make_window_explorer,
    "denormalize": _make_player,
    "restore": _make_player,
    "derive": _make_derived_stems,
}
