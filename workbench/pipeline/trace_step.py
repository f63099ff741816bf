"""One step of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from workbench.core.audio import Audio, NormalizationStats, NormalizedAudio
from workbench.core.chunk import take_batch
from workbench.core.grid import ChunkGrid
from workbench.core.stitch import window_sum
from workbench.errors import InvalidValue
from workbench.pipeline.recorder import Recorder, Summary
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.step_settings import list_settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.pipeline.trace import Trace
    from workbench.widgets import WorkbenchWidget

AXES = {
    "load": "(channel, time)",
    "conform": "(channel, time)",
    "normalize": "(channel, time)",
    "chunk": "(chunk, channel, time)",
    "transform": "(chunk, freq·channel, frame, 2)",
    "mask": "(chunk, stem, freq·channel, frame, 2)",
    "wiener": "(chunk, stem, freq·channel, frame, 2)",
    "inverse": "(chunk, stem, channel, time)",
    "stitch": "(stem, channel, time)",
    "denormalize": "(stem, channel, time)",
    "restore": "(stem, channel, time)",
    "derive": "(stem, channel, time)",
}
CPU_STEPS = (
    "load",
    "conform",
    "normalize",
    "stitch",
    "denormalize",
    "restore",
    "derive",
)  # where their output lies


class TraceStep:
    """A step: its parameters, what came in, what went out, and a figure of it."""

    def __init__(self, name: str, trace: Trace, recorder: Recorder) -> None:
        self.name = name
        self.trace = trace
        self._recorder = recorder

    def __repr__(self) -> str:
        kept = "" if self.is_kept else ", summary only"
        size = f"{format_bytes(self.bytes)}, {self.seconds:.3f} s{kept}"
        return f"<{self.name}: {self.axes} {self.shape} {self.dtype}, {size}>"

    @property
    def axes(self) -> str:
        """The names of the output's axes."""
        if self.name == "model":
            return AXES["inverse"] if not self.trace.plan.stages.inverts else AXES["mask"]
        return AXES[self.name]

    @property
    def is_kept(self) -> bool:
        """Whether the output is there, or only its summary."""
        return self.name == "chunk" or self.name in self._recorder.outputs

    @property
    def output(self) -> Any:
        """What went out: a tensor; for ``derive`` a mapping of them by stem.

        The chunks are views of a padded copy of the song that is made on each call.

        Raises:
            InvalidValue: only a summary was kept.
        """
        if self.name == "chunk":
            grid = self.trace.grid
            data = cast(Tensor, self.trace["normalize"].output)
            return take_batch(data, grid, range(grid.num_chunks), padding_mode=self.trace.plan.padding_mode)
        if not self.is_kept:
            raise InvalidValue(
                f"the step {self.name!r} kept only a summary ({format_bytes(self.bytes)}): "
                "raise memory_budget_bytes, name it in keep, or trace a shorter excerpt"
            )
        value = self._recorder.outputs[self.name]
        if isinstance(value, NormalizedAudio):
            return value.audio.data
        return value.data if isinstance(value, Audio) else value

    @property
    def input(self) -> Any:
        """What came in: the output of the step before, for ``load`` the song as given.

        Of ``model`` it is what the model was called with: spectrograms, chunks, or a pair of both.
        """
        if self.name == "model":
            return self._model_input()
        names = list(self.trace)
        index = names.index(self.name)
        return self.trace[names[index - 1]].output if index else self.trace.song

    def _model_input(self) -> Any:
        input_type = self.trace.plan.stages.input_type
        if input_type == "waveform":
            return self.trace["chunk"].output
        if input_type == "spectrogram":
            return self.trace["transform"].output
        return self.trace["transform"].output, self.trace["chunk"].output

    @property
    def summary(self) -> Summary:
        """Shape, dtype, size and spread of the output, also where the output was not kept."""
        if self.name in self._recorder.summaries and not self.is_kept:
            return self._recorder.summaries[self.name]
        value = self.output
        values = torch.stack(list(value.values())) if isinstance(value, Mapping) else value
        summary = Summary(tuple(values.shape), values.dtype, values.numel() * values.element_size())
        summary.add(values)
        return summary

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the output, its axes as in `axes`."""
        if self.name == "chunk":
            grid = self.trace.grid
            return (grid.num_chunks, self.trace.plan.num_channels, grid.chunk_size)
        if not self.is_kept:
            return self._recorder.summaries[self.name].shape
        value = self.output
        if isinstance(value, Mapping):
            return (len(value), *next(iter(value.values())).shape)
        return tuple(value.shape)

    @property
    def dtype(self) -> torch.dtype:
        """Of the output."""
        if self.name == "chunk":
            return torch.float32
        if not self.is_kept:
            return self._recorder.summaries[self.name].dtype
        value = self.output
        return cast(torch.dtype, (next(iter(value.values())) if isinstance(value, Mapping) else value).dtype)

    @property
    def bytes(self) -> int:
        """Size of the output, whether it was kept or not."""
        size = 1
        for length in self.shape:
            size *= length
        return size * self.dtype.itemsize

    @property
    def seconds(self) -> float:
        """Time spent in this step alone; 0 where an earlier trace's output served again."""
        return self._recorder.seconds.get(self.name, 0.0)

    @property
    def device(self) -> torch.device:
        """Where the step ran."""
        return torch.device("cpu") if self.name in CPU_STEPS else self.trace.plan.device

    @property
    def stats(self) -> NormalizationStats:
        """What was taken off and put back; of ``normalize`` and ``denormalize``."""
        self._only("stats", "normalize", "denormalize")
        return cast(NormalizedAudio, self._recorder.outputs["normalize"]).stats

    @property
    def grid(self) -> ChunkGrid:
        """Where the chunks lie; of every step from ``chunk`` to ``stitch``."""
        self._only("grid", "chunk", "transform", "model", "mask", "wiener", "inverse", "stitch")
        return self.trace.grid

    @property
    def mask(self) -> Tensor:
        """The mask that was applied: (chunk, stem, freq * channel, frame, 2); of ``mask``."""
        self._only("mask", "mask")
        plan, override = self.trace.plan, self.trace.mask_override
        if isinstance(override, SongMask):
            grid = self.trace.grid
            chunks = range(grid.num_chunks)
            return override.sample_chunks(chunks, plan=plan, grid=grid, song_rate=self.trace.song.sample_rate)
        if override is not None:
            return override
        return cast(Tensor, self.trace["model"].output)[:, list(plan.selected)]

    @property
    def window(self) -> Tensor:
        """The overlap-add window: (chunk_size,); of ``stitch``."""
        self._only("window", "stitch")
        return self.trace.plan.window

    @property
    def window_sum(self) -> Tensor:
        """The sum of the windows at each sample, what the sum of chunks is divided by: (time,); of ``stitch``."""
        self._only("window_sum", "stitch")
        return window_sum(self.trace.grid, self.trace.plan.window)

    @property
    def parameters(self) -> dict[str, object]:
        """The settings of this step."""
        return list_settings(self)

    def figure(self, **options: Any) -> Figure:
        """A picture of what went out, as a matplotlib ``Figure`` that no pyplot state knows of.

        Args:
            options: of `workbench.figures.draw_step`, where the step has them to choose: ``chunk``, ``stem``,
                ``channel``, ``frequency``.
        """
        from workbench.figures import draw_step

        return draw_step(self, **options)

    def widget(self, **traits: Any) -> WorkbenchWidget:
        """What explores this step in a notebook; see `workbench.widgets.make_step_widget`.

        Args:
            traits: what the widget begins with, such as ``stem="vocals"``.
        """
        from workbench.widgets import make_step_widget

        return make_step_widget(self, **traits)

    def _only(self, attribute: str, *names: str) -> None:
        if self.name not in names:
            raise AttributeError(f"the step {self.name!r} has no {attribute}; it is of {', '.join(names)}")


def format_bytes(size: int | float) -> str:
    """``1536000`` -> ``"1.5 MB"``."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"
