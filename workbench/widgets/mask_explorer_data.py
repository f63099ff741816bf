"""What the mask explorer looks at: mixture, masks and true stems of a run's chunks, made again where not kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.mask import ideal_mask
from workbench.errors import InvalidValue
from workbench.figures.step_chunks import find_frames
from workbench.pipeline.references import (
    ReferenceChunks,
    check_references,
    order_references,
    prepare_references,
)
from workbench.pipeline.song_mask import SongMask
from workbench.widgets.masked_run import check_masked_trace, list_stems, run_model, transform_chunk

MAX_COLUMNS = 3000  # of a picture; of what is longer every second frame is shown, or every third
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Columns:
    """Which frames are the columns of a picture.

    Args:
        start_seconds: of the first column, in the song.
        step_seconds: from one column to the next.
        stride: one frame in so many is shown.
        places: chunk and which of its frames, in order of time.
    """

    start_seconds: float
    step_seconds: float
    stride: int
    places: tuple[tuple[int, Tensor], ...]


class MaskData:
    """A trace's masks and what belongs to them, chunk by chunk; what was made last is kept.

    Args:
        trace: of a model that gives masks.
        references: the true stems, by default those that were given to the trace.

    Attributes:
        origins: where a mask can come from: ``override``, ``model`` and the kinds of ideal masks.
        without_ideals: why there are no ideal masks; empty where there are.

    Raises:
        InvalidValue: a run without masks, references that do not go with the song.
        InvalidType: no trace of a single pass.
    """

    def __init__(self, trace: object, references: Mapping[str, Audio[Tensor]] | None = None) -> None:
        checked = check_masked_trace(trace, widget="mask explorer")
        self.trace, self.plan, self.frames = checked, checked.plan, find_frames(checked)
        self.stem_names = list_stems(checked)
        self._slots: dict[str, tuple[Hashable, Any]] = {}
        self.references, self.without_ideals = self._take_references(references)
        self.origins = ("model",) if checked.mask_override is None else ("override", "model")

    def _take_references(self, given: Mapping[str, Audio[Tensor]] | None) -> tuple[dict[str, Audio[Tensor]], str]:
        trace = self.trace
        references = trace.references if given is None else check_references(given, trace.song)
        references = {name: audio for name, audio in references.items() if name != "mixture"}
        if not references:
            return {}, "No ideal masks, no SDR: they need the true stems, trace(..., references=...)."
        try:
            return order_references(references, self.stem_names, model_id=self.plan.model_id), ""
        except InvalidValue as error:
            return {}, f"No ideal masks, no SDR: {error}."

    # Chunks, all channels

    def mixture(self, chunk: int) -> Float[Tensor, "rows frame 2"]:
        """The mixture's spectrogram (freq * channel, frame, 2)."""
        if self.trace["transform"].is_kept:
            return cast(Tensor, self.trace["transform"].output[chunk])
        return self.remember("transform", chunk, lambda: transform_chunk(self.trace, chunk).cpu())

    def is_kept(self, origin: str) -> bool:
        """Whether masks of this origin are there, or soon made, for every chunk."""
        return origin != "model" or self.trace["model"].is_kept

    def mask(self, origin: str, chunk: int) -> Float[Tensor, "stem rows frame 2"]:
        """The masks of the run's stems (stem, freq * channel, frame, 2)."""
        if origin == "override":
            override = self.trace.mask_override
            if isinstance(override, SongMask):
                song_rate = self.trace.song.sample_rate
                chunks = range(chunk, chunk + 1)
                return override.sample_chunks(chunks, plan=self.plan, grid=self.trace.grid, song_rate=song_rate)[0]
            return cast(Tensor, override)[chunk]
        if origin != "model":
            return self.ideal(origin, chunk)
        if self.trace["model"].is_kept:
            output = cast(Tensor, self.trace["model"].output[chunk])
        else:
            output = self.remember("model", chunk, lambda: run_model(self.trace, chunk))
        return output if len(self.plan.selected) == len(self.plan.stem_names) else output[list(self.plan.selected)]

    def true_stems(self, chunk: int) -> Float[Tensor, "reference rows frame 2"]:
        """The references' spectrograms, the run's stems first."""
        chunks = range(chunk, chunk + 1)
        return self.remember("true_stems", chunk, lambda: self.reference_chunks.transform(chunks)[0].cpu())

    @property
    def reference_chunks(self) -> ReferenceChunks:
        """The references as the run sees its song, the run's stems first."""
        stats = self.trace["normalize"].stats
        return self.remember(
            "references", 0, lambda: prepare_references(self.references, self.plan, stats, self.trace.grid)
        )

    def ideal(self, kind: str, chunk: int, *, channel: int | None = None) -> Tensor:
        """The masks that the references prescribe (stem, freq * channel, frame, 2), or those of one channel."""
        stems, mixture = self.true_stems(chunk), self.mixture(chunk)
        if channel is not None:
            stems, mixture = self.take_channel(stems, channel), self.take_channel(mixture, channel)
        return ideal_mask(kind, stems, mixture)[: len(self.stem_names)]

    def whole_mask(self, origin: str) -> Float[Tensor, "chunk stem rows frame 2"]:
        """The masks of all chunks, as ``trace.rerun("mask", mask=...)`` takes them.

        Raises:
            InvalidValue: the model's, of which the trace kept only a summary.
        """
        self.check_kept(origin)
        if origin == self.origins[0]:
            return self.trace["mask"].mask
        return torch.stack([self.mask(origin, index) for index in range(self.trace.grid.num_chunks)])

    def check_kept(self, origin: str) -> None:
        """Raise `InvalidValue` that says what to do, where masks of the whole song would take a run of the model."""
        if not self.is_kept(origin):
            raise InvalidValue(
                "of the model's masks only a summary was kept, so that there is no whole song of them: trace with "
                "keep=['transform', 'model'] or more memory_budget_bytes, or look at single chunks"
            )

    # One channel, as the columns of a picture

    def take_channel(self, values: Tensor, channel: int) -> Tensor:
        """(..., freq * channel, frame, 2) -> (..., freq, frame, 2)."""
        channels: Tensor = values.unflatten(-3, (-1, self.plan.num_channels))  # (..., freq, channel, frame, 2)
        return channels.select(-3, channel)

    def columns(self, chunk: int | None) -> Columns:
        """Frames of a chunk, or of the song: at each instant from the chunk whose middle is nearest."""
        grid, rate, hop = self.trace.grid, self.plan.sample_rate, self.frames.stft.hop_length
        num_chunk_frames = self.trace["transform"].shape[-2]
        num_frames = math.ceil(grid.num_samples / hop) if chunk is None else num_chunk_frames
        stride = math.ceil(num_frames / MAX_COLUMNS)
        shown = torch.arange(0, num_frames, stride)
        if chunk is not None:
            return Columns(grid.starts[chunk] / rate, stride * hop / rate, stride, ((chunk, shown),))
        samples = shown * hop
        nearest = torch.from_numpy(self.frames.nearest_chunks(samples.numpy()))
        places = []
        for index in nearest.unique().tolist():
            frames = ((samples[nearest == index] - grid.starts[index]) / hop).round().long()
            places.append((index, frames.clamp(0, num_chunk_frames - 1)))
        return Columns(0.0, stride * hop / rate, stride, tuple(places))

    def gather(self, take: Callable[[int], Tensor], columns: Columns) -> Float[Tensor, "freq frame 2"]:
        """``take(chunk)`` (freq, frame, 2) at the columns of a picture, float32 at least."""
        parts = [take(index).index_select(-2, frames) for index, frames in columns.places]
        values = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-2)
        return values.to(torch.promote_types(values.dtype, torch.float32))

    def pick_mixture(self, chunk: int | None, channel: int) -> Tensor:
        """One channel of the mixture (freq, frame, 2)."""
        return self._pick("mixture", chunk, (channel,), lambda index: self.take_channel(self.mixture(index), channel))

    def pick_mask(self, origin: str, chunk: int | None, channel: int, stem: int) -> Tensor:
        """The mask of one stem and channel (freq, frame, 2)."""

        def take(index: int) -> Tensor:
            if origin in self.origins:
                return self.take_channel(self.mask(origin, index)[stem], channel)
            return self.ideal(origin, index, channel=channel)[stem]

        return self._pick("mask", chunk, (origin, channel, stem), take)

    def pick_ideal(self, kind: str, chunk: int | None, channel: int, stem: int) -> Tensor:
        """The ideal mask of one stem and channel (freq, frame, 2), to compare with."""
        key = (kind, channel, stem)
        return self._pick("ideal", chunk, key, lambda index: self.ideal(kind, index, channel=channel)[stem])

    def pick_true_stem(self, chunk: int | None, channel: int, stem: int) -> Tensor:
        """One stem and channel of the truth (freq, frame, 2)."""
        key = (channel, stem)
        return self._pick(
            "true_stem", chunk, key, lambda index: self.take_channel(self.true_stems(index)[stem], channel)
        )

    def _pick(self, slot: str, chunk: int | None, key: tuple[Hashable, ...], take: Callable[[int], Tensor]) -> Tensor:
        """Kept in a slot of its own, apart from that of the whole chunk that it is taken from."""
        return self.remember(f"picked {slot}", (chunk, *key), lambda: self.gather(take, self.columns(chunk)))

    def remember(self, slot: str, key: Hashable, make: Callable[[], T]) -> T:
        """What was made last under ``slot``, if it was for ``key``."""
        if slot not in self._slots or self._slots[slot][0] != key:
            self._slots.pop(slot, None)  # given back before the next one is made
            self._slots[slot] = (key, make())
        return cast(T, self._slots[slot][1])
