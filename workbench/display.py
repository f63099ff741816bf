"""Listening in a notebook without any widget: one HTML audio element a stem."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench.core.audio import Audio

if TYPE_CHECKING:
    from torch import Tensor


class Player:
    """Shows each of ``tracks`` with play controls; the sound travels in the page as 16-bit FLAC.

    Tracks beyond full scale are scaled together by one gain, so that their balance stays.
    """

    def __init__(self, tracks: Mapping[str, Audio[Tensor]]) -> None:
        self.tracks = dict(tracks)

    def __repr__(self) -> str:
        return f"Player of {', '.join(self.tracks)}"

    def _repr_html_(self) -> str:
        peak = max(float(audio.data.abs().max()) for audio in self.tracks.values())
        gain = 1.0 / max(1.0, peak)
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td><audio controls preload='metadata' aria-label='{html.escape(name)}' "
            f"src='data:audio/flac;base64,{encode_flac(audio, gain=gain)}'></audio></td></tr>"
            for name, audio in self.tracks.items()
        )
        return f"<table>{rows}</table>"


def encode_flac(audio: Audio[Tensor], *, gain: float) -> str:
    """The audio as base64 of a 16-bit FLAC file."""
    from workbench.widgets.sound import encode_track

    return base64.b64encode(encode_track(audio, gain=gain)).decode()
