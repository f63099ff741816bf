"""The settings of each step of a trace, as its table shows them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from workbench.pipeline.trace_step import TraceStep


def list_settings(step: TraceStep) -> dict[str, object]:
    """Names and values, in the order in which they are shown."""
    return _SETTINGS[step.name](step)


def _load(step: TraceStep) -> dict[str, object]:
    song = step.trace.song
    return {"sample_rate": song.sample_rate, "seconds": round(song.data.shape[-1] / song.sample_rate, 3)}


def _conform(step: TraceStep) -> dict[str, object]:
    return {"sample_rate": step.trace.plan.sample_rate, "channels": step.trace.plan.num_channels}


def _normalize(step: TraceStep) -> dict[str, object]:
    enabled = step.trace.plan.normalizes
    return {
        "enabled": enabled,
        **({"mean": f"{step.stats.mean:.3g}", "std": f"{step.stats.std:.3g}"} if enabled else {}),
    }


def _chunk(step: TraceStep) -> dict[str, object]:
    grid = step.grid
    sizes = {"chunk_size": grid.chunk_size, "hop_size": grid.hop_size, "padding": grid.padding}
    return {**sizes, "padding_mode": step.trace.plan.padding_mode, "redundancy": round(grid.redundancy, 3)}


def _transform(step: TraceStep) -> dict[str, object]:
    stft = step.trace.plan.stages.stft
    assert stft is not None  # only runs with a transform have this step
    shape = step.trace.plan.config.transform.window_shape or "a tensor"
    sizes = {name: getattr(stft.config, name) for name in ("n_fft", "hop_length", "win_length", "normalized")}
    return {**sizes, "window_shape": shape}


def _model(step: TraceStep) -> dict[str, object]:
    parameters = step.trace.plan.parameters
    own = {} if parameters is None else dataclasses.asdict(cast(Any, parameters))
    return {"model": step.trace.plan.model_id, "batch_size": step.trace.plan.batch_size, **own}


def _mask(step: TraceStep) -> dict[str, object]:
    masking = step.trace.plan.config.masking
    given = {} if step.trace.mask_override is None else {"mask": "given"}
    return {**given, **{name: value for name, value in masking.model_dump().items() if value is not None}}


def _wiener(step: TraceStep) -> dict[str, object]:
    given = step.trace.plan.config.wiener.model_dump()
    return {name: value for name, value in given.items() if value is not None}


def _inverse(step: TraceStep) -> dict[str, object]:
    return {"num_samples": step.trace.plan.chunk_size}


def _stitch(step: TraceStep) -> dict[str, object]:
    return {"window": step.trace.plan.window_name, "hop_size": step.grid.hop_size}


def _denormalize(step: TraceStep) -> dict[str, object]:
    stats, count = step.stats, len(step.trace.plan.stem_names)
    return {"std": f"{stats.std:.3g}", "mean": f"{stats.mean:.3g} / {count}"} if step.trace.plan.normalizes else {}


def _restore(step: TraceStep) -> dict[str, object]:
    song = step.trace.song
    return {
        "sample_rate": song.sample_rate,
        "channels": song.data.shape[0],
        "num_samples": song.data.shape[1],
    }


def _derive(step: TraceStep) -> dict[str, object]:
    return {"stems": ", ".join(step.trace.stems)}


_SETTINGS: dict[str, Callable[[TraceStep], dict[str, object]]] = {
    "load": _load,
    "conform": _conform,
    "normalize": _normalize,
    "chunk": _chunk,
    "transform": _transform,
    "model": _model,
    "mask": _mask,
    "wiener": _wiener,
    "inverse": _inverse,
    "stitch": _stitch,
    "denormalize": _denormalize,
    "restore": _restore,
    "derive": _derive,
}
