"""The step ``wiener``: the core's filter between mask and inverse, optional, watched and run again."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import workbench
from workbench.core import Audio, StftConfig, wiener_filter
from workbench.errors import InvalidValue
from workbench.metrics import sdr
from workbench.registry.cards import ModelCard

Stems = dict[str, Audio[Tensor]]
ON = {"wiener.iterations": 1}


@pytest.fixture(scope="module")
def song() -> Stems:
    """The first two seconds of the demo song."""
    return {name: Audio(audio.data[:, : 2 * 44100], 44100) for name, audio in workbench.demo_song().items()}


def test_step_is_the_cores_filter_of_what_came_before(song: Stems) -> None:
    trace = workbench.trace(song["mixture"], model="hpss", chunk_seconds=0.5, settings={"wiener.iterations": 2})
    assert list(trace)[list(trace).index("mask") :][:3] == ["mask", "wiener", "inverse"]
    expected = wiener_filter(trace["mask"].output, trace["transform"].output, num_channels=2, iterations=2)
    # batches of another size are rounded otherwise
    torch.testing.assert_close(trace["wiener"].output, expected, atol=1e-4, rtol=1e-4)
    stems = workbench.separate(song["mixture"], model="hpss", chunk_seconds=0.5, settings={"wiener.iterations": 2})
    assert all(torch.equal(stems[name].data, trace.stems[name].data) for name in stems)


def test_off_unless_asked_for(song: Stems) -> None:
    plain = workbench.trace(song["mixture"], model="hpss", chunk_seconds=0.5)
    off = workbench.separate(song["mixture"], model="hpss", chunk_seconds=0.5, settings={"wiener.iterations": 0})
    assert "wiener" not in plain
    assert torch.equal(plain.stems["harmonic"].data, off["harmonic"].data)


def test_ideal_ratio_masks_get_nearer_to_the_true_stems(song: Stems) -> None:
    ratio = workbench.trace(song["mixture"], model="oracle", references=song, settings={"model.mask": "irm"})
    filtered = ratio.rerun("wiener", iterations=1)

    def score(stems: workbench.Separation) -> float:
        return sum(sdr(song[name], stems[name]) for name in stems) / len(stems)

    assert score(filtered.stems) > score(ratio.stems) + 1
    whole = song["mixture"].data.square().mean()
    lost = filtered.stems.remainder.data.square().mean() / whole
    less = filtered.rerun("wiener", eps=1e-14).stems.remainder.data.square().mean() / whole
    assert lost < 1e-4  # what the filter holds for noise, sqrt(eps) beside powers up to 100
    assert less < lost / 10


def test_rerun_switches_it_on_and_off_and_runs_no_model(song: Stems) -> None:
    calls: list[int] = []

    class Halves(nn.Module):
        def forward(self, spectrogram: Tensor) -> Tensor:
            calls.append(len(spectrogram))
            left = torch.zeros_like(spectrogram).unsqueeze(1).repeat(1, 2, 1, 1, 1)
            left[:, 0, 0::2, :, 0] = 1.0
            left[:, 1, 1::2, :, 0] = 1.0
            return left

    card = ModelCard(
        name="halves",
        load=lambda parameters, checkpoint, device: Halves(),
        summary="left and right",
        stems=("left", "right"),
        sample_rate=None,
        channels=2,
        input_type="spectrogram",
        output_type="spectrogram_mask",
        stft=StftConfig(n_fft=512, hop_length=128, win_length=512),
        chunk_seconds=0.5,
    )
    plain = workbench.trace(song["mixture"], model=card)
    num_calls = len(calls)
    filtered = plain.rerun("wiener", iterations=1)
    back = filtered.rerun("wiener", iterations=0)
    assert len(calls) == num_calls
    direct = workbench.separate(song["mixture"], model=card, settings=ON)
    assert torch.equal(filtered.stems["left"].data, direct["left"].data)
    assert torch.equal(back.stems["left"].data, plain.stems["left"].data)
    assert filtered["wiener"].parameters == {"iterations": 1}


def test_stems_asked_for_are_those_of_all(song: Stems) -> None:
    options = {"references": song, "settings": {**ON, "model.mask": "irm"}}
    every = workbench.separate(song["mixture"], model="oracle", **options)
    some = workbench.separate(song["mixture"], model="oracle", stems=["lead"], **options)
    assert list(some) == ["lead"]
    torch.testing.assert_close(some["lead"].data, every["lead"].data, atol=1e-5, rtol=0)


def test_a_stem_alone_shares_with_what_it_leaves(song: Stems) -> None:
    alone = {"drums": song["drums"]}
    masked = workbench.separate(song["mixture"], model="oracle", references=alone)
    filtered = workbench.separate(song["mixture"], model="oracle", references=alone, settings=ON)
    # without the residual the one stem would be the whole mixture
    assert sdr(song["drums"], filtered["drums"]) > sdr(song["drums"], song["mixture"]) + 6
    assert not torch.equal(filtered["drums"].data, masked["drums"].data)


@pytest.mark.parametrize("residual", [False, True])
def test_residual_takes_what_the_stems_leave(song: Stems, residual: bool) -> None:
    two = {name: song[name] for name in ("drums", "bass")}
    options = {"references": two, "settings": {**ON, "wiener.residual": residual, "model.mask": "psm_clipped"}}
    stems = workbench.separate(song["mixture"], model="oracle", **options)
    left = stems.remainder.data.square().mean() / song["mixture"].data.square().mean()
    assert (left > 0.15) == residual  # chords and lead are a good half of the mixture


def test_a_model_from_waveforms_to_spectrograms(song: Stems) -> None:
    class Spectra(nn.Module):
        def forward(self, chunk: Tensor) -> Tensor:
            window = torch.hann_window(512, device=chunk.device)
            flat = torch.stft(chunk.flatten(0, 1), 512, 128, window=window, return_complex=True)
            rows = flat.unflatten(0, chunk.shape[:2]).transpose(1, 2).flatten(1, 2)  # (batch, freq * channel, frame)
            return torch.view_as_real(torch.stack((0.75 * rows, 0.25 * rows), dim=1))

    card = ModelCard(
        name="spectra",
        load=lambda parameters, checkpoint, device: Spectra(),
        summary="shares",
        stems=("more", "less"),
        sample_rate=None,
        channels=2,
        input_type="waveform",
        output_type="spectrogram",
        stft=StftConfig(n_fft=512, hop_length=128, win_length=512),
        chunk_seconds=0.5,
    )
    stems = workbench.separate(song["mixture"], model=card, settings=ON)
    total = stems["more"].data + stems["less"].data
    # what the filter holds for noise: sqrt(eps) beside the powers of a quiet song
    torch.testing.assert_close(total, song["mixture"].data, atol=0.01, rtol=0)


def test_a_model_of_waveforms_has_nothing_to_filter(song: Stems) -> None:
    with pytest.raises(InvalidValue, match=r"gives waveforms.*wiener\.iterations"):
        workbench.separate(song["mixture"], model="passthrough", settings=ON)
    with pytest.raises(InvalidValue, match="no step 'wiener'"):
        workbench.trace(song["mixture"], model="passthrough").rerun("wiener", iterations=1)


def test_figure_of_the_step(song: Stems) -> None:
    trace = workbench.trace(song["mixture"], model="hpss", chunk_seconds=0.5, settings=ON)
    assert "wiener: 1 EM step" in trace["wiener"].figure(stem="harmonic").get_suptitle()
