from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from core_reference import call_unchanged, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from workbench.core import InverseStft, Stft, StftConfig
from workbench.core.spectrum import make_stft_window
from workbench.errors import InvalidValue

BUMP = torch.linspace(0.2, 1.0, 24, dtype=torch.float64).sin()  # like no window that has a name
CONFIGS = {
    "plain": StftConfig(32, 8, 32),
    "hop-does-not-divide": StftConfig(32, 7, 32),
    "short-window": StftConfig(32, 8, 24),
    "odd-pad-around-window": StftConfig(32, 6, 25),
    "normalized": StftConfig(32, 8, 32, normalized=True),
    "normalized-short-window": StftConfig(32, 6, 20, normalized=True),
    "odd": StftConfig(33, 8, 33),
    "odd-short-window": StftConfig(31, 5, 24, normalized=True),
    "hamming": StftConfig(32, 16, 32, "hamming"),
    "tensor": StftConfig(32, 8, 24, BUMP),
    "one-bin": StftConfig(1, 1, 1, torch.ones(1)),
}


def use_config(config: StftConfig, dtype: torch.dtype) -> dict[str, object]:
    """The arguments of torch.stft and torch.istft."""
    make = {"hann": torch.hann_window, "hamming": torch.hamming_window}
    shape = config.window_shape
    window = shape if isinstance(shape, Tensor) else make[shape](config.win_length, dtype=dtype)
    return {
        "n_fft": config.n_fft,
        "hop_length": config.hop_length,
        "win_length": config.win_length,
        "window": window.to(dtype),
        "normalized": config.normalized,
    }


def transform_by_torch(chunk: Tensor, config: StftConfig) -> Tensor:
    """(batch, channel, time) -> (batch, freq * channel, frame, 2), reflected by numpy, transformed by torch.stft."""
    half = config.n_fft // 2
    padded = np.pad(chunk.numpy(), ((0, 0), (0, 0), (half, half)), mode="reflect")
    frames = torch.stft(
        torch.from_numpy(padded).flatten(0, 1), center=False, return_complex=True, **use_config(config, chunk.dtype)
    )
    by_channel = torch.view_as_real(frames).unflatten(0, chunk.shape[:2])  # (batch, channel, freq, frame, 2)
    return by_channel.transpose(1, 2).flatten(1, 2)


@pytest.mark.parametrize("num_samples", [160, 163, 40])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_transform_is_that_of_torch(config: StftConfig, num_samples: int) -> None:
    chunk = noise(2, 3, num_samples, dtype=torch.float64)
    spectrogram = call_unchanged(Stft(config), chunk)
    torch.testing.assert_close(spectrogram, transform_by_torch(chunk, config), rtol=0, atol=1e-12)
    assert spectrogram.shape[1] == config.num_freqs * 3
    assert spectrogram.shape[2] == 1 + (num_samples - config.n_fft % 2) // config.hop_length


@pytest.mark.parametrize("num_samples", [1, 2, 9, 16])
def test_chunk_shorter_than_half_a_frame_is_reflected_back_and_forth(num_samples: int) -> None:
    config, chunk = StftConfig(32, 8, 32), noise(2, 2, num_samples, dtype=torch.float64)
    spectrogram = Stft(config)(chunk)
    torch.testing.assert_close(spectrogram, transform_by_torch(chunk, config), rtol=0, atol=1e-12)
    torch.testing.assert_close(InverseStft(config, num_samples)(spectrogram), chunk, rtol=0, atol=1e-10)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_frequency_is_outer_and_channel_inner(config: StftConfig) -> None:
    chunk = noise(2, 3, 160)
    spectrogram = Stft(config)(chunk)
    for channel in range(3):
        alone = Stft(config)(chunk[:, channel : channel + 1])
        torch.testing.assert_close(spectrogram[:, channel::3], alone)


@pytest.mark.parametrize("num_samples", [160, 163])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_inverse_of_any_spectrogram_is_that_of_torch(config: StftConfig, num_samples: int) -> None:
    inverse = InverseStft(config, num_samples)
    spectrogram = noise(2, 4, config.num_freqs * 3, inverse.num_frames, 2, dtype=torch.float64)  # of no waveform
    waveform = call_unchanged(inverse, spectrogram)
    assert waveform.shape == (2, 4, 3, num_samples)
    by_channel = spectrogram.unflatten(2, (config.num_freqs, 3)).transpose(2, 3)  # (2, 4, channel, freq, frame, 2)
    expected = torch.istft(
        torch.view_as_complex(by_channel.flatten(0, 2).contiguous()),
        length=num_samples,
        **use_config(config, torch.float64),
    )
    # relative: at the last samples hann divides by numbers down to 1e-3
    torch.testing.assert_close(waveform, expected.unflatten(0, (2, 4, 3)), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("conv_dtype", [None, torch.float64])
@pytest.mark.parametrize("num_samples", [160, 163])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_there_and_back(config: StftConfig, num_samples: int, conv_dtype: torch.dtype | None) -> None:
    config = StftConfig(**{**vars(config), "conv_dtype": conv_dtype})
    chunk = noise(2, 3, num_samples, dtype=torch.float64)
    back = InverseStft(config, num_samples)(Stft(config)(chunk))
    torch.testing.assert_close(back, chunk, rtol=0, atol=1e-10)


@given(st.integers(2, 48), st.integers(1, 24), st.integers(1, 200))
@settings(max_examples=100)
def test_there_and_back_for_any_size(n_fft: int, hop_length: int, num_samples: int) -> None:
    config = StftConfig(n_fft, min(hop_length, n_fft // 2), n_fft, "hamming")  # never 0
    chunk = noise(1, 2, num_samples, dtype=torch.float64)
    back = InverseStft(config, num_samples)(Stft(config)(chunk))
    assert back.shape == chunk.shape
    torch.testing.assert_close(back, chunk, rtol=0, atol=1e-10)


def test_default_config_on_a_float32_chunk() -> None:
    config, chunk = StftConfig(), noise(1, 2, 20_001)
    spectrogram = Stft(config)(chunk)
    assert spectrogram.shape == (1, 1025 * 2, 40, 2)
    # sums of 2048 products of about 1
    torch.testing.assert_close(spectrogram, transform_by_torch(chunk, config), rtol=0, atol=2e-4)
    torch.testing.assert_close(InverseStft(config, 20_001)(spectrogram), chunk, rtol=0, atol=1e-5)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_convolution_is_the_fourier_transform(config: StftConfig) -> None:
    chunk = noise(2, 3, 163)
    for conv_dtype, tolerance in ((torch.float32, 2e-5), (torch.float64, 1e-12)):  # sums of 32 products of about 1
        convolve = Stft(StftConfig(**{**vars(config), "conv_dtype": conv_dtype}))
        spectrogram = call_unchanged(convolve, chunk)
        assert spectrogram.dtype == conv_dtype
        exact = transform_by_torch(chunk.double(), config)
        torch.testing.assert_close(spectrogram.double(), exact, rtol=0, atol=tolerance)


@pytest.mark.parametrize("conv_dtype", [torch.float16, torch.bfloat16])
def test_convolution_in_half_precision_keeps_its_dtype(conv_dtype: torch.dtype) -> None:
    config, chunk = StftConfig(32, 8, 32, conv_dtype=conv_dtype), noise(1, 2, 160)
    spectrogram = Stft(config)(chunk)
    assert spectrogram.dtype == conv_dtype
    coarse = 32**0.5 * torch.finfo(conv_dtype).eps * 4
    torch.testing.assert_close(spectrogram.float(), transform_by_torch(chunk, config), rtol=0, atol=coarse)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_transformed_in_float32(dtype: torch.dtype) -> None:
    config, chunk = CONFIGS["plain"], noise(2, 2, 160, dtype=dtype)
    spectrogram = Stft(config)(chunk)
    assert spectrogram.dtype == torch.float32
    torch.testing.assert_close(spectrogram, Stft(config)(chunk.float()), rtol=0, atol=0)
    coarse = spectrogram.to(dtype)
    waveform = InverseStft(config, 160)(coarse)
    assert waveform.dtype == torch.float32
    torch.testing.assert_close(waveform, InverseStft(config, 160)(coarse.float()), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("conv_dtype", [None, torch.float32])
def test_casting_a_module_leaves_its_windows_exact(conv_dtype: torch.dtype | None, dtype: torch.dtype) -> None:
    config, chunk = StftConfig(32, 8, 32, conv_dtype=conv_dtype), noise(2, 2, 160)
    cast = torch.nn.ModuleList([Stft(config), InverseStft(config, 160)]).to(dtype)
    torch.testing.assert_close(cast[1](cast[0](chunk)), chunk, rtol=0, atol=1e-5)
    assert not cast.state_dict(), "windows are no weights: they belong in no checkpoint"


def test_inverse_reads_a_spectrogram_however_it_lies_in_memory() -> None:
    config = CONFIGS["plain"]
    inverse, spectrogram = InverseStft(config, 160), Stft(config)(noise(2, 2, 160))
    expected = inverse(spectrogram)
    shifted = torch.zeros(spectrogram.numel() + 1)[1:].view(spectrogram.shape).copy_(spectrogram)
    spaced = torch.nn.functional.pad(spectrogram, (0, 1))[..., :2]
    swapped = spectrogram.movedim(-1, 0).contiguous().movedim(0, -1)
    for value in (shifted, spaced, swapped):
        assert torch.equal(inverse(value), expected)


def test_window_is_centred_in_the_frame_and_detached_from_what_was_given() -> None:
    given = BUMP.clone()
    window = make_stft_window(StftConfig(32, 8, 24, given))
    assert torch.equal(window, torch.nn.functional.pad(BUMP, (4, 4)))
    whole = make_stft_window(StftConfig(24, 8, 24, given))
    given.zero_()
    assert torch.equal(whole, BUMP)


def test_gradients_there_masked_and_back() -> None:
    config = StftConfig(6, 2, 5, normalized=True)
    chunk = noise(1, 2, 11, dtype=torch.float64).requires_grad_()
    forward, inverse = Stft(config), InverseStft(config, 11)
    assert torch.autograd.gradcheck(forward, (chunk,))
    assert torch.autograd.gradcheck(lambda given: inverse(forward(given)), (chunk,))
    spectrogram = noise(1, 4 * 2, inverse.num_frames, 2, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(inverse, (spectrogram,))
    convolve = Stft(StftConfig(6, 2, 5, conv_dtype=torch.float64))
    assert torch.autograd.gradcheck(convolve, (chunk,))


def test_result_is_on_the_device_of_the_chunk() -> None:
    for conv_dtype in (None, torch.float32):
        spectrogram = Stft(StftConfig(32, 8, 32, conv_dtype=conv_dtype))(torch.empty(1, 2, 160, device="meta"))
        assert spectrogram.device.type == "meta"
    assert InverseStft(CONFIGS["plain"], 160)(spectrogram).device.type == "meta"


@pytest.mark.parametrize(
    ("config", "num_samples"),
    [
        (StftConfig(32, 32, 32), 160),  # hann begins with 0: no overlap leaves a gap at each frame
        (StftConfig(32, 40, 32, "hamming"), 160),  # a hop longer than the window
        (StftConfig(32, 16, 8, "hamming"), 160),
        (StftConfig(32, 8, 32, torch.zeros(32)), 160),
    ],
)
def test_samples_that_no_frame_sees_are_an_error(config: StftConfig, num_samples: int) -> None:
    with pytest.raises(InvalidValue, match=f"hop_length of {config.hop_length}.*use a smaller hop_length"):
        InverseStft(config, num_samples)


def test_a_tail_beyond_the_last_window_is_an_error() -> None:
    config = StftConfig(32, 20, 32, "hamming")
    InverseStft(config, 160 + 16)  # the last frame is centred on 160 and reaches 15 samples further
    with pytest.raises(InvalidValue, match="a chunk of 177 are seen by no frame"):
        InverseStft(config, 160 + 17)


@pytest.mark.usefixtures("plain_types")
def test_what_cannot_be_transformed() -> None:
    for shape in ((160,), (2, 160), (1, 2, 3, 160), (1, 2, 0)):
        with pytest.raises(InvalidValue, match=re.escape(f"got {shape}")):
            Stft(CONFIGS["plain"])(torch.zeros(shape))
    with pytest.raises(InvalidValue, match="'hann', 'hamming' or a tensor, got 'kaiser'"):
        Stft(StftConfig(window_shape="kaiser"))
    with pytest.raises(InvalidValue, match=r"win_length = 32 samples, got \(24,\)"):
        Stft(StftConfig(32, 8, 32, BUMP))


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize("shape", [(1, 34, 20, 2), (1, 33, 21, 2)])
def test_spectrograms_of_another_size_are_an_error_that_says_which(shape: tuple[int, ...]) -> None:
    inverse = InverseStft(CONFIGS["plain"], 160)
    with pytest.raises(InvalidValue, match=rf"17 frequencies times channels and 21 frames.*{re.escape(str(shape))}"):
        inverse(torch.zeros(shape))
