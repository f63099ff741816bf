"""Harmonic/percussive separation by median filtering, as a torch module without weights."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench.errors import CheckpointError, InvalidValue
from workbench_plugins.hpss import HpssParameters, hpss_stems
from workbench_plugins.sliding_median import sliding_median


class Hpss(nn.Module):
    """Masks for what is steady in time and for what is spread over frequency.

    A median along time removes what is short (Fitzgerald 2010), a median along frequency what is narrow;
    each mask compares one against a margin times the other (Driedger, Müller, Disch 2014). Applied to the
    same spectrogram the masks give what ``librosa.decompose.hpss`` gives.

    Sources:
        D. Fitzgerald, "Harmonic/percussive separation using median filtering", DAFx 2010.
        J. Driedger, M. Müller, S. Disch, "Extending harmonic-percussive separation of audio signals",
        ISMIR 2014.

    Args:
        parameters: kernel sizes, margins and power. There are no weights.
    """

    def __init__(self, parameters: HpssParameters) -> None:
        """Keep the settings."""
        super().__init__()
        self.settings = parameters
        self.stems = hpss_stems(parameters)

    def forward(
        self, spectrogram: Float[Tensor, "batch freq_channel frame 2"]
    ) -> Float[Tensor, "batch stem freq_channel frame 2"]:
        """Estimate one mask a stem; they sum to 1 unless `power` is infinite and a tie belongs to no stem.

        Shapes:
            spectrogram: (batch, freq·channel, frame, 2), frequency outer and channel inner.
            returns: (batch, stem, freq·channel, frame, 2) in the spectrogram's dtype, imaginary part 0.
                float16 and bfloat16 are computed in float32. What one chunk gives is the same bits in any
                batch at whole powers; torch rounds other powers by where a number lies in memory.

        Raises:
            InvalidValue: rows that are not a multiple of the parameters' `num_freqs`.
        """
        settings = self.settings
        batch, rows, frame, _ = spectrogram.shape
        if rows == 0 or rows % settings.num_freqs:
            raise InvalidValue(
                f"expected a multiple of num_freqs={settings.num_freqs} rows (frequencies times channels), "
                f"got {rows}; set hpss's num_freqs to n_fft // 2 + 1 of the transform"
            )
        exact = spectrogram if spectrogram.dtype == torch.float64 else spectrogram.float()
        # abs of a complex number has a gradient of 0 at 0, where that of a square root is not finite.
        magnitude = torch.complex(exact[..., 0], exact[..., 1]).abs()  # (batch, freq·channel, frame)

        harmonic = sliding_median(magnitude, size=settings.kernel_size_harmonic)
        # With channel and frame as one axis, neighbours along frequency are neighbours of one channel.
        columns = magnitude.reshape(batch, settings.num_freqs, -1).transpose(1, 2)  # (batch, channel·frame, freq)
        percussive = sliding_median(columns, size=settings.kernel_size_percussive)
        percussive = percussive.transpose(1, 2).reshape(batch, rows, frame)  # (batch, freq·channel, frame)

        has_residual = "residual" in self.stems
        soft = {"power": settings.power, "silence": 0.0 if has_residual else 0.5}
        masks = [
            compare(harmonic, percussive * settings.margin_harmonic, **soft),
            compare(percussive, harmonic * settings.margin_percussive, **soft),
        ]
        if has_residual:
            masks.append(1 - masks[0] - masks[1])
        # One tensor of zeros, filled: cheaper than stacking the stems and then the two parts.
        mask = spectrogram.new_zeros(batch, len(masks), rows, frame, 2)
        for stem, real in enumerate(masks):
            mask[:, stem, ..., 0] = real
        return mask


def compare(
    x: Float[Tensor, "*shape"], reference: Float[Tensor, "*shape"], *, power: float, silence: float
) -> Float[Tensor, "*shape"]:
    """Soft mask ``x**power / (x**power + reference**power)`` of two magnitudes.

    Args:
        x: magnitudes, at least 0.
        reference: magnitudes of what `x` competes with.
        power: exponent; infinity gives 1 where x > reference and 0 elsewhere, without a gradient. Below 1
            the slope at x = 0 is infinite, so train with 1 or more.
        silence: the mask where both are below the smallest normal number of their dtype (soft masks only).
    """
    if math.isinf(power):
        return (x > reference).to(x.dtype)
    larger = torch.maximum(x, reference).detach()  # cancels from the ratio, so no gradient need pass it
    silent = larger < torch.finfo(x.dtype).tiny
    larger = larger.masked_fill(silent, 1)
    x_power = (x / larger) ** power
    total = x_power + (reference / larger) ** power
    # Without the 1, silence would divide 0 by 0, and its gradient would be NaN though the value is replaced.
    return (x_power / total.masked_fill(silent, 1)).masked_fill(silent, silence)


def load(parameters: HpssParameters | None, checkpoint: str | Path | None, device: torch.device | str) -> Hpss:
    """Make the module, ready for inference.

    Args:
        parameters: settings; ``None`` is the defaults.
        checkpoint: must be ``None``, as there are no weights.
        device: where to run.

    Raises:
        CheckpointError: a checkpoint was given.
    """
    if checkpoint is not None:
        raise CheckpointError(f"hpss has no weights and takes no checkpoint, got {str(checkpoint)!r}; leave it out")
    return Hpss(HpssParameters() if parameters is None else parameters).eval().to(device)
