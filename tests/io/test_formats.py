"""What each format keeps: length, place, level, tags."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import soundfile
import torch
from audio_files import find_lag, make_noise

from workbench.core.audio import Audio
from workbench.errors import InvalidValue, WorkbenchNotice
from workbench.io.read import load
from workbench.io.tags import read_tags, tags_of_stem
from workbench.io.write import save, save_stems


def make_audio(*, rate: int = 44100, channels: int = 2, num_samples: int = 50_001, peak: float = 0.5) -> Audio:
    noise = make_noise(num_samples=max(num_samples, 100), channels=channels)[:, :num_samples]
    return Audio(torch.from_numpy(noise * np.float32(peak / np.abs(noise).max())), rate)


def measure_snr(reference: torch.Tensor, estimate: torch.Tensor) -> float:
    return float(10 * torch.log10(reference.square().sum() / (reference - estimate).square().sum()))


# The least that was measured on this noise, which is harder to code than music: 14.3 dB in ogg, 22.9 dB in mp3, both in
# stereo at 22050 Hz.
@pytest.mark.parametrize(("name", "least_decibels"), [("a.ogg", 12), ("a.mp3", 20)])
@pytest.mark.parametrize("rate", [16000, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_lossy_files_keep_length_and_place(tmp_path, name, least_decibels, rate, channels):
    audio = make_audio(rate=rate, channels=channels)
    save(audio, tmp_path / name)
    got = load(tmp_path / name)
    assert (got.sample_rate, got.data.shape) == (rate, audio.data.shape)
    assert find_lag(audio.data.numpy(), got.data.numpy()) == 0
    assert measure_snr(audio.data, got.data) > least_decibels


@pytest.mark.parametrize("name", ["a.ogg", "a.mp3"])
@pytest.mark.parametrize("num_samples", [1, 2, 575, 576, 1151, 1152, 1153, 4095, 4096, 4097])
def test_short_lossy_files_keep_their_length(tmp_path, name, num_samples):
    save(make_audio(num_samples=num_samples), tmp_path / name)
    assert load(tmp_path / name).data.shape == (2, num_samples)


@pytest.mark.parametrize("channels", [3, 5, 6, 7, 8])
def test_channels_keep_their_order_in_ogg(tmp_path, channels):
    audio = make_audio(channels=channels, num_samples=20_000)
    save(audio, tmp_path / "a.ogg")
    got = load(tmp_path / "a.ogg").data
    for channel in range(channels):
        assert find_lag(audio.data[channel : channel + 1].numpy(), got[channel : channel + 1].numpy()) == 0
        likeness = torch.corrcoef(torch.stack((audio.data[channel], got[channel])))[0, 1]
        if channels < 6 or channel != 3:  # the low-frequency channel of 6 and more is cut at 120 Hz
            assert likeness > 0.8  # other channels are independent noise


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT"])
def test_a_subtype_is_what_the_file_has(tmp_path, subtype):
    audio = make_audio(num_samples=1000)
    save(audio, tmp_path / "a.wav", subtype=subtype)
    assert soundfile.info(tmp_path / "a.wav").subtype == subtype
    step = {"PCM_16": 2**-15, "PCM_24": 2**-23}.get(subtype, 0)  # 32 bits hold every float32 below full scale
    assert (load(tmp_path / "a.wav").data - audio.data).abs().max() <= step / 2 + 2**-25  # and float32's own rounding


@pytest.mark.parametrize(
    ("rate", "bit_rates"),
    [
        (8000, [24000, 64000]),
        (12000, [32000, 64000]),
        (16000, [40000, 160000]),
        (24000, [64000, 160000]),
        (32000, [48000, 320000]),
        (44100, [64000, 192000, 320000]),
        (48000, [64000, 320000]),
    ],
)
def test_an_mp3_has_the_bit_rate_asked_for_and_still_its_length(tmp_path, rate, bit_rates):
    audio = make_audio(rate=rate, num_samples=3 * rate + 17)
    for bit_rate in bit_rates:
        path = save(audio, tmp_path / "a.mp3", bit_rate=bit_rate, overwrite=True)
        # a few frames more than three seconds: one that tells the length, and the encoder's delay and padding
        assert path.stat().st_size * 8 / 3 == pytest.approx(bit_rate, rel=0.1)
        assert load(path).data.shape == audio.data.shape


def test_ogg_grows_with_its_bit_rate(tmp_path):
    audio = make_audio(num_samples=5 * 44100)
    sizes = []
    for bit_rate in (64_000, 128_000, 256_000, 500_000):
        path = save(audio, tmp_path / "a.ogg", bit_rate=bit_rate, overwrite=True)
        sizes.append(path.stat().st_size * 8 / 5 / bit_rate)
    assert all(0.4 < size < 1.3 for size in sizes), sizes  # nominal; what it comes to depends on the song
    assert path.stat().st_size > 4 * 64_000 * 5 / 8


@pytest.mark.parametrize(
    ("name", "rate", "channels", "bit_rate", "message"),
    [
        ("a.mp3", 96000, 2, None, r"mp3 holds only the sample rates 8000, .* 48000 Hz, got 96000; choose flac"),
        ("a.mp3", 44100, 3, None, "mp3 holds 1 to 2 channels, got 3; choose wav"),
        ("a.mp3", 44100, 2, 320, "mp3 at 44100 Hz takes 64000, .* 320000 bits per second, got a bit rate of 320"),
        ("a.mp3", 44100, 2, 32000, "64000, .* got a bit rate of 32000"),  # no room for the length in a frame
        ("a.ogg", 384000, 2, None, "ogg holds sample rates up to 200000 Hz, got 384000"),
        ("a.ogg", 44100, 1, 320_000, "32000 to 250000 bits per second, got a bit rate of 320000"),
        ("a.ogg", 44100, 9, None, "ogg holds 1 to 8 channels, got 9"),
        ("a.flac", 44100, 2, 128_000, r"lossy formats \(ogg, mp3\); flac keeps every sample"),
    ],
)
def test_what_a_format_cannot_hold_is_said(tmp_path, name, rate, channels, bit_rate, message):
    with pytest.raises(InvalidValue, match=message):
        save(make_audio(rate=rate, channels=channels, num_samples=100), tmp_path / name, bit_rate=bit_rate)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file_format", ["ogg", "mp3"])
def test_lossy_stems_beyond_full_scale_get_one_gain(tmp_path, file_format):
    stems = {"loud": make_audio(peak=1.6), "soft": make_audio(peak=0.2)}
    with pytest.warns(WorkbenchNotice, match="one common gain"):
        saved = save_stems(stems, tmp_path, file_format=file_format)
    assert saved.gain == pytest.approx(1 / 1.6, rel=1e-4)
    for name, path in saved.paths.items():
        assert measure_snr(stems[name].data * saved.gain, load(path).data) > 12  # as above
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert save_stems(stems | {"loud": make_audio(peak=1.0)}, tmp_path / "x", file_format=file_format).gain == 1


TAGS = {
    "title": "Größe – 日本",
    "artist": "Ärtist",
    "album": "An album",
    "date": "2021-03-05",
    "genre": "Krautrock and more",
    "tracknumber": "3/12",
    "comment": "a comment\nin two lines, äöü",
    "copyright": "© me",
    "license": "CC BY",
}


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3"])
def test_tags_come_back_and_do_not_change_the_sound(tmp_path, name):
    audio = make_audio(num_samples=5000)
    assert read_tags(save(audio, tmp_path / name)) == {}
    plain = load(tmp_path / name).data
    path = save(audio, tmp_path / name, tags=TAGS, overwrite=True)
    expected = dict(TAGS)
    if name == "a.wav":  # its INFO chunk has no place for one
        del expected["license"]
    assert read_tags(path) == expected
    assert torch.equal(load(path).data, plain)


def test_a_stem_has_its_name_in_the_title():
    assert tags_of_stem(TAGS, stem="vocals") == TAGS | {"title": "Größe – 日本 (vocals)"}
    assert tags_of_stem({"artist": "A"}, stem="vocals") == {"artist": "A"}
