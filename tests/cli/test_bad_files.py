"""Song files that cannot be used: one line and exit status 2, and the same error in Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

import workbench
from workbench.errors import AudioFileError, InvalidValue, WorkbenchNotice

NOISE = 0.1 * np.random.default_rng(0).standard_normal((4000, 2)).astype(np.float32)  # (time, channel)


def make_missing(path: Path) -> None:
    pass


def make_folder(path: Path) -> None:
    path.mkdir()


def make_empty(path: Path) -> None:
    path.touch()


def make_text(path: Path) -> None:
    path.write_text("This is not a song.\n" * 50)


def make_cut(path: Path) -> None:
    soundfile.write(path, NOISE, 8000, subtype="PCM_16")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def make_picture_only(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def make_zero_samples(path: Path) -> None:
    soundfile.write(path, NOISE[:0], 8000, subtype="PCM_16")


def make_nan(path: Path) -> None:
    data = NOISE.copy()
    data[1000, 1] = np.nan
    data[1500, 0] = np.inf
    soundfile.write(path, data, 8000, subtype="FLOAT")


def make_infinite(path: Path) -> None:
    data = NOISE.copy()
    data[77, 0] = -np.inf
    soundfile.write(path, data, 8000, subtype="FLOAT")


ROWS = {
    "missing": (make_missing, "song.wav", ["no such file"]),
    "folder": (make_folder, "song.wav", ["folder"]),
    "empty": (make_empty, "song.wav", ["empty"]),
    "not_audio": (make_text, "song.wav", ["not an audio file"]),
    "not_audio_called_mp3": (make_text, "song.mp3", ["not an audio file"]),
    "cut_off": (make_cut, "song.wav", ["cut off", "--allow-truncated"]),
    "no_audio_stream": (make_picture_only, "song.mp4", ["no audio stream", "video"]),
    "zero_samples": (make_zero_samples, "song.wav", ["0 samples"]),
    "nan": (make_nan, "song.wav", ["nan", "sample 1000", "0.125 s", "channel 1"]),
    "infinity": (make_infinite, "song.wav", ["-inf", "sample 77", "channel 0"]),
}


@pytest.fixture(params=ROWS.values(), ids=ROWS.keys())
def bad_file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[str]]:
    make, name, parts = request.param
    path = tmp_path / name
    make(path)
    return path, [str(path), *parts]


def test_command_line_names_file_and_reason(bad_file, run_cli, out):
    path, parts = bad_file
    run_cli("separate", path, "-m", "passthrough", "-o", out).check_error(*parts)
    assert not out.exists()


@pytest.mark.parametrize(
    "use", [workbench.load, lambda path: workbench.separate(path, model="passthrough")], ids=["load", "separate"]
)
def test_python_raises_one_line(bad_file, use: Callable[[Path], object]):
    path, parts = bad_file
    with pytest.raises(AudioFileError) as raised:
        use(path)
    assert "\n" not in str(raised.value)
    for part in parts:
        assert part in str(raised.value)


def test_cut_off_file_is_read_up_to_the_cut_when_asked(run_cli, tmp_path, out):
    path = tmp_path / "song.wav"
    make_cut(path)
    with pytest.warns(WorkbenchNotice, match="cut off"):
        half = workbench.load(path, allow_truncated=True)

    result = run_cli("separate", path, "-m", "passthrough", "-o", out, "--allow-truncated")

    assert result.status == 0
    assert result.stderr.startswith(f"note: {path}: is cut off")
    assert soundfile.info(out / "song" / "part_1.flac").frames == half.data.shape[1]
    assert 1900 < half.data.shape[1] <= 2000


@pytest.mark.parametrize("name", ["...wav", "..", " .wav", "."])
def test_song_that_leaves_no_name_for_a_folder(run_cli, tmp_path, out, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    if name not in ("..", "."):
        soundfile.write(tmp_path / name, NOISE, 8000, format="WAV")
    run_cli("separate", name, "-m", "passthrough", "-o", out).check_error("no folder can be called")
    assert not out.exists()


def test_samples_given_in_python_are_checked_too():
    import torch

    data = torch.zeros(2, 100)
    data[1, 7] = float("nan")
    with pytest.raises(InvalidValue, match=r"nan at sample 7 .* of channel 1"):
        workbench.separate(workbench.Audio(data, 8000), model="passthrough")
    with pytest.raises(InvalidValue, match="at least 1 sample"):
        workbench.separate(workbench.Audio(torch.zeros(2, 0), 8000), model="passthrough")
