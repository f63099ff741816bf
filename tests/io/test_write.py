"""Files that come out whole, unclipped and in place, or not at all."""

from __future__ import annotations

import os
import resource
import warnings

import numpy as np
import pytest
import soundfile
import torch

from workbench.core.audio import Audio
from workbench.errors import AudioFileError, InvalidType, InvalidValue, WorkbenchNotice
from workbench.io import encode
from workbench.io import write as write_module
from workbench.io.read import load
from workbench.io.write import save, save_stems

RATE = 44100


def make_audio(*shape: int, peak: float = 0.5, seed: int = 0) -> Audio:
    data = torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return Audio(data=data * (peak / data.abs().max()), sample_rate=RATE)


def list_folder(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("num_samples", [1, 1000, encode.BLOCK_SAMPLES + 1])
def test_float_wav_keeps_every_bit_also_beyond_full_scale(tmp_path, num_samples):
    audio = make_audio(2, num_samples, peak=3.7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a float file is never scaled
        assert save(audio, tmp_path / "a.wav") == tmp_path / "a.wav"
    assert soundfile.info(tmp_path / "a.wav").subtype == "FLOAT"
    assert torch.equal(load(tmp_path / "a.wav").data, audio.data)
    assert list_folder(tmp_path) == {"a.wav"}


@pytest.mark.parametrize(
    ("name", "subtype", "bits"),
    [("a.wav", "PCM_16", 16), ("a.wav", "PCM_24", 24), ("a.flac", "PCM_16", 16), ("a.flac", None, 24)],
)
def test_integers_come_back_as_they_were(tmp_path, name, subtype, bits):
    """What an integer file held is written again without a change, the outermost values included."""
    steps = torch.randint(-(2 ** (bits - 1)), 2 ** (bits - 1), (2, 5000))
    steps[:, 0], steps[:, 1] = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    audio = Audio(data=(steps.double() / 2 ** (bits - 1)).float(), sample_rate=48000)
    save(audio, tmp_path / name, subtype=subtype)
    got = load(tmp_path / name)
    assert got.sample_rate == 48000
    assert torch.equal(got.data, audio.data)


def test_rounding_to_integers_is_to_the_nearest(tmp_path):
    audio = make_audio(1, 4000)
    save(audio, tmp_path / "a.wav", subtype="PCM_16")
    error = (load(tmp_path / "a.wav").data - audio.data).abs().max()
    assert error <= 0.5 / 32768 * 1.0001  # half a step; the rest is float32's own rounding


def test_double_wav_keeps_float64(tmp_path):
    data = torch.rand(1, 100, dtype=torch.float64)
    save(Audio(data=data, sample_rate=RATE), tmp_path / "a.wav", subtype="DOUBLE")
    np.testing.assert_array_equal(soundfile.read(tmp_path / "a.wav")[0], data[0].numpy())


def test_stems_that_would_clip_get_one_gain_and_still_sum_to_the_mixture(tmp_path):
    stems = {"loud": make_audio(2, 3000, peak=1.6), "soft": make_audio(2, 3000, peak=0.1, seed=1)}
    with pytest.warns(WorkbenchNotice, match=r"one common gain of 0\.62.* \(-4\.08 dB\)"):
        saved = save_stems(stems, tmp_path / "out")
    assert saved.gain == pytest.approx(1 / 1.6, rel=1e-6)
    assert saved.paths == {name: tmp_path / "out" / f"{name}.flac" for name in stems}
    for name, path in saved.paths.items():
        error = load(path).data.double() - stems[name].data.double() * saved.gain
        assert error.abs().max() <= 2**-24 * 1.0001  # 24-bit rounding: half a step of 2^-23


@pytest.mark.parametrize("peak", [0.9, 1.0])
def test_stems_within_full_scale_are_left_alone(tmp_path, peak):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert save_stems({"a": make_audio(1, 100, peak=peak)}, tmp_path).gain == 1.0


@pytest.mark.parametrize(("dtype", "ulp"), [(torch.float32, 2**-23), (torch.float64, 2**-52)])
@pytest.mark.parametrize("file_format", ["flac", "ogg", "mp3"])
@pytest.mark.parametrize("beyond", ["one step", 0.05])
def test_the_common_gain_begins_right_above_full_scale(tmp_path, dtype, ulp, file_format, beyond):
    data = torch.zeros(1, 5000, dtype=dtype)
    data[0, 7] = -1 - (ulp if beyond == "one step" else beyond)
    with pytest.warns(WorkbenchNotice, match="one common gain"):
        gain = save_stems({"a": Audio(data, RATE)}, tmp_path, file_format=file_format).gain
    assert gain < 1 / float(data.abs().max())


def test_the_common_gain_puts_the_peak_on_the_largest_integer(tmp_path):
    audio = Audio(data=torch.tensor([[-2.0, 0.5, 2.0]]), sample_rate=RATE)
    with pytest.warns(WorkbenchNotice, match="one common gain"):
        saved = save_stems({"a": audio}, tmp_path, subtype="PCM_16")
    assert saved.gain == pytest.approx((1 - 2**-15) / 2, rel=1e-12)
    assert (load(saved.paths["a"]).data * 2**15).tolist() == [[-32767.0, 8192.0, 32767.0]]  # none was cut off


@pytest.mark.parametrize("gain", [None, 1e300])
def test_what_float32_cannot_hold_is_not_written_as_infinity(tmp_path, gain):
    audio = Audio(data=torch.tensor([[1e300 if gain is None else 1.0]], dtype=torch.float64), sample_rate=RATE)
    with pytest.raises(InvalidValue, match=r"which FLOAT would hold as infinity; choose subtype DOUBLE"):
        save_stems({"a": audio}, tmp_path, file_format="wav", gain=gain)
    save_stems({"a": audio}, tmp_path, file_format="wav", subtype="DOUBLE", gain=gain)
    assert soundfile.read(tmp_path / "a.wav")[0] == 1e300


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("sample_rate", "error", "message"),
    [
        (0, InvalidValue, "the sample rate must be at least 1 Hz, got 0"),
        (44100.0, InvalidType, r"the sample rate must be a whole number of hertz, got 44100\.0"),
    ],
)
def test_sample_rates_that_cannot_be(tmp_path, sample_rate, error, message):
    with pytest.raises(error, match=message):
        save(Audio(data=torch.zeros(1, 5), sample_rate=sample_rate), tmp_path / "a.wav")
    assert list_folder(tmp_path) == set()


def test_a_gain_of_ones_own_is_used_or_refused_if_it_clips(tmp_path):
    stems = {"a": make_audio(1, 100, peak=1.6)}
    saved = save_stems(stems, tmp_path, file_format="wav", gain=2.0)
    assert torch.equal(load(saved.paths["a"]).data, stems["a"].data * 2)
    for gain, message in ((0.7, "at most 0.625"), (0.0, "greater than 0"), (float("nan"), "greater than 0")):
        with pytest.raises(InvalidValue, match=message):
            save_stems(stems, tmp_path, gain=gain)
    assert list_folder(tmp_path) == {"a.wav"}


def test_existing_files_are_refused_before_anything_is_written(tmp_path):
    (tmp_path / "b.flac").write_bytes(b"mine")
    stems = {"a": make_audio(1, 100), "b": make_audio(1, 100)}
    with pytest.raises(AudioFileError, match=r"b\.flac exists already.*overwrite"):
        save_stems(stems, tmp_path)
    assert list_folder(tmp_path) == {"b.flac"}
    assert (tmp_path / "b.flac").read_bytes() == b"mine"
    save_stems(stems, tmp_path, overwrite=True)
    assert list_folder(tmp_path) == {"a.flac", "b.flac"}
    assert load(tmp_path / "b.flac").data.shape == (1, 100)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_an_interruption_leaves_what_stood_before(tmp_path, monkeypatch, error):
    (tmp_path / "a.flac").write_bytes(b"mine")
    write_one = write_module._write

    def write_first_then_fail(audio, path, **arguments):
        write_one(audio, path, **arguments)
        if audio is stems["b"]:
            raise error

    stems = {"a": make_audio(1, 100), "b": make_audio(1, 100)}
    monkeypatch.setattr(write_module, "_write", write_first_then_fail)
    with pytest.raises(error):
        save_stems(stems, tmp_path, overwrite=True)
    assert list_folder(tmp_path) == {"a.flac"}
    assert (tmp_path / "a.flac").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path, name):
    """A limit on file size fails a write as a full disk does (Python ignores the signal that goes with it)."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(AudioFileError, match=f"cannot write .*{name}"):
            save(make_audio(2, 100_000), tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list_folder(tmp_path) == set()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(AudioFileError, match=r"cannot write into the folder .*file"):
        save_stems({"a": make_audio(1, 9)}, tmp_path / "file")
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(AudioFileError, match="is a folder"):
        save(make_audio(1, 9), tmp_path / "a.wav", overwrite=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_permission_is_an_error(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(AudioFileError, match="Permission denied"):
            save(make_audio(1, 9), tmp_path / "a.wav")
    finally:
        tmp_path.chmod(0o700)


def test_new_files_have_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "plain").touch()
    save(make_audio(1, 9), tmp_path / "a.wav")
    assert (tmp_path / "a.wav").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("name", ["../a", "a/b", "..", "CON", ""])
def test_stem_names_cannot_leave_the_folder(tmp_path, name):
    with pytest.raises(InvalidValue, match="cannot be a stem's file name"):
        save_stems({"fine": make_audio(1, 9), name: make_audio(1, 9)}, tmp_path / "out")
    assert list_folder(tmp_path) == set()


def test_names_that_differ_in_case_alone_are_refused(tmp_path):
    with pytest.raises(InvalidValue, match="may be one file"):
        save_stems({"Voice": make_audio(1, 9), "voice": make_audio(1, 9)}, tmp_path)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (torch.zeros(2, 0), InvalidValue, "at least 1 sample"),
        (torch.zeros(9, 50), InvalidValue, "flac holds 1 to 8 channels, got 9"),
        (torch.zeros(5), InvalidType, r"shape \(5,\)"),
        (torch.zeros(1, 5, dtype=torch.int16), InvalidType, "int16"),
        (torch.tensor([[0.0, 0.0], [0.0, torch.nan]]), InvalidValue, "nan in channel 1, sample 1"),
        (torch.tensor([[0.0, -torch.inf]]), InvalidValue, "-inf in channel 0, sample 1"),
    ],
)
def test_data_that_is_no_audio_is_refused(tmp_path, data, error, message):
    with pytest.raises(error, match=message):
        save(Audio(data=data, sample_rate=RATE), tmp_path / "a.flac")
    assert list_folder(tmp_path) == set()


def test_nan_behind_the_first_block_is_found_at_its_own_place(tmp_path):
    data = torch.zeros(1, encode.BLOCK_SAMPLES + 10)
    data[0, -3] = torch.nan
    with pytest.raises(InvalidValue, match=f"sample {data.shape[1] - 3};"):
        save(Audio(data=data, sample_rate=RATE), tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("name", "subtype", "message"),
    [
        ("a.xyz", None, "unknown file format 'xyz'; known: wav, flac"),
        ("a", None, "unknown file format ''"),
        ("a.flac", "FLOAT", "unknown subtype 'FLOAT' for flac; known: PCM_24, PCM_16"),
    ],
)
def test_unknown_formats_name_the_known_ones(tmp_path, name, subtype, message):
    with pytest.raises(InvalidValue, match=message):
        save(make_audio(1, 9), tmp_path / name, subtype=subtype)


def test_no_stems_is_an_error(tmp_path):
    with pytest.raises(InvalidValue, match="no stems"):
        save_stems({}, tmp_path)


def test_a_rate_that_the_format_cannot_hold_is_an_error(tmp_path):
    with pytest.raises(AudioFileError, match=r"cannot write .*a\.flac"):
        save(Audio(data=torch.zeros(1, 9), sample_rate=2_000_000), tmp_path / "a.flac")
    assert list_folder(tmp_path) == set()


def test_a_wav_too_long_for_its_32_bit_sizes_becomes_rf64(tmp_path, monkeypatch):
    monkeypatch.setattr(encode, "MAX_WAV_BYTES", 1000)
    audio = make_audio(2, 1000)
    save(audio, tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
    assert torch.equal(load(tmp_path / "a.wav").data, audio.data)
