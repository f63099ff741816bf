"""Blocks of samples, as they are decoded, into one tensor: checked, converted, copied once."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.errors import AudioFileError
from workbench.io.channels import convert_channels

# Nobody's song: what is held for a length that a file merely claims. 2^28 samples are 1 h 41 min at 44.1 kHz.
_MAX_CLAIMED_SAMPLES = 2**28


class SampleCollector:
    """Takes blocks (channel, time) in order and gives one tensor.

    The tensor is made once where the length is known; only where a file tells a wrong length or none is it
    made anew.
    """

    def __init__(
        self,
        path: Path,
        *,
        sample_rate: int,
        num_channels: int,
        expected_samples: int | None,
        first_sample: int = 0,
    ) -> None:
        """Prepare for about `expected_samples` in `num_channels`.

        `path`, `sample_rate` and `first_sample` (of the file, where reading begins) serve the errors.
        """
        self._path = path
        self._sample_rate = sample_rate
        self._first_sample = first_sample
        capacity = min(max(expected_samples or sample_rate, 1), _MAX_CLAIMED_SAMPLES)
        self._data = torch.empty(num_channels, capacity, dtype=torch.float32, device="cpu")  # (channel, time)
        self.num_samples = 0

    def add(self, block: np.ndarray) -> None:
        """Take the next block, float32 (channel of the file, time).

        Raises:
            AudioFileError: it holds NaN or infinity.
        """
        self._check_finite(block)
        converted = convert_channels(torch.from_numpy(block), channels=self._data.shape[0])
        end = self.num_samples + block.shape[1]
        if end > self._data.shape[1]:
            grown = self._data.new_empty(self._data.shape[0], max(end, math.ceil(1.5 * self._data.shape[1])))
            grown[:, : self.num_samples] = self._data[:, : self.num_samples]
            self._data = grown
        self._data[:, self.num_samples : end] = converted
        self.num_samples = end

    def _check_finite(self, block: np.ndarray) -> None:
        if np.isfinite(block).all():
            return
        places = ~np.isfinite(block)
        offset = int(places.any(axis=0).argmax())  # the first in time, then the first channel there
        channel = int(places[:, offset].argmax())
        sample = self._first_sample + self.num_samples + offset
        raise AudioFileError(
            f"{self._path}: holds {block[channel, offset]} in channel {channel}, sample {sample} "
            f"({sample / self._sample_rate:.3f} s); expected finite samples; repair or export the file anew"
        )

    def finish(self, *, num_samples: int | None = None) -> Float[Tensor, "channel time"]:
        """Give the samples, contiguous; of them the first `num_samples` if that is given."""
        wanted = self.num_samples if num_samples is None else num_samples
        return self._data[:, :wanted].contiguous()
