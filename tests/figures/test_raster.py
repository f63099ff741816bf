from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.core.grid import ChunkGrid
from workbench.core.settings import StftConfig
from workbench.figures.raster import (
    ChunkFrames,
    FrequencyRows,
    measure_magnitude,
    raster_chunks,
    to_relative_decibels,
)
from workbench.figures.spectra import measure_average_spectrum, raster_waveform

STFT = StftConfig(n_fft=16, hop_length=8, win_length=16)
LINEAR = FrequencyRows(0.0, 4000.0, 9, is_log=False)


def make_frames(*, num_samples: int = 400, num_channels: int = 2) -> ChunkFrames:
    return ChunkFrames(ChunkGrid(num_samples, 80, 40), 8000, STFT, num_channels)


def take_position(frames: ChunkFrames, *, channel: int):
    """Chunks whose every bin holds the song's sample at the middle of its frame, in one channel."""

    def take(index: int) -> torch.Tensor:
        samples = frames.grid.starts[index] + 8.0 * torch.arange(11)
        spectrogram = torch.zeros(9, frames.num_channels, 11, 2)  # (freq, channel, frame, 2)
        spectrogram[:, channel, :, 0] = samples
        return spectrogram.flatten(0, 1)

    return take


@pytest.mark.parametrize("channel", [0, 1])
def test_the_song_is_put_together_in_time_from_its_chunks(channel):
    frames = make_frames()
    raster = raster_chunks(
        take_position(frames, channel=channel),
        frames=frames,
        rows=LINEAR,
        measure=measure_magnitude,
        how="mean",
        channel=channel,
    )
    assert raster.values.shape == (9, 50)
    assert (raster.start_seconds, raster.stop_seconds) == (0.0, 0.05)
    middles = (np.arange(50) + 0.5) * 8
    assert np.abs(raster.values - middles).max() <= 4.0  # frames are 8 samples apart


def test_one_chunk_alone_is_drawn_at_its_own_time():
    frames = make_frames()
    raster = raster_chunks(
        take_position(frames, channel=0), frames=frames, rows=LINEAR, measure=measure_magnitude, how="max", chunk=3
    )
    assert (raster.start_seconds, raster.stop_seconds) == (0.01, 0.02)
    assert raster.values.shape == (9, 10)
    assert raster.values.min() >= 80
    assert raster.values.max() <= 160


def test_each_instant_comes_from_the_chunk_whose_middle_is_nearest():
    frames = make_frames()
    raster = raster_chunks(
        lambda index: torch.full((18, 11, 2), float(index)),
        frames=frames,
        rows=LINEAR,
        measure=lambda values: values[..., 0],
        how="mean",
    )
    middles = np.array(frames.grid.starts) + 40
    samples = (np.arange(50) + 0.5) * 8
    distance = np.abs(samples - middles[raster.values[0].astype(int)])
    np.testing.assert_allclose(distance, np.abs(samples[:, None] - middles).min(axis=1))


def test_a_long_song_is_reduced_without_losing_its_loudest_frame_of_a_column():
    frames = make_frames(num_samples=8 * 400)

    def take(index: int) -> torch.Tensor:
        spectrogram = torch.zeros(18, 11, 2)
        if index == 40:
            spectrogram[6, :, 0] = 1.0  # bin 3 of channel 0, for as long as the chunk lasts
        return spectrogram

    raster = raster_chunks(take, frames=frames, rows=LINEAR, measure=measure_magnitude, how="max", num_columns=100)
    assert raster.values.shape == (9, 100)
    assert raster.values[3].max() == 1.0
    assert np.delete(raster.values, 3, axis=0).max() == 0.0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_and_stems(dtype):
    raster = raster_chunks(
        lambda index: torch.full((3, 18, 11, 2), 0.5, dtype=dtype),
        frames=make_frames(),
        rows=FrequencyRows.choose(sample_rate=8000, num_rows=20),
        measure=measure_magnitude,
        how="mean",
    )
    assert raster.values.shape == (3, 20, 50)
    np.testing.assert_allclose(raster.values, 0.5**0.5, rtol=1e-6)
    assert raster.select(2).values.shape == (20, 50)


@pytest.mark.parametrize("is_log", [True, False])
@pytest.mark.parametrize("num_freqs", [9, 1025])
def test_rows_cover_all_bins_of_their_range_once(is_log, num_freqs):
    rows = FrequencyRows.choose(sample_rate=44100, is_log=is_log, num_rows=240)
    first = rows.first_bins(num_freqs)
    assert (np.diff(first) >= 0).all()
    assert first[-1] < num_freqs
    for bin_index in range(first[0], num_freqs):
        values = np.zeros((num_freqs, 1))
        values[bin_index] = 1.0
        reached = np.flatnonzero(rows.pool(values, "max")[:, 0])
        assert len(reached) >= 1, bin_index
        assert (np.diff(reached) == 1).all()
    np.testing.assert_allclose(rows.pool(np.ones((num_freqs, 2)), "mean"), 1.0)


def test_decibels_of_silence_and_of_almost_nothing():
    assert (to_relative_decibels(np.zeros((2, 2)), reference=0.0) == -80.0).all()
    tiny = np.array([1e-40, 1e-45, 0.0], dtype=np.float32)
    levels = to_relative_decibels(tiny, reference=float(tiny[0]))
    assert levels[0] == 0.0
    assert np.isfinite(levels).all()


@pytest.mark.parametrize("num_samples", [1, 100, 30_000])
def test_a_tone_lies_at_its_frequency_in_rasters_and_spectra(num_samples):
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(num_samples) / 16000)
    rows = FrequencyRows.choose(sample_rate=16000)
    raster = raster_waveform(tone, sample_rate=16000, rows=rows, num_columns=50)
    hertz, power = measure_average_spectrum(tone, sample_rate=16000)
    assert raster.values.shape[1] <= 50
    assert np.isfinite(raster.values).all()
    assert np.isfinite(power).all()
    if num_samples == 30_000:
        edges = np.geomspace(rows.low_hertz, rows.high_hertz, rows.num_rows + 1)
        row = raster.values.mean(axis=1).argmax()
        assert edges[row] / 1.03 <= 1000 <= edges[row + 1] * 1.03  # a bin is 16 Hz, a row 2.4 %
        assert hertz[power.argmax()] == pytest.approx(1000, rel=0.04)  # a band is 3.8 %
