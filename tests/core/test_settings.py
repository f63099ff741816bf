from __future__ import annotations

import dataclasses

import pytest
import torch

from workbench.core import MaskingConfig, StftConfig
from workbench.errors import InvalidType, InvalidValue


def test_fields_and_defaults_are_those_of_the_contract() -> None:
    assert dataclasses.asdict(StftConfig()) == {
        "n_fft": 2048,
        "hop_length": 512,
        "win_length": 2048,
        "window_shape": "hann",
        "normalized": False,
        "conv_dtype": None,
    }
    assert dataclasses.asdict(MaskingConfig()) == {"add_sub_dtype": None, "out_dtype": None}
    assert list(dataclasses.asdict(StftConfig())) == [field.name for field in dataclasses.fields(StftConfig)]


def test_settings_are_frozen_and_compared_by_value() -> None:
    for settings, field in ((StftConfig(), "n_fft"), (MaskingConfig(), "out_dtype")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(settings, field, None)
    assert StftConfig(64, 16, 64) == StftConfig(n_fft=64, hop_length=16, win_length=64)
    assert StftConfig(64, 16, 64) != StftConfig(64, 16, 64, conv_dtype=torch.float32)
    assert len({StftConfig(), StftConfig(), StftConfig(64, 16, 64)}) == 2
    assert StftConfig() != 2048


def test_a_window_given_as_a_tensor_equals_itself_alone() -> None:
    window = torch.ones(64)
    settings = StftConfig(64, 16, 64, window_shape=window)
    assert settings == StftConfig(64, 16, 64, window_shape=window)
    # and not an error over the truth of a tensor
    assert settings != StftConfig(64, 16, 64, window_shape=window.clone())
    assert settings != StftConfig(64, 16, 64)
    assert len({settings, StftConfig(64, 16, 64, window_shape=window)}) == 1


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize("dtype", [torch.int32, torch.complex64, "float32", torch.ones(1)], ids=str)
def test_dtypes_that_cannot_hold_a_product(dtype: object) -> None:
    for make in (
        lambda: StftConfig(conv_dtype=dtype),
        lambda: MaskingConfig(add_sub_dtype=dtype),
        lambda: MaskingConfig(out_dtype=dtype),
    ):
        with pytest.raises(InvalidType, match=r"dtype must be a floating dtype such as torch.float32, or None, got"):
            make()


@pytest.mark.parametrize(("n_fft", "num_freqs"), [(2048, 1025), (33, 17), (1, 1)])
def test_number_of_frequencies(n_fft: int, num_freqs: int) -> None:
    assert StftConfig(n_fft, 1, 1).num_freqs == num_freqs


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ((0, 512, 0), InvalidValue, "n_fft must be at least 1 sample, got 0"),
        ((2048, 0, 2048), InvalidValue, "hop_length must be at least 1 sample, got 0"),
        ((2048, 512, -1), InvalidValue, "win_length must be at least 1 sample, got -1"),
        ((1024, 512, 2048), InvalidValue, "win_length must be at most n_fft, got 2048 > 1024"),
        ((2048.0, 512, 2048), InvalidType, r"n_fft must be a whole number of samples, got 2048\.0"),
        ((2048, "512", 2048), InvalidType, "hop_length must be a whole number of samples, got '512'"),
        ((2048, 512, True), InvalidType, "win_length must be a whole number of samples, got True"),
    ],
)
def test_sizes_that_cannot_be(sizes: tuple[object, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        StftConfig(*sizes)
