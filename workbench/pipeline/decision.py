"""Every setting of a run, decided and checked against one another; nothing is loaded yet.

Precedence of every setting: argument > ``settings=`` (``--set``) > config document > the model's card > default. All
five are documents of the same form, laid over each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from workbench.core.stems import Rule, rule_terms
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.alterations import SHIFT_DEFAULTS
from workbench.pipeline.config import RunConfig
from workbench.pipeline.documents import (
    WHOLE_SONG_WINDOW,
    audio_io_of_card,
    audio_io_of_song,
    document_of_arguments,
    document_of_card,
)
from workbench.pipeline.layers import (
    ARGUMENT,
    CARD,
    CONFIG,
    DEFAULT,
    FROM_FRAME_SIZE,
    SETTING,
    SONG,
    Layers,
    lay_layers,
)
from workbench.pipeline.network import choose_model, make_parameters
from workbench.pipeline.reading import nest_settings, read_config
from workbench.pipeline.request import Request
from workbench.pipeline.rules import check_rules, read_rules
from workbench.pipeline.transform import count_frequencies, follow_frame_size
from workbench.pipeline.validation import validate_config
from workbench.registry.cards import ModelCard
from workbench.registry.names import validate_stem_names
from workbench.registry.validate import list_stems

DEFAULTS: dict[str, Any] = {
    "inference": {"device": "auto", "compile_model": False},
    "chunking": {"padding_mode": "reflect"},
    "wiener": {"iterations": 0},
    "output": {"file_format": "flac"},
}


@dataclass(frozen=True, eq=False)
class Decision:
    """What was decided: ``config`` is the effective document, ``stem_names`` are all that the model gives,
    ``requested`` those that are returned, ``layers`` know who decided what. ``followers`` are the parameters that
    follow the transform, which ``config`` leaves out so that it may be given another one.
    """

    config: RunConfig
    model_id: str
    card: ModelCard
    parameters: object
    followers: Mapping[str, int]
    sample_rate: int
    num_channels: int
    num_samples: int
    device: torch.device
    stem_names: tuple[str, ...]
    requested: tuple[str, ...]
    rules: Mapping[str, Rule]
    layers: Layers

    @property
    def chunk_size(self) -> int:
        """Samples of a chunk at the model's rate: the whole song for a model that must see all of it."""
        return self.num_samples if self.card.context == "song" else cast(int, self.config.model.chunk_size)

    @property
    def filters(self) -> bool:
        """Whether the Wiener filter follows the mask."""
        return bool(self.config.wiener.iterations)

    @property
    def selected(self) -> tuple[int, ...]:
        """Indices of the stems to compute: those that are returned, and those that only rules or the filter need."""
        if self.filters:  # which shares the mixture out among all of them
            return tuple(range(len(self.stem_names)))
        needed = {*self.requested, *(term for rule in self.rules.values() for term in rule_terms(rule))}
        return tuple(index for index, name in enumerate(self.stem_names) if name in needed)


def decide(request: Request, *, song_rate: int, song_channels: int, song_samples: int) -> Decision:
    """Decide every setting for a song of that rate, channels and length, which fill what nobody else decides.

    Raises:
        InvalidValue, InvalidType, PluginError: a model, setting, stem or rule that cannot be.
    """
    asked = [(CONFIG, read_config(request.config)), (SETTING, nest_settings(request.settings))]
    said = lay_layers(asked).document
    model_id, card = choose_model(request.model, said.get("model_type"))
    song = (SONG, audio_io_of_song(sample_rate=song_rate, channels=song_channels))
    # The rate comes first: the card and the arguments count in seconds, their documents in samples.
    audio_io = lay_layers([song, (CARD, audio_io_of_card(card)), *asked]).document["audio_io"]
    sample_rate, num_channels = audio_io["target_sample_rate"], audio_io["force_channels"]
    num_samples = song_samples
    if sample_rate != song_rate:
        from workbench.io.resample import count_resampled

        num_samples = count_resampled(song_samples, from_rate=song_rate, to_rate=sample_rate)

    of_card = document_of_card(card, sample_rate=sample_rate)
    layers = lay_layers(
        [
            (DEFAULT, DEFAULTS),
            song,
            (CARD, of_card),
            (FROM_FRAME_SIZE, follow_frame_size(of_card.get("transform", {}), said)),
            *asked,
            (ARGUMENT, document_of_arguments(request, model_id=model_id, sample_rate=sample_rate)),
        ]
    )
    document = layers.document
    document["model_type"] = model_id  # in full, whoever named it
    device = choose_device(document["inference"]["device"])
    document["inference"].setdefault("batch_size", 1 if device.type == "cpu" else 4)
    if document["inference"].get("shifts") is not None:
        document["inference"] = {**SHIFT_DEFAULTS, **document["inference"]}
    config = validate_config(document, origin="the settings together")
    check_context(card, config, request)
    if config.wiener.iterations and card.output_type == "waveform":
        raise InvalidValue(
            f"{model_id} gives waveforms and the Wiener filter needs spectrograms: set wiener.iterations=0"
        )

    followers = count_frequencies(card, config)
    parameters = make_parameters(card, {**config.model.parameters, **followers})
    stem_names = validate_stem_names(config.model.output_stem_names or name_stems(request, model_id, card, parameters))
    rules = read_rules({name: rule.model_dump() for name, rule in config.derived_stems.items()})
    check_rules(rules, stem_names)
    validate_stem_names((*stem_names, *rules))  # two that differ in case alone would share a file on some systems
    return Decision(
        config=config,
        model_id=model_id,
        card=card,
        parameters=parameters,
        followers={name: count for name, count in followers.items() if name not in config.model.parameters},
        sample_rate=sample_rate,
        num_channels=num_channels,
        num_samples=num_samples,
        device=device,
        stem_names=stem_names,
        requested=choose_stems(config.inference.requested_stems, stem_names),
        rules=rules,
        layers=layers,
    )


def name_stems(request: Request, model_id: str, card: ModelCard, parameters: object) -> tuple[str, ...]:
    """All that the model gives: as its card says, or as many as there are references."""
    if not card.needs_references:
        return list_stems(card, parameters=parameters)
    if not request.true_stems:
        raise InvalidValue(
            f"{model_id} is made from the true stems: give references= (--references), a folder of them, a .stem.mp4 "
            "or a mapping of name to Audio"
        )
    return tuple(request.true_stems)


def check_context(card: ModelCard, config: RunConfig, request: Request) -> None:
    """Raise `InvalidValue` where a model that must see the whole song is asked to work in chunks."""
    as_it_is = (None, 0.0, WHOLE_SONG_WINDOW)
    given = (config.model.chunk_size, config.chunking.overlap_ratio, config.chunking.window_shape)
    if card.context == "song" and (given != as_it_is or isinstance(request.window, Tensor)):
        raise InvalidValue(
            f"{card.name} must see the whole song at once: leave out chunk_seconds, chunk_size, overlap and window"
        )


def choose_stems(requested: Sequence[str] | None, stem_names: Sequence[str]) -> tuple[str, ...]:
    """The model's stems to return, in the model's order."""
    if requested is None:
        return tuple(stem_names)
    for name in requested:
        if name not in stem_names:
            raise InvalidValue(f"the model has no stem {name!r}; it gives {', '.join(stem_names)}")
    if not requested:
        raise InvalidValue(f"no stem was asked for; the model gives {', '.join(stem_names)}")
    return tuple(name for name in stem_names if name in requested)


def choose_device(name: str) -> torch.device:
    """``auto`` takes a CUDA GPU, else Apple's, else the CPU."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if not isinstance(name, str):
        raise InvalidType(f"device must be a name such as 'cpu' or 'cuda:0', got {name!r}")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InvalidValue(f"device must be auto, cpu, cuda, cuda:0, mps ..., got {name!r}") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise InvalidValue(f"device must be auto, cpu, cuda, cuda:0, mps ..., got {name!r}")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InvalidValue(
            f"there is no device {name!r} here ({torch.cuda.device_count()} CUDA devices); use device='auto'"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise InvalidValue("there is no device 'mps' here; use device='auto'")
    return device
