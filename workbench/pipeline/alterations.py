"""What test-time augmentation and shifts do to a song before a pass, and undo in its stems afterwards."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import InvalidValue

SWAP, POLARITY = "swap", "polarity"
AS_IT_IS = "as it is"
SHIFT_DEFAULTS = {"shift_seed": 0, "max_shift_seconds": 0.5}  # the length as in Demucs


@dataclass(frozen=True)
class Alteration:
    """A change to a song that can be taken back exactly.

    Args:
        swap: left and right channel are exchanged.
        polarity: every sample is negated.
        delay_samples: zeros put in front.
        room_samples: zeros put in front and behind together, the same for all passes of a run.
    """

    swap: bool = False
    polarity: bool = False
    delay_samples: int = 0
    room_samples: int = 0

    def check(self, song: Audio[Tensor]) -> None:
        """Raise `InvalidValue` where the song has no left and right to exchange."""
        num_channels = song.data.shape[0]
        if self.swap and num_channels != 2:
            raise InvalidValue(
                f"tta 'swap' exchanges left and right, and the song has {num_channels} channel(s): leave out swap"
            )

    def apply(self, audio: Audio[Tensor]) -> Audio[Tensor]:
        """A song, or a true stem beside it, as the pass gets it; channels are exchanged where there are two.

        Shapes:
            (channel, time) -> (channel, time + room_samples)
        """
        data = audio.data
        if self.swap and data.shape[0] == 2:
            data = data.flip(0)
        if self.polarity:
            data = -data
        if self.room_samples:
            data = F.pad(data, (self.delay_samples, self.room_samples - self.delay_samples))
        return audio if data is audio.data else Audio(data, audio.sample_rate)

    def undo(self, stems: Float[Tensor, "stem channel time"]) -> Tensor:
        """What a pass gave, back in the song's channels, polarity, position and length.

        Shapes:
            (stem, channel, time + room_samples) -> (stem, channel, time)
        """
        if self.room_samples:
            stop = self.delay_samples + stems.shape[-1] - self.room_samples
            stems = stems[..., self.delay_samples : stop]
        if self.polarity:
            stems = -stems
        return stems.flip(1) if self.swap else stems


def list_alterations(inference: Mapping[str, Any], *, sample_rate: int) -> dict[str, Alteration]:
    """The passes that a config's section ``inference`` asks for, by name: every shift with every augmentation.

    Args:
        inference: of the effective document, as plain data.
        sample_rate: of the song, in hertz.
    """
    changes = {AS_IT_IS: Alteration(), **{name: Alteration(**{name: True}) for name in inference.get("tta") or ()}}
    shifts = inference.get("shifts")
    if shifts is None:
        return changes
    room = max(1, round(inference["max_shift_seconds"] * sample_rate))
    delays = draw_delays(shifts, seed=inference["shift_seed"], room_samples=room)
    return {
        f"shift {index}" + ("" if name == AS_IT_IS else f", {name}"): Alteration(
            swap=change.swap, polarity=change.polarity, delay_samples=delay, room_samples=room
        )
        for index, delay in enumerate(delays, start=1)
        for name, change in changes.items()
    }


def draw_delays(count: int, *, seed: int, room_samples: int) -> list[int]:
    """So many delays from 0 to below ``room_samples``, the same for the same seed on any machine.

    After the "shift trick" of Demucs: Defossez, Usunier, Bottou and Bach, "Music Source Separation in the Waveform
    Domain", 2019.
    """
    # of Python's generator, random() alone is promised to give the same numbers in every version
    generator = random.Random(seed)
    return [int(generator.random() * room_samples) for _ in range(count)]


def average(stems: Tensor | None, more: Tensor, *, index: int, total: int) -> Tensor:
    """The mean over passes as they come: the sum so far, and with the last pass the sum divided by their number.

    Args:
        stems: what this gave for the pass before; ``None`` for the first.
        more: the stems of this pass.
        index: of this pass, from 0.
        total: number of passes.
    """
    summed = more if stems is None else torch.add(stems, more)
    return summed / total if index == total - 1 and total > 1 else summed
