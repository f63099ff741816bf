"""The short-time Fourier transform of chunks, and its inverse.

Spectrograms are (batch, freq * channel, frame, 2): frequency outer, channel inner, complex values as a last
axis of (real, imaginary). Frames are centred, as `torch.stft` has them: frame t is centred on sample
``t * hop_length``, the chunk goes on beyond its ends by reflection, and for an even ``n_fft`` there are
``1 + num_samples // hop_length`` frames.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from workbench.core.grid import take_span
from workbench.core.mask import is_viewable_as_complex
from workbench.core.settings import StftConfig
from workbench.errors import InvalidValue

__all__ = ["InverseStft", "Stft", "StftConfig", "make_stft_window"]

ENVELOPE_FLOOR = 1e-11  # below it a sample was seen by no window worth the name; torch.istft's own limit
# A frame's rounding, about 1e-7 of its level, comes out multiplied by 1 / sqrt(least / greatest sum of squares), and so
# does what a mask changes: here by 1e4, to 1e-3.
WORST_CONDITION = 1e-8


def make_stft_window(config: StftConfig) -> Float[Tensor, " n_fft"]:
    """The window of a transform, centred in ``n_fft`` samples with zeros around it, in float64.

    Raises:
        InvalidValue: a name other than hann and hamming (pass others as a tensor), or a tensor of another
            length.
    """
    shape = config.window_shape
    if isinstance(shape, Tensor):
        if tuple(shape.shape) != (config.win_length,):
            raise InvalidValue(
                f"window_shape must have win_length = {config.win_length} samples, got {tuple(shape.shape)}"
            )
        window = shape.detach().cpu().double()  # not every device knows float64
    elif shape == "hann":
        window = torch.hann_window(config.win_length, dtype=torch.float64)
    elif shape == "hamming":
        window = torch.hamming_window(config.win_length, dtype=torch.float64)
    else:
        raise InvalidValue(f"window_shape must be 'hann', 'hamming' or a tensor, got {shape!r}")
    left = (config.n_fft - config.win_length) // 2
    return F.pad(window, (left, config.n_fft - config.win_length - left))


class _Transform(nn.Module):
    """A module whose constants move with it from device to device but keep their precision.

    ``half()`` or ``bfloat16()`` on a wrapped model is meant for the network's weights: a window rounded
    likewise would leave errors of -37 dB in what it reconstructs. Constants are float32 buffers; float64
    input gets the exact ones.
    """

    def __init__(self, config: StftConfig) -> None:
        super().__init__()
        self.config = config
        self.exact_window = make_stft_window(config)
        self.register_buffer("window", self.exact_window.float(), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> _Transform:
        before = dict(self.named_buffers(recurse=False))
        cast(Any, super())._apply(fn, recurse)  # torch has no types for it
        for name, buffer in before.items():
            moved = getattr(self, name)
            if moved.dtype != buffer.dtype:
                setattr(self, name, buffer.to(moved.device))
        return self


class Stft(_Transform):
    """Chunks to spectrograms.

    Computed in the chunk's dtype, at least float32. With ``config.conv_dtype`` it is a convolution with the
    windowed cosines and sines of the DFT, in real arithmetic and in that dtype.

    Shapes:
        (batch, channel, time) -> (batch, freq * channel, frame, 2)

    Raises:
        InvalidValue: a chunk that is not (batch, channel, time), or has no samples.
    """

    window: Tensor
    kernels: Tensor

    def __init__(self, config: StftConfig) -> None:
        super().__init__(config)
        self.scale = config.n_fft**-0.5 if config.normalized else 1.0
        if config.conv_dtype is not None:
            kernels = _dft_kernels(config, self.exact_window) * self.scale
            self.register_buffer("kernels", kernels.to(config.conv_dtype), persistent=False)

    def forward(self, chunk: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch rows frame 2"]:
        """Transform a batch of chunks."""
        if chunk.ndim != 3 or chunk.shape[-1] < 1:
            raise InvalidValue(
                f"a chunk must be (batch, channel, time) with at least 1 sample, got {tuple(chunk.shape)}"
            )
        padded = _pad_by_reflection(chunk, self.config.n_fft // 2)
        batch, channel, _ = padded.shape
        if self.config.conv_dtype is None:
            spectrum = self._transform(padded.flatten(0, 1))  # (batch * channel, freq, frame, 2)
        else:
            spectrum = self._convolve(padded.flatten(0, 1))
        _, freq, frame, _ = spectrum.shape
        by_channel = spectrum.view(batch, channel, freq, frame, 2)
        return by_channel.transpose(1, 2).reshape(batch, freq * channel, frame, 2)

    def _transform(self, waveform: Tensor) -> Tensor:
        dtype = torch.promote_types(waveform.dtype, torch.float32)
        window = self.exact_window if dtype == torch.float64 else self.window
        window = window.to(waveform.device, dtype) * self.scale
        frames = waveform.to(dtype).unfold(-1, self.config.n_fft, self.config.hop_length) * window
        return torch.view_as_real(torch.fft.rfft(frames).transpose(1, 2))  # (batch * channel, freq, frame, 2)

    def _convolve(self, waveform: Tensor) -> Tensor:
        kernels = self.kernels.to(waveform.device)
        parts = F.conv1d(waveform.to(kernels.dtype).unsqueeze(1), kernels, stride=self.config.hop_length)
        return torch.stack(parts.chunk(2, dim=1), dim=-1)  # (batch * channel, freq, frame, 2)


class InverseStft(_Transform):
    """Spectrograms to chunks: the least-squares inverse of `Stft` (Griffin and Lim 1984).

    Windowed inverse transforms are overlap-added and divided by the sum of the squared windows. Computed in
    float32 at least, whatever the spectrogram's dtype.

    Args:
        config: the transform that made the spectrogram.
        num_samples: length of a chunk; exactly so many samples come out.

    Shapes:
        (batch, *axes, freq * channel, frame, 2) -> (batch, *axes, channel, time)

    Raises:
        InvalidValue: a window and hop that leave some sample of the chunk unseen.
    """

    window: Tensor
    weights: Tensor

    def __init__(self, config: StftConfig, num_samples: int) -> None:
        super().__init__(config)
        self.num_samples = num_samples
        self.scale = config.n_fft**0.5 if config.normalized else 1.0
        self.num_frames = 1 + (num_samples - config.n_fft % 2) // config.hop_length
        # in float64: where a window only just reaches a sample, a quotient of two tiny numbers must be right
        squares = self.exact_window.square().expand(1, self.num_frames, config.n_fft)
        envelope = self._crop(self._overlap_add(squares, torch.ones_like(self.exact_window)))
        # the last hop may be seen by one frame's edge alone, whatever the window: a few samples that are rounded more
        steady = envelope[..., : max(1, num_samples - config.hop_length)]
        if float(envelope.min()) < ENVELOPE_FLOOR or float(steady.min()) < WORST_CONDITION * float(envelope.max()):
            raise InvalidValue(
                f"with a window of {config.win_length} samples and a hop_length of {config.hop_length}, some "
                f"samples of a chunk of {num_samples} are seen by no frame, or too faintly to stand rounding, "
                "and cannot be inverted: use a smaller "
                "hop_length, or a chunk that is a multiple of it"
            )
        self.exact_weights = envelope[0].reciprocal()
        self.register_buffer("weights", self.exact_weights.float(), persistent=False)

    def forward(self, spectrogram: Float[Tensor, "*batch rows frame 2"]) -> Float[Tensor, "*batch channel time"]:
        """Invert a batch of spectrograms."""
        *axes, rows, frame, _ = spectrogram.shape
        freq = self.config.num_freqs
        if rows % freq or frame != self.num_frames:
            raise InvalidValue(
                f"a chunk of {self.num_samples} samples has {freq} frequencies times channels and "
                f"{self.num_frames} frames, "
                f"got (..., freq * channel, frame, 2) = {tuple(spectrogram.shape)}"
            )
        dtype = torch.promote_types(spectrogram.dtype, torch.float32)
        by_channel = spectrogram.to(dtype).reshape(-1, freq, rows // freq, frame, 2)
        if not is_viewable_as_complex(by_channel):
            by_channel = by_channel.clone(memory_format=torch.contiguous_format)
        bins = torch.view_as_complex(by_channel).permute(0, 2, 3, 1)  # (batch, channel, frame, freq)
        frames = torch.fft.irfft(bins.flatten(0, 1), n=self.config.n_fft)
        exact = dtype == torch.float64
        window = (self.exact_window if exact else self.window).to(frames.device, dtype) * self.scale
        weights = (self.exact_weights if exact else self.weights).to(frames.device, dtype)
        waveform = self._crop(self._overlap_add(frames, window)) * weights
        return waveform.view(*axes, rows // freq, self.num_samples)

    def _overlap_add(self, frames: Tensor, window: Tensor) -> Tensor:
        """Add windowed frames (rows, frame, n_fft) at steps of the hop: (rows, time).

        Frame t begins at block t of ``hop_length`` samples; its k-th block lands on block t + k of the
        result, so that as many additions as a frame has blocks do it all.
        """
        rows, num_frames, n_fft = frames.shape
        hop = self.config.hop_length
        num_blocks = -(-n_fft // hop)
        blocks = frames.new_zeros(rows, num_frames + num_blocks - 1, hop)
        for k in range(num_blocks):
            part = slice(k * hop, min((k + 1) * hop, n_fft))
            width = part.stop - part.start
            blocks[:, k : k + num_frames, :width].addcmul_(frames[..., part], window[part])
        return blocks.flatten(1)

    def _crop(self, waveform: Tensor) -> Tensor:
        """The chunk itself, without the half frame before it; zeros where no frame reaches."""
        half = self.config.n_fft // 2
        missing = half + self.num_samples - waveform.shape[-1]
        return F.pad(waveform, (0, max(0, missing)))[..., half : half + self.num_samples]


def _pad_by_reflection(chunk: Tensor, width: int) -> Tensor:
    """``chunk`` continued by reflection at both ends, any number of times if it is short."""
    num_samples = chunk.shape[-1]
    if width < num_samples:
        return F.pad(chunk, (width, width), mode="reflect")
    return take_span(chunk, -width, num_samples + width, padding=width, padding_mode="reflect")


def _dft_kernels(config: StftConfig, window: Tensor) -> Tensor:
    """Windowed cosines, then minus sines, one row a frequency: (2 * freq, 1, n_fft), in float64."""
    samples = torch.arange(config.n_fft)
    # the product is reduced to one turn while still whole numbers: float angles of many turns would be off
    turns = torch.outer(torch.arange(config.num_freqs), samples) % config.n_fft
    angles = turns.double() * (2 * torch.pi / config.n_fft)
    return (torch.cat((angles.cos(), -angles.sin())) * window).unsqueeze(1)
