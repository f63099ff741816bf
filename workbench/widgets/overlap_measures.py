"""What overlap-add makes of a signal, in figures: the windows' sum, COLA and NOLA, errors; through the real core."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.chunk import generate_chunks
from workbench.core.grid import ChunkGrid
from workbench.core.stitch import CLAMP, normalized_window, stitch_chunks, window_sum
from workbench.errors import InvalidValue
from workbench.figures.envelope import measure_peak, measure_ranges, measure_rms, to_decibels
from workbench.widgets.overlap_mistakes import add_plainly, measure_plain_gain

COLA_TOLERANCE = 1e-6  # of the mean: what the conformance check of windows takes for a constant
BATCH_SIZE = 4  # small, since batches within the song are views of it and others copies
MOST_POINTS = 8192  # of a window
MOST_COLUMNS = 4096  # of a sum over one hop
ERROR_COLUMNS = 1500
FLOOR_DB = -160.0  # of an error in a picture; float32 rounds at about -150


@dataclass(frozen=True)
class Verdict:
    """What the shifted copies of a window sum to.

    Constant overlap-add (COLA): the sum is a constant. Nonzero overlap-add (NOLA): it is above 0 everywhere, so that
    it can be divided by. The square counts where the window is laid on twice, before a process and after it. Both as
    in Smith, "Spectral Audio Signal Processing", 2011, chapter on overlap-add.

    Args:
        mean: of the sum.
        least: its smallest value.
        most: its greatest.
        ripple: (most - least) / mean, 0 for a constant; infinite where the mean is 0.
        square_ripple: likewise of the sum of squares.
    """

    mean: float
    least: float
    most: float
    ripple: float
    square_ripple: float

    @property
    def is_cola(self) -> bool:
        """Whether the windows add up to a constant."""
        return self.ripple <= COLA_TOLERANCE

    @property
    def is_square_cola(self) -> bool:
        """Whether their squares do."""
        return self.square_ripple <= COLA_TOLERANCE

    @property
    def is_nola(self) -> bool:
        """Whether stitching can divide by the sum everywhere."""
        return self.least >= CLAMP

    @property
    def ripple_db(self) -> float:
        """From the smallest sum to the greatest; infinite where the smallest is not above 0."""
        return math.inf if self.least <= 0 else 20 * math.log10(self.most / self.least)


def sum_period(window: Float[Tensor, " chunk"], hop_size: int) -> Float[Tensor, " hop"]:
    """The sum of the shifted windows over one hop, after which it repeats; its first sample is a chunk's first."""
    total = window_sum(ChunkGrid(hop_size, len(window), hop_size), window)
    return total.roll((len(window) - hop_size) % hop_size)  # the song begins in the midst of a hop


def judge_window(window: Float[Tensor, " chunk"], hop_size: int) -> Verdict:
    """COLA, NOLA and COLA of the square.

    Args:
        window: best in float64, whose rounding is far below what counts as a constant.
        hop_size: from one chunk to the next, at most the window's length.
    """
    total, square = sum_period(window, hop_size), sum_period(window**2, hop_size)
    return Verdict(
        mean=float(total.mean()),
        least=float(total.min()),
        most=float(total.max()),
        ripple=_measure_ripple(total),
        square_ripple=_measure_ripple(square),
    )


def _measure_ripple(total: Float[Tensor, " hop"]) -> float:
    mean = abs(float(total.mean()))
    return float(total.max() - total.min()) / mean if mean > 0 else math.inf


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """A signal, cut into chunks and put together again in several ways.

    Args:
        signal: what was cut.
        grid: where its chunks lie.
        window: weights of a chunk's samples, float64.
        verdict: on that window and hop.
        stitched: by `workbench.core.stitch.stitch_chunks`, or nothing where it refuses.
        refusal: what it said then.
        plain: without normalization.
        mistaken: by a mistake, if one was asked for.
        mistake_gain: what that makes of a constant 1: (time,).
    """

    signal: Audio[Tensor]
    grid: ChunkGrid
    window: Tensor
    verdict: Verdict
    stitched: Tensor | None
    refusal: str
    plain: Tensor
    mistaken: Tensor | None = None
    mistake_gain: Tensor | None = None

    @property
    def plain_gain(self) -> float:
        """The one gain that stands in for normalization."""
        return measure_plain_gain(self.window, self.grid.hop_size)

    @property
    def difference(self) -> Tensor:
        """What is wrong: of the mistake, else of what came without normalization."""
        return (self.plain if self.mistaken is None else self.mistaken) - self.signal.data

    def measure_error(self, made: Tensor) -> float:
        """RMS of ``made`` minus the signal, in dB of the signal's; minus infinity where they are the same."""
        return to_decibels(measure_rms(made - self.signal.data), reference=measure_rms(self.signal.data))


def rebuild(
    signal: Audio[Tensor],
    grid: ChunkGrid,
    window: Float[Tensor, " chunk"],
    *,
    mistake: Callable[[Tensor, ChunkGrid, Tensor], Tensor] | None = None,
) -> Rebuilt:
    """Cut a signal and put it together again: by the real stitching, without normalization, and by a mistake.

    Raises:
        InvalidValue: a window that sums to nothing at all, or one with which the mistake cannot be made.
    """
    weights = window.float()  # as in a run
    verdict = judge_window(window, grid.hop_size)
    plain = add_plainly(signal.data, grid, weights)
    stitched, refusal = None, ""
    try:
        stitched = stitch(signal.data, grid, weights)
    except InvalidValue as error:
        refusal = str(error)
    if mistake is None:
        return Rebuilt(signal, grid, window, verdict, stitched, refusal, plain)
    with_ones = torch.cat((signal.data, torch.ones_like(signal.data[:1])))  # (channel + 1, time): the gain, in one go
    made = mistake(with_ones, grid, weights)
    return Rebuilt(signal, grid, window, verdict, stitched, refusal, plain, made[:-1], made[-1])


def stitch(
    audio_data: Float[Tensor, "channel time"], grid: ChunkGrid, window: Float[Tensor, " chunk"]
) -> Float[Tensor, "channel time"]:
    """Through `generate_chunks` and `stitch_chunks`, as a run with a model that changes nothing."""
    batches = generate_chunks(audio_data, grid.chunk_size, grid.hop_size, BATCH_SIZE)
    one_stem = [batch.unsqueeze(1) for batch in batches]  # (batch, stem = 1, channel, chunk)
    return stitch_chunks(one_stem, 1, grid.chunk_size, grid.hop_size, grid.num_samples, window=window)[0]


def encode_window(window: Float[Tensor, " chunk"]) -> bytes:
    """The window as float32, at most `MOST_POINTS` of its samples, the first and the last among them."""
    places = torch.linspace(0, len(window) - 1, min(len(window), MOST_POINTS), dtype=torch.float64).round().long()
    return _pack(window[places].numpy())


def encode_period(total: Float[Tensor, " hop"]) -> bytes:
    """A sum over one hop: float32 pairs of its least and greatest value, at most `MOST_COLUMNS` of them."""
    return encode_ranges(total.unsqueeze(0), num_columns=MOST_COLUMNS)


def encode_normalized(window: Float[Tensor, " chunk"], hop_size: int) -> bytes:
    """Likewise the sum of normalized windows, through the core; nothing where they cannot be normalized."""
    grid = ChunkGrid(hop_size, len(window), hop_size)
    try:
        weights = normalized_window(grid, window, dtype=window.dtype)
    except InvalidValue:
        return b""
    return encode_period(sum_period(weights, hop_size))


def encode_ranges(signal: Float[Tensor, "channel time"], *, num_columns: int = MOST_COLUMNS) -> bytes:
    """Least and greatest value of each column, float32 pairs."""
    low, high = measure_ranges(signal, samples_per_column=-(-signal.shape[-1] // num_columns))
    return _pack(torch.stack((low, high), dim=-1).numpy())  # (column, 2)


def encode_error(rebuilt: Rebuilt, made: Tensor | None) -> bytes:
    """The greatest error of each column in dB of the signal's peak, float32, nothing below `FLOOR_DB`."""
    if made is None:
        return b""
    error = made - rebuilt.signal.data
    low, high = measure_ranges(error, samples_per_column=-(-error.shape[-1] // ERROR_COLUMNS))
    peak = measure_peak(rebuilt.signal.data) or 1.0  # silence: of full scale
    greatest = torch.maximum(high, -low).clamp_min(0)
    return _pack((20 * (greatest / peak).clamp_min(10 ** (FLOOR_DB / 20)).log10()).numpy())


def _pack(values: np.ndarray) -> bytes:
    return values.astype("<f4").tobytes()
