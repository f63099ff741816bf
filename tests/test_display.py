from __future__ import annotations

import base64
import io
import re

import pytest
import soundfile
import torch

from workbench.core import Audio
from workbench.display import Player, encode_flac

RATE = 8000


def make_tone(peak: float, *, channels: int = 2) -> Audio[torch.Tensor]:
    time = torch.arange(800) / RATE
    return Audio((peak * torch.sin(2 * torch.pi * 100 * time)).expand(channels, -1), RATE)


def decode(source: str) -> torch.Tensor:
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(source)), dtype="float32", always_2d=True)
    assert rate == RATE
    return torch.from_numpy(samples.T)


def read_sources(page: str) -> list[str]:
    return re.findall(r"src='data:audio/flac;base64,([^']+)'", page)


def test_every_track_gets_its_own_controls_and_sound() -> None:
    tracks = {"mixture": make_tone(0.5), "vocals": make_tone(0.25, channels=1)}
    player = Player(tracks)
    assert repr(player) == "Player of mixture, vocals"
    page = player._repr_html_()
    assert page.count("<audio controls") == 2
    for source, (name, audio) in zip(read_sources(page), tracks.items(), strict=True):
        assert f"<td>{name}</td>" in page
        assert f"aria-label='{name}'" in page
        decoded = decode(source)
        assert decoded.shape == audio.data.shape
        assert (decoded - audio.data).abs().max() <= 2**-15  # one step of 16 bits


@pytest.mark.parametrize("peak", [0.5, 1.0, 4.0])
def test_tracks_beyond_full_scale_share_one_gain(peak: float) -> None:
    loud, soft = (
        decode(source) for source in read_sources(Player({"a": make_tone(peak), "b": make_tone(0.1)})._repr_html_())
    )
    gain = min(1.0, 1 / peak)
    assert loud.abs().max() == pytest.approx(peak * gain, abs=2**-14)  # full scale is one step below 1
    assert soft.abs().max() == pytest.approx(0.1 * gain, abs=2**-14)


def test_names_are_escaped() -> None:
    page = Player({"rock & 'roll' <b>": make_tone(0.1)})._repr_html_()
    assert page.count("rock &amp; &#x27;roll&#x27; &lt;b&gt;") == 2
    assert "<b>" not in page


def test_what_is_encoded_is_flac() -> None:
    audio = make_tone(0.5)
    before = audio.data.clone()
    assert base64.b64decode(encode_flac(audio, gain=0.5))[:4] == b"fLaC"
    assert torch.equal(audio.data, before)
    assert decode(encode_flac(audio, gain=0.5)).abs().max() == pytest.approx(0.25, abs=2**-14)
