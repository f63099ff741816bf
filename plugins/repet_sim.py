"""The card of `repet_sim`: what comes again in a song goes to one stem, what does not to the other. Loads no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real

from workbench.core.settings import StftConfig
from workbench.errors import InvalidType, InvalidValue
from workbench.registry import hookimpl
from workbench.registry.cards import ModelCard


@dataclass(frozen=True)
class RepetSimParameters:
    """Settings of the nearest-neighbour filter.

    Args:
        min_distance_frames: frames nearer than this are no neighbours, as what sounds now sounds a moment later
            too. 172 frames are 2 s at 44.1 kHz with a hop of 512. A song too short for it takes what it can.
        num_neighbors: how many similar frames the median is taken over; 0 is
            ``2 ceil(sqrt(frames - 2 min_distance_frames + 1))``, which is librosa's choice.
        margin_vocals: how many times the repeating part the rest must reach, above 0.
        margin_accompaniment: the other way round.
        power: exponent of the soft masks, above 0 and finite.

    Raises:
        InvalidType: a number of frames or neighbours that is not whole, a margin or power that is not a number.
        InvalidValue: a value outside its range.
    """

    min_distance_frames: int = 172
    num_neighbors: int = 0
    margin_vocals: float = 10.0
    margin_accompaniment: float = 2.0
    power: float = 2.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name, minimum in (("min_distance_frames", 1), ("num_neighbors", 0)):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool):
                raise InvalidType(f"{name} must be a whole number, got {value!r}")
            if value < minimum:
                raise InvalidValue(f"{name} must be at least {minimum}, got {value}")
        for name in ("margin_vocals", "margin_accompaniment", "power"):
            value = getattr(self, name)
            if not isinstance(value, Real) or isinstance(value, bool):
                raise InvalidType(f"{name} must be a number, got {value!r}")
            if value <= 0 or not value < float("inf"):
                raise InvalidValue(f"{name} must be finite and greater than 0, got {value}")


@hookimpl
def register_models(register: Callable[[ModelCard], None]) -> None:
    """Give the workbench the separation by repetition."""
    register(
        ModelCard(
            name="repet_sim",
            load="workbench_plugins.repet_sim_model:load",
            summary="vocals and a repeating accompaniment, by a median over similar frames; no weights",
            stems=("vocals", "accompaniment"),
            sample_rate=None,
            channels=None,
            input_type="spectrogram",
            output_type="spectrogram_mask",
            parameters=RepetSimParameters,
            stft=StftConfig(n_fft=2048, hop_length=512, win_length=2048),
            context="song",  # a bar is similar to other bars, which are not in the same chunk
            paper="Z. Rafii, B. Pardo, Music/voice separation using the similarity matrix, ISMIR 2012",
        )
    )
