"""The observer behind a trace: keeps what flows between the steps, under a memory budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psutil
import torch
from torch import Tensor

from workbench.core.grid import ChunkGrid
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.plan import Plan
from workbench.pipeline.steps import CHUNK_STEPS, STEPS, list_steps

# What saves the most work on a rerun is kept first. Chunks are views of the song and need no room.
KEEP_ORDER = ("inverse", "model", "transform", "wiener", "mask")


@dataclass
class Summary:
    """What is left of a step's output that was too large to keep: its shape and the spread of its values."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    bytes: int
    minimum: float = math.inf
    maximum: float = -math.inf
    sum_of_squares: float = 0.0
    num_values: int = 0

    def add(self, values: Tensor) -> None:
        """Take more values in."""
        low, high = values.aminmax()
        self.minimum, self.maximum = min(self.minimum, float(low)), max(self.maximum, float(high))
        self.sum_of_squares += float(values.detach().float().square().sum(dtype=torch.float64))
        self.num_values += values.numel()

    @property
    def rms(self) -> float:
        """Root of the mean square of all values."""
        return math.sqrt(self.sum_of_squares / self.num_values) if self.num_values else 0.0


@dataclass(eq=False)
class Recorder:
    """Keeps the outputs of steps on the CPU, as long as they fit.

    Args:
        keep: names of the chunk steps to keep; ``None`` keeps all that fit.
        memory_budget_bytes: room for what is kept; a quarter of the free memory by default.
        inherited: outputs of chunk steps that an earlier trace kept and this run does not compute again.
        summaries: likewise, of those that were not kept.
    """

    keep: Sequence[str] | None = None
    memory_budget_bytes: int | None = None
    inherited: Mapping[str, Tensor] = field(default_factory=dict)
    summaries: dict[str, Summary] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        listed = self.keep is None or (isinstance(self.keep, Sequence) and not isinstance(self.keep, str))
        if not listed or any(step not in STEPS for step in self.keep or ()):
            raise InvalidValue(f"keep must be a list of steps out of {', '.join(STEPS)}, got {self.keep!r}")
        if self.memory_budget_bytes is None:
            self.memory_budget_bytes = psutil.virtual_memory().available // 4
        if not isinstance(self.memory_budget_bytes, int):
            raise InvalidType(f"memory_budget_bytes must be a whole number, got {self.memory_budget_bytes!r}")
        if self.memory_budget_bytes < 0:
            raise InvalidValue(f"memory_budget_bytes must be at least 0, got {self.memory_budget_bytes}")
        self.outputs.update(self.inherited)
        self._decided = False

    def see_plan(self, plan: Plan, grid: ChunkGrid) -> None:
        """Before the first chunk."""
        self._plan, self._grid = plan, grid

    def see_step(self, step: str, output: object, seconds: float) -> None:
        """A step over the whole song; what it gave is part of the result or a song long, and is always kept."""
        self.seconds[step] = seconds
        if output is not None:
            self.outputs[step] = output

    def see_chunks(self, chunks: range, outputs: Mapping[str, Tensor]) -> None:
        """What the chunk steps gave for some chunks."""
        if not self._decided:
            self._decide(outputs)
            self._decided = True
        for step, values in outputs.items():
            if step == "chunk":
                continue
            if step in self.outputs and step not in self.inherited:
                self.outputs[step][chunks.start : chunks.stop] = values
            else:
                self.summaries[step].add(values)

    def _decide(self, outputs: Mapping[str, Tensor]) -> None:
        """Which steps to keep, known from the sizes of the first batch's outputs."""
        num_chunks, wanted = self._grid.num_chunks, self.keep if self.keep is not None else KEEP_ORDER
        inherited = sum(values.numel() * values.element_size() for values in self.inherited.values())
        room = (self.memory_budget_bytes or 0) - inherited
        dropped = []
        for step in KEEP_ORDER:
            if step not in outputs:
                continue
            values = outputs[step]
            shape = (num_chunks, *values.shape[1:])
            size = math.prod(shape) * values.element_size()
            self.summaries[step] = Summary(shape, values.dtype, size)
            if step not in wanted:
                continue
            if size <= room:
                room -= size
                self.outputs[step] = torch.empty(shape, dtype=values.dtype)
            else:
                dropped.append(f"{step} ({size / 1e6:.0f} MB)")
        if dropped:
            self.notices.append(
                f"kept only a summary of {', '.join(dropped)}: memory_budget_bytes is {self.memory_budget_bytes}; "
                "raise it, or trace a shorter excerpt"
            )

    def steps(self) -> tuple[str, ...]:
        """The steps of the traced run."""
        return list_steps(self._plan)

    def kept_chunks(self) -> dict[str, Tensor]:
        """Outputs of chunk steps that are there in full."""
        return {step: self.outputs[step] for step in CHUNK_STEPS if step in self.outputs}
