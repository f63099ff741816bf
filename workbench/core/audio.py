"""The containers that audio travels in: plain data, no display code, no files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from workbench.errors import InvalidValue

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")


@dataclass(eq=False)
class Audio(Generic[T]):
    """A waveform and its sample rate.

    Compared by identity: two tensors have no single truth value.

    Shapes:
        data: (channel, time), float32, nominally in [-1, 1]; raw or normalized.
        sample_rate: in hertz.
    """

    data: T
    sample_rate: int


@dataclass(frozen=True)
class NormalizationStats:
    """What was taken off a mixture: ``normalized = (raw - mean) / std``, with ``std > 0``, both finite."""

    mean: float
    std: float

    def __post_init__(self) -> None:
        if not 0 < self.std < math.inf:
            raise InvalidValue(f"std must be greater than 0 and finite, got {self.std}")
        if not math.isfinite(self.mean):
            raise InvalidValue(f"mean must be finite, got {self.mean}")


@dataclass(eq=False)
class NormalizedAudio:
    """Normalized audio together with what brings its level back."""

    audio: Audio[Tensor]
    stats: NormalizationStats
