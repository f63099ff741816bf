"""A track's spectrogram as bytes, of a size that does not grow with the song."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.figures.spectra import choose_frame_size, iterate_power
from workbench.widgets.levels import Levels, encode_levels

MOST_FRAMES = 8000  # 8 MB at 44.1 kHz; a frame each 38 ms in a song of five minutes
FRAMES_FOR_TOP = 400
TOP_STEP_DB = 5  # a range that ends at a round number


@dataclass(frozen=True)
class TrackLevels:
    """A spectrogram in dB of a full-scale sine.

    Args:
        levels: (freq, frame), one byte each.
        frame_seconds: from one frame's middle to the next; the first lies half of it after the beginning.
        bin_hertz: from one row to the next; the first is 0 Hz.
    """

    levels: Levels
    frame_seconds: float
    bin_hertz: float


def encode_track_levels(audio: Audio[Tensor], *, top_db: float, range_db: float) -> TrackLevels:
    """Mean power over the channels, as levels from ``top_db - range_db`` to ``top_db``.

    Args:
        audio: data (channel, time), at least 1 sample.
        top_db: of a full-scale sine; see `measure_top`.
        range_db: below it.
    """
    n_fft = choose_frame_size(audio.sample_rate)
    num_samples = audio.data.shape[-1]
    num_frames = min(MOST_FRAMES, math.ceil(num_samples / (n_fft // 4)))
    power = measure_mean_power(audio, n_fft=n_fft, num_frames=num_frames)
    levels = encode_levels(power, reference=sine_power(n_fft), floor_db=top_db - range_db, top_db=top_db)
    return TrackLevels(levels, num_samples / audio.sample_rate / num_frames, audio.sample_rate / n_fft)


def measure_top(audio: Audio[Tensor]) -> float:
    """A round level in dB of a full-scale sine that a track's spectrum hardly exceeds; 0 for silence."""
    n_fft = choose_frame_size(audio.sample_rate)
    num_frames = min(FRAMES_FOR_TOP, math.ceil(audio.data.shape[-1] / (n_fft // 4)))
    highest = float(measure_mean_power(audio, n_fft=n_fft, num_frames=num_frames).max())
    if highest == 0:
        return 0.0
    return float(TOP_STEP_DB * math.ceil(10 * math.log10(highest / sine_power(n_fft)) / TOP_STEP_DB))


def measure_mean_power(audio: Audio[Tensor], *, n_fft: int, num_frames: int) -> Tensor:
    """Power of frames spread evenly over a track, the mean of its channels: (freq, frame)."""
    channels = [
        torch.cat(list(iterate_power(channel, n_fft=n_fft, num_frames=num_frames)), dim=1) for channel in audio.data
    ]
    return torch.stack(channels).mean(dim=0)  # (freq, frame)


def sine_power(n_fft: int) -> float:
    """What a full-scale sine in the middle of a bin gives there: half of the hann window's sum, squared."""
    return (n_fft / 4) ** 2
