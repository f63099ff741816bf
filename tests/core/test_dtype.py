from __future__ import annotations

import pytest
import torch

from workbench.core import str_to_torch_dtype
from workbench.errors import InvalidType, InvalidValue


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("float16", torch.float16),
        ("bfloat16", torch.bfloat16),
        ("float32", torch.float32),
        ("float64", torch.float64),
        ("half", torch.float16),
        ("int64", torch.int64),
    ],
)
def test_names_of_dtypes(name: str, dtype: torch.dtype) -> None:
    assert str_to_torch_dtype(name) is dtype


@pytest.mark.parametrize("value", [torch.float16, 16, None, b"float16", "nn", "Tensor", "sum", "__name__"])
def test_what_is_no_string_or_no_dtype_is_a_type_error(value: object) -> None:
    with pytest.raises(InvalidType, match="dtype") as caught:
        str_to_torch_dtype(value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("name", ["float17", "", "Float16", "torch.float16", "float 16"])
def test_names_that_torch_does_not_have_are_a_value_error(name: str) -> None:
    with pytest.raises(InvalidValue, match=f"no dtype '{name}'; expected a name such as 'float32'") as caught:
        str_to_torch_dtype(name)
    assert isinstance(caught.value, ValueError)
