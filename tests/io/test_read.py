"""Songs of every format, to the exact sample, and every bad file with its reason."""

from __future__ import annotations

import json
import os
import struct
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch
from audio_files import find_lag, make_noise, write_av, write_soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.errors import AudioFileError, InvalidType, InvalidValue, WorkbenchNotice
from workbench.io.channels import convert_channels
from workbench.io.read import load, load_stems

RATE = 44100
LENGTH = 70_001  # more than a block of the reader, and no multiple of any codec's frame

LOSSLESS = [("a.wav", "PCM_16"), ("a.wav", "PCM_24"), ("a.wav", "FLOAT"), ("a.flac", "PCM_24"), ("a.aiff", "PCM_16")]
LOSSY = ["a.ogg", "a.mp3", "a.opus", "a.m4a", "a.mp4", "a.webm"]


def write_any(path: Path, samples: np.ndarray, *, subtype: str | None = None) -> int:
    """Write with what encodes that ending, and give the sample rate."""
    if path.suffix in (".m4a", ".mp4"):
        write_av(path, [samples], sample_rate=RATE, codec="aac")
    elif path.suffix == ".webm":
        write_av(path, [samples], sample_rate=48000, codec="libopus")
        return 48000
    elif path.suffix == ".opus":
        write_soundfile(path, samples, sample_rate=48000, subtype="OPUS")
        return 48000
    else:
        write_soundfile(path, samples, sample_rate=RATE, subtype=subtype)
    return RATE


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


# bad input


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("Not a note in here.\n" * 100), "not an audio file.*libsndfile.*FFmpeg"),
        (lambda path: path.write_bytes(bytes(5000)), "not an audio file"),
        (lambda path: os.mkfifo(path), "no regular file"),
    ],
)
@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.au", "a.vox", "a.raw", "a.m4a"])
def test_what_is_no_audio_file_is_refused_with_the_reason(tmp_path, name, make, reason, capfd):
    make(tmp_path / name)
    with pytest.raises(AudioFileError, match=reason) as caught:
        load(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""  # nor do the libraries write there


def test_a_playlist_opens_no_other_file(tmp_path):
    write_soundfile(tmp_path / "a.wav", make_noise(num_samples=100), sample_rate=RATE)
    for name, text in (
        ("a.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\na.wav\n#EXT-X-ENDLIST\n"),
        ("a.ffconcat", "ffconcat version 1.0\nfile a.wav\n"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(AudioFileError, match="not an audio file"):
            load(tmp_path / name)


CUTTABLE = [
    "a.wav",
    "a.flac",
    "a.ogg",
    "a.mp3",
    "a.opus",
    "a.aiff",
    "a.au",
    "a.caf",
    "a.w64",
    "a.rf64",
    "a.webm",
    "front.mp4",
]


def write_cut(folder: Path, name: str, *, share: float = 0.5) -> np.ndarray:
    """Write `name` with only its first part, and give what the whole file holds."""
    samples = make_noise(num_samples=4 * LENGTH)  # some pages of an Ogg file, which hold a second each
    if name == "front.mp4":
        write_av(folder / name, [samples], sample_rate=RATE, codec="aac", options={"movflags": "faststart"})
    else:
        write_any(folder / name, samples)
    whole = load(folder / name).data.numpy()
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(share * len(data))])
    return whole


@pytest.mark.parametrize("name", CUTTABLE)
def test_a_cut_file_is_refused_and_read_up_to_the_cut_when_asked(tmp_path, name):
    whole = write_cut(tmp_path, name)
    with pytest.raises(AudioFileError, match=r"is cut off.*allow_truncated=True"):
        load(tmp_path / name)
    with pytest.raises(AudioFileError, match="is cut off"):  # also where the part asked for is there
        load(tmp_path / name, duration_seconds=0.01)
    with pytest.warns(WorkbenchNotice, match="is cut off"):
        audio = load(tmp_path / name, allow_truncated=True)
    count = audio.data.shape[1]
    assert 0.3 < count / whole.shape[1] < 0.7
    # Lossy decoders may fade the very last frame, which lacks its successor.
    inner = count if name not in ("a.ogg", "a.mp3", "a.opus", "a.webm", "front.mp4") else count - 4000
    np.testing.assert_allclose(audio.data.numpy()[:, :inner], whole[:, :inner], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.webm", "front.mp4"])
def test_a_file_that_lacks_its_last_percent_is_cut_too(tmp_path, name):
    write_cut(tmp_path, name, share=0.99)
    with pytest.raises(AudioFileError, match="is cut off"):
        load(tmp_path / name)


def test_an_mp4_whose_index_is_cut_off_cannot_be_read_at_all(tmp_path):
    samples = make_noise(num_samples=LENGTH)
    write_av(tmp_path / "a.m4a", [samples], sample_rate=RATE, codec="aac")
    data = (tmp_path / "a.m4a").read_bytes()
    (tmp_path / "a.m4a").write_bytes(data[: len(data) // 2])
    for allow in (False, True):
        with pytest.raises(AudioFileError, match=r"is cut off.*index \(moov\) is missing"):
            load(tmp_path / "a.m4a", allow_truncated=allow)


def test_a_whole_file_gives_no_notice_even_when_a_cut_would_be_allowed(tmp_path):
    write_soundfile(tmp_path / "a.flac", make_noise(num_samples=LENGTH), sample_rate=RATE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(tmp_path / "a.flac", allow_truncated=True).data.shape == (2, LENGTH)


def test_damage_in_the_middle_is_an_error_that_says_where(tmp_path):
    write_soundfile(tmp_path / "a.flac", make_noise(num_samples=10 * RATE), sample_rate=RATE, subtype="PCM_16")
    data = bytearray((tmp_path / "a.flac").read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60_000] = bytes(60_000)
    (tmp_path / "a.flac").write_bytes(data)
    with pytest.raises(AudioFileError, match=r"damaged after \d\.\d+ s"):
        load(tmp_path / "a.flac")


def test_a_film_without_sound_is_an_error(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        container.mux(stream.encode(None))
    with pytest.raises(AudioFileError, match=r"no audio stream \(streams: video\)"):
        load(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a.wav", "a.aiff"])
def test_zero_samples_are_an_error(tmp_path, name):
    soundfile.write(tmp_path / name, np.zeros((0, 2)), RATE)
    with pytest.raises(AudioFileError, match="holds 0 samples"):
        load(tmp_path / name)


@pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
@pytest.mark.parametrize("name", ["a.wav", "a.mkv"])
def test_nan_and_infinity_are_errors_that_say_where_the_first_is(tmp_path, name, value, shown):
    samples = make_noise(num_samples=LENGTH)
    samples[1, 66_150] = value
    samples[0, 66_151] = np.nan
    if name == "a.wav":
        write_soundfile(tmp_path / name, samples, sample_rate=RATE, subtype="FLOAT")
    else:
        write_av(tmp_path / name, [samples], sample_rate=RATE, codec="pcm_f32le")
    for start in (0.0, 1.0):
        with pytest.raises(AudioFileError, match=rf"holds {shown} in channel 1, sample 66150 \(1\.500 s\)"):
            load(tmp_path / name, start_seconds=start)
    assert load(tmp_path / name, duration_seconds=1.0).data.shape == (2, RATE)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"start_seconds": -1.0}, InvalidValue, "start_seconds must be 0 or more, got -1.0"),
        ({"start_seconds": float("nan")}, InvalidValue, "start_seconds must be 0 or more, got nan"),
        ({"start_seconds": 5.0}, InvalidValue, r"beyond the end: .* lasts 0\.100 s"),
        ({"start_seconds": 0.1}, InvalidValue, r"beyond the end: .* lasts 0\.100 s"),
        ({"duration_seconds": -1.0}, InvalidValue, "duration_seconds must be more than 0, got -1.0"),
        ({"duration_seconds": 0.0}, InvalidValue, "duration_seconds must be more than 0, got 0.0"),
        ({"duration_seconds": 1e-9}, InvalidValue, "less than one sample"),
        ({"sample_rate": 0}, InvalidValue, "sample_rate must be at least 1, got 0"),
        ({"channels": 0}, InvalidValue, "channels must be at least 1, got 0"),
        ({"channels": True}, InvalidType, "channels must be a whole number, got bool"),
    ],
)
@pytest.mark.parametrize("name", ["a.wav", "a.m4a"])
def test_values_that_cannot_be_are_refused(tmp_path, name, arguments, error, message):
    write_any(tmp_path / name, make_noise(num_samples=4410))
    with pytest.raises(error, match=message):
        load(tmp_path / name, **arguments)


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize("name", ["start_seconds", "duration_seconds"])
def test_times_that_are_no_numbers_are_refused(tmp_path, name):
    with pytest.raises(InvalidType, match=f"{name} must be a number, got str '1'"):
        load(tmp_path / "a.wav", **{name: "1"})


# No ending decides how a file is read, and no content brings anything but audio or our own error.
@settings(deadline=None)  # a busy machine is no failure
@example(head=b"\x1a\x45\xdf\xa3", data=b"\x01\x10" + bytes(6))  # a Matroska header of 2**52 bytes
@given(
    data=st.binary(min_size=1, max_size=300),
    head=st.sampled_from(
        [
            b"",
            b"RIFF\0\0\0\0WAVE",
            b"OggS",
            b"fLaC",
            b"ID3\4\0\0",
            b"\0\0\0\x18ftyp",
            b"\x1a\x45\xdf\xa3",
            b"FORM\0\0\0\0AIFF",
            b"caff",
            b".snd",
        ]
    ),
)
def test_any_bytes_are_audio_or_our_own_error(tmp_path_factory, data, head):
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(head + data)
    try:
        audio = load(path)
    except AudioFileError:
        return
    assert audio.data.isfinite().all()


# stem files


def test_the_real_song_has_its_mixture_and_four_stems(stem_song):
    stems = load_stems(stem_song)
    assert list(stems) == ["mixture", "drums", "bass", "other", "vocals"]
    for stem in stems.values():
        assert stem.sample_rate == 44100
        assert stem.data.shape == (2, 268_288)
        assert stem.data.is_contiguous()
    true_sum = sum(stems[name].data for name in ("drums", "bass", "other", "vocals"))
    mixture = stems["mixture"].data
    # The mastered mixture differs from the sum of its stems by about -15 dB: in place, and in no other order.
    assert -18 < 10 * torch.log10((mixture - true_sum).square().sum() / mixture.square().sum()) < -12
    assert torch.equal(load(stem_song).data, mixture)


def write_stem_file(path: Path, stems: list[np.ndarray], *, metadata: bytes | None = None) -> None:
    write_av(path, stems, sample_rate=RATE, codec="aac", container_format="mp4")
    if metadata is None:
        return
    data = bytearray(path.read_bytes())
    moov = data.index(b"moov") - 4
    udta = data.index(b"udta", moov) - 4
    assert udta + struct.unpack(">I", data[udta : udta + 4])[0] == len(data)  # the last box of all
    data += struct.pack(">I", len(metadata) + 8) + b"stem" + metadata
    data[moov : moov + 4] = struct.pack(">I", len(data) - moov)
    data[udta : udta + 4] = struct.pack(">I", len(data) - udta)
    path.write_bytes(data)


def test_stems_have_the_names_of_the_metadata(tmp_path):
    streams = [make_noise(num_samples=9000, seed=seed) for seed in range(3)]
    text = json.dumps({"version": 1, "stems": [{"name": "Lead/Synth"}, {"name": "Vox"}]}).encode()
    write_stem_file(tmp_path / "a.stem.mp4", streams, metadata=text)
    stems = load_stems(tmp_path / "a.stem.mp4")
    assert list(stems) == ["mixture", "lead_synth", "vocals"]
    for stem, samples in zip(stems.values(), streams, strict=True):
        assert stem.data.shape == (2, 9000)
        assert find_lag(samples, stem.data.numpy()) == 0


@pytest.mark.parametrize("metadata", [None, b"no JSON", b'{"stems": 3}'])
def test_four_stems_without_usable_names_are_those_of_musdb18(tmp_path, metadata):
    write_stem_file(tmp_path / "a.stem.mp4", [make_noise(num_samples=3000)] * 5, metadata=metadata)
    assert list(load_stems(tmp_path / "a.stem.mp4")) == ["mixture", "drums", "bass", "other", "vocals"]


def test_streams_that_differ_by_a_frame_get_one_length_and_by_more_are_an_error(tmp_path):
    write_stem_file(tmp_path / "a.mp4", [make_noise(num_samples=count) for count in (9000, 8500)])
    assert [stem.data.shape[1] for stem in load_stems(tmp_path / "a.mp4").values()] == [8500, 8500]
    write_stem_file(tmp_path / "b.mp4", [make_noise(num_samples=count) for count in (9000, 5000)])
    with pytest.raises(AudioFileError, match=r"\[9000, 5000\] samples"):
        load_stems(tmp_path / "b.mp4")


def test_a_file_that_is_no_stem_file_is_refused(tmp_path, stem_song):
    write_stem_file(tmp_path / "one.mp4", [make_noise(num_samples=3000)])
    with pytest.raises(AudioFileError, match="one audio stream"):
        load_stems(tmp_path / "one.mp4")
    (tmp_path / "text.stem.mp4").write_text("nothing " * 50)
    with pytest.raises(AudioFileError, match="not a stem file"):
        load_stems(tmp_path / "text.stem.mp4")
    data = stem_song.read_bytes()
    (tmp_path / "cut.stem.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioFileError, match="is cut off"):
        load_stems(tmp_path / "cut.stem.mp4")
