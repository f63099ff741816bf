"""Slow and obvious versions of what the core does, straight from its contract, and a few looking glasses."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

NUMPY_MODES = {"reflect": "reflect", "constant": "constant", "replicate": "edge"}


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """The same noise of about unit size at every call."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def lay_grid(num_samples: int, chunk_size: int, hop_size: int) -> tuple[int, list[int]]:
    """Padded length, and the starts of all chunks in it, by trying."""
    padded_length = num_samples + 2 * (chunk_size - hop_size)
    while padded_length < chunk_size or (padded_length - chunk_size) % hop_size != 0:
        padded_length += 1
    return padded_length, [start for start in range(padded_length - chunk_size + 1) if start % hop_size == 0]


def pad_and_cut(song: Tensor, chunk_size: int, hop_size: int, padding_mode: str) -> Tensor:
    """All chunks (chunk, channel, chunk_size) of a song that numpy padded."""
    num_samples, padding = song.shape[-1], chunk_size - hop_size
    padded_length, starts = lay_grid(num_samples, chunk_size, hop_size)
    padded = np.pad(song.double().numpy(), ((0, 0), (padding, padding)), mode=NUMPY_MODES[padding_mode])
    padded = np.pad(padded, ((0, 0), (0, padded_length - padded.shape[-1])))
    return torch.from_numpy(np.stack([padded[:, start : start + chunk_size] for start in starts])).to(song.dtype)


def overlap_add(chunks: Tensor, hop_size: int, num_samples: int, window: Tensor) -> Tensor:
    """Stitch (chunk, stem, channel, chunk_size) sample by sample in float64, with a window sum as long as the song."""
    num_chunks, num_stems, num_channels, chunk_size = chunks.shape
    padding = chunk_size - hop_size
    exact, weights = chunks.double().numpy(), window.double().numpy()
    song = np.zeros((num_stems, num_channels, num_samples))
    for sample in range(num_samples):
        total = np.zeros((num_stems, num_channels))
        weight = 0.0
        for index in range(num_chunks):
            offset = sample + padding - index * hop_size
            if 0 <= offset < chunk_size:
                total += weights[offset] * exact[index, :, :, offset]
                weight += weights[offset]
        song[:, :, sample] = total / max(weight, 1e-8)
    return torch.from_numpy(song)


def multiply_complex(first: Tensor, second: Tensor) -> Tensor:
    """The product of two tensors of (real, imaginary) in complex128."""
    numbers = [torch.complex(value[..., 0].double(), value[..., 1].double()) for value in (first, second)]
    return torch.view_as_real(numbers[0] * numbers[1])


def measure_si_sdr(estimate: Tensor, target: Tensor) -> Tensor:
    """Scale-invariant SDR in dB (Le Roux et al. 2019)."""
    scaled = (estimate * target).sum() / target.square().sum() * target
    return 10 * torch.log10(scaled.square().sum() / (estimate - scaled).square().sum())


def call_unchanged(function: Callable[..., object], *tensors: Tensor) -> object:
    """``function(*tensors)``, having seen that it wrote into none of them."""
    copies, versions = [tensor.clone() for tensor in tensors], [tensor._version for tensor in tensors]
    result = function(*tensors)
    for tensor, copy, version in zip(tensors, copies, versions, strict=True):
        assert torch.equal(tensor, copy)
        assert tensor._version == version, "written to in place, be it with the same values"
    return result


class AllocationRecorder(TorchDispatchMode):
    """Sees every operation of torch: its name, and how large the new storages are that it made."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[str] = []
        self.new_bytes: list[int] = []
        self._kept: list[Tensor] = []  # alive, so that no address is used twice
        self._known: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self._known.update(_address(value) for value in _tensors((args, kwargs)))
        result = func(*args, **(kwargs or {}))
        self.operations.append(func.overloadpacket.__name__)
        for value in _tensors(result):
            if _address(value) not in self._known:
                self._kept.append(value)
                self._known.add(_address(value))
                self.new_bytes.append(value.untyped_storage().nbytes())
        return result


def _tensors(tree: object) -> Sequence[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _address(value: Tensor) -> int:
    return value.untyped_storage().data_ptr()
