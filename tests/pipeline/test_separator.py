from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from tiny_models import (
    CHUNK_SECONDS,
    CHUNK_SIZE,
    PAIRS,
    RATE,
    STFT,
    TwoBands,
    make_gains,
    make_song,
    make_split,
)
from torch import Tensor, nn

from workbench.core import Audio, MaskingConfig, create_w2w_model, generate_chunks, stitch_chunks
from workbench.errors import AudioFileError, InvalidValue, WorkbenchNotice
from workbench.pipeline.events import ChunksProcessed
from workbench.pipeline.separator import separate, stream
from workbench.registry import make_window

SONG = make_song()


def assert_same(one: Any, other: Any) -> None:
    """The same stems, to the bit."""
    assert list(one) == list(other)
    for name in one:
        assert torch.equal(one[name].data, other[name].data), name


@pytest.mark.parametrize("pair", PAIRS)
def test_a_separation_is_the_cores_functions_in_order(pair: tuple[str, str]) -> None:
    card, network = make_split(*pair)
    wrapped = create_w2w_model(network, *pair, STFT, 2, CHUNK_SIZE, MaskingConfig())
    hop = CHUNK_SIZE * 3 // 4
    with torch.no_grad():
        chunks = [wrapped(batch) for batch in generate_chunks(SONG.data, CHUNK_SIZE, hop, 2)]
    window = make_window("hann", length=CHUNK_SIZE)
    expected = stitch_chunks(chunks, 2, CHUNK_SIZE, hop, SONG.data.shape[-1], window=window)
    separation = separate(SONG, model=card, overlap=0.25, batch_size=2)
    got = torch.stack([separation["loud"].data, separation["soft"].data])
    # rounding: the run adds chunks in another order and uses the registry's window, rounded from float64
    assert (got - expected).abs().max() < 1e-6
    assert (got.sum(0) - SONG.data).abs().max() < 4e-6  # STFT, inverse and overlap-add, a few roundings of 2**-24 each


@pytest.mark.parametrize("model", ["hpss", "passthrough", "split"])
def test_the_same_call_gives_the_same_bits(model: str) -> None:
    given: Any = make_split("spectrogram", "spectrogram_mask")[0] if model == "split" else model
    asked: dict[str, Any] = {"model": given, "chunk_seconds": 0.3, "derive": ["rest = mixture - " + FIRST[model]]}
    if model == "split":
        asked["model"] = make_split("spectrogram", "spectrogram_mask", chunk_size=2400)[0]
    assert_same(separate(SONG, **asked), separate(SONG, **asked))


FIRST = {"hpss": "harmonic", "passthrough": "part_1", "split": "loud"}


@pytest.mark.parametrize("pair", [("spectrogram", "spectrogram_mask"), ("waveform", "waveform")])
def test_stems_do_not_depend_on_the_batch_size(pair: tuple[str, str]) -> None:
    card, _ = make_split(*pair)
    expected = separate(SONG, model=card, batch_size=1)
    for batch_size in (2, 3, 100):
        separation = separate(SONG, model=card, batch_size=batch_size)
        for name in expected:
            # a batched FFT or sum may round in another order: some 2**-24 of values below 1
            assert (separation[name].data - expected[name].data).abs().max() < 1e-6


@pytest.mark.parametrize("offset", [0.0, 0.3])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(("rate", "channels"), [(None, None), (6000, None), (None, 1), (11025, 1)])
@pytest.mark.filterwarnings("ignore::workbench.errors.WorkbenchNotice")
def test_stems_and_remainder_sum_to_the_mixture(
    offset: float, normalize: bool, rate: int | None, channels: int | None
) -> None:
    song = make_song(offset=offset)
    chunk_size = round(CHUNK_SECONDS * (rate or RATE))
    card, _ = make_split(
        "spectrogram",
        "spectrogram_mask",
        chunk_size=chunk_size,
        sample_rate=rate,
        channels=channels,
        normalize=normalize,
    )
    separation = separate(song, model=card)
    for audio in (*separation.values(), separation.remainder):
        assert audio.sample_rate == RATE
        assert audio.data.shape == song.data.shape
    total = sum((stem.data for stem in separation.values()), start=separation.remainder.data)
    # three float32 roundings of values below 2, each at most 2**-24 of them
    assert (total - song.data).abs().max() <= 3 * 2**-23
    if rate is None and channels is None:
        # the model's two stems sum to its input, so nothing is left over, wherever the mean went
        assert separation.remainder.data.abs().max() < 5e-6


@pytest.mark.parametrize("num_stems", [1, 3, 4])
def test_a_dc_offset_is_shared_out_once(num_stems: int) -> None:
    song = make_song(offset=0.4)
    settings: dict[str, object] = {"model.num_stems": num_stems, "normalization.enabled": True}
    separation = separate(song, model="passthrough", settings=settings, chunk_seconds=CHUNK_SECONDS)
    assert len(separation) == num_stems
    for stem in separation.values():
        assert (
            stem.data - song.data / num_stems
        ).abs().max() < 1e-6  # (x - mean) / std / N * std + mean / N in float32
    assert separation.remainder.data.abs().max() < 2e-6
    # mean / N counts all of the model's stems, not only those asked for
    one = separate(song, model="passthrough", settings=settings, chunk_seconds=CHUNK_SECONDS, stems=["part_1"])
    assert torch.equal(one["part_1"].data, separation["part_1"].data)


def test_silence_constants_and_antiphase_survive_normalization() -> None:
    tone = make_song(channels=1).data
    for data in (torch.zeros(2, 4000), torch.full((2, 4000), 0.3), torch.cat([tone, -tone])):
        separation = separate(
            Audio(data, RATE),
            model="passthrough",
            settings={"normalization.enabled": True},
            chunk_seconds=CHUNK_SECONDS,
            overlap=0.5,
        )
        assert (separation["part_1"].data - data / 2).abs().max() < 1e-6
        assert separation.remainder.data.abs().max() < 1e-6
        if not data.any():
            assert not separation["part_1"].data.any()


@pytest.mark.parametrize("num_samples", [1, 2, 99, 400, 401, 799, 801, 2400])
def test_every_length_comes_back_exactly(num_samples: int) -> None:
    song = Audio(SONG.data[:, :num_samples], RATE)
    for card in (
        make_split("spectrogram", "spectrogram_mask")[0],
        make_split("waveform", "waveform", sample_rate=6000)[0],
    ):
        if card.sample_rate == 6000:
            card = make_split("waveform", "waveform", sample_rate=6000, chunk_size=600)[0]
        separation = separate(song, model=card)
        assert [stem.data.shape for stem in separation.values()] == [(2, num_samples)] * 2
    separation = separate(song, model=make_split("spectrogram", "spectrogram_mask")[0])
    assert separation.remainder.data.abs().max() < 5e-6


def test_a_model_at_another_rate_gives_the_songs_own() -> None:
    time = torch.arange(RATE) / RATE
    song = Audio(torch.sin(2 * torch.pi * 440 * time).unsqueeze(0) * 0.5, RATE)
    card, _ = make_gains(sample_rate=6000)
    separation = separate(song, model=card)
    assert [event.audio_seconds for event in stream(song, model=card) if isinstance(event, ChunksProcessed)][-1] == 1.0
    inner = slice(RATE // 10, -RATE // 10)  # a resampler sees silence beyond the ends
    error = (separation["share"].data * 2 - song.data)[:, inner]
    assert error.square().mean() < 1e-8 * song.data.square().mean()  # -80 dB: 440 Hz lies far below both Nyquists
    assert separation["share"].sample_rate == RATE


def test_channels_that_differ_are_matched_with_a_notice() -> None:
    mono, stereo = make_song(channels=1), make_song(channels=2)
    with pytest.warns(WorkbenchNotice, match="mono was doubled"):
        separation = separate(mono, model=make_gains(channels=2)[0])
    assert separation.notices == ("mono was doubled for gains; stems come back with the song's 1 channel(s)",)
    assert (separation["share"].data - mono.data / 2).abs().max() < 1e-6
    with pytest.warns(WorkbenchNotice, match="stereo was averaged"):
        separation = separate(stereo, model=make_gains(channels=1)[0])
    middle = stereo.data.mean(0, keepdim=True)
    assert (separation["share"].data - middle / 2).abs().max() < 1e-6
    side = stereo.data - middle
    assert (separation.remainder.data - side).abs().max() < 2e-6  # what no mono model can give
    with pytest.raises(InvalidValue, match="the song has 3 channels and the model takes 2"):
        separate(make_song(channels=3), model=make_gains(channels=2)[0])


def test_only_the_stems_asked_for_come_back() -> None:
    for card in (make_split("spectrogram", "spectrogram_mask")[0], make_split("waveform", "waveform")[0]):
        both = separate(SONG, model=card)
        only = separate(SONG, model=card, stems=["soft"])
        assert list(only) == ["soft"]
        assert torch.equal(only["soft"].data, both["soft"].data)
        with pytest.raises(InvalidValue, match="only some of the model's stems were computed; leave out stems="):
            _ = only.remainder
        # a rule may need a stem that is not returned
        derived = separate(SONG, model=card, stems=["soft"], derive=["rest = mixture - loud", "twice = soft + rest"])
        assert list(derived) == ["soft", "rest", "twice"]
        assert torch.equal(derived["rest"].data, SONG.data - both["loud"].data)
        assert torch.equal(derived["twice"].data, both["soft"].data + derived["rest"].data)
        in_order = separate(SONG, model=card, stems=["soft", "loud"])
        assert list(in_order) == ["loud", "soft"]
        assert torch.equal(in_order.remainder.data, both.remainder.data)


def test_a_model_of_context_song_sees_the_whole_song_at_once() -> None:
    network = TwoBands()
    fields: dict[str, Any] = {"load": lambda *_: network, "stems": TwoBands.stems, "parameters": None}
    separation = separate(SONG, model=make_gains(**fields, context="song")[0])
    assert network.calls == [(1, 2, SONG.data.shape[-1])]
    with torch.no_grad():
        low, high = network(SONG.data.unsqueeze(0))[0]
    assert torch.equal(separation["low"].data, low)
    assert torch.equal(separation["high"].data, high)


def test_the_effective_config_gives_the_same_bits_again() -> None:
    card, _ = make_split("spectrogram", "spectrogram_mask")
    asked: dict[str, Any] = {
        "stems": ["soft"],
        "derive": ['"no loud" = mixture - loud'],
        "overlap": 0.3,
        "window": "linear_fade:fade=0.3",
        "settings": {"normalization.enabled": True, "transform.hop_length": 16, "chunking.padding_mode": "constant"},
    }
    first = separate(SONG, model=card, **asked)
    assert_same(separate(SONG, model=card, config=first.config), first)
    document = yaml.safe_load(yaml.safe_dump(first.config.to_document()))
    assert_same(separate(SONG, model=card, config=document), first)
    hpss = separate(SONG, model="hpss", chunk_seconds=0.3, settings={"model.power": math.inf})
    assert_same(separate(SONG, config=hpss.config), hpss)  # the config names the model too


class Precise(nn.Module):
    """A convolution that does nothing, and the dtypes that it met."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(2, 2, 1)
        with torch.no_grad():
            self.convolution.weight.copy_(torch.eye(2).unsqueeze(-1))
            self.convolution.bias.zero_()  # type: ignore[union-attr]

    def forward(self, waveform: Tensor) -> Tensor:
        output = self.convolution(waveform)
        MET.append((waveform.dtype, self.convolution.weight.dtype, output.dtype))
        return output.unsqueeze(1)  # type: ignore[no-any-return]


MET: list[tuple[torch.dtype, ...]] = []


@pytest.mark.parametrize(
    ("setting", "met"),
    [
        ("use_autocast_dtype", (torch.float32, torch.float32, torch.bfloat16)),
        ("force_weights_dtype", (torch.bfloat16, torch.bfloat16, torch.bfloat16)),
    ],
)
def test_half_precision_ends_in_float32_stems(setting: str, met: tuple[torch.dtype, ...]) -> None:
    MET.clear()
    separation = separate(
        SONG, model=Precise(), settings={f"inference.{setting}": "bfloat16"}, chunk_seconds=CHUNK_SECONDS
    )
    assert set(MET) == {met}
    output = separation["output"].data
    assert output.dtype == torch.float32
    error = (output - SONG.data).abs().max()
    assert 0 < error < 2**-8  # bfloat16 rounds to 8 bits of values below 1


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair[1] != "waveform"])
def test_masks_and_spectrograms_in_half_precision_end_in_float32_stems(pair: tuple[str, str]) -> None:
    card, network = make_split(*pair)
    plain = network.forward
    network.forward = lambda *inputs: plain(*inputs).bfloat16()  # type: ignore[method-assign]
    separation = separate(SONG, model=card)
    assert separation["loud"].data.dtype == torch.float32
    assert (separation["loud"].data + separation["soft"].data - SONG.data).abs().max() < 2**-6


def test_the_output_folder_is_looked_at_before_any_work(tmp_path: Path) -> None:
    separation = separate(SONG, model="passthrough", chunk_seconds=CHUNK_SECONDS, out=tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["part_1.flac", "part_2.flac", "stems.json"]
    assert list(separation) == ["part_1", "part_2"]
    network = TwoBands()
    (tmp_path / "low.flac").write_bytes(b"mine")
    with pytest.raises(AudioFileError, match=r"low\.flac exists already"):
        separate(SONG, model=network, chunk_seconds=CHUNK_SECONDS, out=tmp_path)
    assert network.calls == []
    assert (tmp_path / "low.flac").read_bytes() == b"mine"
