"""Files that hold more than their header tells of: the whole sound, or a word on what is left out."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from audio_files import RATE, find_lag, make_noise, write_any, write_av, write_soundfile

from workbench.errors import AudioFileError, WorkbenchNotice
from workbench.io.mpeg_frames import find_songs
from workbench.io.read import load

LENGTH = 60_007


def load_silently(path: Path, **options: object) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("error", WorkbenchNotice)
        return load(path, **options).data.numpy()


@pytest.mark.parametrize("suffix", ["ogg", "opus", "mp3", "flac"])
@pytest.mark.parametrize("same", [False, True], ids=["two songs", "one twice"])
def test_songs_joined_end_to_end_are_read_one_after_the_other(tmp_path, suffix, same):
    parts = []
    for seed in (1, 1 if same else 2):
        part = tmp_path / f"{len(parts)}.{suffix}"
        write_any(part, make_noise(num_samples=LENGTH + 100 * len(parts), seed=seed))
        parts.append(part)
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    separate = np.concatenate([load_silently(part) for part in parts], axis=1)
    np.testing.assert_array_equal(load_silently(joined), separate)
    excerpt = load_silently(joined, start_seconds=1.0, duration_seconds=1.0)
    rate = 48000 if suffix == "opus" else RATE
    np.testing.assert_array_equal(excerpt, separate[:, rate : 2 * rate])


def test_songs_joined_that_differ_in_rate_are_an_error(tmp_path):
    for name, rate in (("0.flac", 44100), ("1.flac", 48000)):
        soundfile.write(tmp_path / name, make_noise(num_samples=5000).T, rate)
    joined = tmp_path / "joined.flac"
    joined.write_bytes((tmp_path / "0.flac").read_bytes() + (tmp_path / "1.flac").read_bytes())
    with pytest.raises(AudioFileError, match=r"joined\.flac: songs joined end to end differ \(44100 Hz .*48000 Hz"):
        load(joined)


def tell_wav(data: bytearray, share: int) -> None:
    place = data.find(b"data")
    (told,) = struct.unpack_from("<I", data, place + 4)
    struct.pack_into("<I", data, place + 4, told // share if share else 0)
    struct.pack_into("<I", data, 4, told // share + 36 if share else 0)


def tell_au(data: bytearray, share: int) -> None:
    (told,) = struct.unpack_from(">I", data, 8)
    struct.pack_into(">I", data, 8, told // share if share else 0)


def tell_aiff(data: bytearray, share: int) -> None:
    place, common = data.find(b"SSND"), data.find(b"COMM")
    (told,) = struct.unpack_from(">I", data, place + 4)
    struct.pack_into(">I", data, place + 4, told // share if share else 0)
    struct.pack_into(">I", data, common + 10, LENGTH // share if share else 0)


def tell_w64(data: bytearray, share: int) -> None:
    place = data.find(b"data\xf3\xac")
    (told,) = struct.unpack_from("<Q", data, place + 16)
    struct.pack_into("<Q", data, place + 16, told // share // 8 * 8 if share else 24)


def tell_caf(data: bytearray, share: int) -> None:
    place = data.find(b"data")
    (told,) = struct.unpack_from(">Q", data, place + 4)
    struct.pack_into(">Q", data, place + 4, told // share if share else 4)


@pytest.mark.parametrize("share", [0, 4], ids=["nothing", "a quarter"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
@pytest.mark.parametrize(
    ("name", "tell"),
    [("a.wav", tell_wav), ("a.au", tell_au), ("a.aiff", tell_aiff), ("a.w64", tell_w64), ("a.caf", tell_caf)],
)
def test_samples_behind_those_that_are_told_of_are_read_with_a_notice(tmp_path, name, tell, subtype, share):
    path = tmp_path / name
    samples = make_noise(num_samples=LENGTH)
    write_soundfile(path, samples, sample_rate=RATE, subtype=subtype)
    whole = load_silently(path)
    data = bytearray(path.read_bytes())
    tell(data, share)
    path.write_bytes(data)
    with pytest.warns(WorkbenchNotice, match="more stand behind them; all are read"):
        read = load(path).data.numpy()
    np.testing.assert_array_equal(read[:, :LENGTH], whole)
    assert read.shape[1] - LENGTH in range(20)  # what a container adds at its end


def test_a_few_bytes_behind_the_samples_are_left_out_with_a_notice(tmp_path):
    path = tmp_path / "a.wav"
    write_soundfile(path, make_noise(num_samples=LENGTH), sample_rate=RATE, subtype="PCM_16")
    with open(path, "ab") as file:
        file.write(b"\x01\x02 not a chunk at all \x03" * 100)
    with pytest.warns(WorkbenchNotice, match="2300 more stand behind them; they are left out"):
        assert load(path).data.shape[1] == LENGTH


@pytest.mark.parametrize("name", ["a.wav", "a.aiff"])
def test_a_file_joined_to_one_that_tells_its_size_is_left_out_with_a_notice(tmp_path, name):
    path = tmp_path / name
    write_soundfile(path, make_noise(num_samples=LENGTH), sample_rate=RATE, subtype="PCM_16")
    path.write_bytes(path.read_bytes() * 2)
    with pytest.warns(WorkbenchNotice, match="another file is joined to it, of .* bytes; it is left out"):
        assert load(path).data.shape[1] == LENGTH


def test_a_wav_of_64_bit_integers_is_read(tmp_path):
    path = tmp_path / "a.wav"
    samples = make_noise(num_samples=LENGTH)
    write_soundfile(path, samples, sample_rate=RATE, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    place, data_place = data.find(b"fmt "), data.find(b"data")
    whole = np.frombuffer(bytes(data[data_place + 8 :]), np.int16).astype(np.int64) << 48
    struct.pack_into("<IHH", data, place + 16, RATE * 16, 16, 64)
    path.write_bytes(data[: data_place + 4] + struct.pack("<I", whole.nbytes) + whole.tobytes())
    np.testing.assert_allclose(load_silently(path), samples, rtol=0, atol=2**-15)


@pytest.mark.parametrize("tail", [b"LIST\x04\0\0\0INFO", b"\0" * 100_000, b"id3 \x03\0\0\0abc"])
def test_further_chunks_and_zeros_are_no_samples(tmp_path, tail):
    path = tmp_path / "a.wav"
    write_soundfile(path, make_noise(num_samples=LENGTH), sample_rate=RATE, subtype="PCM_16")
    with open(path, "ab") as file:
        file.write(tail)
    assert load_silently(path).shape[1] == LENGTH


def test_a_flac_with_too_small_a_total_is_read_whole_with_a_notice(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, make_noise(num_samples=LENGTH).T, RATE)
    whole = load_silently(path)
    data = bytearray(path.read_bytes())
    told = int.from_bytes(data[18:26], "big")
    data[18:26] = ((told & ~(2**36 - 1)) | 15_001).to_bytes(8, "big")
    path.write_bytes(data)
    with pytest.warns(WorkbenchNotice, match=f"tells of 15001 samples, and {LENGTH} are there; all are read"):
        np.testing.assert_array_equal(load(path).data.numpy(), whole)


def test_an_mp3_whose_header_counts_too_few_frames_is_read_whole_with_a_notice(tmp_path):
    path = tmp_path / "a.mp3"
    write_any(path, make_noise(num_samples=LENGTH))
    whole = load_silently(path)
    (song,) = find_songs(path.read_bytes())
    assert song.told_frames == song.num_frames
    data = bytearray(path.read_bytes())
    struct.pack_into(">I", data, song.told_position, song.num_frames // 4)
    path.write_bytes(data)
    with pytest.warns(WorkbenchNotice, match=f"the file has {song.num_frames}; all are read"):
        np.testing.assert_array_equal(load(path).data.numpy(), whole)


TAG = b"ID3\x03\0\0" + bytes([0, 0, 7, 104]) + b"\0" * 1000


@pytest.mark.parametrize(
    ("head", "tail"),
    [
        (TAG, b""),
        (TAG + b"\0" * 700, b""),
        (TAG + TAG, b""),
        (b"x" * 333, b""),
        (b"", b"TAG" + b"\0" * 125),
        (b"", b"APETAGEX" + b"\xd0\x07\0\0" + b"\xff" * 500 + b"TAG" + b" " * 125),
        (b"", b"LYRICSBEGIN" + b"la " * 300 + b"LYRICS200"),
        (b"", b"\0" * 5000),
    ],
)
def test_bytes_around_the_frames_of_an_mp3_change_nothing(tmp_path, head, tail):
    path, odd = tmp_path / "a.mp3", tmp_path / "odd.mp3"
    samples = make_noise(num_samples=LENGTH)
    write_any(path, samples)
    frames = path.read_bytes()
    frames = frames[find_songs(frames)[0].start :]
    odd.write_bytes(head + frames + tail)
    read = load_silently(odd)
    assert read.shape == samples.shape
    assert find_lag(samples, read) == 0


def test_reading_an_mp3_writes_nothing_on_standard_error(tmp_path, capfd):
    path = tmp_path / "a.mp3"
    write_av(path, [make_noise(num_samples=LENGTH)], sample_rate=44100, codec="libmp3lame")
    path.write_bytes(path.read_bytes() + path.read_bytes())  # of which mpg123 complains
    load(path)
    load(path, start_seconds=1.0)
    assert capfd.readouterr().err == ""
