from __future__ import annotations

import hashlib
import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from workbench.core.audio import Audio
from workbench.demo import instruments
from workbench.demo import song as song_module
from workbench.demo.drums import KIT
from workbench.demo.instruments import VOWELS
from workbench.demo.song import demo_song
from workbench.demo.synthesis import (
    NUM_FRAMES,
    SAMPLE_RATE,
    SONG_SAMPLES,
    midi_to_hz,
    render_harmonics,
    render_noise,
    smooth,
    upsample,
)

STEMS = ("drums", "bass", "chords", "lead")
LEAST_MASKED_SDR_DB = 5.0


@pytest.fixture(scope="module")
def song() -> dict[str, Audio]:
    return demo_song()


@pytest.fixture(scope="module")
def spectra(song) -> dict[str, torch.Tensor]:
    window = torch.hann_window(2048, dtype=torch.float64)
    return {
        name: torch.stft(audio.data.double(), 2048, 512, window=window, return_complex=True)
        for name, audio in song.items()
    }


def masked_sdr_db(mask: torch.Tensor, mixture: torch.Tensor, stem: torch.Tensor) -> float:
    window = torch.hann_window(2048, dtype=torch.float64)
    estimate = torch.istft(mask * mixture, 2048, 512, window=window, length=stem.shape[-1])
    return float(10 * torch.log10(stem.double().square().sum() / (stem - estimate).square().sum()))


def test_names_shapes_and_rate(song) -> None:
    assert tuple(song) == ("mixture", *STEMS)
    for audio in song.values():
        assert audio.data.shape == (2, 529_200)
        assert audio.data.dtype == torch.float32
        assert audio.data.is_contiguous()
        assert audio.sample_rate == 44_100
        assert torch.isfinite(audio.data).all()


def test_stems_add_up_to_the_bit(song) -> None:
    drums, bass, chords, lead = (song[name].data for name in STEMS)
    assert torch.equal(song["mixture"].data, drums + bass + chords + lead)


def test_every_call_gives_the_same_bits_in_new_tensors(song) -> None:
    torch.manual_seed(0)
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    again = demo_song()
    assert np.array_equal(before, np.random.get_state()[1])
    for name, audio in song.items():
        assert torch.equal(audio.data, again[name].data)
        assert audio.data.data_ptr() != again[name].data.data_ptr()


def test_another_process_gives_the_same_bits(song) -> None:
    code = (
        "import hashlib; from workbench.demo.song import demo_song; "
        "print(hashlib.sha256(demo_song()['mixture'].data.numpy().tobytes()).hexdigest())"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == hashlib.sha256(song["mixture"].data.numpy().tobytes()).hexdigest()


def test_level(song) -> None:
    # The gain was set before rounding to float32, where 0.9 is spaced by 6e-8 and four stems are rounded.
    assert float(song["mixture"].data.abs().max()) == pytest.approx(0.9, abs=1e-6)
    levels_db = {name: 10 * math.log10(song[name].data.double().square().mean()) for name in STEMS}
    assert max(levels_db.values()) - min(levels_db.values()) < 6, levels_db
    for name, audio in song.items():
        assert float(audio.data.double().mean(-1).abs().max()) < 1e-4, name  # -80 dB


def test_no_gaps_and_no_steps_at_the_ends(song) -> None:
    mixture = song["mixture"].data.double()
    tenths_db = 10 * torch.log10(mixture.reshape(2, -1, SAMPLE_RATE // 10).square().mean((0, 2)))
    # The lead-in is the first tenth of a second, the fade the last ones; music in all the others.
    assert (tenths_db[1:-3] > -40).all(), tenths_db
    for name, audio in song.items():
        edges = torch.cat([audio.data[:, :200], audio.data[:, -200:]], dim=1)
        assert float(edges.abs().max()) < 1e-4, name


def test_pitched_stems_have_no_clicks(song, monkeypatch) -> None:
    # A click is broad: a step of 1 reads 0.042 above 15 kHz, where these instruments have no partials to speak
    # of. The limit is what a step of 1 % of the peak would read. Breath is noise and reaches up there, so
    # the voice is sung without it.
    monkeypatch.setattr(instruments, "render_noise", lambda rng, *, num_samples, **_: np.zeros(num_samples))
    notes = tuple(
        instruments.Note(song_module.at(beat), song_module.to_seconds(length), pitch, vowel)
        for beat, length, pitch, vowel in song_module.MELODY
    )
    voice = torch.from_numpy(instruments.play_lead(np.random.default_rng(0), notes=notes))
    for name, data in (("bass", song["bass"].data), ("chords", song["chords"].data), ("lead", voice)):
        assert top_band_rms(data).max() < 0.01 * 0.042 * float(data.abs().max()), name


def test_the_click_detector_finds_a_small_step(song) -> None:
    data = song["bass"].data.clone()
    step = 0.01 * float(data.abs().max())
    data[:, 200_000:] += step
    assert top_band_rms(data)[200_000 // 49 - 1 : 200_000 // 49 + 2].max() == pytest.approx(0.042 * step, rel=0.1)


def top_band_rms(data: torch.Tensor) -> np.ndarray:
    """RMS above 15 kHz of each stretch of 49 samples, 1.1 ms."""
    spectrum = torch.fft.rfft(data.double())
    spectrum[:, : round(15_000 / SAMPLE_RATE * SONG_SAMPLES)] = 0
    filtered = torch.fft.irfft(spectrum, SONG_SAMPLES)
    return filtered.reshape(2, -1, 49).square().mean((0, 2)).sqrt().numpy()


def test_ideal_masks_can_separate_it(song, spectra) -> None:
    magnitudes = torch.stack([spectra[name].abs() for name in STEMS])
    mixture = spectra["mixture"]
    ratio = magnitudes / magnitudes.sum(0).clamp_min(1e-12)
    for mask, name in zip(ratio, STEMS, strict=True):
        stem = song[name].data
        masked = masked_sdr_db(mask, mixture, stem)
        others = song["mixture"].data.double() - stem
        assert masked > LEAST_MASKED_SDR_DB, (name, masked)
        assert stem.double().square().sum() < others.square().sum(), name  # so there is something to separate


def test_the_stems_sound_like_what_they_are_called(song, spectra) -> None:
    # Spectral centroids in hertz, of power.
    power = {name: spectra[name].abs().square().sum((0, 2)) for name in STEMS}
    frequency = torch.arange(1025, dtype=torch.float64) * SAMPLE_RATE / 2048
    centroid = {name: float((frequency * p).sum() / p.sum()) for name, p in power.items()}
    assert centroid["bass"] < 150 < centroid["chords"] < 700
    assert float(power["drums"][frequency > 8000].sum() / power["drums"].sum()) > 0.01  # hats
    # Chords are wide: their side signal is far above that of the voice, which is in the centre.
    side = {n: float(song[n].data.diff(dim=0).square().sum() / song[n].data.square().sum()) for n in STEMS}
    assert side["chords"] > 3 * side["lead"]


def test_the_last_note_is_the_written_one_with_vibrato(song) -> None:
    # A4, 440 Hz, sung from beat 20; vibrato of 0.45 semitones swings it by 11.6 Hz either way.
    start = round((song_module.at(20.0) + 0.45) * SAMPLE_RATE)
    voice = song["lead"].data.mean(0).double()[start : start + SAMPLE_RATE // 2]
    spectrum = torch.fft.rfft(voice)
    spectrum[: round(350 / 2)] = 0
    spectrum[round(530 / 2) :] = 0
    # The one-sided spectrum gives the analytic signal, the slope of its phase the frequency.
    full = torch.zeros(voice.numel(), dtype=torch.complex128)
    full[: spectrum.numel()] = 2 * spectrum
    phase = np.unwrap(torch.fft.ifft(full).angle().numpy())
    hertz = np.diff(phase)[2000:-2000] * SAMPLE_RATE / (2 * np.pi)
    assert hertz.mean() == pytest.approx(440, abs=4)
    assert 15 < hertz.max() - hertz.min() < 35


def test_the_score_holds_together() -> None:
    assert {drum for _, drum, _ in (*song_module.GROOVE, *song_module.FILL)} == set(KIT)
    assert {vowel for *_, vowel in song_module.MELODY} == set(VOWELS)
    for line in (song_module.MELODY, song_module.CHORDS, song_module.BASS_ENDING):
        ends = [beat + length for beat, length, *_ in line]
        starts = [beat for beat, *_ in line]
        assert all(end <= start for end, start in zip(ends[:-1], starts[1:], strict=True))
        assert song_module.at(ends[-1]) < SONG_SAMPLES / SAMPLE_RATE


def test_render_harmonics_agrees_with_sines() -> None:
    frames = np.arange(NUM_FRAMES + 1)
    frequency_hz = 200 + 50 * np.sin(frames / 300)
    gains = np.stack([1 / k + 0.1 * np.cos(frames / (50 * k)) for k in range(1, 37)])
    phase = 2 * np.pi * np.cumsum(upsample(frequency_hz)) / SAMPLE_RATE
    slow = sum(upsample(gain) * np.sin(k * phase) for k, gain in enumerate(gains, start=1))
    # The recurrence loses about k^2 roundings of 1e-16 for partial k, and the phase is about 1e4 radians.
    assert np.abs(render_harmonics(frequency_hz, gains=gains) - slow).max() < 1e-8


def test_small_tools() -> None:
    assert midi_to_hz(np.array([69.0, 57.0])) == pytest.approx([440, 220])
    line = upsample(np.array([0.0, 1.0, 1.0]))
    assert line[[0, 50, 100, 199]] == pytest.approx([0, 0.5, 1, 1])
    step = np.repeat([0.0, 1.0], 50)
    gliding = smooth(step, seconds=0.05)
    assert gliding.shape == step.shape
    assert (np.diff(gliding) >= 0).all()
    assert (gliding[0], gliding[-1], gliding[49] + gliding[50]) == pytest.approx((0, 1, 1))
    noise = render_noise(np.random.default_rng(0), num_samples=44_100, low_hz=2000.0, high_hz=4000.0)
    energy = np.abs(np.fft.rfft(noise)) ** 2  # bins of 1 Hz
    assert np.mean(noise**2) == pytest.approx(1)
    assert abs(noise.mean()) < 1e-12
    assert energy[2000:4000].sum() > 5 * energy[:1000].sum()
