"""Songs of a fraction of a second and models that need no weights, for the tests of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from workbench.core import Audio, InverseStft, Stft, StftConfig
from workbench.registry.cards import ModelCard

RATE = 8000
STFT = StftConfig(n_fft=128, hop_length=32, win_length=128)
CHUNK_SECONDS = 0.1
CHUNK_SIZE = 800

INPUT_TYPES = ("waveform", "spectrogram", "waveform_and_spectrogram")
OUTPUT_TYPES = ("waveform", "spectrogram_mask", "spectrogram")
PAIRS = [(given, gives) for given in INPUT_TYPES for gives in OUTPUT_TYPES]


def make_song(
    seconds: float = 0.5, *, sample_rate: int = RATE, channels: int = 2, offset: float = 0.0, seed: int = 0
) -> Audio[Tensor]:
    """A tone for each channel, clicks and a little noise, with a DC ``offset``; peaks stay below 1 + offset."""
    generator = torch.Generator().manual_seed(seed)
    num_samples = round(seconds * sample_rate)
    time = torch.arange(num_samples) / sample_rate
    tones = torch.stack([0.3 * torch.sin(2 * torch.pi * 300 * (k + 1) * time) for k in range(channels)])
    clicks = torch.zeros(num_samples)
    clicks[:: max(1, sample_rate // 10)] = 0.4
    noise = 0.02 * torch.randn(channels, num_samples, generator=generator)
    return Audio(tones + clicks + noise + offset, sample_rate)


class SoftSplit(nn.Module):
    """Shares every bin between a loud and a soft stem by its magnitude, whatever goes in and out.

    All nine pairs of types give the same two stems, which sum to what came in. It keeps the shapes that it was
    called with, and on request writes into its inputs when it is done.
    """

    stems = ("loud", "soft")

    def __init__(
        self, input_type: str, output_type: str, *, chunk_size: int = CHUNK_SIZE, overwrites: bool = False
    ) -> None:
        super().__init__()
        self.input_type, self.output_type, self.overwrites = input_type, output_type, overwrites
        self.forward_stft, self.inverse_stft = Stft(STFT), InverseStft(STFT, chunk_size)
        self.calls: list[tuple[tuple[int, ...], ...]] = []

    def forward(self, *inputs: Tensor) -> Tensor:
        self.calls.append(tuple(tuple(value.shape) for value in inputs))
        spectrogram = self.forward_stft(inputs[0]) if self.input_type == "waveform" else inputs[0]
        magnitude = torch.linalg.vector_norm(spectrogram, dim=-1)
        gain = magnitude / (magnitude + 1)
        gains = torch.stack((gain, 1 - gain), dim=1).unsqueeze(-1)  # (batch, stem, freq * channel, frame, 1)
        if self.output_type == "spectrogram_mask":
            output = torch.cat((gains, torch.zeros_like(gains)), dim=-1)
        else:
            output = spectrogram.unsqueeze(1) * gains
        if self.output_type == "waveform":
            output = self.inverse_stft(output)
        if self.overwrites:
            for value in inputs:
                value.fill_(7.0)
        return output


def make_split(
    input_type: str, output_type: str, *, overwrites: bool = False, chunk_size: int = CHUNK_SIZE, **fields: Any
) -> tuple[ModelCard, SoftSplit]:
    """A card for `SoftSplit` and the one network that it loads."""
    network = SoftSplit(input_type, output_type, chunk_size=chunk_size, overwrites=overwrites)
    card = ModelCard(
        **{
            "name": "split",
            "load": lambda parameters, checkpoint, device: network.to(device),
            "summary": "loud and soft bins",
            "stems": SoftSplit.stems,
            "sample_rate": None,
            "channels": None,
            "input_type": input_type,
            "output_type": output_type,
            "stft": STFT,
            "chunk_seconds": CHUNK_SECONDS,
            **fields,
        }
    )
    return card, network


class TwoBands(nn.Module):
    """A moving average and the rest of the waveform: two stems that sum to what came in."""

    stems = ("low", "high")

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, ...]] = []

    def forward(self, waveform: Tensor) -> Tensor:
        self.calls.append(tuple(waveform.shape))
        low = nn.functional.avg_pool1d(waveform, 5, stride=1, padding=2)
        return torch.stack((low, waveform - low), dim=1)  # (batch, stem, channel, time)


@dataclass(frozen=True)
class GainParameters:
    """Settings of `Gains`."""

    gain: float = 0.5
    steps: int = 3
    label: str = "none"
    shifts: tuple[int, ...] = (1, 2)


class Gains(nn.Module):
    """The waveform times a gain, and the rest."""

    def __init__(self, parameters: GainParameters) -> None:
        super().__init__()
        self.settings = parameters

    def forward(self, waveform: Tensor) -> Tensor:
        first = waveform * self.settings.gain
        return torch.stack((first, waveform - first), dim=1)  # (batch, stem, channel, time)


def make_gains(**fields: Any) -> tuple[ModelCard, list[GainParameters]]:
    """A card for `Gains`, and the parameters of each time it was loaded."""
    loaded: list[GainParameters] = []

    def load(parameters: GainParameters, checkpoint: object, device: object) -> nn.Module:
        loaded.append(parameters)
        return Gains(parameters)

    card = ModelCard(
        **{
            "name": "gains",
            "load": load,
            "summary": "a share and the rest",
            "stems": ("share", "rest"),
            "sample_rate": None,
            "channels": None,
            "input_type": "waveform",
            "output_type": "waveform",
            "parameters": GainParameters,
            "chunk_seconds": CHUNK_SECONDS,
            **fields,
        }
    )
    return card, loaded
