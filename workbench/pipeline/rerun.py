"""What a rerun of a trace changes, what of the trace it keeps, and the mask that stands in for the model's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from workbench.core.grid import ChunkGrid
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.plan import Plan
from workbench.pipeline.reading import nest_settings
from workbench.pipeline.request import Request
from workbench.pipeline.separator import Run
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.steps import STEPS
from workbench.pipeline.transform import follow_frame_size

if TYPE_CHECKING:
    from workbench.core.audio import Audio
    from workbench.pipeline.trace import Trace

# What `rerun` can change at each step: an argument of `separate`, or a section of the config.
ARGUMENTS = {
    "chunk": ("chunk_seconds", "overlap", "padding_mode"),
    "stitch": ("window",),
    "derive": ("derive",),
}
SECTIONS = {"normalize": "normalization", "transform": "transform", "model": "model", "wiener": "wiener"}
SETTING_OF_ARGUMENT = {"padding_mode": "chunking.padding_mode"}


def ask_again(trace: Trace, step: str, changes: Mapping[str, Any]) -> tuple[Request, Tensor | SongMask | None]:
    """What a rerun from ``step`` asks for, and the mask that it gives, if it does.

    Raises:
        InvalidValue, InvalidType: nothing to change, an unknown change, or a value that cannot be.
    """
    # everything as it was decided then: a config file may have changed since
    request = Request(
        model=trace.plan.request.model,
        checkpoint=trace.plan.request.checkpoint,
        config=trace.plan.config,
        window=trace.plan.request.window if isinstance(trace.plan.request.window, Tensor) else None,
        references=trace.references or None,
    )
    if not changes:
        raise InvalidValue(f"nothing to change was given for the step {step!r}")
    if step == "mask":
        if set(changes) != {"mask"}:
            raise InvalidValue(f"the step 'mask' takes mask=, got {', '.join(changes)}")
        if not isinstance(changes["mask"], Tensor | SongMask):
            raise InvalidType(f"mask must be a tensor or a SongMask, got {type(changes['mask']).__name__}")
        return request, changes["mask"]
    if step in SECTIONS:
        if step == "model" and "chunk_size" in changes:
            raise InvalidValue("chunk_size is no parameter of the model: rerun('chunk', chunk_seconds=...)")
        settings = {f"{SECTIONS[step]}.{name}": value for name, value in changes.items()}
        if step == "transform":
            following = follow_frame_size(trace.plan.config.transform.model_dump(), nest_settings(settings))
            settings = {**following, **settings}
        return dataclasses.replace(request, settings=settings), None
    if step not in ARGUMENTS:
        changeable = ", ".join(name for name in trace if name in ARGUMENTS or name in SECTIONS or name == "mask")
        raise InvalidValue(f"the step {step!r} has nothing to change; these have: {changeable}")
    for name in changes:
        if name not in ARGUMENTS[step]:
            raise InvalidValue(f"the step {step!r} takes {', '.join(ARGUMENTS[step])}, got {name!r}")
    settings = {SETTING_OF_ARGUMENT[name]: value for name, value in changes.items() if name in SETTING_OF_ARGUMENT}
    arguments = {name: value for name, value in changes.items() if name not in SETTING_OF_ARGUMENT}
    return dataclasses.replace(request, settings=settings, **arguments), None


def list_known(trace: Trace, step: str, *, plan: Plan, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs of an earlier trace that do not depend on ``step``.

    Args:
        trace: the earlier one.
        step: where the rerun goes on from.
        plan: of the rerun.
        outputs: what the earlier trace kept.
    """
    before = STEPS[: STEPS.index(step)]
    if plan.selected != trace.plan.selected:  # other stems are computed: the model's output still holds them all
        before = before[: STEPS.index("mask")]
    return {name: value for name, value in outputs.items() if name in before}


def use_mask(run: Run, *, mask: Tensor | SongMask, plan: Plan, song: Audio[Tensor], grid: ChunkGrid) -> None:
    """Let ``mask`` stand in for the model's, checked against the run's shapes.

    Raises:
        InvalidValue: a mask that does not fit.
    """
    run.given_mask = mask
    if isinstance(mask, SongMask):
        mask.check_plan(plan)
        run.mask = lambda chunks: mask.sample_chunks(chunks, plan=plan, grid=grid, song_rate=song.sample_rate)
        return
    inverse = plan.stages.inverse_stft
    assert inverse is not None  # a run that has the step `mask` has an inverse
    rows = inverse.config.num_freqs * plan.num_channels
    expected = (grid.num_chunks, len(plan.selected), rows, inverse.num_frames, 2)
    if tuple(mask.shape) != expected:
        raise InvalidValue(
            f"mask must be (chunk, stem, freq * channel, frame, 2) = {expected}, got {tuple(mask.shape)}"
        )
    if not bool(mask.isfinite().all()):
        raise InvalidValue("the mask has NaN or infinity in it")
    run.mask = mask
