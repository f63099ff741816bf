"""Songs out of the ordinary that do work: lengths, channels, rates and values."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import torch

import workbench
from workbench.errors import InvalidValue, WorkbenchNotice

# at 8 kHz chunks of 800 and a hop and padding of 400: one sample, below the padding, below a chunk, one chunk,
# no multiple of the hop
LENGTHS = [1, 2, 399, 799, 800, 4001]


@pytest.mark.parametrize("samples", LENGTHS)
@pytest.mark.parametrize("model", ["passthrough", "hpss"])
def test_length_is_exact(run_cli, write_song, out, samples, model):
    song = write_song(samples=samples)
    options = {"model": model, "chunk_seconds": 0.1, "overlap": 0.5}

    stems = workbench.separate(song, **options)
    assert {stem.data.shape for stem in stems.values()} == {(2, samples)}
    total = sum(stem.data for stem in stems.values()) + stems.remainder.data
    torch.testing.assert_close(total, stems.mixture.data, rtol=0, atol=1e-6)  # float noise of sums near 0.5

    result = run_cli("separate", song, "-m", model, "--chunk-seconds", "0.1", "--overlap", "0.5", "-o", out, "--json")
    assert result.status == 0
    files = json.loads(result.stdout)["files"]
    assert {(soundfile.info(path).frames, soundfile.info(path).samplerate) for path in files.values()} == {
        (samples, 8000)
    }


@pytest.mark.parametrize(
    ("song_channels", "model_channels", "notice"),
    [(1, 2, "mono was doubled"), (2, 1, "stereo was averaged")],
)
def test_mono_and_stereo_are_turned_into_each_other(
    run_cli, write_song, register, out, song_channels, model_channels, notice
):
    calls = register(channels=model_channels)
    song = write_song(channels=song_channels)

    with pytest.warns(WorkbenchNotice, match=notice):
        stems = workbench.separate(song, model="made")
    assert {shape[1] for shape in calls.chunks} == {model_channels}
    assert stems["a"].data.shape == (song_channels, 4000)
    middle = stems.mixture.data.mean(dim=0, keepdim=True).expand(song_channels, -1)
    torch.testing.assert_close(2 * stems["a"].data, middle, rtol=0, atol=1e-6)  # float noise

    result = run_cli("separate", song, "-m", "made", "-o", out)
    assert result.status == 0
    assert result.stderr.startswith(f"note: {notice}")
    assert result.stderr.count("\n") == 1
    assert soundfile.info(out / "song" / "a.flac").channels == song_channels


def test_six_channels_are_an_error_unless_told_how(run_cli, write_song, register, out):
    register(channels=2)
    song = write_song(channels=6)

    with pytest.raises(InvalidValue, match="6 channels and the model takes 2"):
        workbench.separate(song, model="made")
    run_cli("separate", song, "-m", "made", "-o", out).check_error("6 channels", "--channels")
    assert not out.exists()

    assert workbench.separate(workbench.load(song, channels=2), model="made")["a"].data.shape == (2, 4000)
    assert run_cli("separate", song, "-m", "made", "-o", out, "--channels", "2").status == 0
    assert soundfile.info(out / "song" / "a.flac").channels == 2


def test_six_channels_into_a_model_that_takes_any(run_cli, write_song, out):
    song = write_song(channels=6)
    assert run_cli("separate", song, "-m", "passthrough", "-o", out).status == 0
    assert soundfile.info(out / "song" / "part_1.flac").channels == 6


@pytest.mark.parametrize(("rate", "samples"), [(48000, 5001), (22050, 1), (22050, 3333), (8000, 799)])
def test_another_rate_comes_back_at_the_exact_length(run_cli, write_song, register, out, rate, samples):
    calls = register(sample_rate=44100)
    time = np.arange(samples) / rate
    song = write_song(data=0.5 * np.cos(2 * np.pi * 440 * time)[None], rate=rate)

    stems = workbench.separate(song, model="made")
    assert {shape[2] for shape in calls.chunks} == {4410}  # 0.1 s at the model's rate
    assert (stems["a"].sample_rate, stems["a"].data.shape) == (rate, (1, samples))
    # there and back; at the ends the resampler sees nothing beyond, so that only the middle is compared
    middle = slice(samples // 4, samples - samples // 4)
    if samples > 1000:
        difference = 2 * stems["a"].data[:, middle] - stems.mixture.data[:, middle]
        assert difference.abs().max() < 1e-3  # of 0.5: ripple of soxr's pass band

    result = run_cli("separate", song, "-m", "made", "-o", out)
    assert (result.status, result.stderr) == (0, "")
    info = soundfile.info(out / "song" / "a.flac")
    assert (info.samplerate, info.frames) == (rate, samples)


@pytest.mark.parametrize("model", ["passthrough", "hpss"])
@pytest.mark.parametrize("normalize", [False, True])
def test_silence_in_silence_out(run_cli, write_song, out, model, normalize):
    song = write_song(data=np.zeros((2, 4001)))
    setting = f"normalization.enabled={normalize}"
    stems = workbench.separate(song, model=model, settings={"normalization.enabled": normalize}, chunk_seconds=0.2)
    assert all(not stem.data.any() for stem in stems.values())

    assert run_cli("separate", song, "-m", model, "-o", out, "--set", setting, "--chunk-seconds", "0.2").status == 0
    files = list((out / "song").glob("*.flac"))
    assert len(files) == 2
    assert all(not soundfile.read(path)[0].any() for path in files)


SHAPES = {
    "constant": np.full((2, 4001), 0.3),
    "antiphase": np.array([[1], [-1]]) * 0.1 * np.random.default_rng(0).standard_normal((1, 4001)),
}


@pytest.mark.parametrize("data", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("model", ["passthrough", "hpss"])
@pytest.mark.parametrize("normalize", [False, True])
def test_stems_of_a_constant_and_of_antiphase_sum_to_it(run_cli, write_song, out, data, model, normalize):
    song = write_song(data=data)
    stems = workbench.separate(song, model=model, settings={"normalization.enabled": normalize}, chunk_seconds=0.2)
    assert all(stem.data.isfinite().all() for stem in stems.values())
    total = sum(stem.data for stem in stems.values())
    # hpss: its two masks sum to one, so the error is float noise of STFT and inverse
    torch.testing.assert_close(total, torch.from_numpy(data).float(), rtol=0, atol=2e-6)

    setting = f"normalization.enabled={normalize}"
    assert run_cli("separate", song, "-m", model, "-o", out, "--set", setting, "--chunk-seconds", "0.2").status == 0
    written = sum(soundfile.read(path, always_2d=True)[0].T for path in (out / "song").glob("*.flac"))
    np.testing.assert_allclose(written, data, rtol=0, atol=2e-6)  # likewise; 24 bits are finer


def test_beyond_full_scale_float_keeps_and_integer_gets_one_gain(run_cli, write_song, register, out):
    def split(chunk):
        return torch.stack((0.9 * chunk, 0.1 * chunk), dim=1)

    register(split)
    data = 3 * np.sin(np.linspace(0, 300, 4001))[None]
    song = write_song(data=data)

    assert run_cli("separate", song, "-m", "made", "-o", out / "float", "--format", "wav").stderr == ""
    loud = soundfile.read(out / "float" / "song" / "a.wav")[0]
    np.testing.assert_allclose(loud, 0.9 * data[0], rtol=0, atol=1e-6)  # float noise at 2.7

    result = run_cli("separate", song, "-m", "made", "-o", out, "--json")
    report = json.loads(result.stdout)
    assert result.status == 0
    assert 0.36 < report["gain"] < 1 / 2.69
    assert f"{report['gain']:.6f}" in report["notices"][0]
    assert result.stderr == f"note: {report['notices'][0]}\n"
    stems = [soundfile.read(path)[0] for path in report["files"].values()]
    assert np.abs(stems[0]).max() < 1
    # two roundings to 24 bits beside float noise at 2.7
    np.testing.assert_allclose(sum(stems), report["gain"] * data[0], rtol=0, atol=2e-6)

    separation = workbench.separate(song, model="made")
    with pytest.warns(WorkbenchNotice, match="gain"):
        saved = separation.save(out / "python")
    assert saved.gain == report["gain"]
    assert separation["a"].data.abs().max() > 2.6  # what is in memory stays
