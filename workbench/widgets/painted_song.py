"""What a mask painter paints on: a traced song's spectrogram, and its model's own mask."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.spectrum import Stft
from workbench.errors import InvalidType
from workbench.figures.raster import measure_magnitude, measure_power
from workbench.figures.step_chunks import find_frames
from workbench.pipeline.song_mask import SongMask
from workbench.widgets.levels import Levels, encode_levels
from workbench.widgets.masked_run import check_masked_trace, list_stems, run_model
from workbench.widgets.strokes import Plane

MOST_COLUMNS, MOST_ROWS = 16_000, 1_025  # of the picture in the browser; of what is larger every second cell is shown
FRAMES_AT_ONCE = 2_048


@dataclass(frozen=True)
class Picture:
    """Which cells of the plane the browser shows: every so many rows and columns."""

    row_stride: int
    column_stride: int
    num_rows: int
    num_columns: int


class PaintedSong:
    """A traced song as a plane to paint a `SongMask` on.

    Args:
        trace: of a model that gives masks.

    Attributes:
        hop_samples: from one frame of the mask to the next, of the song: the transform's hop at the song's own rate.
        plane: the cells of the mask.

    Raises:
        InvalidType: no trace of a single pass.
        InvalidValue: a run without masks.
    """

    def __init__(self, trace: object) -> None:
        checked = check_masked_trace(trace, widget="mask painter")
        self.trace, self.plan, self.stft = checked, checked.plan, find_frames(checked).stft
        self.stem_names = list_stems(checked)
        song = checked.song
        self.num_samples, self.sample_rate = song.data.shape[-1], song.sample_rate
        self.seconds = self.num_samples / self.sample_rate
        self.hop_samples = max(1, round(self.stft.hop_length * self.sample_rate / self.plan.sample_rate))
        num_frames = 1 + math.ceil(self.num_samples / self.hop_samples)
        step_hertz = self.plan.sample_rate / self.stft.n_fft
        self.plane = Plane(self.stft.num_freqs, num_frames, step_hertz, self.hop_samples / self.sample_rate)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a mask's gain: (stem, freq, frame)."""
        return len(self.stem_names), self.plane.num_freqs, self.plane.num_frames

    @property
    def picture(self) -> Picture:
        """The cells that the browser has."""
        row_stride = math.ceil(self.plane.num_freqs / MOST_ROWS)
        column_stride = math.ceil(self.plane.num_frames / MOST_COLUMNS)
        num_rows, num_columns = math.ceil(self.shape[1] / row_stride), math.ceil(self.shape[2] / column_stride)
        return Picture(row_stride, column_stride, num_rows, num_columns)

    @cached_property
    def fingerprint(self) -> dict[str, object]:
        """What tells this song and its plane from others, as JSON has it."""
        samples = hashlib.blake2b(self.trace.song.data.contiguous().numpy().tobytes(), digest_size=16)
        return {
            "samples": self.num_samples,
            "sample_rate": self.sample_rate,
            "digest": samples.hexdigest(),
            "stems": list(self.stem_names),
            "num_freqs": self.plane.num_freqs,
            "step_hertz": self.plane.step_hertz,
            "hop_samples": self.hop_samples,
        }

    # The spectrogram

    def measure_levels(self) -> tuple[Levels, float]:
        """The mixture's mean power over channels, rows and columns joined by their greatest as in `picture`.

        It is transformed anew from the conformed song, so that it does not matter what the trace kept.

        Returns:
            the levels, and the seconds from one of their columns to the next.
        """
        picture, hop = self.picture, self.stft.hop_length
        data = cast(Tensor, self.trace["conform"].output)
        num_frames = 1 + math.ceil(data.shape[-1] / hop)
        stride = math.ceil(num_frames / MOST_COLUMNS)
        block = stride * max(1, FRAMES_AT_ONCE // stride)
        joined = []
        for first in range(0, num_frames, block):
            power = self._measure_power(data, first, min(first + block, num_frames))
            joined.append(_join_cells(power, picture.row_stride, stride))
        return encode_levels(torch.cat(joined, dim=-1)), stride * hop / self.plan.sample_rate

    def _measure_power(self, data: Tensor, first: int, stop: int) -> Float[Tensor, "freq frame"]:
        """Frames of the song, from a stretch that reaches beyond them by half a window."""
        hop = self.stft.hop_length
        margin = math.ceil(self.stft.n_fft / hop)
        start = max(0, first - margin)
        stretch = data[:, start * hop : (stop + margin) * hop]
        missing = (stop - 1 - start) * hop + self.stft.n_fft % 2 - stretch.shape[-1]
        stretch = torch.nn.functional.pad(stretch, (0, max(0, missing)))  # the last frame may lie beyond the song
        with torch.no_grad():
            spectrum = Stft(self.stft)(stretch.float().unsqueeze(0))[0]  # (freq * channel, frame, 2)
        power: Tensor = measure_power(spectrum.float()).unflatten(0, (-1, data.shape[0])).mean(dim=1)  # (freq, frame)
        return power[:, first - start : stop - start]

    # Masks

    def fill(self, value: float) -> np.ndarray:
        """One gain everywhere, (stem, freq, frame)."""
        return np.broadcast_to(np.float32(value), self.shape)

    def fit_mask(self, mask: SongMask) -> np.ndarray:
        """A mask on this plane's frames, sampled linearly where its own hop is another; gains beyond 0 to 1 are cut.

        Raises:
            InvalidType: no `SongMask`.
            InvalidValue: other stems or frequencies.
        """
        if not isinstance(mask, SongMask):
            raise InvalidType(f"mask must be a SongMask, got {type(mask).__name__}")
        mask.check_plan(self.plan)
        gain = mask.gain.detach().cpu().float().clamp(0, 1)
        if mask.hop_samples != self.hop_samples or gain.shape[-1] != self.plane.num_frames:
            place = torch.arange(self.plane.num_frames).double() * (self.hop_samples / mask.hop_samples)
            place = place.clamp(max=gain.shape[-1] - 1)
            before = place.long()
            after = (before + 1).clamp(max=gain.shape[-1] - 1)
            gain = torch.lerp(gain[..., before], gain[..., after], (place - before).float())
        return gain.numpy()

    def measure_model_mask(self) -> np.ndarray:
        """The magnitude of the model's own mask, the mean of its channels, on the song's frames, (stem, freq, frame).

        Where chunks overlap it is their mean, the more of a chunk the nearer its middle. What is beyond 1 is cut.
        Masks that the trace did not keep take a run of the model.
        """
        trace, rate = self.trace, self.plan.sample_rate
        total = np.zeros(self.shape, np.float32)
        weights = np.zeros(self.plane.num_frames, np.float64)
        instants = np.arange(self.plane.num_frames) * (self.hop_samples * rate / self.sample_rate)
        for index, start in enumerate(trace.grid.starts):
            stop = start + trace.grid.chunk_size
            frames = np.flatnonzero((instants >= start) & (instants <= stop))
            if not frames.size:
                continue
            magnitude = self._take_model_mask(index)  # (stem, freq, frame)
            place = np.clip((instants[frames] - start) / self.stft.hop_length, 0, magnitude.shape[-1] - 1)
            before = place.astype(np.int64)
            after = np.minimum(before + 1, magnitude.shape[-1] - 1)
            share = (place - before).astype(np.float32)
            weight = np.minimum(instants[frames] - start, stop - instants[frames]) + 1
            gain = magnitude[..., before] * (1 - share) + magnitude[..., after] * share
            total[..., frames] += gain * weight.astype(np.float32)
            weights[frames] += weight
        total /= np.maximum(weights, 1e-9).astype(np.float32)
        return np.clip(total, 0, 1, out=total)

    def _take_model_mask(self, chunk: int) -> np.ndarray:
        kept = self.trace["model"]
        output = kept.output[chunk] if kept.is_kept else run_model(self.trace, chunk)
        mask = output[list(self.plan.selected)].float()  # (stem, freq * channel, frame, 2)
        by_channel = measure_magnitude(mask).unflatten(1, (-1, self.plan.num_channels))
        magnitude: np.ndarray = by_channel.mean(dim=2).numpy()  # (stem, freq, frame)
        return magnitude


def _join_cells(power: Tensor, row_stride: int, column_stride: int) -> Tensor:
    """The greatest of every so many rows and columns; the last may be fewer."""
    if row_stride == column_stride == 1:
        return power
    size = (row_stride, column_stride)
    joined: Tensor = torch.nn.functional.max_pool2d(power.unsqueeze(0), size, stride=size, ceil_mode=True)
    return joined[0]
