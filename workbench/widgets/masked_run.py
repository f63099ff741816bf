"""A traced run of a model that gives masks, and chunks of it made again where the trace kept only a summary."""

from __future__ import annotations

import torch
from torch import Tensor

from workbench.core.audio import Audio, NormalizedAudio
from workbench.core.chunk import take_batch
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.flow import ChunkFlow
from workbench.pipeline.references import prepare_references
from workbench.pipeline.trace import Trace


def check_masked_trace(trace: object, *, widget: str) -> Trace:
    """The trace itself, if there are masks in it.

    Args:
        trace: of one pass, of a model that gives masks.
        widget: that takes it, for errors: ``"mask painter"``.

    Raises:
        InvalidType: no trace of a single pass.
        InvalidValue: a run without masks.
    """
    if not isinstance(trace, Trace):
        hint = "; pick one of its passes, trace[NAME]" if type(trace).__name__ == "EnsembleTrace" else ""
        raise InvalidType(f"the {widget} takes a trace of one pass, got {type(trace).__name__}{hint}")
    if "mask" not in trace:
        kind = "spectrograms" if trace.plan.stages.inverts else "waveforms"
        raise InvalidValue(
            f"{trace.plan.model_id} gives {kind}, no masks, which the {widget} needs: trace a model that masks, "
            "such as hpss"
        )
    return trace


def list_stems(trace: Trace) -> tuple[str, ...]:
    """The stems that the run computed, in the order of its masks."""
    return tuple(trace.plan.stem_names[index] for index in trace.plan.selected)


def transform_chunk(trace: Trace, chunk: int) -> Tensor:
    """The mixture's spectrogram of one chunk (freq * channel, frame, 2), made again on the run's device."""
    plan = trace.plan
    chunks = range(chunk, chunk + 1)
    taken = take_batch(trace["normalize"].output, trace.grid, chunks, padding_mode=plan.padding_mode)
    with torch.no_grad():
        return plan.stages.transform(taken.to(plan.device).contiguous())[0]


def run_model(trace: Trace, chunk: int) -> Tensor:
    """The model's output for one chunk (stem, freq * channel, frame, 2), by one more run of it."""
    plan, normalized = trace.plan, trace["normalize"]
    song = NormalizedAudio(Audio(normalized.output, plan.sample_rate), normalized.stats)
    references = None
    if plan.card.needs_references:
        references = prepare_references(trace.references, plan, normalized.stats, trace.grid)
    flow = ChunkFlow(plan, song, trace.grid, references=references, observed=True)
    _, outputs = flow.run(range(chunk, chunk + 1))
    return outputs["model"][0].cpu()
