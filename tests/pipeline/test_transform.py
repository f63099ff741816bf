from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest
import torch
from tiny_models import SoftSplit, make_song, make_split
from torch import Tensor

import workbench as wb
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.explained import explain_settings, settings_to_document, settings_to_yaml
from workbench.pipeline.request import Request
from workbench.pipeline.trace import Trace
from workbench.pipeline.transform import scale_transform
from workbench.registry import NumFreqs
from workbench.registry.cards import ModelCard
from workbench.registry.validate import validate_model_card


@dataclass(frozen=True)
class SplitParameters:
    """Settings of a model that has to know how many frequencies there are."""

    num_freqs: NumFreqs = 65
    sharpness: float = 1.0


class CountingSplit(SoftSplit):
    """`SoftSplit` that refuses rows that are not its number of frequencies times two channels."""

    def __init__(self, parameters: SplitParameters) -> None:
        super().__init__("spectrogram", "spectrogram_mask")
        self.num_freqs = parameters.num_freqs

    def forward(self, *inputs: Tensor) -> Tensor:
        assert inputs[0].shape[1] == 2 * self.num_freqs
        return super().forward(*inputs)


@pytest.fixture
def card() -> ModelCard:
    made, _ = make_split(
        "spectrogram",
        "spectrogram_mask",
        parameters=SplitParameters,
        load=lambda parameters, checkpoint, device: CountingSplit(parameters),
    )
    return made


@pytest.mark.parametrize("n_fft", [64, 128, 256, 127])
def test_a_frame_size_alone_is_enough(card: ModelCard, n_fft: int) -> None:
    song = make_song()
    stems = wb.separate(song, model=card, settings={"transform.n_fft": n_fft})
    in_full = {"transform.n_fft": n_fft, "transform.win_length": n_fft, "transform.hop_length": round(n_fft / 4)}
    same = wb.separate(song, model=card, settings={**in_full, "model.num_freqs": n_fft // 2 + 1})
    for name, audio in stems.items():
        assert torch.equal(audio.data, same[name].data)
        assert audio.data.abs().max() > 0


@pytest.mark.parametrize("model", ["hpss", "center"])
@pytest.mark.parametrize("n_fft", [1024, 4096])
def test_models_in_the_box_take_another_frame_size(model: str, n_fft: int) -> None:
    traced = wb.trace(make_song(), model=model, settings={"transform.n_fft": n_fft})
    assert traced["transform"].shape[1] == 2 * (n_fft // 2 + 1)
    assert traced["transform"].parameters["win_length"] == n_fft


def test_what_is_given_beside_the_frame_size_stays(card: ModelCard) -> None:
    traced = wb.trace(
        make_song(), model=card, config={"transform": {"win_length": 100}}, settings={"transform.n_fft": 256}
    )
    parameters = traced["transform"].parameters
    assert [parameters[name] for name in ("n_fft", "win_length", "hop_length")] == [256, 100, 64]


@pytest.mark.parametrize("settings", [{"transform.n_fft": 256}, {}])
@pytest.mark.parametrize("given", [64, "many", 129.5])
def test_a_number_of_frequencies_that_does_not_go_with_the_transform_is_one_line(
    card: ModelCard, settings: dict[str, object], given: object
) -> None:
    expected = rf"model\.num_freqs is {given!r}, and transform\.n_fft \d+ has (65|129) frequencies: leave model\."
    with pytest.raises(InvalidValue, match=expected):
        wb.separate(make_song(), model=card, settings={**settings, "model.num_freqs": given})


def test_a_rerun_follows_too_and_keeps_shares_of_the_frame(card: ModelCard) -> None:
    traced = wb.trace(make_song(), model=card, settings={"transform.hop_length": 16})
    assert isinstance(traced, Trace)
    again = traced.rerun("stitch", window="hamming").rerun("transform", n_fft=256)
    sizes = {"transform.n_fft": 256, "transform.hop_length": 32, "transform.win_length": 256}
    fresh = wb.separate(make_song(), model=card, window="hamming", settings=sizes)
    assert torch.equal(again.stems["loud"].data, fresh["loud"].data)
    back = again.rerun("transform", n_fft=128, hop_length=64)
    assert [back["transform"].parameters[name] for name in ("n_fft", "hop_length", "win_length")] == [128, 64, 128]
    with pytest.raises(InvalidType, match=r"transform\.n_fft"):
        traced.rerun("transform", n_fft="large")


def test_passes_and_members_follow(card: ModelCard) -> None:
    song = make_song()
    settings = {"transform.n_fft": 256}
    alone = wb.separate(song, model=card, settings=settings)
    other = wb.separate(song, model=card)
    ensemble = wb.Ensemble([card, {"model": card, "name": "fine", "settings": settings}])
    passes = wb.trace(song, ensemble=ensemble)
    assert torch.equal(passes["fine"].stems["loud"].data, alone["loud"].data)
    torch.testing.assert_close(passes.stems["loud"].data, (alone["loud"].data + other["loud"].data) / 2)
    again = passes["fine"].rerun("transform", n_fft=64)
    assert again["transform"].shape[1] == 2 * 33


def test_a_sweep_over_frame_sizes_has_no_errors(card: ModelCard) -> None:
    result = wb.sweep(make_song(), model=card, settings={"transform.n_fft": [64, 128, 256]})
    assert list(result.table["error"]) == ["", "", ""]


def test_what_follows_is_explained_and_left_out_of_configs(card: ModelCard) -> None:
    explained = explain_settings(Request(model=card, settings={"transform.n_fft": 256}))
    origins = {".".join(setting.path): (setting.value, setting.origin) for setting in explained}
    assert origins["model.num_freqs"] == (129, "from transform.n_fft")
    assert origins["transform.win_length"] == (256, "from transform.n_fft")
    assert origins["transform.n_fft"] == (256, "setting")
    assert "  # num_freqs: 129 (from transform.n_fft)" in settings_to_yaml(explained).splitlines()
    document = settings_to_document(explained)
    assert document["model"] == {"sharpness": 1.0}
    # so that whoever repeats the run may change the frame size alone
    assert wb.separate(make_song(), model=card, config=document, settings={"transform.n_fft": 512})
    given = explain_settings(Request(model=card, settings={"model.num_freqs": 65}))
    assert settings_to_document(given)["model"]["num_freqs"] == 65


def test_stems_that_were_saved_can_be_made_again_with_another_frame_size(card: ModelCard) -> None:
    stems = wb.separate(make_song(), model=card)
    assert wb.separate(make_song(), model=card, config=stems.config, settings={"transform.n_fft": 256})


def test_a_card_whose_default_is_of_another_transform_is_refused(card: ModelCard) -> None:
    with pytest.raises(InvalidValue, match=r"the parameter num_freqs of model 'split' must be .* 65, got 1025"):
        validate_model_card(dataclasses.replace(card, parameters=dataclass(frozen=True)(Wrong)))
    without = dataclasses.replace(card, stft=None, input_type="waveform", output_type="waveform")
    with pytest.raises(InvalidValue, match=r"num_freqs of model 'split' is NumFreqs, and there is no transform"):
        validate_model_card(without)


class Wrong:
    """Settings with the frequencies of a larger frame."""

    num_freqs: NumFreqs = 1025


def test_a_window_given_as_a_tensor_keeps_its_length(card: ModelCard) -> None:
    stft = dataclasses.replace(card.stft, window_shape=torch.hann_window(128))
    traced = wb.trace(make_song(), model=dataclasses.replace(card, stft=stft), settings={"transform.n_fft": 256})
    assert [traced["transform"].parameters[name] for name in ("hop_length", "win_length")] == [32, 128]


def test_shares_of_tiny_frames_are_at_least_a_sample() -> None:
    transform = {"n_fft": 8, "hop_length": 2, "win_length": 8, "window_shape": "hann"}
    assert scale_transform(transform, n_fft=1) == {"hop_length": 1, "win_length": 1}
