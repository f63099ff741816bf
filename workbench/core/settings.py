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

    Args:
        n_fft: transform size in samples; gives ``n_fft // 2 + 1`` frequencies.
        hop_length: samples from one frame to the next.
        win_length: length of the window, at most ``n_fft``; a shorter one is centred in the frame.
        window_shape: ``"hann"`` or ``"hamming"`` (periodic), or a tensor of ``win_length`` samples.
        normalized: scale by ``1 / sqrt(n_fft)``, which makes the DFT unitary.
        conv_dtype: when set, the forward transform is a convolution in real arithmetic with kernels
            of this dtype, which exporters without complex types can follow; ``None`` is the FFT.

    Raises:
        InvalidType: a size that is not a whole number.
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
    """

    add_sub_dtype: torch.dtype | None = None
    out_dtype: torch.dtype | None = None
