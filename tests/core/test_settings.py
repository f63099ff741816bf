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
