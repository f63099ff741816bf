"""Magnitude spectra of a whole signal, a block of frames at a time: a song's complex spectra would take gigabytes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from workbench.core.grid import take_span

BLOCK_FRAMES = 256


def iterate_magnitudes(
    samples: Shaped[Tensor, "channel time"], *, window_samples: int, hop_samples: int
) -> Iterator[Float[Tensor, "channel freq frame"]]:
    """Magnitudes of the STFT with a periodic Hann window, not normalized.

    Frame k is centred on sample k * hop; before the beginning and after the end there are zeros, so that any
    length works. There are 1 + time // hop frames in all.

    Args:
        samples: the signal; a block of it at a time is widened to float64.
        window_samples: length of the window and of its transform; even.
        hop_samples: from one frame to the next.

    Shapes:
        (channel, time) -> blocks of (channel, window_samples / 2 + 1, at most BLOCK_FRAMES).
    """
    window = torch.hann_window(window_samples, dtype=torch.float64)
    num_frames = 1 + samples.shape[-1] // hop_samples
    for first in range(0, num_frames, BLOCK_FRAMES):
        frames = min(BLOCK_FRAMES, num_frames - first)
        start = first * hop_samples - window_samples // 2
        stop = start + (frames - 1) * hop_samples + window_samples
        block = take_span(samples, start, stop, padding=0, padding_mode="constant")
        spectrum = torch.stft(
            block.double(), window_samples, hop_length=hop_samples, window=window, center=False, return_complex=True
        )
        yield spectrum.abs()
