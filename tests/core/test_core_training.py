"""The pieces of inference serve training: gradients flow from the stitched song back into a mask network."""

from __future__ import annotations

import torch
from core_reference import measure_si_sdr, noise
from torch import Tensor, nn

from workbench.core import InverseStft, Stft, StftConfig, apply_mask, generate_chunks, stitch_chunks

CONFIG = StftConfig(256, 64, 256)
SAMPLE_RATE, NUM_SAMPLES, CHUNK, HOP, CHANNELS = 8000, 5000, 2048, 1024, 2
NUM_STEPS = 20


class MaskNetwork(nn.Module):
    """Two layers, from the magnitudes of a frame to the masks of its two stems."""

    def __init__(self) -> None:
        super().__init__()
        rows = CONFIG.num_freqs * CHANNELS
        self.hidden = nn.Linear(rows, 32)
        self.masks = nn.Linear(32, 2 * rows)

    def forward(self, spectrogram: Tensor) -> Tensor:
        magnitude = spectrogram.square().sum(-1).add(1e-6).log().transpose(1, 2)  # (batch, frame, rows)
        gain = torch.sigmoid(self.masks(torch.relu(self.hidden(magnitude))))
        gain = gain.unflatten(-1, (2, -1)).permute(0, 2, 3, 1)  # (batch, stem, rows, frame)
        return torch.stack((gain, torch.zeros_like(gain)), dim=-1)


def make_sources() -> Tensor:
    """A chord that swells, and bursts of high noise: (stem, channel, time)."""
    time = torch.arange(NUM_SAMPLES) / SAMPLE_RATE
    chord = sum((2 * torch.pi * frequency * time).sin() for frequency in (220, 277, 330))
    chord = chord * (1 - (4 * torch.pi * time).cos()) * 0.1
    hiss = noise(NUM_SAMPLES)
    bursts = (hiss - torch.nn.functional.avg_pool1d(hiss[None], 9, 1, 4)[0]) * (-20 * (time % 0.25)).exp() * 0.3
    return torch.stack((torch.stack((chord, 0.5 * chord)), torch.stack((0.5 * bursts, bursts))))


def separate(network: nn.Module, mixture: Tensor) -> Tensor:
    forward, inverse = Stft(CONFIG), InverseStft(CONFIG, CHUNK)
    batches = []
    for batch in generate_chunks(mixture, CHUNK, HOP, 4):
        spectrogram = forward(batch)
        batches.append(inverse(apply_mask(spectrogram.unsqueeze(1), network(spectrogram), None, None)))
    return stitch_chunks(batches, 2, CHUNK, HOP, mixture.shape[-1], window=torch.hann_window(CHUNK))


def test_a_mask_network_learns_through_the_whole_path() -> None:
    sources = make_sources()
    mixture = sources.sum(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = MaskNetwork()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    si_sdr = []
    for _ in range(NUM_STEPS):
        estimates = separate(network, mixture)
        score = torch.stack([measure_si_sdr(*pair) for pair in zip(estimates, sources, strict=True)])
        si_sdr.append(score.detach())
        optimizer.zero_grad()
        (-score.mean()).backward()
        optimizer.step()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    # both stems; without gradients from the far end nothing would change at all
    assert ((si_sdr[-1] - si_sdr[0]) > 8).all(), si_sdr[-1]
