"""A mask on the song's own time axis, independent of how the song is cut into chunks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from workbench.core.grid import ChunkGrid
from workbench.errors import InvalidType, InvalidValue

if TYPE_CHECKING:
    from workbench.core.spectrum import Stft
    from workbench.pipeline.plan import Plan


@dataclass(frozen=True, eq=False)
class SongMask:
    """A gain for every stem, frequency and instant of a song, the same for all channels.

    Chunks do not lie on whole STFT frames of the song, so that the gain is sampled linearly at each chunk frame's
    absolute time; before the first and after the last frame it stays as it is there.

    Args:
        gain: (stem, freq, frame), with the stems that the run computes and the frequencies of its transform.
        hop_samples: samples of the song from one frame to the next; frame t is at sample ``t * hop_samples``.
    """

    gain: Tensor
    hop_samples: int

    def __post_init__(self) -> None:
        if not isinstance(self.gain, Tensor) or not self.gain.is_floating_point():
            kind = self.gain.dtype if isinstance(self.gain, Tensor) else type(self.gain).__name__
            raise InvalidType(f"gain must be a floating-point tensor (stem, freq, frame), got {kind}")
        if self.gain.ndim != 3 or 0 in self.gain.shape:
            raise InvalidValue(f"gain must be (stem, freq, frame), got {tuple(self.gain.shape)}")
        if self.hop_samples < 1:
            raise InvalidValue(f"hop_samples must be at least 1, got {self.hop_samples}")
        if not bool(self.gain.isfinite().all()):
            raise InvalidValue("gain has NaN or infinity in it")

    def check_plan(self, plan: Plan) -> None:
        """Raise `InvalidValue` unless the mask fits a run's stems and frequencies."""
        expected = (len(plan.selected), cast("Stft", plan.stages.stft).config.num_freqs)
        if tuple(self.gain.shape[:2]) != expected:
            raise InvalidValue(
                f"gain must be (stem, freq, frame) = ({expected[0]}, {expected[1]}, frame), "
                f"got {tuple(self.gain.shape)}"
            )

    def sample_chunks(self, chunks: range, *, plan: Plan, grid: ChunkGrid, song_rate: int) -> Tensor:
        """The mask at the frames of some chunks.

        Shapes:
            returns (len(chunks), stem, freq * channel, frame, 2), imaginary part 0.
        """
        stft = cast("Stft", plan.stages.stft).config
        num_frames = 1 + (grid.chunk_size - stft.n_fft % 2) // stft.hop_length
        starts = torch.tensor([grid.starts[index] for index in chunks], dtype=torch.float64, device="cpu")
        samples = (
            starts.unsqueeze(1) + torch.arange(num_frames, dtype=torch.int64, device="cpu") * stft.hop_length
        )  # (chunk, frame), model's rate
        position = samples * (song_rate / plan.sample_rate / self.hop_samples)
        position = position.clamp(0, self.gain.shape[-1] - 1)
        before = position.floor().long()
        after = (before + 1).clamp(max=self.gain.shape[-1] - 1)
        share = (position - before).to(self.gain.dtype)
        gain = self.gain[..., before] * (1 - share) + self.gain[..., after] * share  # (stem, freq, chunk, frame)
        rows = gain.permute(2, 0, 1, 3).repeat_interleave(
            plan.num_channels, dim=2
        )  # (chunk, stem, freq * channel, frame)
        return torch.stack((rows, torch.zeros_like(rows)), dim=-1)
