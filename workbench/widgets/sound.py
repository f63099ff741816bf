"""Sound for the browser: 16-bit FLAC, which every browser decodes to the very same samples."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor

from workbench.core.audio import Audio

HIGHEST_FLAC_CHANNELS = 8
ENCODERS = 2  # FLAC takes a second for five minutes of a track


def encode_track(audio: Audio[Tensor], *, gain: float) -> bytes:
    """A 16-bit FLAC file.

    Args:
        audio: data (channel, time); beyond 8 channels, which FLAC ends at, their mean is taken.
        gain: what samples are multiplied by; what is beyond full scale after that is clipped.
    """
    import soundfile

    data = audio.data.detach().cpu().float()
    if data.shape[0] > HIGHEST_FLAC_CHANNELS:
        data = data.mean(dim=0, keepdim=True)  # (1, time)
    file = io.BytesIO()
    samples = (data * gain).T.numpy()  # (time, channel), as soundfile has it
    soundfile.write(file, samples, audio.sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def encode_tracks(tracks: Iterable[Audio[Tensor]], *, gain: float) -> Iterator[bytes]:
    """`encode_track` of each in turn, two at a time: the first are there early, and it takes half as long."""
    with ThreadPoolExecutor(max_workers=ENCODERS) as pool:
        yield from pool.map(partial(encode_track, gain=gain), tracks)


def choose_gain(tracks: Iterable[Audio[Tensor]]) -> float:
    """One gain for all tracks, so that none clips and their balance stays; 1 where none would."""
    peaks = (float(torch.linalg.vector_norm(audio.data.detach().float(), ord=torch.inf)) for audio in tracks)
    return 1.0 / max(1.0, max(peaks, default=0.0))
