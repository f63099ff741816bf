"""Sound for a page: Opus in WebM, at the bit rate that there is room for."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import torch
from torch import Tensor

from workbench.core.audio import Audio

RATE = 48_000  # hertz; what Opus works at
LOWEST_BIT_RATE = 16_000  # bit/s; music below this is no longer told apart, so that less of it is given instead
HIGHEST_BIT_RATE = 128_000  # bit/s; stereo music sounds as the original does to most (Opus' authors recommend it)
FRAME_MILLISECONDS = 60  # the longest frame, for the least to be spent on frames' headers
# Each frame's header in WebM, 8 bytes, and a page's worth of a file's own.
HEADER_BIT_RATE = 8 * 8 * 1000 // FRAME_MILLISECONDS
FILE_BYTES = 2_000
# Opus' constrained rate goes over its target for a while; over all of a song by less than this.
MARGIN = 0.92
SHORTEST_SECONDS = 0.1  # FFmpeg's resampler gives nothing for a sample or two; silence is put behind them
BLOCK_SECONDS = 10


@dataclass(frozen=True)
class SoundPlan:
    """How each track is encoded: ``bit_rate`` in bit/s, and the first ``seconds`` of it."""

    bit_rate: int
    seconds: float


def plan_sound(*, num_tracks: int, seconds: float, budget_bytes: int) -> SoundPlan:
    """The highest bit rate at which all tracks fit; where the lowest is too much, less of each track.

    >>> plan_sound(num_tracks=3, seconds=240.0, budget_bytes=3_000_000)
    SoundPlan(bit_rate=29533, seconds=240.0)

    Args:
        num_tracks: at least 1.
        seconds: length of each.
        budget_bytes: room for all of them as files.
    """
    room_bits = max(0.0, 8 * (budget_bytes / num_tracks - FILE_BYTES) * MARGIN)
    bit_rate = int(room_bits / seconds) - HEADER_BIT_RATE if seconds > 0 else HIGHEST_BIT_RATE
    if bit_rate >= LOWEST_BIT_RATE:
        return SoundPlan(min(bit_rate, HIGHEST_BIT_RATE), seconds)
    return SoundPlan(LOWEST_BIT_RATE, room_bits / (LOWEST_BIT_RATE + HEADER_BIT_RATE))


def encode_sound(audio: Audio[Tensor], plan: SoundPlan, *, gain: float) -> bytes:
    """A WebM file with the beginning of a track in Opus, at 48 kHz; more than two channels become one.

    Args:
        audio: data (channel, time), finite.
        plan: how.
        gain: what samples are multiplied by, so that they stay within full scale.
    """
    num_samples = min(audio.data.shape[1], max(1, round(plan.seconds * audio.sample_rate)))
    data = audio.data[:, :num_samples]
    missing = math.ceil(SHORTEST_SECONDS * audio.sample_rate) - num_samples
    data = torch.nn.functional.pad(data, (0, max(0, missing)))
    layout = "stereo" if data.shape[0] == 2 else "mono"
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        options = {"vbr": "constrained", "frame_duration": str(FRAME_MILLISECONDS)}
        stream = container.add_stream("libopus", rate=RATE, layout=layout, options=options)
        stream.bit_rate = plan.bit_rate
        for frame in make_frames(data, sample_rate=audio.sample_rate, layout=layout, gain=gain):
            container.mux(stream.encode(frame))  # which resamples
        container.mux(stream.encode(None))
    return file.getvalue()


def make_frames(data: Tensor, *, sample_rate: int, layout: str, gain: float) -> Iterator[av.AudioFrame]:
    """Blocks of (channel, time) as FFmpeg takes them, one after the other, so that no second copy is made of a song."""
    block_samples = BLOCK_SECONDS * sample_rate
    for start in range(0, data.shape[1], block_samples):
        block = data[:, start : start + block_samples].float() * gain
        if data.shape[0] > 2:
            block = block.mean(dim=0, keepdim=True)  # (1, time)
        block = block.T.reshape(1, -1).contiguous()  # (1, time·channel)
        frame = av.AudioFrame.from_ndarray(block.numpy(), format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
        yield frame


def choose_gain(tracks: list[Audio[Tensor]]) -> float:
    """One gain for all tracks, so that none clips and their balance stays; 1 where none would."""
    peak = max((float(torch.linalg.vector_norm(audio.data, ord=torch.inf)) for audio in tracks), default=0.0)
    return 1.0 / max(1.0, peak)
