"""The network. Imported when the model is used, so here torch and whatever else it needs may be imported."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from workbench.io import load_weights

from .cards import GateParameters

NUM_NEIGHBOURS = 31  # frequencies around a bin, itself included; odd, so that they have a middle
POWER_FLOOR = 1e-12  # keeps the logarithm of silence finite


class SpectralGate(nn.Module):
    """Two masks that sum to 1: for the bins that stand out of the frequencies around them, and for the others.

    Its weights are a threshold for each frequency, in decibels. They all begin at the parameter's value, which makes
    an untrained network useful; training may move each.
    """

    def __init__(self, parameters: GateParameters) -> None:
        """Make the layers; here there is one vector of weights."""
        super().__init__()
        self.softness_db, self.num_freqs = parameters.softness_db, parameters.num_freqs
        self.threshold_db = nn.Parameter(torch.full((self.num_freqs,), float(parameters.threshold_db)))  # (freq,)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Give a mask for each stem. No step here takes anything from another chunk of the batch.

        Shapes:
            spectrogram: (batch, freq·channel, frame, 2), frequency outer and channel inner; real, imaginary.
            returns: (batch, stem=2, freq·channel, frame, 2), complex factors, here with an imaginary part of 0.
        """
        batch, rows, frame, _ = spectrogram.shape
        # float16 would overflow when squared
        exact = spectrogram if spectrogram.dtype == torch.float64 else spectrogram.float()
        power = exact.square().sum(dim=-1)  # (batch, freq·channel, frame)
        power = power.reshape(batch, self.num_freqs, -1).transpose(1, 2)  # (batch, channel·frame, freq)
        around = nn.functional.avg_pool1d(
            power, NUM_NEIGHBOURS, stride=1, padding=NUM_NEIGHBOURS // 2, count_include_pad=False
        )
        excess_db = 10 * (torch.log10(power + POWER_FLOOR) - torch.log10(around + POWER_FLOOR))
        first = torch.sigmoid((excess_db - self.threshold_db) / self.softness_db)  # (batch, channel·frame, freq)
        first = first.transpose(1, 2).reshape(batch, rows, frame)  # (batch, freq·channel, frame)
        real = torch.stack((first, 1 - first), dim=1)  # (batch, stem, freq·channel, frame)
        return torch.stack((real, torch.zeros_like(real)), dim=-1).to(spectrogram.dtype)


def load(parameters: GateParameters | None, checkpoint: str | Path | None, device: torch.device | str) -> SpectralGate:
    """Make the network ready for inference; the card names this function.

    Args:
        parameters: the user's settings; ``None`` is the defaults.
        checkpoint: path of the weights, ``None`` for none. A network that means nothing without them says
            ``needs_checkpoint=True`` on its card and raises `CheckpointError` here for ``None``.
        device: where to run.

    Raises:
        CheckpointError: a file without weights, or with those of another network.
    """
    network = SpectralGate(GateParameters() if parameters is None else parameters)
    if checkpoint is not None:
        # strict: all of the file must fit; a trainer's file may need key=, see workbench.io.load_weights
        load_weights(network, checkpoint)
    return network.to(device).eval()
