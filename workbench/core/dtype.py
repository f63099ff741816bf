"""Names of torch dtypes."""

from __future__ import annotations

import torch

from workbench.errors import InvalidType, InvalidValue


def str_to_torch_dtype(value: object) -> torch.dtype:
    """``"float16"`` -> ``torch.float16``.

    Raises:
        InvalidType: not a string, or the name of something in torch that is no dtype.
        InvalidValue: a name that torch does not have.
    """
    if not isinstance(value, str):
        raise InvalidType(f"a dtype must be given by name, such as 'float16', got {type(value).__name__} {value!r}")
    if not hasattr(torch, value):
        raise InvalidValue(f"torch has no dtype {value!r}; expected a name such as 'float32', 'float16' or 'bfloat16'")
    dtype = getattr(torch, value)
    if not isinstance(dtype, torch.dtype):
        raise InvalidType(f"torch.{value} is not a dtype; expected a name such as 'float32', 'float16' or 'bfloat16'")
    return dtype
