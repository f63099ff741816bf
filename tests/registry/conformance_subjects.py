"""A model that keeps every promise, for tests that break one of them at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from workbench.registry.cards import ModelCard

CHUNK_SECONDS = 0.02  # 320 samples, a multiple of 16
RATE = 16000


class Bands(nn.Module):
    """A learned short filter and the rest: two stems that sum to the song."""

    def __init__(self) -> None:
        super().__init__()
        taps = torch.hann_window(5, periodic=False)[None, None] / 2  # (1, 1, 5)
        self.filter = nn.Parameter(taps)

    def forward(self, waveform: Tensor) -> Tensor:
        low = self.smooth(waveform)
        return torch.stack((low, waveform - low), dim=1)  # (batch, stem, channel, time)

    def smooth(self, waveform: Tensor) -> Tensor:
        rows = waveform.flatten(0, 1).unsqueeze(1)  # (batch * channel, 1, time)
        return nn.functional.conv1d(rows, self.filter, padding=2).reshape(waveform.shape)


def make_card(network: type[nn.Module] = Bands, **fields: Any) -> ModelCard:
    """A card whose ``load`` makes the network anew."""
    given = {
        "name": "bands",
        "load": lambda parameters, checkpoint, device: network().eval().to(device),
        "summary": "For a test.",
        "stems": ("low", "high"),
        "sample_rate": RATE,
        "channels": None,
        "input_type": "waveform",
        "output_type": "waveform",
        "chunk_seconds": CHUNK_SECONDS,
    }
    return ModelCard(**(given | fields))
