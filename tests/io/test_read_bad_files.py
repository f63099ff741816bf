"""Files that are none, cut or damaged, and values that cannot be: each refused with its reason."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from audio_files import LENGTH, RATE, make_noise, write_any, write_av, write_soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.errors import AudioFileError, InvalidType, InvalidValue, WorkbenchNotice
from workbench.io.read import load


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
    with pytest.raises(AudioFileError, match=r"damaged or cut off after \d\.\d+ s"):
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


@pytest.mark.parametrize("asked", [{}, {"channels": 1}])
def test_a_file_of_more_channels_than_any_recording_has_is_refused(tmp_path, asked):
    write_soundfile(tmp_path / "a.wav", make_noise(num_samples=64, channels=100), sample_rate=RATE)
    with pytest.raises(AudioFileError, match=r"a\.wav: has 100 channels, expected at most 64"):
        load(tmp_path / "a.wav", **asked)


def test_a_file_may_have_more_channels_than_samples(tmp_path):
    write_soundfile(tmp_path / "a.wav", make_noise(num_samples=9, channels=6)[:, :1], sample_rate=RATE)
    assert load(tmp_path / "a.wav").data.shape == (6, 1)


# No ending decides how a file is read, and no content brings anything but audio or our own error.
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
