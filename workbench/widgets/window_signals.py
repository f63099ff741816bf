"""What the window explorer cuts into chunks: an excerpt of a song, a tone, or noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import InvalidValue
from workbench.pipeline.trace import Trace

SIGNALS = ("song", "tone", "noise")
DEFAULT_CHUNK_SECONDS = 0.37  # 16 384 samples at 44.1 kHz
EXCERPT_SECONDS = 3.0
LONGEST_EXCERPT_SECONDS = 30.0
CHUNKS_IN_EXCERPT = 4  # at least so many
TONE_HERTZ, TONE_PEAK, NOISE_RMS = 440.0, 0.5, 0.1
MOST_CHANNELS = 2


@dataclass(frozen=True, eq=False)
class TraceSettings:
    """What a run brings along.

    Args:
        song: as its chunks were cut from it, but for its level.
        chunk_size: in samples.
        hop_size: likewise.
        window: its name.
        notice: what could not be taken over.
    """

    song: Audio[Tensor] | None = None
    chunk_size: int | None = None
    hop_size: int | None = None
    window: str | None = None
    notice: str = ""


def read_trace(trace: Trace) -> TraceSettings:
    """Song, chunk, hop and window of a run."""
    plan, grid = trace.plan, trace.grid
    song = Audio(trace["conform"].output, plan.sample_rate)
    if isinstance(plan.request.window, Tensor):
        notice = "the run's window was given as a tensor, which has no name: here hann is shown"
        return TraceSettings(song, grid.chunk_size, grid.hop_size, notice=notice)
    return TraceSettings(song, grid.chunk_size, grid.hop_size, plan.window_name)


def choose_chunk_size(sample_rate: int) -> int:
    """The power of two nearest to 0.37 s, at least 2 samples."""
    return int(2 ** max(1, round(math.log2(DEFAULT_CHUNK_SECONDS * sample_rate))))


def choose_excerpt(chunk_size: int, *, sample_rate: int, seconds: float | None) -> int:
    """Samples of an excerpt: as asked for, else 3 s or four chunks, and at most 30 s.

    Raises:
        InvalidValue: seconds that are not above 0.
    """
    if seconds is None:
        chunks_seconds = CHUNKS_IN_EXCERPT * chunk_size / sample_rate
        seconds = min(max(EXCERPT_SECONDS, chunks_seconds), LONGEST_EXCERPT_SECONDS)
    if not 0 < seconds < math.inf:
        raise InvalidValue(f"excerpt_seconds must be above 0, got {seconds}")
    return max(1, round(seconds * sample_rate))


def take_excerpt(song: Audio[Tensor], *, start_seconds: float, num_samples: int) -> Audio[Tensor]:
    """A part of a song; of more than two channels their mean.

    Raises:
        InvalidValue: a start from which less is left than that, in a song that has as much.
    """
    latest = max(0, song.data.shape[-1] - num_samples)
    first = round(start_seconds * song.sample_rate) if math.isfinite(start_seconds) else -1
    if not 0 <= first <= latest:
        raise InvalidValue(f"the excerpt must begin from 0 to {latest / song.sample_rate:.4g} s, got {start_seconds:g}")
    data = song.data[:, first : first + num_samples]
    return Audio(data if len(data) <= MOST_CHANNELS else data.mean(dim=0, keepdim=True), song.sample_rate)


def make_signal(name: str, *, num_samples: int, sample_rate: int) -> Audio[Tensor]:
    """A tone or noise of one channel; the same bits every time."""
    if name == "tone":
        time = torch.arange(num_samples, dtype=torch.float64, device="cpu") / sample_rate
        data = (TONE_PEAK * torch.sin(2 * torch.pi * TONE_HERTZ * time)).float().unsqueeze(0)  # (1, time)
    else:
        data = NOISE_RMS * torch.randn(
            1, num_samples, generator=torch.Generator("cpu").manual_seed(0), dtype=torch.float32, device="cpu"
        )
    return Audio(data, sample_rate)
