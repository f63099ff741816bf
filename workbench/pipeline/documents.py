"""What a model's card and a caller's arguments say, as documents of the config's form."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.config import MOST_CHUNK_SAMPLES
from workbench.pipeline.request import Request
from workbench.pipeline.rules import read_rules
from workbench.registry import keep_window
from workbench.registry.cards import ModelCard
from workbench.registry.validate import list_followers

WHOLE_SONG_WINDOW = "windows.rectangular"  # a song that is one chunk has nothing to fade into


def audio_io_of_song(*, sample_rate: int, channels: int) -> dict[str, Any]:
    """What a song says, as a document: its rate in hertz and its channels serve where nobody else has a wish."""
    return {"audio_io": {"target_sample_rate": sample_rate, "force_channels": channels}}


def audio_io_of_card(card: ModelCard) -> dict[str, Any]:
    """What the card says of rate (in hertz) and channels, as a document."""
    wishes = {"target_sample_rate": card.sample_rate, "force_channels": card.channels}
    return {"audio_io": {key: value for key, value in wishes.items() if value is not None}}


def document_of_card(card: ModelCard, *, sample_rate: int) -> dict[str, Any]:
    """What the card says, as a document; without the parameters that follow the transform, whatever that will be."""
    whole = card.context == "song"
    model: dict[str, Any] = {} if whole else {"chunk_size": max(1, round(card.chunk_seconds * sample_rate))}
    if card.parameters is not None:
        own = dataclasses.asdict(card.parameters())
        followers = list_followers(card)
        model |= {name: value for name, value in own.items() if name not in followers}
    document: dict[str, Any] = {
        **audio_io_of_card(card),
        "model": model,
        "normalization": {"enabled": card.normalize},
        "chunking": {
            "overlap_ratio": 0.0 if whole else card.overlap,
            "window_shape": keep_window(WHOLE_SONG_WINDOW if whole else card.window),
        },
    }
    if card.stft is not None:
        transform = {field.name: getattr(card.stft, field.name) for field in dataclasses.fields(card.stft)}
        if transform["conv_dtype"] is not None:
            transform["conv_dtype"] = str(transform["conv_dtype"]).removeprefix("torch.")
        if isinstance(transform["window_shape"], str):
            transform["window_shape"] = keep_window(transform["window_shape"])
        document["transform"] = {key: value for key, value in transform.items() if not isinstance(value, Tensor)}
    return document


def document_of_arguments(request: Request, *, model_id: str, sample_rate: int) -> dict[str, Any]:
    """What the arguments say, as a document; ``model_id`` is the full id of the model that was chosen."""
    model: dict[str, Any] = {}
    if request.chunk_seconds is not None:
        if isinstance(request.chunk_seconds, bool) or not isinstance(request.chunk_seconds, int | float):
            raise InvalidType(f"chunk_seconds must be a number, got {request.chunk_seconds!r}")
        if not 0 < request.chunk_seconds < math.inf:
            raise InvalidValue(f"chunk_seconds must be finite and greater than 0, got {request.chunk_seconds}")
        model["chunk_size"] = round(request.chunk_seconds * sample_rate)
        if model["chunk_size"] < 1:
            raise InvalidValue(f"chunk_seconds {request.chunk_seconds} is less than one sample at {sample_rate} Hz")
        if model["chunk_size"] > MOST_CHUNK_SAMPLES:
            raise InvalidValue(f"chunk_seconds {request.chunk_seconds} is longer than any song; give some seconds")
    chunking = {
        "overlap_ratio": request.overlap,
        "window_shape": None if isinstance(request.window, Tensor) else request.window,
    }
    inference = {
        "device": request.device,
        "batch_size": request.batch_size,
        "requested_stems": None if request.stems is None else check_names(request.stems),
        "tta": None if request.tta is None else check_names(request.tta, argument="tta"),
        "shifts": request.shifts,
        "shift_seed": request.shift_seed,
    }
    document: dict[str, Any] = {
        "model": model,
        "chunking": {key: value for key, value in chunking.items() if value is not None},
        "inference": {key: value for key, value in inference.items() if value is not None},
    }
    if request.model is not None:
        document["model_type"] = model_id
    if request.derive is not None:
        document["derived_stems"] = {
            name: dataclasses.asdict(rule) for name, rule in read_rules(request.derive).items()
        }
    return document


def check_names(names: Sequence[str], *, argument: str = "stems") -> tuple[str, ...]:
    """The names that an argument lists; one string would be taken for its letters."""
    if not isinstance(names, Iterable):
        raise InvalidType(f"{argument} must be a list of names, got {type(names).__name__}")
    if isinstance(names, str):
        raise InvalidType(f"{argument} must be a list of names, such as [{names!r}], got the string {names!r}")
    return tuple(names)
