"""The whole path on a real song: six seconds with four true stems, from the data folder of the package `stempeg`.

Its licence forbids to copy it into this repository, and the package wants a program at import, so that only its file is
looked for.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import workbench
from workbench.core import Audio, Stft, StftConfig, ideal_mask
from workbench.core.chunk import take_batch
from workbench.metrics import sdr
from workbench.pipeline.trace import Trace
from workbench.registry.cards import ModelCard

Stems = dict[str, Audio[Tensor]]
STFT = StftConfig(n_fft=2048, hop_length=512, win_length=2048)


def find_song() -> Path | None:
    spec = importlib.util.find_spec("stempeg")
    folders = spec.submodule_search_locations if spec is not None else None
    return next((file for folder in folders or [] for file in Path(folder, "data").glob("*.stem.mp4")), None)


pytestmark = [
    pytest.mark.skipif(find_song() is None, reason="the package stempeg, with its song, is not installed"),
    pytest.mark.usefixtures("single_thread"),
]


@pytest.fixture(scope="module")
def song() -> Stems:
    path = find_song()
    assert path is not None
    return workbench.load_stems(path)


@pytest.fixture(scope="module")
def traced(song: Stems) -> Trace:
    return workbench.trace(song["mixture"], model="hpss", chunk_seconds=1.0, derive=["rest = mixture - harmonic"])


def test_the_song_is_what_it_should_be(song: Stems) -> None:
    assert next(iter(song)) == "mixture"
    assert {"drums", "bass", "other", "vocals"} <= set(song)
    for audio in song.values():
        assert audio.data.shape == song["mixture"].data.shape
        assert audio.sample_rate == 44100
    assert song["mixture"].data.shape[-1] / 44100 == pytest.approx(6.08, abs=0.05)  # a codec's frame more or less


def test_stems_and_remainder_sum_to_the_mixture(song: Stems, traced: Trace) -> None:
    stems = traced.stems
    mixture = song["mixture"].data
    assert torch.equal(stems.mixture.data, mixture)
    total = stems["harmonic"].data + stems["percussive"].data + stems.remainder.data
    peak = float(mixture.abs().max())
    # three float32 roundings of values below twice the peak
    assert (total - mixture).abs().max() <= 3 * 2**-24 * 2 * max(1.0, peak)
    # and as hpss shares out the whole mixture, the remainder is but the rounding of STFTs and overlap-add
    assert stems.remainder.data.abs().max() < 1e-5
    assert torch.equal(stems["rest"].data, mixture - stems["harmonic"].data)


def test_trace_equals_separate_to_the_bit(song: Stems, traced: Trace) -> None:
    stems = workbench.separate(song["mixture"], model="hpss", chunk_seconds=1.0, derive=["rest = mixture - harmonic"])
    assert list(stems) == list(traced.stems)
    for name in stems:
        assert torch.equal(stems[name].data, traced.stems[name].data)


def test_drums_are_percussive(song: Stems) -> None:
    stems = workbench.separate(song["drums"], model="hpss", chunk_seconds=1.0)
    percussive, harmonic = (float(stems[name].data.square().sum()) for name in ("percussive", "harmonic"))
    assert percussive > harmonic


class Nothing(nn.Module):
    """A masking model of four stems that hears nothing: it is there to be given masks."""

    def forward(self, spectrogram: Tensor) -> Tensor:
        return torch.zeros_like(spectrogram).unsqueeze(1).repeat(1, 4, 1, 1, 1)  # (batch, 4, freq * channel, frame, 2)


def measure_ideal_masks(truth: Stems, *, kinds: tuple[str, ...]) -> dict[str, float]:
    """Mean SDR over the stems of each kind of ideal mask, applied to the sum of the true stems by a rerun."""
    stems = torch.stack([audio.data for audio in truth.values()])  # (stem, channel, time)
    card = ModelCard(
        name="nothing",
        load=lambda parameters, checkpoint, device: Nothing(),
        summary="silence",
        stems=tuple(truth),
        sample_rate=None,
        channels=None,
        input_type="spectrogram",
        output_type="spectrogram_mask",
        stft=STFT,
    )
    mixture = Audio(stems.sum(0), 44100)
    traced = workbench.trace(mixture, model=card, chunk_seconds=1.0, overlap=0.5, keep=["transform"])
    assert not any(stem.data.any() for stem in traced.stems.values())
    grid, transform = traced.grid, Stft(STFT)
    chunks = range(grid.num_chunks)
    true = torch.stack([transform(take_batch(stem, grid, chunks)) for stem in stems])  # (stem, chunk, rows, frame, 2)
    measured = {}
    for kind in kinds:
        mask = ideal_mask(kind, true, traced["transform"].output).transpose(0, 1)  # (chunk, stem, rows, frame, 2)
        estimates = traced.rerun("mask", mask=mask).stems
        measured[kind] = sum(sdr(truth[name], estimates[name]) for name in truth) / len(truth)
    return measured


def test_ideal_masks_reach_their_ceilings(song: Stems, record_property: Callable[[str, object], None]) -> None:
    truth = {name: audio for name, audio in song.items() if name != "mixture"}
    assert len(truth) == 4
    # the mastered mixture is another one than the sum of its stems
    total = torch.stack([audio.data for audio in truth.values()]).sum(0)
    assert sdr(song["mixture"], total) == pytest.approx(15, abs=1)
    measured = measure_ideal_masks(truth, kinds=("cirm", "psm", "psm_clipped", "wiener", "ibm", "irm"))
    for kind, decibels in measured.items():
        record_property(f"sdr_{kind}", round(decibels, 2))
    print({kind: round(decibels, 2) for kind, decibels in measured.items()})
    # What others measured on this song. They do not name their transform, and its size alone moves these figures by up
    # to 0.9 dB (11.0 to 11.9 for the phase-sensitive mask between 2048/1024 and 4096/1024).
    for kind, decibels in {"psm": 11.2, "wiener": 8.4, "ibm": 7.8, "irm": 7.3}.items():
        assert measured[kind] == pytest.approx(decibels, abs=0.4), kind
    # a complex mask undoes the mixing but for rounding
    assert measured["cirm"] > 60
    # of the real masks the unclipped phase-sensitive one is best in least squares, bin by bin
    assert all(measured["psm"] > measured[kind] for kind in ("psm_clipped", "wiener", "ibm", "irm"))
