"""Listening in a notebook without any widget: one HTML audio element a stem, and one under each `Audio` that is shown.

This module loads neither torch nor IPython, for `import workbench` to stay instant.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.core.audio import Audio

LONGEST_EXACT_SECONDS = 30.0  # 4 MB; what is longer travels as Opus, 1 MB a minute
EXACT_RATES = range(8000, 96_001)  # hertz; beyond them browsers need not play FLAC


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


def show_audio(audio: Audio[Any]) -> str:
    """Audio as HTML: its one line and, unless it holds nothing that can be played, play controls.

    The sound is in the page: 16-bit FLAC up to half a minute, Opus beyond. What is louder than full scale is scaled
    down for it.
    """
    line = f"<p>{html.escape(repr(audio))}</p>"
    source = encode_source(audio)
    if source is None:
        return line
    return f"{line}<audio controls preload='metadata' aria-label='audio' src='{source}'></audio>"


def encode_source(audio: Audio[Any]) -> str | None:
    """The sound as a data URL, or ``None`` where there is nothing to play: no finite samples (channel, time)."""
    import torch

    from workbench.core.audio import Audio

    data = torch.as_tensor(audio.data) if hasattr(audio.data, "dtype") else None
    if data is None or data.ndim != 2 or data.numel() == 0 or not data.is_floating_point():
        return None
    peak = float(data.abs().max())
    if not math.isfinite(peak) or audio.sample_rate < 1:
        return None
    sound = Audio(data.detach().cpu().float(), audio.sample_rate)
    gain = 1.0 / max(1.0, peak)
    if sound.seconds <= LONGEST_EXACT_SECONDS and sound.sample_rate in EXACT_RATES:
        return f"data:audio/flac;base64,{encode_flac(sound, gain=gain)}"
    from workbench.report.sound import HIGHEST_BIT_RATE, SoundPlan, encode_sound

    encoded = encode_sound(sound, SoundPlan(HIGHEST_BIT_RATE, sound.seconds), gain=gain)
    return f"data:audio/webm;base64,{base64.b64encode(encoded).decode()}"


def register_players(shell: Any) -> None:
    """Let an IPython shell show every `Audio` as `show_audio` does; a shell in a terminal still prints its line.

    Registered by name, so that nothing is loaded before there is some audio to show.
    """
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type_by_name("workbench.core.audio", "Audio", show_audio)
