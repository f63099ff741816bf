"""A song of two tones and a model that masks it without weights, for the tests of the mask painter."""

from __future__ import annotations

import math
import warnings
from typing import Any

import torch
from torch import Tensor, nn

import workbench as wb
from workbench.core import Audio, StftConfig
from workbench.errors import WorkbenchNotice
from workbench.pipeline.trace import Trace
from workbench.registry.cards import ModelCard

RATE = 8000
STFT = StftConfig(n_fft=256, hop_length=64, win_length=256)


class Share(nn.Module):
    """The first stem gets more of a bin the louder it is."""

    def __init__(self, num_stems: int) -> None:
        super().__init__()
        self.num_stems, self.num_calls = num_stems, 0

    def forward(self, spectrogram: Tensor) -> Tensor:
        self.num_calls += 1
        magnitude = torch.linalg.vector_norm(spectrogram, dim=-1)
        first = magnitude / (magnitude + 1)
        gains = [first, *[(1 - first) / (self.num_stems - 1)] * (self.num_stems - 1)]
        gain = torch.stack(gains, dim=1)  # (batch, stem, freq * channel, frame)
        return torch.stack((gain, torch.zeros_like(gain)), dim=-1)


def make_card(*, stems: tuple[str, ...] = ("loud", "soft"), **fields: Any) -> tuple[ModelCard, Share]:
    network = Share(len(stems))
    given = {
        "name": "share",
        "load": lambda parameters, checkpoint, device: network,
        "summary": "loud bins and the rest",
        "stems": stems,
        "sample_rate": None,
        "channels": None,
        "input_type": "spectrogram",
        "output_type": "spectrogram_mask",
        "stft": STFT,
        "chunk_seconds": 0.3,
    }
    return ModelCard(**{**given, **fields}), network


def make_song(seconds: float = 1.0, *, channels: int = 2, rate: int = RATE, seed: int = 0) -> Audio[Tensor]:
    """Two tones with noise."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(round(seconds * rate)) / rate
    tones = 0.3 * torch.sin(2 * math.pi * 500 * time) + 0.2 * torch.sin(2 * math.pi * 2000 * time)
    return Audio(tones + 0.02 * torch.randn(channels, len(time), generator=generator), rate)


def make_trace(song: Audio[Tensor] | None = None, **asked: Any) -> Trace:
    fields = {name: asked.pop(name) for name in ("stems", "sample_rate", "channels") if name in asked}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WorkbenchNotice)
        traced = wb.trace(song or make_song(), model=make_card(**fields)[0], **asked)
    assert isinstance(traced, Trace)
    return traced
