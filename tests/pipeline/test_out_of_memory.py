from __future__ import annotations

import pytest
import torch

from workbench.pipeline.out_of_memory import is_out_of_memory


def ask_for_too_much() -> None:
    torch.empty(2**50)


def test_what_torch_itself_raises_here() -> None:
    with pytest.raises(RuntimeError) as raised:
        ask_for_too_much()
    assert not isinstance(raised.value, torch.OutOfMemoryError)  # that is for other devices
    assert is_out_of_memory(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA ..."),
        MemoryError(),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be ..."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:1] data. DefaultCPUAllocator: not enough memory: you tried"),
    ],
)
def test_less_at_a_time_might_do(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("shapes"), ValueError("out of memory"), KeyError(), OSError(12, "x")])
def test_less_at_a_time_would_not_help(error: Exception) -> None:
    assert not is_out_of_memory(error)
