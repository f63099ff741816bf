"""The network of `passthrough`, as plain as a network can be."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench.errors import CheckpointError
from workbench_plugins.passthrough import PassthroughParameters


class Passthrough(nn.Module):
    """Gives each of N stems the mixture divided by N."""

    def __init__(self, num_stems: int) -> None:
        """Remember the number of stems; there is nothing to learn."""
        super().__init__()
        self.num_stems = num_stems

    def forward(self, waveform: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch stem channel time"]:
        """Split a batch of chunks; each stem is a tensor of its own, free to be changed."""
        part = waveform / self.num_stems
        return torch.stack([part] * self.num_stems, dim=1)  # (batch, stem, channel, time)


def load(parameters: PassthroughParameters, checkpoint: str | Path | None, device: torch.device | str) -> nn.Module:
    """Make the model ready for inference, as the card's ``load`` must.

    Raises:
        CheckpointError: a checkpoint was given, and ignoring it would look like using it.
    """
    if checkpoint is not None:
        raise CheckpointError(f"passthrough has no weights, got {checkpoint}: leave the checkpoint out")
    return Passthrough(parameters.num_stems).to(device).eval()
