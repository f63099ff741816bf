"""Vocals against a repeating accompaniment by nearest-neighbour filtering, as a torch module without weights."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from workbench.errors import CheckpointError
from workbench_plugins.neighbor_median import median_by_sorting, median_of_frames
from workbench_plugins.repet_sim import RepetSimParameters

BLOCK_NUMBERS = 2**23  # numbers to sort at a time: 32 MiB of float32, however long the song


class RepetSim(nn.Module):
    """Masks for what sounds again in similar frames, and for what does not.

    Each frame is compared with all others by the cosine between their magnitudes, all channels together. The median
    over the most similar ones is the part that repeats, never more than the frame itself (Rafii and Pardo 2012). Two
    soft masks compare it with the rest. With margins above 1, what is neither belongs to no stem. Applied to a
    spectrogram the masks give what librosa's recipe for vocal separation gives, where that takes the nearest frames.

    Source:
        Z. Rafii, B. Pardo, "Music/voice separation using the similarity matrix", ISMIR 2012.

    Args:
        parameters: neighbours, margins and power. There are no weights.
    """

    def __init__(self, parameters: RepetSimParameters) -> None:
        """Keep the settings."""
        super().__init__()
        self.settings = parameters

    def forward(
        self, spectrogram: Float[Tensor, "batch freq_channel frame 2"]
    ) -> Float[Tensor, "batch 2 freq_channel frame 2"]:
        """Estimate the masks of vocals and accompaniment.

        Shapes:
            spectrogram: (batch, freq·channel, frame, 2), each item a whole song.
            returns: (batch, stem=2, freq·channel, frame, 2) in the spectrogram's dtype, imaginary part 0.
                float16 and bfloat16 are computed in float32, under autocast too.
        """
        settings = self.settings
        exact = spectrogram if spectrogram.dtype == torch.float64 else spectrogram.float()
        # abs of a complex number has a gradient of 0 at 0, where that of a square root is not finite.
        magnitude = torch.complex(exact[..., 0], exact[..., 1]).abs()  # (batch, freq·channel, frame)
        with torch.autocast(spectrogram.device.type, enabled=False):
            repeating = torch.stack([self.filter_song(song) for song in magnitude])
        rest = magnitude - repeating
        vocals = share(rest, settings.margin_vocals * repeating, power=settings.power)
        accompaniment = share(repeating, settings.margin_accompaniment * rest, power=settings.power)
        real = torch.stack((vocals, accompaniment), dim=1)  # (batch, stem, freq·channel, frame)
        return torch.stack((real, torch.zeros_like(real)), dim=-1).to(spectrogram.dtype)

    def filter_song(self, magnitude: Float[Tensor, "row frame"]) -> Float[Tensor, "row frame"]:
        """The median over the frames most similar to each, at most the frame itself."""
        rows, frames = magnitude.shape
        # A frame in the middle must have at least 4 that are far enough; below that nothing repeats.
        distance = min(self.settings.min_distance_frames, (frames - 1) // 2 - 1)
        if distance < 1:
            return magnitude
        available = frames - 2 * distance + 1
        wanted = self.settings.num_neighbors or 2 * math.ceil(math.sqrt(available))
        size = min(wanted, available)
        unit = normalize_frames(magnitude.detach())
        block_frames = max(1, min(BLOCK_NUMBERS // (rows * size), BLOCK_NUMBERS // frames))
        needs_gradient = torch.is_grad_enabled() and magnitude.requires_grad
        take_median = median_by_sorting if needs_gradient or magnitude.device.type != "cpu" else median_of_frames
        by_frame = magnitude.T.contiguous()  # (frame, row)
        medians = []
        for first in range(0, frames, block_frames):
            found = find_neighbors(unit, first=first, count=block_frames, distance=distance, size=size)
            medians.append(take_median(by_frame, found))  # (frame of the block, row)
        return torch.minimum(magnitude, torch.cat(medians).T)


def normalize_frames(magnitude: Float[Tensor, "row frame"]) -> Float[Tensor, "row frame"]:
    """Frames of length 1, and 0 where there is silence, which is similar to nothing."""
    level = magnitude.amax().clamp(min=torch.finfo(magnitude.dtype).tiny)  # or squares of a quiet song would vanish
    scaled = magnitude / level
    length: Tensor = torch.linalg.vector_norm(scaled, dim=0, keepdim=True)
    length = length.clamp(min=torch.finfo(magnitude.dtype).tiny)
    return scaled / length


def find_neighbors(
    unit: Float[Tensor, "row frame"], *, first: int, count: int, distance: int, size: int
) -> Int[Tensor, "block size"]:
    """The frames most similar to each of a block, among those at least ``distance`` away.

    Args:
        unit: frames of length 1.
        first: the first frame of the block.
        count: frames in the block, fewer at the end of the song.
        distance: in frames.
        size: how many to find.
    """
    frames = torch.arange(unit.shape[1], device=unit.device)
    block = frames[first : first + count]
    similarity = unit[:, first : first + count].T @ unit  # (frame of the block, frame)
    near = (block[:, None] - frames[None, :]).abs() < distance
    return similarity.masked_fill(near, -1).topk(size, dim=1).indices


def share(x: Float[Tensor, "*shape"], reference: Float[Tensor, "*shape"], *, power: float) -> Float[Tensor, "*shape"]:
    """Soft mask ``x**power / (x**power + reference**power)`` of two magnitudes; 0 where both are 0."""
    larger = torch.maximum(x, reference).detach()  # cancels from the ratio, so no gradient need pass it
    silent = larger < torch.finfo(x.dtype).tiny
    larger = larger.masked_fill(silent, 1)
    x_power = (x / larger) ** power
    total = x_power + (reference / larger) ** power
    # Without the 1, silence would divide 0 by 0, and its gradient would be NaN though the value is replaced.
    return (x_power / total.masked_fill(silent, 1)).masked_fill(silent, 0)


def load(parameters: RepetSimParameters | None, checkpoint: str | Path | None, device: torch.device | str) -> RepetSim:
    """Make the module, ready for inference.

    Args:
        parameters: settings; ``None`` is the defaults.
        checkpoint: must be ``None``, as there are no weights.
        device: where to run.

    Raises:
        CheckpointError: a checkpoint was given.
    """
    if checkpoint is not None:
        raise CheckpointError(
            f"repet_sim has no weights and takes no checkpoint, got {str(checkpoint)!r}; leave it out"
        )
    return RepetSim(RepetSimParameters() if parameters is None else parameters).eval().to(device)
