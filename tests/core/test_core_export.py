"""The mask and the convolution transform must go through exporters that know no complex numbers."""

from __future__ import annotations

import warnings

import pytest
import torch
from core_reference import noise
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from workbench.core import Stft, StftConfig, apply_mask

CONFIG = StftConfig(32, 8, 24, normalized=True, conv_dtype=torch.float32)
SAMPLES, ROWS, FRAMES = 160, 17 * 2, 21


class Mask(nn.Module):
    def forward(self, spectrogram: Tensor, mask: Tensor) -> Tensor:
        return apply_mask(spectrogram.unsqueeze(1), mask, None, None)


class MaskInHalfPrecision(nn.Module):
    def forward(self, spectrogram: Tensor, mask: Tensor) -> Tensor:
        return apply_mask(spectrogram.unsqueeze(1), mask, torch.float16, torch.float32)


class TransformAndMask(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.transform = Stft(CONFIG)

    def forward(self, chunk: Tensor, mask: Tensor) -> Tensor:
        return apply_mask(self.transform(chunk).unsqueeze(1), mask, None, None)


CHUNK, SPECTROGRAM = noise(2, 2, SAMPLES), noise(2, ROWS, FRAMES, 2)
MASK = noise(2, 3, ROWS, FRAMES, 2, seed=1)
CASES = {
    "mask": (Mask, (SPECTROGRAM, MASK)),
    "mask-in-half-precision": (MaskInHalfPrecision, (SPECTROGRAM, MASK)),
    "transform": (lambda: Stft(CONFIG), (CHUNK,)),
    "transform-and-mask": (TransformAndMask, (CHUNK, MASK)),
}


def find_complex(program: torch.export.ExportedProgram) -> list[str]:
    """Names of the nodes and constants that hold complex numbers."""
    nodes = [
        node.name
        for node in program.graph.nodes
        for value in tree_leaves(node.meta.get("val"))
        if isinstance(value, Tensor) and value.is_complex()
    ]
    held = {**program.state_dict, **program.constants}
    return nodes + [name for name, value in held.items() if isinstance(value, Tensor) and value.is_complex()]


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(("make", "inputs"), CASES.values(), ids=CASES.keys())
def test_exported_program_is_real_and_gives_the_same_numbers(make: type[nn.Module], inputs: tuple[Tensor, ...]) -> None:
    module = make()
    program = torch.export.export(module, inputs)
    values = [value for node in program.graph.nodes for value in tree_leaves(node.meta.get("val"))]
    assert sum(isinstance(value, Tensor) for value in values) > len(inputs), "the nodes say what they hold"
    assert find_complex(program) == []
    others = tuple(value.flip(0) for value in inputs)  # not the numbers that it was exported with
    # the same real arithmetic, but for the mask, which otherwise runs through the complex kernel
    torch.testing.assert_close(program.module()(*others), module(*others), rtol=0, atol=2e-6)


@pytest.mark.usefixtures("plain_types")
def test_the_fast_transform_is_complex_so_the_search_can_find_something() -> None:
    program = torch.export.export(Stft(StftConfig(32, 8, 24)), (CHUNK,))
    assert find_complex(program)


@pytest.mark.usefixtures("plain_types")
def test_exported_program_takes_any_number_of_chunks() -> None:
    module, batch = TransformAndMask(), torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(module, (CHUNK, MASK), dynamic_shapes={"chunk": {0: batch}, "mask": {0: batch}})
    inputs = noise(5, 2, SAMPLES), noise(5, 3, ROWS, FRAMES, 2, seed=1)
    assert find_complex(program) == []
    torch.testing.assert_close(program.module()(*inputs), module(*inputs), rtol=0, atol=2e-6)


@pytest.mark.usefixtures("plain_types")
def test_traced_graph_is_real_too() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tracing is old and takes shapes for constants; converters still use it
        traced = torch.jit.trace(TransformAndMask(), (CHUNK, MASK))
    assert "complex" not in str(traced.inlined_graph).lower()
    torch.testing.assert_close(traced(CHUNK, MASK), TransformAndMask()(CHUNK, MASK), rtol=0, atol=2e-6)
