"""What follows the transform: window and hop keep their share of the frame, a model's parameter counts frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import InvalidValue
from workbench.pipeline.config import RunConfig
from workbench.registry.cards import ModelCard
from workbench.registry.validate import list_followers

SHARES_OF_FRAME = ("hop_length", "win_length")


def scale_transform(transform: Mapping[str, Any], *, n_fft: int) -> dict[str, int]:
    """Hop and window for another frame size, in samples: the same shares of the frame as before.

    >>> scale_transform({"n_fft": 2048, "hop_length": 512, "win_length": 2048, "window_shape": "hann"}, n_fft=4096)
    {'hop_length': 1024, 'win_length': 4096}

    A window that no document can hold, a tensor, stays as long as it is, and so does its hop.

    Args:
        transform: the section of a document.
        n_fft: the new frame size.
    """
    if transform.get("window_shape") is None:
        return {}
    before = transform["n_fft"]
    return {name: max(1, round(transform[name] * n_fft / before)) for name in SHARES_OF_FRAME if transform.get(name)}


def follow_frame_size(transform: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """What else changes in a transform where another frame size is asked for, as a document.

    Args:
        transform: the section of the document below, with its ``n_fft`` if there is a transform.
        asked: the document above.
    """
    n_fft = asked.get("transform", {}).get("n_fft")
    if n_fft is None or transform.get("n_fft") in (None, n_fft):
        return {}
    return {"transform": scale_transform(transform, n_fft=n_fft)}


def count_frequencies(card: ModelCard, config: RunConfig) -> dict[str, int]:
    """The parameters that follow the transform, with the number of its frequencies.

    Raises:
        InvalidValue: one was given that does not go with the transform.
    """
    n_fft = config.transform.n_fft
    if n_fft is None:
        return {}
    num_freqs = n_fft // 2 + 1
    given = config.model.parameters
    for name in list_followers(card):
        if given.get(name, num_freqs) != num_freqs:
            raise InvalidValue(
                f"model.{name} is {given[name]!r}, and transform.n_fft {n_fft} has {num_freqs} frequencies: leave "
                f"model.{name} out, it follows the transform"
            )
    return dict.fromkeys(list_followers(card), num_freqs)
