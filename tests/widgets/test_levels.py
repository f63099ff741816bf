from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
import torch

from workbench.core import Audio
from workbench.errors import InvalidValue
from workbench.widgets.levels import COLOUR_MAPS, colour_table, encode_levels, encode_peaks, encode_values
from workbench.widgets.sound import choose_gain, encode_track


def test_levels_are_decibels_within_half_a_step() -> None:
    power = 10 ** torch.empty(129, 40).uniform_(-9.0, 0.0)
    power[5, 7] = 4.0  # the maximum, which is 0 dB
    levels = encode_levels(power, floor_db=-100.0)
    assert (levels.num_rows, levels.num_columns, levels.unit) == (129, 40, "dB")
    shown = np.frombuffer(levels.data, np.uint8).reshape(129, 40) * (100 / 255) - 100
    expected = 10 * np.log10(power.double().numpy() / 4.0)
    assert np.abs(shown - expected).max() <= 0.5 * 100 / 255 + 1e-3  # 1e-3 dB for float32
    assert shown[5, 7] == pytest.approx(0.0)


def test_levels_beyond_the_range_stay_at_its_ends_and_silence_is_dark() -> None:
    levels = encode_levels(torch.tensor([[1e-20, 1.0, 100.0]]), reference=1.0)
    assert list(levels.data) == [0, 255, 255]
    assert encode_levels(torch.zeros(3, 4)).data == bytes(12)
    with pytest.raises(InvalidValue, match=r"must be below the highest, got 0\.0 and 0\.0"):
        encode_levels(torch.ones(1, 1), floor_db=0.0)


def test_values_are_spread_evenly() -> None:
    assert list(encode_values(torch.tensor([[-1.0, 0.0, 0.5, 1.0, 2.0]]), low=0.0, high=1.0).data) == [
        0, 0, 128, 255, 255,
    ]  # fmt: skip


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_a_colour_table_has_256_colours(name: str) -> None:
    colours = np.frombuffer(colour_table(name), np.uint8).reshape(256, 3)
    assert len(np.unique(colours, axis=0)) > 200


def test_an_unknown_colour_map_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"must be one of magma, .*, got 'jet'"):
        colour_table("jet")


def test_peaks_are_the_range_of_each_block_over_all_channels() -> None:
    data = torch.randn(2, 1000).clamp(-3, 3)
    pairs = np.frombuffer(encode_peaks(Audio(data, 8000), samples_per_block=64, full_scale=3.0), "<i2").reshape(-1, 2)
    pairs = pairs.astype(float)
    assert len(pairs) == 16  # the last of them has 40 samples
    for index, (low, high) in enumerate(pairs):
        block = data[:, 64 * index : 64 * index + 64]
        assert low * 3 / 32767 == pytest.approx(float(block.min()), abs=3 / 32767)
        assert high * 3 / 32767 == pytest.approx(float(block.max()), abs=3 / 32767)
    with pytest.raises(InvalidValue, match=r"full_scale must be above 0, got 0\.0"):
        encode_peaks(Audio(data, 8000), full_scale=0.0)


def test_a_track_decodes_to_what_it_was() -> None:
    audio = Audio(torch.randn(2, 500).clamp(-2, 2), 22050)
    gain = choose_gain([audio, Audio(0.1 * audio.data, 22050)])
    assert gain == pytest.approx(1 / float(audio.data.abs().max()))
    samples, rate = soundfile.read(io.BytesIO(encode_track(audio, gain=gain)), dtype="float32")
    assert rate == 22050
    # one step of 16 bits, and full scale is one step below 1
    assert np.abs(samples.T - gain * audio.data.numpy()).max() <= 2**-15 + 1e-6


def test_more_channels_than_flac_has_become_one() -> None:
    data = torch.rand(9, 100) - 0.5
    samples, _ = soundfile.read(io.BytesIO(encode_track(Audio(data, 8000), gain=1.0)), dtype="float32")
    assert np.abs(samples - data.mean(dim=0).numpy()).max() <= 2**-15


def test_no_tracks_have_a_gain_of_one() -> None:
    assert choose_gain([]) == 1.0
