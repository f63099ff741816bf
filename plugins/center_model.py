"""The middle of a stereo song against its sides, as a torch module without weights."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from workbench.errors import CheckpointError, InvalidValue
from workbench_plugins.center import CenterParameters


class Center(nn.Module):
    """Masks for what is equally loud and in phase in both channels, and for all else.

    In each bin the similarity ``2 |P_lr| / (P_ll + P_rr)`` of left and right is 1 where both are equally loud
    and 0 where only one is heard; 1 minus it is the panning index without its sign (Avendano 2003), whose
    powers are averaged over time (Avendano and Jot 2004). A Gaussian over that index, of a given width, lets
    the middle through (Avendano 2003), and a power of the cosine of the phase between the channels removes what
    is loud on both sides but not in phase (a window over level and phase as in Vinyes, Bonada, Loscos 2006).

    Sources:
        C. Avendano, "Frequency-domain source identification and manipulation in stereo mixes for enhancement,
        suppression and re-panning applications", WASPAA 2003.
        C. Avendano, J.-M. Jot, "A frequency-domain approach to multichannel upmix", JAES 52(7/8), 2004.
        M. Vinyes, J. Bonada, A. Loscos, "Demixing commercial music productions via human-assisted
        time-frequency masking", AES 120th Convention, 2006.

    Args:
        parameters: width, exponent and smoothing. There are no weights.
    """

    def __init__(self, parameters: CenterParameters) -> None:
        """Keep the settings."""
        super().__init__()
        self.settings = parameters

    def forward(
        self, spectrogram: Float[Tensor, "batch freq_channel frame 2"]
    ) -> Float[Tensor, "batch 2 freq_channel frame 2"]:
        """Estimate the masks of center and sides, the same for both channels; they sum to 1.

        Shapes:
            spectrogram: (batch, freq·channel, frame, 2), frequency outer and channel (left, right) inner.
            returns: (batch, stem=2, freq·channel, frame, 2) in the spectrogram's dtype, imaginary part 0.
                float16 and bfloat16 are computed in float32.

        Raises:
            InvalidValue: rows that are not twice the parameters' `num_freqs`.
        """
        num_freqs = self.settings.num_freqs
        _, rows, _, _ = spectrogram.shape
        if rows != 2 * num_freqs:
            raise InvalidValue(
                f"center needs stereo: expected 2 x num_freqs={num_freqs} rows (frequencies x channels), got {rows}; "
                "give it 2 channels, and set its num_freqs to n_fft // 2 + 1 of the transform"
            )
        exact = spectrogram if spectrogram.dtype == torch.float64 else spectrogram.float()
        both = torch.complex(exact[..., 0], exact[..., 1])
        left, right = both[:, 0::2], both[:, 1::2]  # each (batch, freq, frame)

        center = self.measure_center(left, right).repeat_interleave(2, dim=1)  # (batch, freq·channel, frame)
        real = torch.stack((center, 1 - center), dim=1)  # (batch, stem, freq·channel, frame)
        return torch.stack((real, torch.zeros_like(real)), dim=-1).to(spectrogram.dtype)

    def measure_center(self, left: Tensor, right: Tensor) -> Float[Tensor, "batch freq frame"]:
        """How much of each bin is in the middle, from 0 to 1; 0 in silence.

        Shapes:
            left, right: complex (batch, freq, frame).
        """
        # the largest part of either channel, so that squares of quiet bins do not vanish
        level = torch.maximum(left.abs(), right.abs()).amax(dim=(1, 2), keepdim=True).detach()
        silent = level < torch.finfo(level.dtype).tiny
        level = level.masked_fill(silent, 1)
        left, right = left / level, right / level
        power = self.smooth(left.abs().square() + right.abs().square())
        product = left * right.conj()
        cross = torch.complex(self.smooth(product.real), self.smooth(product.imag))
        cross_size = cross.abs()

        # Without the 1, silence would divide 0 by 0, and its gradient would be NaN though the value is replaced.
        empty = power < torch.finfo(power.dtype).tiny
        similarity = 2 * cross_size / power.masked_fill(empty, 1)
        distance = (1 - similarity) / self.settings.width
        center = torch.exp(-0.5 * distance.square())
        if self.settings.exponent > 0:
            unrelated = cross_size < torch.finfo(power.dtype).tiny
            cosine = (cross.real / cross_size.masked_fill(unrelated, 1)).clamp(min=0)
            in_phase = cosine > 0  # a power below 1 has no finite slope at 0
            center = center * torch.where(in_phase, torch.where(in_phase, cosine, 1) ** self.settings.exponent, 0)
        return center.masked_fill(empty, 0)

    def smooth(self, values: Float[Tensor, "batch freq frame"]) -> Float[Tensor, "batch freq frame"]:
        """The sum over the frames around each; the beginning and the end have fewer, which ratios do not show."""
        size = self.settings.smoothing_frames
        if size == 1:
            return values
        return F.avg_pool1d(values, size, stride=1, padding=size // 2)


def load(parameters: CenterParameters | None, checkpoint: str | Path | None, device: torch.device | str) -> Center:
    """Make the module, ready for inference.

    Args:
        parameters: settings; ``None`` is the defaults.
        checkpoint: must be ``None``, as there are no weights.
        device: where to run.

    Raises:
        CheckpointError: a checkpoint was given.
    """
    if checkpoint is not None:
        raise CheckpointError(f"center has no weights and takes no checkpoint, got {str(checkpoint)!r}; leave it out")
    return Center(CenterParameters() if parameters is None else parameters).eval().to(device)
