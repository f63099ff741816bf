from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable

import pytest
import torch
from core_reference import call_unchanged, noise
from torch import Tensor, nn

from workbench.core import InverseStft, MaskingConfig, ModelWaveformToWaveform, Stft, StftConfig, create_w2w_model
from workbench.errors import InvalidValue

CHANNELS, SAMPLES = 2, 163
GAINS = (1.0, -0.5, 0.0)  # of the three stems
CONFIGS = {
    "plain": StftConfig(32, 8, 32),
    "short-window": StftConfig(32, 6, 20),
    "normalized": StftConfig(32, 8, 32, normalized=True),
    "odd-normalized-short-window": StftConfig(31, 7, 24, "hamming", normalized=True),
    "convolution": StftConfig(32, 8, 32, conv_dtype=torch.float32),
}
INPUT_TYPES = ("waveform", "spectrogram", "waveform_and_spectrogram")
OUTPUT_TYPES = ("waveform", "spectrogram_mask", "spectrogram")
PAIRS = [(given, gives) for given in INPUT_TYPES for gives in OUTPUT_TYPES]


class GainModel(nn.Module):
    """Stem k is GAINS[k] times the mixture, whatever goes in and comes out; it notes what it was called with."""

    def __init__(self, config: StftConfig, input_type: str, output_type: str) -> None:
        super().__init__()
        self.input_type, self.output_type = input_type, output_type
        self.transform, self.invert = Stft(config), InverseStft(config, SAMPLES)
        self.gains = nn.Parameter(torch.tensor(GAINS))
        self.inputs: tuple[Tensor, ...] = ()

    def forward(self, *inputs: Tensor) -> Tensor:
        self.inputs = inputs
        first = inputs[0]
        is_waveform = self.input_type == "waveform"
        if self.output_type == "waveform":
            mixture = first if is_waveform else self.invert(first)
        else:
            mixture = self.transform(first) if is_waveform else first
        if self.output_type == "spectrogram_mask":
            mixture = torch.stack((torch.ones_like(mixture[..., 0]), torch.zeros_like(mixture[..., 0])), dim=-1)
        return mixture.unsqueeze(1) * self.gains.to(mixture.dtype).view(3, *[1] * (mixture.ndim - 1))


class FunctionModel(nn.Module):
    """A model without parameters."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


def wrap(
    model: nn.Module, input_type: str, output_type: str, config: StftConfig | None, masking: MaskingConfig | None = None
) -> ModelWaveformToWaveform:
    return create_w2w_model(model, input_type, output_type, config, CHANNELS, SAMPLES, masking or MaskingConfig())


def make_gain_model(input_type: str, output_type: str, config: StftConfig) -> ModelWaveformToWaveform:
    return wrap(GainModel(config, input_type, output_type), input_type, output_type, config)


def make_mask(gain: Tensor) -> Tensor:
    """(batch, rows, frame) -> the mask of one stem."""
    return torch.stack((gain, torch.zeros_like(gain)), dim=-1).unsqueeze(1)


def test_signature_is_that_of_the_contract() -> None:
    assert list(inspect.signature(create_w2w_model).parameters) == [
        "model",
        "model_input_type",
        "model_output_type",
        "stft_cfg",
        "num_channels",
        "chunk_size",
        "masking_cfg",
    ]


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@pytest.mark.parametrize(("input_type", "output_type"), PAIRS)
def test_every_pair_gives_the_stems_that_the_model_means(input_type: str, output_type: str, config: StftConfig) -> None:
    separator = make_gain_model(input_type, output_type, config)
    chunk = noise(4, CHANNELS, SAMPLES)
    stems = call_unchanged(separator, chunk)
    assert stems.shape == (4, 3, CHANNELS, SAMPLES)
    expected = chunk.unsqueeze(1) * torch.tensor(GAINS).view(3, 1, 1)
    torch.testing.assert_close(stems, expected, rtol=0, atol=2e-5)  # there and back in float32

    spectrogram = Stft(config)(chunk)
    called_with = {
        "waveform": (chunk,),
        "spectrogram": (spectrogram,),
        "waveform_and_spectrogram": (spectrogram, chunk),
    }[input_type]
    assert len(separator.model.inputs) == len(called_with)
    assert all(map(torch.equal, separator.model.inputs, called_with))

    stems.square().sum().backward()
    assert separator.model.gains.grad[0] != 0


@pytest.mark.parametrize("input_type", INPUT_TYPES)
def test_rows_are_frequency_outer_and_channel_inner(input_type: str) -> None:
    config = CONFIGS["plain"]
    frames = InverseStft(config, SAMPLES).num_frames
    time = torch.arange(SAMPLES)
    low = (2 * torch.pi * time * 2 / 32).sin()  # in the middle of frequency 2
    high = (2 * torch.pi * time * 12 / 32).sin()
    chunk = torch.stack((low + high, 3 * low + 2 * high)).unsqueeze(0)
    rows = torch.arange(17 * CHANNELS)
    passes = ((rows % CHANNELS == 0) & (rows // CHANNELS < 7)).float()  # the left channel, below frequency 7

    separator = wrap(
        FunctionModel(lambda *_: make_mask(passes.view(1, -1, 1).expand(1, -1, frames))),
        input_type,
        "spectrogram_mask",
        config,
    )
    left, right = separator(chunk)[0, 0]
    assert right.abs().max() == 0
    # hann confines a sine to its neighbours inside the song; at its ends reflection bends it
    torch.testing.assert_close(left[32:-32], low[32:-32], rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(("input_type", "output_type"), [pair for pair in PAIRS if pair[1] != "waveform"])
def test_half_precision_model_is_inverted_in_float32(input_type: str, output_type: str, dtype: torch.dtype) -> None:
    separator = wrap(
        GainModel(CONFIGS["plain"], input_type, output_type).to(dtype), input_type, output_type, CONFIGS["plain"]
    )
    chunk = noise(2, CHANNELS, SAMPLES)
    stems = separator(chunk)
    assert {value.dtype for value in separator.model.inputs} == {dtype}
    assert stems.dtype == torch.float32
    # a mask of exact numbers is as exact as ever, for the mixture stays float32; a spectrogram is rounded to the dtype
    tolerance = 2e-5 if output_type == "spectrogram_mask" else 8 * torch.finfo(dtype).eps
    torch.testing.assert_close(stems[:, 0], chunk, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_casting_the_whole_separator_casts_the_model_alone(dtype: torch.dtype) -> None:
    separator = make_gain_model("spectrogram", "spectrogram_mask", CONFIGS["plain"]).to(dtype)
    assert separator.model.gains.dtype == dtype
    chunk = noise(2, CHANNELS, SAMPLES)
    torch.testing.assert_close(separator(chunk)[:, 0].float(), chunk, rtol=0, atol=2e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_chunks_of_other_dtypes(dtype: torch.dtype) -> None:
    chunk = noise(2, CHANNELS, SAMPLES, dtype=dtype)
    separator = make_gain_model("waveform_and_spectrogram", "spectrogram_mask", CONFIGS["plain"])
    stems = separator(chunk)
    assert stems.dtype == torch.promote_types(dtype, torch.float32)
    torch.testing.assert_close(stems[:, 0], chunk.to(stems.dtype), rtol=0, atol=2e-5)


def test_masking_config_reaches_the_product() -> None:
    chunk = noise(2, CHANNELS, SAMPLES)
    errors = {}
    for masking in (
        MaskingConfig(),
        MaskingConfig(add_sub_dtype=torch.bfloat16),
        MaskingConfig(out_dtype=torch.bfloat16),
    ):
        model = GainModel(CONFIGS["plain"], "spectrogram", "spectrogram_mask")
        stems = wrap(model, "spectrogram", "spectrogram_mask", CONFIGS["plain"], masking)(chunk).detach()
        assert stems.dtype == torch.float32
        errors[masking] = float((stems[:, 0] - chunk).abs().max())
    exact, *coarse = errors.values()
    assert exact < 2e-5 < 1e-3 < min(coarse)


def test_wrapper_is_what_the_contract_writes() -> None:
    def preprocess(chunk: Tensor) -> tuple[Tensor, ...]:
        return chunk + 1, chunk + 2

    def postprocess(output: Tensor, *inputs: Tensor) -> Tensor:
        assert [float(value[0, 0, 0]) for value in inputs] == [1, 2]
        return output.unsqueeze(1) + inputs[1].unsqueeze(1)

    separator = ModelWaveformToWaveform(FunctionModel(lambda a, b: 10 * a + b), preprocess, postprocess)
    assert isinstance(separator, nn.Module)
    assert separator(torch.zeros(1, 1, 3)).tolist() == [[[[14, 14, 14]]]]


def test_model_is_neither_changed_nor_copied() -> None:
    model = GainModel(CONFIGS["plain"], "spectrogram", "spectrogram_mask").half()
    separator = wrap(model, "spectrogram", "spectrogram_mask", CONFIGS["plain"])
    assert separator.model is model
    assert model.gains.dtype == torch.float16
    assert list(separator.state_dict()) == ["model.gains"]


def test_copy_of_a_separator_stands_alone() -> None:
    separator = make_gain_model("spectrogram", "spectrogram_mask", CONFIGS["plain"])
    twin = copy.deepcopy(separator)
    with torch.no_grad():
        separator.model.gains.zero_()
    chunk = noise(1, CHANNELS, SAMPLES)
    torch.testing.assert_close(twin(chunk)[:, 0], chunk, rtol=0, atol=2e-5)
    assert twin.preprocess.__self__ is twin.stages is not separator.stages


@pytest.mark.parametrize(("input_type", "output_type"), PAIRS)
def test_everything_runs_on_the_device_of_the_parameters(input_type: str, output_type: str) -> None:
    config = CONFIGS["convolution"]
    separator = wrap(GainModel(config, input_type, output_type).to("meta"), input_type, output_type, config)
    assert {buffer.device.type for buffer in separator.buffers()} == {"meta"}
    assert separator(noise(2, CHANNELS, SAMPLES)).device.type == "meta"
    moved = make_gain_model(input_type, output_type, config).to("meta")
    assert moved(noise(2, CHANNELS, SAMPLES)).device.type == "meta"


@pytest.mark.parametrize(("input_type", "output_type"), [pair for pair in PAIRS if pair != ("waveform", "waveform")])
def test_spectrogram_types_need_a_transform(input_type: str, output_type: str) -> None:
    with pytest.raises(InvalidValue, match=f"from {input_type} to {output_type} needs stft_cfg"):
        wrap(nn.Identity(), input_type, output_type, None)


def test_waveform_to_waveform_needs_no_transform() -> None:
    chunk = noise(2, CHANNELS, SAMPLES)
    assert torch.equal(wrap(FunctionModel(lambda w: w.unsqueeze(1)), "waveform", "waveform", None)(chunk)[:, 0], chunk)


@pytest.mark.usefixtures("plain_types")
def test_unknown_types_are_errors_that_name_the_known() -> None:
    with pytest.raises(InvalidValue, match=r"model_input_type must be one of waveform, spectrogram, .*, got 'wave'"):
        wrap(nn.Identity(), "wave", "waveform", None)
    with pytest.raises(InvalidValue, match=r"model_output_type must be one of waveform, spectrogram_mask, .*, got 'm'"):
        wrap(nn.Identity(), "waveform", "m", None)


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize("shape", [(2, 2, 162), (2, 1, 163), (2, 163)])
def test_chunks_of_another_shape_are_errors(shape: tuple[int, ...]) -> None:
    separator = make_gain_model("spectrogram", "spectrogram_mask", CONFIGS["plain"])
    with pytest.raises(InvalidValue, match=re.escape(f"(batch, 2, 163), got {shape}")):
        separator(torch.zeros(shape))


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize("output_type", ["spectrogram_mask", "spectrogram"])
@pytest.mark.parametrize(
    "change",
    [
        lambda output: output.squeeze(1),  # no stem axis: a batch must not be taken for stems
        lambda output: output[:, :, :17],  # one channel
        lambda output: output[..., :-1, :],  # a frame short
    ],
    ids=["no-stem-axis", "one-channel", "a-frame-short"],
)
def test_models_that_give_another_shape_are_errors(change: Callable[[Tensor], Tensor], output_type: str) -> None:
    model = FunctionModel(lambda spectrogram: change(torch.ones_like(spectrogram).unsqueeze(1)))
    separator = wrap(model, "spectrogram", output_type, CONFIGS["plain"])
    with pytest.raises(InvalidValue, match=r"freq \* channel, frame, 2\) = .*2\)$"):
        separator(noise(2, CHANNELS, SAMPLES))
