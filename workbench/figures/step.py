"""The figure of a trace's step: from what was traced to the figures of plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from matplotlib.figure import Figure

from workbench.core.audio import Audio
from workbench.figures.changes import draw_change
from workbench.figures.chunks import draw_chunks
from workbench.figures.levels import draw_denormalization, draw_normalization
from workbench.figures.path import PathRow, draw_path
from workbench.figures.stems import draw_stems
from workbench.figures.step_chunks import (
    draw_filtering,
    draw_inverse,
    draw_masking,
    draw_model,
    draw_transform,
    find_loudest_chunk,
)
from workbench.figures.style import format_count, format_number, list_names
from workbench.figures.view import View, check_view, color_run, select_stems
from workbench.figures.waveform import draw_waveform
from workbench.figures.windows import draw_windows
from workbench.figures.words import draw_words
from workbench.pipeline.trace import Trace
from workbench.pipeline.trace_step import TraceStep, format_bytes


def draw_step(
    step: TraceStep,
    *,
    chunk: int | None = None,
    stem: str | None = None,
    channel: int | None = None,
    frequency: str | None = None,
) -> Figure:
    """A picture of what went out of a step; of one that kept only a summary, what is known in words and numbers.

    Args:
        step: of a trace.
        chunk: index of the chunk to draw; by default the song is assembled from all of them where that can be, and the
            loudest is drawn where it cannot. Of ``stitch``: the chunk where a picture of many windows begins.
        stem: name of the only stem to draw.
        channel: of spectrograms and masks; the song's loudest by default.
        frequency: axis of spectrograms and masks, ``log`` (the default) or ``linear``.

    Raises:
        InvalidValue: a choice that this step does not have, or that lies outside what there is.
    """
    view = View(chunk=chunk, stem=stem, channel=channel, frequency=frequency)
    check_view(step, view)
    return _DRAW[step.name](step, view)


def draw_summary(step: TraceStep) -> Figure:
    """What is known of an output that was not kept."""
    summary = step.summary
    rows = [
        ("axes", step.axes),
        ("shape", " × ".join(str(length) for length in summary.shape)),
        ("type", str(summary.dtype).removeprefix("torch.")),
        ("size", format_bytes(summary.bytes)),
        (
            "values",
            f"from {format_number(summary.minimum)} to {format_number(summary.maximum)} (1), "
            f"RMS {format_number(summary.rms)} (1)",
        ),
        ("time", f"{step.seconds:.3f} s on {step.device}"),
    ]
    return draw_words(
        rows,
        headline=f"{step.name}: only a summary was kept",
        advice="To see it: raise memory_budget_bytes, name the step in keep, or trace a shorter excerpt.",
    )


def draw_trace(trace: Trace) -> Figure:
    """The path of a whole run: what went out of each step, its time and its size."""
    rows = [
        PathRow(step.name, f"{step.axes} = {step.shape}", step.bytes, step.seconds, step.is_kept)
        for step in trace.values()
    ]
    seconds = trace.song.data.shape[-1] / trace.song.sample_rate
    return draw_path(rows, headline=f"{trace.plan.model_id}: {seconds:.2f} s of music on {trace.plan.device}")


def _draw_load(step: TraceStep, view: View) -> Figure:
    return draw_waveform(
        Audio(step.output, step.trace.song.sample_rate),
        name="load",
        channel=view.channel,
        frequency=view.frequency or "log",
    )


def _draw_conform(step: TraceStep, view: View) -> Figure:
    after = Audio(step.output, step.trace.plan.sample_rate)
    return draw_change({"song": step.trace.song}, {"song": after}, name="conform")


def _draw_normalize(step: TraceStep, view: View) -> Figure:
    return draw_normalization(step.input, step.output, step.stats)


def _draw_chunk(step: TraceStep, view: View) -> Figure:
    plan = step.trace.plan
    song = Audio(step.input, plan.sample_rate)
    chunk = find_loudest_chunk(step.trace) if view.chunk is None else view.chunk
    return draw_chunks(song, step.grid, padding_mode=plan.padding_mode, chunk=chunk)


def _draw_transform(step: TraceStep, view: View) -> Figure:
    if not step.is_kept:
        return draw_summary(step)
    return draw_transform(step, chunk=view.chunk, channel=view.channel, frequency=view.frequency or "log")


def _draw_model(step: TraceStep, view: View) -> Figure:
    if not step.is_kept:
        return draw_summary(step)
    names = select_stems(step, view)
    return draw_model(
        step,
        stems=names,
        colors=color_run(step.trace),
        chunk=view.chunk,
        channel=view.channel,
        frequency=view.frequency,
    )


def _draw_mask(step: TraceStep, view: View) -> Figure:
    trace = step.trace
    if trace.mask_override is None and not trace["model"].is_kept:
        return draw_summary(step)
    return draw_masking(
        step, stems=select_stems(step, view), chunk=view.chunk, channel=view.channel, frequency=view.frequency or "log"
    )


def _draw_wiener(step: TraceStep, view: View) -> Figure:
    if not step.is_kept:
        return draw_summary(step)
    return draw_filtering(
        step, stems=select_stems(step, view), chunk=view.chunk, channel=view.channel, frequency=view.frequency or "log"
    )


def _draw_inverse(step: TraceStep, view: View) -> Figure:
    if not step.is_kept:
        return draw_summary(step)
    return draw_inverse(step, stems=select_stems(step, view), colors=color_run(step.trace), chunk=view.chunk)


def _draw_stitch(step: TraceStep, view: View) -> Figure:
    names = select_stems(step, view)
    return draw_windows(
        step.grid,
        step.window,
        sample_rate=step.trace.plan.sample_rate,
        name=step.trace.plan.window_name,
        first_chunk=view.chunk or 0,
        stems={name: step.output[index] for name, index in names.items()},
        colors=color_run(step.trace),
    )


def _draw_denormalize(step: TraceStep, view: View) -> Figure:
    names = select_stems(step, view)
    before = step.input[list(names.values())]
    after = before if step.output is step.input else step.output[list(names.values())]
    return draw_denormalization(
        before,
        after,
        step.stats,
        stem_names=list(names),
        num_model_stems=len(step.trace.plan.stem_names),
        colors=color_run(step.trace),
    )


def _draw_restore(step: TraceStep, view: View) -> Figure:
    trace, names = step.trace, select_stems(step, view)
    return draw_change(
        {name: Audio(step.input[index], trace.plan.sample_rate) for name, index in names.items()},
        {name: Audio(step.output[index], trace.song.sample_rate) for name, index in names.items()},
        name="restore",
        colors=color_run(trace),
    )


def _draw_derive(step: TraceStep, view: View) -> Figure:
    trace, plan = step.trace, step.trace.plan
    stems = {name: trace.stems[name] for name in select_stems(step, view)}
    is_complete = len(plan.selected) == len(plan.stem_names)
    derived = [name for name in stems if name in plan.rules]
    headline = f"derive: {format_count(len(stems), 'stem')}"
    headline += f", by rule: {list_names(derived)}" if derived else ", none by rule"
    headline += "" if is_complete else "; only some of the model's stems were computed, so that they leave more over"
    return draw_stems(
        stems,
        mixture=trace.song,
        remainder=trace.stems.remainder if is_complete else None,
        colors=color_run(trace),
        headline=headline,
        channel=view.channel,
        frequency=view.frequency or "log",
    )


_DRAW: Mapping[str, Callable[[TraceStep, View], Figure]] = {
    "load": _draw_load,
    "conform": _draw_conform,
    "normalize": _draw_normalize,
    "chunk": _draw_chunk,
    "transform": _draw_transform,
    "model": _draw_model,
    "mask": _draw_mask,
    "wiener": _draw_wiener,
    "inverse": _draw_inverse,
    "stitch": _draw_stitch,
    "denormalize": _draw_denormalize,
    "restore": _draw_restore,
    "derive": _draw_derive,
}
