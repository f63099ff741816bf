"""What a player plays: tracks of one song, checked, and which of them add up to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.stems import MIXTURE
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.ensemble_trace import EnsembleTrace
from workbench.pipeline.separation import Separation
from workbench.pipeline.steps import load_song
from workbench.pipeline.trace import Trace

MOST_CHANNELS = 2  # what a listener has; more are heard as their mean


@dataclass(frozen=True, eq=False)
class TrackSet:
    """One separation of a song.

    Args:
        stems: name -> audio of one or two channels.
        mixture: the song itself, where it is known.
        derived: names of stems that were made from others, and do not add to the mixture once more.
        title: what it was separated by, or empty.
    """

    stems: dict[str, Audio[Tensor]]
    mixture: Audio[Tensor] | None = None
    derived: frozenset[str] = field(default_factory=frozenset)
    title: str = ""

    @property
    def summed(self) -> dict[str, Audio[Tensor]]:
        """The stems that should add up to the mixture."""
        return {name: audio for name, audio in self.stems.items() if name not in self.derived}


def read_tracks(given: object, *, argument: str) -> TrackSet:
    """What is to be played, from a separation, a trace, a mapping from names to ``Audio``, or a song alone.

    Args:
        given: in a mapping, ``mixture`` is the song itself.
        argument: what to call it in errors.

    Raises:
        InvalidType: something else, a name that is no string, or a track that is no ``Audio``.
        InvalidValue: no tracks, or samples that no song may have.
    """
    if isinstance(given, Trace | EnsembleTrace):
        given = given.stems
    if isinstance(given, Separation):
        return TrackSet(
            {name: _check_track(name, audio) for name, audio in given.items()},
            _check_track(MIXTURE, given.mixture),
            frozenset(given.config.derived_stems),
            (given.config.model_type or "").rpartition(".")[2],  # of "hpss.hpss" the model
        )
    if isinstance(given, Audio):
        given = {MIXTURE: given}
    if not isinstance(given, Mapping):
        raise InvalidType(
            f"{argument} must be a separation, a trace or a mapping from names to Audio, got {type(given).__name__}"
        )
    tracks = {name: _check_track(name, audio) for name, audio in given.items()}
    if not tracks:
        raise InvalidValue(f"{argument} holds nothing to play: expected at least one track, name -> Audio")
    mixture = tracks.pop(MIXTURE, None)
    return TrackSet(tracks, mixture)


def check_alike(tracks: Sequence[tuple[str, Audio[Tensor]]]) -> None:
    """Make sure that all can run on one clock.

    Raises:
        InvalidValue: two that differ in sample rate or length.
    """
    (first_name, first), *others = tracks
    for name, audio in others:
        if audio.sample_rate != first.sample_rate:
            raise InvalidValue(
                f"{name} is at {audio.sample_rate} Hz and {first_name} at {first.sample_rate} Hz: resample one to the "
                "other's rate"
            )
        if audio.data.shape[-1] != first.data.shape[-1]:
            raise InvalidValue(
                f"{name} has {audio.data.shape[-1]} samples and {first_name} {first.data.shape[-1]}: give tracks of "
                "one song, equally long"
            )


def subtract_stems(tracks: TrackSet, mixture: Audio[Tensor]) -> Audio[Tensor]:
    """The mixture minus all stems that should add up to it."""
    left = mixture.data
    for stem in tracks.summed.values():
        left = left - stem.data  # a mono track counts for both channels, as it is played
    return Audio(left, mixture.sample_rate)


def _check_track(name: object, audio: object) -> Audio[Tensor]:
    if not isinstance(name, str):
        raise InvalidType(f"the name of a track must be a string, got {type(name).__name__} {name!r}")
    if not isinstance(audio, Audio):
        raise InvalidType(
            f"{name}: expected the track as Audio, got {type(audio).__name__}; make it Audio(data, sample_rate)"
        )
    try:
        checked = load_song(audio)
    except (InvalidType, InvalidValue) as error:
        raise type(error)(f"{name}: {error}") from error
    if checked.data.shape[0] > MOST_CHANNELS:
        return Audio(checked.data.mean(dim=0, keepdim=True), checked.sample_rate)  # (1, time)
    return checked
