"""The containers that audio travels in: plain data, no display code, no files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from workbench.errors import InvalidType, InvalidValue

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

MOST_CHANNELS = 64  # beyond any recording; an array with more has time where channels belong
MOST_CHANNELS_OF_A_MOMENT = 8  # 7.1: so many may be more than there are samples, down to a single one


@dataclass(eq=False, repr=False)
class Audio(Generic[T]):
    """A waveform and its sample rate. Sliced in seconds: ``song[10:20]``, ``song[-5:]``, ``song[:3.5]``.

    Compared by identity: two tensors have no single truth value.

    Shapes:
        data: (channel, time), float32, nominally in [-1, 1]; raw or normalized.
        sample_rate: in hertz.

    Raises:
        InvalidValue: data that looks like (time, channel), see `check_channels_first`.
    """

    data: T
    sample_rate: int

    def __post_init__(self) -> None:
        check_channels_first(getattr(self.data, "shape", ()), role="audio")

    @property
    def num_channels(self) -> int:
        """Length of the channel axis."""
        return int(cast(Any, self.data).shape[0])

    @property
    def num_samples(self) -> int:
        """Length of the time axis."""
        return int(cast(Any, self.data).shape[-1])

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.num_samples / self.sample_rate

    def numpy(self) -> Any:
        """The samples as a numpy array (channel, time), which shares memory with ``data`` wherever it can.

        soundfile and librosa's writers want (time, channel): ``audio.numpy().T``. bfloat16, which numpy does not have,
        comes as float32.
        """
        data = cast(Any, self.data)
        if not hasattr(data, "detach"):
            return data  # a numpy array already
        data = data.detach().cpu()
        return (data.float() if str(data.dtype) == "torch.bfloat16" else data).numpy()

    def __getitem__(self, part: slice) -> Audio[T]:
        """An excerpt, from and to in seconds; its data is a view of this one's.

        As in a Python list, negative seconds count from the end, and what lies beyond either end is left out. Each end
        is rounded to the nearest sample, so that ``song[:t]`` and ``song[t:]`` together are the song.

        >>> import torch
        >>> song = Audio(torch.zeros(2, 44100), 44100)
        >>> song[0.25:].num_samples, song[:0.25].num_samples, song[-0.5:0.75].num_samples
        (33075, 11025, 11025)

        Raises:
            InvalidType: an index that is no slice, or an end that is no number.
            InvalidValue: a step, an end that is not finite, or an excerpt without samples.
        """
        if not isinstance(part, slice):
            raise InvalidType(f"audio is sliced in seconds, as in song[10:20], got the index {part!r}")
        if part.step is not None:
            raise InvalidValue(f"audio is sliced without a step, as in song[10:20], got the step {part.step!r}")
        start = 0 if part.start is None else self._find_sample(part.start)
        stop = self.num_samples if part.stop is None else self._find_sample(part.stop)
        if start >= stop:
            asked = ":".join("" if end is None else f"{end}" for end in (part.start, part.stop))
            raise InvalidValue(f"[{asked}] holds no sample of audio that lasts {self.seconds:.3f} s")
        return Audio(cast(Any, self.data)[..., start:stop], self.sample_rate)

    def _find_sample(self, seconds: object) -> int:
        if isinstance(seconds, bool) or not isinstance(seconds, Real):
            raise InvalidType(f"audio is sliced in seconds, as in song[10:20], got {seconds!r}")
        if not math.isfinite(seconds):
            raise InvalidValue(f"audio is sliced in finite seconds, got {seconds}; leave the end out, as in song[10:]")
        sample = round(float(seconds) * self.sample_rate)
        if seconds < 0:
            sample += self.num_samples
        return min(max(sample, 0), self.num_samples)

    def __repr__(self) -> str:
        """One line: ``Audio(2 channels, 44 100 Hz, 3:43, peak -0.1 dBFS)``."""
        if len(getattr(self.data, "shape", ())) != 2:
            return f"Audio(data={self.data!r}, sample_rate={self.sample_rate!r})"
        channels = f"{self.num_channels} channel" + ("" if self.num_channels == 1 else "s")
        rate = f"{self.sample_rate:,} Hz".replace(",", " ")
        return f"Audio({channels}, {rate}, {self._describe_length()}, peak {self._describe_peak()})"

    def _describe_length(self) -> str:
        if not self.sample_rate > 0:
            return f"{self.num_samples} samples"
        if self.seconds < 10:
            return f"{self.seconds:.3g} s"
        minutes, seconds = divmod(round(self.seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

    def _describe_peak(self) -> str:
        data = cast(Any, self.data)
        if 0 in data.shape:
            return "of nothing"
        if not any(kind in str(data.dtype) for kind in ("float", "int")):
            return f"none in {data.dtype}"
        peak = max(float(data.max()), -float(data.min()))
        if not math.isfinite(float(data.max()) - float(data.min())):
            return "not finite"
        return f"{20 * math.log10(peak) + 0.0:.1f} dBFS" if peak > 0 else "silent"


def check_channels_first(shape: Sequence[int], *, role: str) -> None:
    """Raise `InvalidValue` where an array of this shape has its channels where time belongs.

    soundfile and scipy give (time, channel), which would be a song of millions of channels and 2 samples. Refused are
    more than 64 channels, and more channels than samples where these are more than 8: so many, as in 7.1, are taken
    as they are, since a song may have a single sample.

    Args:
        shape: (channel, time); of more axes the last two are looked at.
        role: what it is the shape of, for the message.
    """
    if len(shape) < 2:
        return
    num_channels, num_samples = shape[-2:]
    if num_channels <= MOST_CHANNELS and (num_channels <= num_samples or num_channels <= MOST_CHANNELS_OF_A_MOMENT):
        return
    raise InvalidValue(
        f"{role} must be (channel, time), got {num_channels} channels of {num_samples} "
        f"sample{'' if num_samples == 1 else 's'}, shape {tuple(shape)}: it looks like (time, channel): use .T"
    )


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
