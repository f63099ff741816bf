"""Settings of the transform and of masking.

Frozen data: a plugin's card may hold them without loading torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import InvalidType, InvalidValue

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class StftConfig:
    """Short-time Fourier transform, centred frames, one-sided spectrum.

    Compared by value, but for a window given as a tensor, which equals itself alone: two tensors have no single truth
    value.

    Args:
        n_fft: transform size in samples; gives ``n_fft // 2 + 1`` frequencies.
        hop_length: samples from one frame to the next.
        win_length: length of the window, at most ``n_fft``; a shorter one is centred in the frame.
        window_shape: ``"hann"`` or ``"hamming"`` (periodic), or a tensor of ``win_length`` samples.
        normalized: scale by ``1 / sqrt(n_fft)``, which makes the DFT unitary.
        conv_dtype: when set, the forward transform is a convolution in real arithmetic with kernels
            of this dtype, which exporters without complex types can follow; ``None`` is the FFT.

    Raises:
        InvalidType: a size that is not a whole number, or a ``conv_dtype`` that is no dtype of floating point.
        InvalidValue: a size below 1, or a window longer than the transform.
    """

    n_fft: int = 2048
    hop_length: int = 512
    win_length: int = 2048
    window_shape: str | torch.Tensor = "hann"
    normalized: bool = False
    conv_dtype: torch.dtype | None = None

    def __post_init__(self) -> None:
        for name in ("n_fft", "hop_length", "win_length"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise InvalidType(f"{name} must be a whole number of samples, got {value!r}")
            if value < 1:
                raise InvalidValue(f"{name} must be at least 1 sample, got {value}")
        if self.win_length > self.n_fft:
            raise InvalidValue(f"win_length must be at most n_fft, got {self.win_length} > {self.n_fft}")
        _check_floating("conv_dtype", self.conv_dtype)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StftConfig):
            return NotImplemented
        return self._identify() == other._identify()

    def __hash__(self) -> int:
        return hash(self._identify())

    def _identify(self) -> tuple[object, ...]:
        window = self.window_shape if isinstance(self.window_shape, str) else id(self.window_shape)
        return (self.n_fft, self.hop_length, self.win_length, window, self.normalized, self.conv_dtype)

    @property
    def num_freqs(self) -> int:
        """Number of frequencies of the one-sided spectrum."""
        return self.n_fft // 2 + 1


@dataclass(frozen=True)
class MaskingConfig:
    """Precision of `apply_mask`; ``None`` leaves the dtype as it is.

    Args:
        add_sub_dtype: the four products are cast to it before the subtraction and the addition.
        out_dtype: the masked spectrogram is cast to it.

    Raises:
        InvalidType: what is no dtype of floating point.
    """

    add_sub_dtype: torch.dtype | None = None
    out_dtype: torch.dtype | None = None

    def __post_init__(self) -> None:
        _check_floating("add_sub_dtype", self.add_sub_dtype)
        _check_floating("out_dtype", self.out_dtype)


def _check_floating(name: str, dtype: object) -> None:
    """Raise `InvalidType` unless that is ``None`` or a real floating dtype; integers would cut every value short."""
    if dtype is not None and getattr(dtype, "is_floating_point", None) is not True:  # of a tensor it is a method
        raise InvalidType(f"{name} must be a floating dtype such as torch.float32, or None, got {dtype!r}")
