"""The true stems beside a song: checked against it, and taken the same way as it, up to where a model or a mask is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.audio import Audio, NormalizationStats
from workbench.core.chunk import take_batch
from workbench.core.grid import ChunkGrid
from workbench.core.mask import ideal_mask
from workbench.errors import InvalidValue
from workbench.pipeline import steps
from workbench.pipeline.plan import Plan


def check_references(references: Mapping[str, Audio[Tensor]], song: Audio[Tensor]) -> dict[str, Audio[Tensor]]:
    """The references as float32, sure to go with the song.

    Raises:
        InvalidValue, InvalidType: samples that no song may have, another rate or length than the song's.
    """
    checked = {}
    for name, given in references.items():
        try:
            reference = steps.load_song(given)
        except InvalidValue as error:
            raise InvalidValue(f"reference {name}: {error}") from error
        if reference.sample_rate != song.sample_rate:
            raise InvalidValue(
                f"reference {name} is at {reference.sample_rate} Hz and the song at {song.sample_rate} Hz: "
                "resample one to the other's rate"
            )
        if reference.data.shape[-1] != song.data.shape[-1]:
            raise InvalidValue(
                f"reference {name} has {reference.data.shape[-1]} samples and the song {song.data.shape[-1]}: "
                "they must begin and end together"
            )
        checked[name] = reference
    return checked


@dataclass(frozen=True, eq=False)
class ReferenceChunks:
    """The references as a run sees its song: at the model's rate and channels, level taken off, in its chunks.

    Args:
        data: (stem, channel, time) at the model's rate.
        plan: of the run.
        grid: where the chunks lie.
    """

    data: Float[Tensor, "stem channel time"]
    plan: Plan
    grid: ChunkGrid

    def take(self, chunks: range) -> Float[Tensor, "batch stem channel chunk"]:
        """Chunks of every reference, on the run's device."""
        num_stems, num_channels, _ = self.data.shape
        flat = take_batch(self.data.flatten(0, 1), self.grid, chunks, padding_mode=self.plan.padding_mode)
        flat = flat.to(self.plan.device, copy=True, memory_format=torch.contiguous_format)
        return cast(Tensor, flat.unflatten(1, (num_stems, num_channels)))  # (batch, stem, channel, chunk_size)

    def transform(self, chunks: range) -> Float[Tensor, "batch stem rows frame 2"]:
        """Their spectrograms (batch, stem, freq * channel, frame, 2), by the transform of the run."""
        taken = self.take(chunks)
        spectrograms = self.plan.stages.transform(taken.flatten(0, 1))
        return cast(Tensor, spectrograms.unflatten(0, taken.shape[:2]))

    def model_input(self, chunks: range) -> Tensor:
        """What a model with ``needs_references`` gets as its last argument: of the kind that its first one is."""
        return self.take(chunks) if self.plan.stages.input_type == "waveform" else self.transform(chunks)


def prepare_references(
    references: Mapping[str, Audio[Tensor]], plan: Plan, stats: NormalizationStats, grid: ChunkGrid
) -> ReferenceChunks:
    """Take references the way of their song: to the model's rate and channels, its level off.

    Each of N references has ``mean / N`` taken off, so that they still sum to what the model gets.
    """
    conformed = [steps.conform(reference, plan).data for reference in references.values()]
    data = torch.stack(conformed)  # (stem, channel, time)
    if stats != NormalizationStats(0.0, 1.0):
        data = (data - stats.mean / len(conformed)) / stats.std
    return ReferenceChunks(data, plan, grid)


def order_references(
    references: Mapping[str, Audio[Tensor]], names: tuple[str, ...], *, model_id: str
) -> dict[str, Audio[Tensor]]:
    """The references of the stems ``names``, in that order, and then the others.

    Raises:
        InvalidValue: a stem that is not among the references.
    """
    missing = [name for name in names if name not in references]
    if missing:
        raise InvalidValue(
            f"no reference is called {', '.join(missing)}; there are {', '.join(references) or 'none'}: name them like "
            f"the stems of {model_id}"
        )
    return {name: references[name] for name in (*names, *(name for name in references if name not in names))}


def make_ideal_masks(
    kind: str,
    references: Mapping[str, Audio[Tensor]],
    *,
    names: tuple[str, ...],
    plan: Plan,
    stats: NormalizationStats,
    grid: ChunkGrid,
    mixture: Tensor,
) -> Float[Tensor, "chunk stem rows frame 2"]:
    """The masks that the references prescribe for a run's chunks; see `workbench.core.ideal_mask`.

    Args:
        kind: ``ibm``, ``irm``, ``wiener``, ``psm``, ``psm_clipped`` or ``cirm``.
        references: the true stems; all of them share a bin out, also those without a name among ``names``.
        names: the stems whose masks are wanted, in that order.
        plan: of the run.
        stats: of the run's step ``normalize``.
        grid: of the run.
        mixture: its spectrograms, (chunk, freq * channel, frame, 2).

    Raises:
        InvalidValue: an unknown kind, or a stem that is not among the references.
    """
    chunks = prepare_references(order_references(references, names, model_id=plan.model_id), plan, stats, grid)
    masks = []
    for index in range(grid.num_chunks):
        stems = chunks.transform(range(index, index + 1))[0].cpu()  # (stem, freq * channel, frame, 2)
        masks.append(ideal_mask(kind, stems, mixture[index].cpu())[: len(names)])
    return torch.stack(masks)  # (chunk, stem, freq * channel, frame, 2)
