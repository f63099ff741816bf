"""True stems beside a song: what goes with it, and what a trace makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import workbench
from workbench.core import Audio
from workbench.errors import InvalidValue
from workbench.io.resample import resample
from workbench.registry.cards import ModelCard

RATE = 8000
Stems = dict[str, Audio[Tensor]]


def make_stems(*, num_samples: int = 4000, channels: int = 2) -> Stems:
    generator = torch.Generator().manual_seed(1)
    stems = {name: Audio(torch.randn(channels, num_samples, generator=generator) / 8, RATE) for name in ("low", "high")}
    return {"mixture": Audio(stems["low"].data + stems["high"].data + 0.25, RATE), **stems}


class Copy(nn.Module):
    """Gives the references as they come."""

    def forward(self, chunk: Tensor, references: Tensor) -> Tensor:
        assert references.shape[0] == chunk.shape[0]
        assert references.shape[2:] == chunk.shape[1:]
        return references


COPY = ModelCard(
    name="copy",
    load=lambda parameters, checkpoint, device: Copy(),
    summary="the references as they come",
    stems=(),
    needs_references=True,
    sample_rate=None,
    channels=None,
    input_type="waveform",
    output_type="waveform",
)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_references_go_the_way_of_the_song(normalize: bool, batch_size: int) -> None:
    song = make_stems()
    stems = workbench.separate(
        song["mixture"],
        model=COPY,
        references=song,
        chunk_seconds=0.1,
        batch_size=batch_size,
        settings={"normalization.enabled": normalize},
    )
    for name in ("low", "high"):
        # float rounding of the level and of the overlap-add
        torch.testing.assert_close(stems[name].data, song[name].data, atol=1e-6, rtol=0)


def test_references_from_a_folder(tmp_path: Path) -> None:
    song = make_stems()
    for name, audio in song.items():
        workbench.save(audio, tmp_path / f"{name}.wav")
    stems = workbench.separate(song["mixture"], model=COPY, references=tmp_path, chunk_seconds=0.1)
    assert list(stems) == ["high", "low"]  # in alphabetical order; the mixture is no stem
    torch.testing.assert_close(stems["low"].data, song["low"].data, atol=1e-6, rtol=0)


def test_another_rate_and_mono_are_conformed_like_the_song() -> None:
    song = make_stems(channels=1)
    card = ModelCard(**{**vars(COPY), "channels": 2, "sample_rate": 2 * RATE})
    stems = workbench.separate(song["mixture"], model=card, references=song, chunk_seconds=0.1)
    there = resample(song["low"].data, from_rate=RATE, to_rate=2 * RATE)
    back = resample(there, from_rate=2 * RATE, to_rate=RATE, num_samples=4000)
    # float rounding of the overlap-add, twice as loud after resampling noise at the most
    torch.testing.assert_close(stems["low"].data, back, atol=2e-6, rtol=0)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Audio(torch.zeros(2, 3999), RATE), "3999 samples and the song 4000"),
        (Audio(torch.zeros(2, 4000), 44100), "44100 Hz and the song at 8000 Hz"),
        (Audio(torch.full((2, 4000), torch.nan), RATE), "reference high: the audio has nan"),
    ],
)
@pytest.mark.parametrize("model", [COPY, "passthrough"])
def test_references_that_do_not_go_with_the_song(bad: Audio[Tensor], message: str, model: str | ModelCard) -> None:
    song = make_stems()
    with pytest.raises(InvalidValue, match=message):
        workbench.separate(song["mixture"], model=model, references={**song, "high": bad})


def test_ideal_mask_of_a_trace_is_the_oracles() -> None:
    song = make_stems()
    options = {"references": song, "chunk_seconds": 0.25, "settings": {"normalization.enabled": True}}
    trace = workbench.trace(song["mixture"], model="oracle", **options)
    assert torch.equal(trace.ideal_mask("psm_clipped"), trace["mask"].mask)
    rerun = trace.rerun("mask", mask=trace.ideal_mask("cirm"))
    assert rerun.references.keys() == {"low", "high"}
    # each reference has its share of the mean taken off and put back; float rounding of values below 1 is left
    for name in ("low", "high"):
        torch.testing.assert_close(rerun.stems[name].data, song[name].data, atol=1e-6, rtol=0)


def test_ideal_mask_shares_out_among_all_references_but_gives_those_of_the_run() -> None:
    song = make_stems()
    whole = workbench.trace(song["mixture"], model="oracle", references=song, chunk_seconds=0.25)
    part = workbench.trace(song["mixture"], model="oracle", references=song, chunk_seconds=0.25, stems=["high"])
    assert torch.equal(part.ideal_mask("irm")[:, 0], whole.ideal_mask("irm")[:, 1])


def test_ideal_mask_that_cannot_be() -> None:
    song = make_stems()
    with pytest.raises(InvalidValue, match="with references="):
        workbench.trace(song["mixture"], model="hpss", chunk_seconds=0.25).ideal_mask("irm")
    with pytest.raises(InvalidValue, match="no reference is called harmonic, percussive; there are low, high"):
        workbench.trace(song["mixture"], model="hpss", chunk_seconds=0.25, references=song).ideal_mask("irm")
    with pytest.raises(InvalidValue, match="gives no masks"):
        workbench.trace(song["mixture"], model=COPY, chunk_seconds=0.25, references=song).ideal_mask("irm")
    with pytest.raises(InvalidValue, match="kind of ideal mask"):
        workbench.trace(song["mixture"], model="oracle", references=song).ideal_mask("best")


def test_rerun_of_the_model_with_another_mask_is_a_run_with_it() -> None:
    song = make_stems()
    trace = workbench.trace(song["mixture"], model="oracle", references=song).rerun("model", mask="ibm")
    direct = workbench.separate(song["mixture"], model="oracle", references=song, settings={"model.mask": "ibm"})
    assert torch.equal(trace.stems["low"].data, direct["low"].data)


def test_references_are_named_in_what_settings_do_not_hold() -> None:
    song = make_stems()
    assert workbench.separate(song["mixture"], model="oracle", references=song).not_in_settings == ("references",)
    assert workbench.separate(song["mixture"], model="passthrough", references=song).not_in_settings == ()
