"""For the mask explorer: a second of noise and tones, and a model whose mask goes beyond 1 and has a phase."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import workbench
from workbench.core import Audio, StftConfig
from workbench.pipeline.trace import Trace
from workbench.registry.cards import ModelCard

RATE = 8000
STFT = StftConfig(n_fft=256, hop_length=64, win_length=256)
ROWS = 129


class Turning(nn.Module):
    """Two complementary masks by level, the first one turned by a quarter and up to 1.5."""

    def forward(self, spectrogram: Tensor) -> Tensor:
        magnitude = torch.linalg.vector_norm(spectrogram, dim=-1)
        gain = magnitude / (magnitude + magnitude.mean() + 1e-9)
        first = torch.stack((torch.zeros_like(gain), 1.5 * gain), dim=-1)  # times i
        second = torch.stack((1 - gain, torch.zeros_like(gain)), dim=-1)
        return torch.stack((first, second), dim=1)  # (batch, stem, freq * channel, frame, 2)


def make_card(*, stems: tuple[str, ...] = ("loud", "soft")) -> ModelCard:
    """The model's card; with one stem it gives the first."""

    class Part(Turning):
        def forward(self, spectrogram: Tensor) -> Tensor:
            return super().forward(spectrogram)[:, : len(stems)]

    return ModelCard(
        name="turning",
        load=lambda parameters, checkpoint, device: Part(),
        summary="two masks by level",
        stems=stems,
        sample_rate=None,
        channels=None,
        input_type="spectrogram",
        output_type="spectrogram_mask",
        stft=STFT,
        chunk_seconds=0.5,
        overlap=0.5,
    )


def make_stems(*, channels: int = 2, level: float = 0.2) -> dict[str, Audio[Tensor]]:
    """``loud`` is a tone that comes and goes, ``soft`` is noise."""
    generator = torch.Generator().manual_seed(3)
    time = torch.arange(RATE) / RATE
    tone = torch.sin(2 * torch.pi * 440 * time) * (torch.sin(2 * torch.pi * 2 * time) > 0)
    loud = torch.stack([tone * (1 - 0.3 * channel) for channel in range(channels)])
    noise = torch.randn(channels, RATE, generator=generator)
    return {"loud": Audio(level * loud, RATE), "soft": Audio(0.2 * level * noise, RATE)}


def make_trace(
    *, channels: int = 2, level: float = 0.2, references: bool = True, card: ModelCard | None = None, **options: Any
) -> Trace:
    """A trace of their sum."""
    stems = make_stems(channels=channels, level=level)
    mixture = Audio(stems["loud"].data + stems["soft"].data, RATE)
    given = {"references": stems} if references else {}
    traced = workbench.trace(mixture, model=card or make_card(), **given, **options)
    assert isinstance(traced, Trace)
    return traced
