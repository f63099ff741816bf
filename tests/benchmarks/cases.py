"""What is measured: each case is one job done in several ways, a function `(seconds of audio) -> job`.

Run by `run.py`, each way in a process of its own: `python cases.py CASE WAY SECONDS REPEATS` prints seconds and peak
memory as JSON.
The peer is splifft 0.0.9, installed without its dependencies:
`python -m pip install --no-deps splifft==0.0.9 einops annotated-types`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from workbench import core

SAMPLE_RATE = 44100
CHUNK_SECONDS, OVERLAP = 8, 0.75  # 352800 samples at 44.1 kHz
NUM_STEMS = 4

Job = Callable[[], Tensor]


def make_grid(seconds: float) -> core.ChunkGrid:
    """The grid of all overlap-add cases; short songs, for the smoke test, get short chunks."""
    chunk_size = min(CHUNK_SECONDS * SAMPLE_RATE, max(8, round(seconds * SAMPLE_RATE / 4)))
    return core.ChunkGrid.from_overlap(round(seconds * SAMPLE_RATE), chunk_size, OVERLAP)


def make_batches(grid: core.ChunkGrid) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (1, NUM_STEMS, 2, grid.chunk_size)
    return [torch.empty(shape).uniform_(-1, 1, generator=generator) for _ in range(grid.num_chunks)]


def stitch_workbench(seconds: float) -> Job:
    grid, window = make_grid(seconds), torch.hann_window(make_grid(seconds).chunk_size)
    batches = make_batches(grid)
    return lambda: core.stitch_chunks(
        batches, NUM_STEMS, grid.chunk_size, grid.hop_size, grid.num_samples, window=window
    )


def stitch_splifft(seconds: float) -> Job:
    from splifft.core import stitch_chunks

    grid, window = make_grid(seconds), torch.hann_window(make_grid(seconds).chunk_size)
    batches = make_batches(grid)
    return lambda: stitch_chunks(batches, NUM_STEMS, grid.chunk_size, grid.hop_size, grid.num_samples, window=window)


def stitch_fold(seconds: float) -> Job:
    """Concatenate, then `torch.nn.functional.fold`: what many overlap-add snippets do."""
    grid, window = make_grid(seconds), torch.hann_window(make_grid(seconds).chunk_size)
    batches = make_batches(grid)

    def job() -> Tensor:
        chunks = torch.cat(batches) * window  # (chunk, stem, channel, time)
        columns = chunks.flatten(1, 2).permute(1, 2, 0)  # (stem * channel, time, chunk)
        sizes = {"kernel_size": (1, grid.chunk_size), "stride": (1, grid.hop_size)}
        total = nn.functional.fold(columns, (1, grid.padded_length), **sizes)[:, 0, 0]
        weights = window.unsqueeze(1).expand(-1, grid.num_chunks).unsqueeze(0)
        divisor = nn.functional.fold(weights, (1, grid.padded_length), **sizes)[0, 0, 0].clamp_min(1e-8)
        song = (total / divisor)[:, grid.padding : grid.padding + grid.num_samples]
        return song.view(NUM_STEMS, 2, grid.num_samples)

    return job


def make_song(seconds: float) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.empty(2, round(seconds * SAMPLE_RATE)).uniform_(-1, 1, generator=generator)


def identity(chunks: Tensor) -> Tensor:
    """A model that gives the mixture for every stem: (batch, channel, time) -> (batch, stem, channel, time)."""
    return chunks.unsqueeze(1).repeat(1, NUM_STEMS, 1, 1)


class Identity(nn.Module):
    stems = tuple(f"stem_{index}" for index in range(NUM_STEMS))

    def forward(self, chunks: Tensor) -> Tensor:
        return identity(chunks)


def path_workbench(seconds: float) -> Job:
    """Through `separate` itself: nothing is kept but the stitched stems."""
    import workbench

    song, grid = make_song(seconds), make_grid(seconds)

    def job() -> Tensor:
        separation = workbench.separate(
            workbench.Audio(song, SAMPLE_RATE),
            model=Identity(),
            overlap=OVERLAP,
            chunk_seconds=grid.chunk_size / SAMPLE_RATE,
            device="cpu",
        )
        # the smoke test compares all stems; stacking a long song's would count as memory that `separate` never takes
        return torch.stack([audio.data for audio in separation.values()]) if seconds < 30 else separation["stem_0"].data

    return job


def path_collect(seconds: float) -> Job:
    """Collect all processed chunks, then stitch them, as splifft's engine does; our own functions."""
    song, grid = make_song(seconds), make_grid(seconds)
    window = torch.hann_window(grid.chunk_size)

    def job() -> Tensor:
        chunks = core.generate_chunks(song, grid.chunk_size, grid.hop_size, 1)
        return core.stitch_chunks(
            [identity(batch) for batch in chunks],
            NUM_STEMS,
            grid.chunk_size,
            grid.hop_size,
            grid.num_samples,
            window=window,
        )

    return job


def path_splifft(seconds: float) -> Job:
    """The same with splifft's own functions."""
    from splifft.core import generate_chunks, stitch_chunks

    song, grid = make_song(seconds), make_grid(seconds)
    window = torch.hann_window(grid.chunk_size)

    def job() -> Tensor:
        chunks = generate_chunks(song, grid.chunk_size, grid.hop_size, 1)
        processed = [identity(batch) for batch in chunks]
        return stitch_chunks(processed, NUM_STEMS, grid.chunk_size, grid.hop_size, grid.num_samples, window=window)

    return job


class GivenMask(nn.Module):
    """Gives one complex mask of four stems, whatever it sees."""

    def __init__(self, batch: int, num_frames: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.mask = torch.empty(batch, NUM_STEMS, 2050, num_frames, 2).uniform_(-1, 1, generator=generator)

    def forward(self, spectrogram: Tensor) -> Tensor:
        return self.mask


def make_batch(seconds: float) -> Tensor:
    """Two stereo chunks of that many seconds: (2, 2, time)."""
    return torch.stack((make_song(seconds), make_song(seconds).flip(-1)))


def mask_workbench(seconds: float) -> Job:
    batch = make_batch(seconds)
    chunk_size = batch.shape[-1]
    model = core.create_w2w_model(
        GivenMask(2, 1 + chunk_size // 512),
        "spectrogram",
        "spectrogram_mask",
        core.StftConfig(),
        2,
        chunk_size,
        core.MaskingConfig(),
    )
    return lambda: model(batch)


def mask_splifft(seconds: float) -> Job:
    from splifft.config import MaskingConfig, StftConfig
    from splifft.core import create_w2w_model

    batch = make_batch(seconds)
    chunk_size = batch.shape[-1]
    model = create_w2w_model(
        GivenMask(2, 1 + chunk_size // 512),
        "spectrogram",
        "spectrogram_mask",
        StftConfig(kind="stft"),
        2,
        chunk_size,
        MaskingConfig(),
        io_device=torch.device("cpu"),
        model_device=torch.device("cpu"),
    )
    return lambda: model(batch)


def make_spectrogram(seconds: float) -> Tensor:
    """(1, freq * channel, frame, 2) of a noise; what a median costs does not depend on the music."""
    return core.Stft(core.StftConfig())(make_song(seconds).unsqueeze(0))


def hpss_workbench(seconds: float) -> Job:
    from workbench_plugins.hpss import HpssParameters
    from workbench_plugins.hpss_model import load

    model, spectrogram = load(HpssParameters(), None, torch.device("cpu")), make_spectrogram(seconds)
    return lambda: core.apply_mask(spectrogram.unsqueeze(1), model(spectrogram), None, None)[0]


def hpss_librosa(seconds: float) -> Job:
    import librosa
    import numpy as np

    rows = make_spectrogram(seconds)[0]
    by_channel = rows.unflatten(0, (-1, 2)).transpose(0, 1).contiguous()  # (channel, freq, frame, 2)
    spectrogram = torch.view_as_complex(by_channel).numpy()

    def job() -> Tensor:
        stems = torch.from_numpy(np.stack(librosa.decompose.hpss(spectrogram)))  # (stem, channel, freq, frame)
        return torch.view_as_real(stems).transpose(1, 2).flatten(1, 2)  # (stem, freq * channel, frame, 2)

    return job


CASES: dict[str, dict[str, Callable[[float], Job]]] = {
    "stitch": {"workbench": stitch_workbench, "splifft": stitch_splifft, "concatenate + fold": stitch_fold},
    "path": {"workbench": path_workbench, "collect, then stitch": path_collect, "splifft": path_splifft},
    "mask": {"workbench": mask_workbench, "splifft": mask_splifft},
    "hpss": {"workbench": hpss_workbench, "librosa": hpss_librosa},
}


def peak_bytes() -> int:
    """The most memory this process ever had resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(case: str, way: str, seconds: float, repeats: int) -> dict[str, Any]:
    """Seconds of the fastest of some runs, and the first run's peak memory above its inputs."""
    with torch.no_grad():
        job = CASES[case][way](seconds)
        before = peak_bytes()
        durations, peak = [], 0
        for _ in range(repeats):
            started = time.perf_counter()
            job()
            durations.append(time.perf_counter() - started)
            peak = peak or peak_bytes() - before
    return {"seconds": min(durations), "bytes": peak}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]))))
