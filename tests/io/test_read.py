"""Songs of every format, to the exact sample."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import soundfile
import torch
from audio_files import LENGTH, RATE, find_lag, make_noise, write_any, write_av, write_soundfile

from workbench.errors import InvalidValue
from workbench.io.channels import convert_channels
from workbench.io.read import load

LOSSLESS = [("a.wav", "PCM_16"), ("a.wav", "PCM_24"), ("a.wav", "FLOAT"), ("a.flac", "PCM_24"), ("a.aiff", "PCM_16")]
LOSSY = ["a.ogg", "a.mp3", "a.opus", "a.m4a", "a.mp4", "a.webm"]


@pytest.mark.parametrize(("name", "subtype"), LOSSLESS)
def test_lossless_files_are_read_exactly(tmp_path, name, subtype):
    # On the grid of 16 bits, so that every one of these formats holds it exactly; written as integers, because
    # libsndfile scales floating point by 32767 when it writes 16 bits and by 32768 when it reads.
    steps = np.random.default_rng(0).integers(-32768, 32768, (2, LENGTH), dtype=np.int16)
    samples = steps.astype(np.float32) / 32768
    write_soundfile(tmp_path / name, samples if subtype == "FLOAT" else steps, sample_rate=RATE, subtype=subtype)
    audio = load(tmp_path / name)
    assert audio.sample_rate == RATE
    assert audio.data.dtype == torch.float32
    assert audio.data.is_contiguous()
    np.testing.assert_array_equal(audio.data.numpy(), samples)


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_files_have_the_length_and_the_place_of_what_was_encoded(tmp_path, name):
    samples = make_noise(num_samples=LENGTH)
    rate = write_any(tmp_path / name, samples)
    audio = load(str(tmp_path / name))
    assert audio.sample_rate == rate
    assert audio.data.shape == samples.shape
    assert audio.data.is_contiguous()
    got = audio.data.numpy()
    assert find_lag(samples, got) == 0
    # Channels not swapped, level right, also in the last frame: codecs at this bit rate stay above 10 dB.
    for part in (slice(None), slice(LENGTH - 700, None)):
        error = ((got - samples)[:, part] ** 2).sum(axis=1) / (samples[:, part] ** 2).sum(axis=1)
        assert error.max() < 0.1


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.opus", "a.m4a", "a.webm"])
def test_a_part_is_the_same_as_cutting_the_whole(tmp_path, name):
    rate = write_any(tmp_path / name, make_noise(num_samples=LENGTH))
    whole = load(tmp_path / name).data
    for start, count in ((0, 1000), (1, 30_000), (66_000, 4_001)):
        part = load(tmp_path / name, start_seconds=start / rate, duration_seconds=count / rate)
        torch.testing.assert_close(part.data, whole[:, start : start + count], rtol=0, atol=0)
    rest = load(tmp_path / name, start_seconds=69_000 / rate, duration_seconds=100.0)
    assert rest.data.shape == (2, LENGTH - 69_000)


def test_the_rate_asked_for_is_given(tmp_path):
    write_soundfile(tmp_path / "a.wav", make_noise(num_samples=4410), sample_rate=RATE)
    audio = load(tmp_path / "a.wav", sample_rate=48000)
    assert (audio.sample_rate, tuple(audio.data.shape)) == (48000, (2, 4800))


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
@pytest.mark.parametrize("num_samples", [1, 2])
def test_a_sample_or_two_are_a_song(tmp_path, name, num_samples):
    write_soundfile(tmp_path / name, np.full((1, num_samples), 0.25), sample_rate=RATE, subtype="PCM_16")
    assert load(tmp_path / name).data.shape == (1, num_samples)


# channels


def test_channels_are_averaged_doubled_and_downmixed(tmp_path):
    six = np.random.default_rng(0).uniform(-0.2, 0.2, (6, 500)).astype(np.float32)
    for name, samples in (("six", six), ("stereo", six[:2]), ("mono", six[:1]), ("four", six[:4])):
        write_soundfile(tmp_path / f"{name}.wav", samples, sample_rate=RATE, subtype="FLOAT")
    left, right, centre, _, left_surround, right_surround = six
    expected = {
        ("six", 1): six.mean(axis=0, keepdims=True),
        ("six", 2): np.stack(
            [left + 0.5**0.5 * (centre + left_surround), right + 0.5**0.5 * (centre + right_surround)]
        ),
        ("six", 6): six,
        ("stereo", 1): six[:2].mean(axis=0, keepdims=True),
        ("mono", 2): np.stack([left, left]),
        ("four", 1): six[:4].mean(axis=0, keepdims=True),
    }
    for (name, channels), samples in expected.items():
        got = load(tmp_path / f"{name}.wav", channels=channels).data
        np.testing.assert_allclose(got.numpy(), samples, rtol=0, atol=1e-7)  # float32 sums of six
    for name, channels, possible in (
        ("four", 2, r"2 channels out of 4; possible: 1 \(the mean\), 4"),
        ("stereo", 3, r"possible: 1 \(the mean\), 2 \(as they are\)"),
        ("six", 4, r"possible: 1 \(the mean\), 2 \(ITU-R BS.775 downmix\), 6"),
        ("mono", 6, r"possible: 1 \(as it is\), 2 \(doubled\)"),
    ):
        with pytest.raises(InvalidValue, match=possible):
            load(tmp_path / f"{name}.wav", channels=channels)


def test_the_downmix_changes_no_argument():
    data = torch.ones(6, 3)
    convert_channels(data, channels=2)
    assert torch.equal(data, torch.ones(6, 3))


@pytest.mark.parametrize(("name", "codec"), [("a.opus", "libopus"), ("a.webm", "libopus"), ("a.m4a", "aac")])
def test_six_channels_come_in_the_order_of_a_wav_file(tmp_path, name, codec):
    """Ogg orders them otherwise (L C R Ls Rs LFE), and libsndfile leaves them so."""
    frequencies = [400, 600, 900, 50, 1300, 1700]  # the fourth is the low-frequency channel
    time = np.arange(48000) / 48000
    samples = np.stack([0.2 * np.sin(2 * np.pi * f * time) for f in frequencies]).astype(np.float32)
    container_format = "ogg" if name.endswith("opus") else None
    write_av(
        tmp_path / name,
        [samples],
        sample_rate=48000,
        codec=codec,
        layout="5.1",
        container_format=container_format,
    )
    got = load(tmp_path / name).data.numpy()
    spectra = np.abs(np.fft.rfft(got[:, :48000]))
    np.testing.assert_allclose(spectra.argmax(axis=1), frequencies, atol=1)  # bins of 1 Hz


# MP4: what it says of the codec's own samples


def patch_boxes(data: bytearray, name: bytes, offset: int, value: bytes) -> None:
    """Write `value` at `offset` in the content of the first box `name`."""
    content = data.index(name) + 4
    data[content + offset : content + offset + len(value)] = value


def test_an_edit_list_in_samples_ends_the_song_to_the_sample(tmp_path):
    """As Apple's encoders write it: whole frames throughout, and an edit list in the sample rate's units."""
    samples = make_noise(num_samples=3000)
    write_av(tmp_path / "a.m4a", [samples], sample_rate=RATE, codec="aac")
    data = bytearray((tmp_path / "a.m4a").read_bytes())
    patch_boxes(data, b"mvhd", 12, struct.pack(">II", RATE, 2900))  # time scale, duration
    patch_boxes(data, b"tkhd", 20, struct.pack(">I", 2900))
    patch_boxes(data, b"elst", 8, struct.pack(">I", 2900))
    patch_boxes(data, b"mdhd", 16, struct.pack(">I", 4096))
    patch_boxes(data, b"stts", 4, struct.pack(">IIIII", 2, 3, 1024, 1, 1024))
    (tmp_path / "a.m4a").write_bytes(data)
    got = load(tmp_path / "a.m4a").data.numpy()
    assert got.shape == (2, 2900)
    assert find_lag(samples, got) == 0


@pytest.mark.parametrize("edit_list", ["0", "1"])
def test_the_gapless_tag_of_itunes_gives_beginning_and_end(tmp_path, edit_list):
    """An m4a whose tag iTunSMPB counts priming, padding and the samples in between; old ones lack the edit list."""
    samples = make_noise(num_samples=3000)
    write_av(tmp_path / "a.m4a", [samples], sample_rate=RATE, codec="aac", options={"use_editlist": edit_list})
    data = bytearray((tmp_path / "a.m4a").read_bytes())

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content) + 8) + kind + content

    text = f" 00000000 {1024:08X} {172:08X} {2900:016X} 00000000".encode()
    tag = box(
        b"----",
        box(b"mean", b"\0\0\0\0com.apple.iTunes")
        + box(b"name", b"\0\0\0\0iTunSMPB")
        + box(b"data", b"\0\0\0\1\0\0\0\0" + text),
    )
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    metadata = box(b"udta", box(b"meta", bytes(4) + handler + box(b"ilst", tag)))
    moov = data.index(b"moov") - 4  # behind the samples, so no position in the file changes
    old = data.index(b"udta", moov) - 4
    del data[old : old + struct.unpack(">I", data[old : old + 4])[0]]
    data += metadata
    data[moov : moov + 4] = struct.pack(">I", len(data) - moov)
    (tmp_path / "a.m4a").write_bytes(data)
    got = load(tmp_path / "a.m4a").data.numpy()
    assert got.shape == (2, 2900)
    assert find_lag(samples, got) == 0


def drop_xing_frame(data: bytes) -> bytes:
    """An MP3 without its first frame, where the count of frames is."""
    second = data.index(data[:2], 4)
    return data[second:]


def test_an_mp3_with_a_variable_rate_and_no_header_is_read_to_its_end(tmp_path):
    """libsndfile would guess the length from the first frame and stop at half of it."""
    quiet_then_loud = make_noise(num_samples=200_000) * np.repeat([1e-4, 1.0], 100_000).astype(np.float32)
    write_soundfile(tmp_path / "a.mp3", quiet_then_loud, sample_rate=RATE)
    (tmp_path / "b.mp3").write_bytes(drop_xing_frame((tmp_path / "a.mp3").read_bytes()))
    with soundfile.SoundFile(tmp_path / "b.mp3") as file:
        assert abs(file.frames - 200_000) > 10_000  # the trap is there
    # Without the header nobody can tell the encoder's padding: up to two frames and its delay.
    assert 200_000 <= load(tmp_path / "b.mp3").data.shape[1] <= 200_000 + 3 * 1152


def test_a_flac_that_does_not_tell_its_length_is_read_whole(tmp_path):
    """As an encoder leaves it that writes into a pipe."""
    samples = make_noise(num_samples=LENGTH)
    write_soundfile(tmp_path / "a.flac", samples, sample_rate=RATE, subtype="PCM_16")
    expected = load(tmp_path / "a.flac").data
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] &= 0xF0  # 36 bits for the number of samples
    data[22:26] = bytes(4)
    (tmp_path / "b.flac").write_bytes(data)
    assert torch.equal(load(tmp_path / "b.flac").data, expected)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_wav_written_into_a_pipe_is_whole(tmp_path, size):
    """Its header holds a placeholder, because nobody knew the size."""
    write_soundfile(tmp_path / "a.wav", make_noise(num_samples=100), sample_rate=RATE, subtype="PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = data[4:8] = struct.pack("<I", size)
    (tmp_path / "a.wav").write_bytes(data)
    assert load(tmp_path / "a.wav").data.shape == (2, 100)
