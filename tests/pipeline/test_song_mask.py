from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import RATE, STFT, make_song, make_split
from torch import Tensor

from workbench.core import Audio
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.trace import Trace, trace

SONG = make_song()


def trace_split(song: Audio[Tensor] = SONG, **asked: Any) -> Trace:
    fields = {name: asked.pop(name) for name in ("sample_rate", "chunk_size") if name in asked}
    return trace(song, model=make_split("spectrogram", "spectrogram_mask", **fields)[0], **asked)


def sample_by_hand(mask: SongMask, traced: Trace) -> np.ndarray:
    """The gain at each chunk's frames, one frequency and frame after the other."""
    num_chunks, num_stems, rows, num_frames, _ = traced["mask"].shape
    num_channels = traced.plan.num_channels
    expected = np.zeros((num_chunks, num_stems, rows, num_frames, 2))
    frames = np.arange(mask.gain.shape[-1])
    for chunk, start in enumerate(traced.grid.starts):
        seconds = (start + np.arange(num_frames) * STFT.hop_length) / traced.plan.sample_rate
        positions = seconds * traced.song.sample_rate / mask.hop_samples  # in frames of the mask
        for stem in range(num_stems):
            for row in range(rows):  # frequency outer, channel inner
                gain = mask.gain[stem, row // num_channels].double().numpy()
                expected[chunk, stem, row, :, 0] = np.interp(positions, frames, gain)
    return expected


@pytest.mark.parametrize("hop_samples", [1, 50, 333, 10_000])
@pytest.mark.parametrize("rate", [None, 6000, 11025])
def test_a_song_mask_is_sampled_at_each_frames_own_time(rate: int | None, hop_samples: int) -> None:
    chunk_size = round((rate or RATE) * 0.1)
    traced = trace_split(make_song(0.3), sample_rate=rate, chunk_size=chunk_size)
    num_frames = min(2401, 1 + 2400 // hop_samples)
    gain = torch.rand(2, 65, num_frames, generator=torch.Generator().manual_seed(1))
    mask = SongMask(gain, hop_samples)
    masked = traced.rerun("mask", mask=mask)
    expected = sample_by_hand(mask, traced)
    got = masked["mask"].mask
    assert got.dtype == torch.float32
    # gains below 1: times are float64, shares and gains float32
    assert np.abs(got.numpy() - expected).max() < 1e-6
    # and the same as that mask given chunk by chunk
    by_chunks = traced.rerun("mask", mask=got)
    for name in by_chunks.stems:
        assert torch.equal(by_chunks.stems[name].data, masked.stems[name].data)


def test_before_the_first_and_after_the_last_frame_the_gain_stays() -> None:
    traced = trace_split()
    gain = torch.stack([torch.full((65,), 0.25), torch.full((65,), 0.75)], dim=-1).expand(2, 65, 2)
    got = traced.rerun("mask", mask=SongMask(gain, 100))["mask"].mask[..., 0]  # frames at samples 0 and 100 of 4000
    assert traced.grid.starts[0] == -400
    assert torch.equal(got[0, ..., 0], torch.full((2, 130), 0.25))
    assert torch.equal(got[-1], torch.full((2, 130, 26), 0.75))


@pytest.mark.parametrize("rate", [None, 6000])
def test_a_constant_gain_is_a_volume(rate: int | None) -> None:
    chunk_size = round((rate or RATE) * 0.1)
    traced = trace_split(sample_rate=rate, chunk_size=chunk_size, batch_size=3)
    gains = torch.tensor([0.5, 0.125])
    mask = SongMask(gains.view(2, 1, 1).expand(2, 65, 1), 512)
    masked = traced.rerun("mask", mask=mask)
    passed = traced["restore"].output.sum(0)  # what of the song reaches the stems: all, but for the resampling
    for gain, stem in zip(gains, masked.stems.values(), strict=True):
        assert (stem.data - gain * passed).abs().max() < 2e-6  # STFT, inverse and overlap-add round


def test_channels_lie_inside_frequencies() -> None:
    time = torch.arange(4000) / RATE
    left, right = (0.5 * torch.sin(2 * torch.pi * hertz * time) for hertz in (500.0, 3000.0))
    traced = trace_split(Audio(torch.stack([left, right]), RATE))
    gain = torch.zeros(2, 65, 1)
    gain[0, :32] = 1  # below 2000 Hz
    gain[1, 32:] = 1
    low, high = traced.rerun("mask", mask=SongMask(gain, 512)).stems.values()
    inner = slice(400, -400)  # the tones end abruptly
    # 500 and 3000 Hz lie 24 and 16 bins off the edge, where a hann window has fallen below -60 dB
    assert (low.data[0] - left)[inner].abs().max() < 1e-3
    assert low.data[1, inner].abs().max() < 1e-3
    assert (high.data[1] - right)[inner].abs().max() < 1e-3
    assert high.data[0, inner].abs().max() < 1e-3


def test_a_song_mask_has_only_the_stems_that_are_computed() -> None:
    traced = trace_split(stems=["soft"])
    masked = traced.rerun("mask", mask=SongMask(torch.full((1, 65, 3), 0.5), 1000))
    assert list(masked.stems) == ["soft"]
    assert (masked.stems["soft"].data - SONG.data / 2).abs().max() < 2e-6  # rounding as above


def test_a_song_mask_outlives_the_chunks_it_was_made_for() -> None:
    gain = torch.rand(2, 65, 40, generator=torch.Generator().manual_seed(2))
    mask = SongMask(gain, 100)
    one = trace_split().rerun("mask", mask=mask)
    other = trace_split(overlap=0.75).rerun("mask", mask=mask)
    assert one["mask"].shape != other["mask"].shape
    for name in one.stems:
        # nearly the same: a gain that moves within a frame acts a little differently on frames that lie elsewhere
        difference = (one.stems[name].data - other.stems[name].data).square().mean().sqrt()
        assert difference < 0.1 * SONG.data.square().mean().sqrt()


@pytest.mark.parametrize(
    ("gain", "hop_samples", "error", "reason"),
    [
        (torch.ones(2, 65), 32, InvalidValue, r"\(stem, freq, frame\), got \(2, 65\)"),
        (torch.ones(2, 65, 0), 32, InvalidValue, r"got \(2, 65, 0\)"),
        (torch.ones(2, 65, 3), 0, InvalidValue, "hop_samples must be at least 1, got 0"),
        (torch.full((2, 65, 3), torch.inf), 32, InvalidValue, "gain has NaN or infinity"),
        (torch.ones(2, 65, 3, dtype=torch.int64), 32, InvalidType, r"floating-point tensor .*got torch\.int64"),
        (torch.ones(2, 65, 3, dtype=torch.complex64), 32, InvalidType, r"got torch\.complex64"),
    ],
)
def test_what_is_no_gain_is_refused(gain: Tensor, hop_samples: int, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        SongMask(gain, hop_samples)
