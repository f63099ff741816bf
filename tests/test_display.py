from __future__ import annotations

import base64
import io
import math
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from IPython.core.formatters import DisplayFormatter

from workbench.core import Audio
from workbench.display import LONGEST_EXACT_SECONDS, Player, encode_flac, register_players, show_audio

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


def test_audio_in_a_notebook_is_its_line_and_a_player() -> None:
    formatter = DisplayFormatter(active_types=["text/plain", "text/html"])
    register_players(SimpleNamespace(display_formatter=formatter))
    for audio in (make_tone(0.5), make_tone(4.0)):
        shown, _ = formatter.format(audio)
        assert shown["text/plain"] == repr(audio)
        assert f"<p>{audio!r}</p>" in shown["text/html"]
        (source,) = read_sources(shown["text/html"])
        assert decode(source).abs().max() == pytest.approx(min(1.0, float(audio.data.abs().max())), abs=2**-14)


def test_long_audio_travels_as_opus() -> None:
    song = Audio(make_tone(0.5).data.repeat(1, 310), RATE)
    assert song.seconds > LONGEST_EXACT_SECONDS
    page = show_audio(song)
    assert "data:audio/webm;base64," in page
    assert len(page) < 31 * 128_000 / 8 * 1.5  # bytes, as base64; exact it would be 1.3 MB
    assert read_sources(show_audio(song[:30])) != []
    assert "data:audio/webm;base64," in show_audio(Audio(torch.zeros(1, 800), 400))  # a rate that browsers refuse


@pytest.mark.parametrize(
    "data",
    [
        torch.zeros(2, 0),
        torch.full((1, 5), math.nan),
        torch.zeros(5),
        torch.zeros(1, 5, dtype=torch.int16),
        np.zeros((1, 5), complex),
        [0.0],
        None,
    ],
)
def test_what_cannot_be_played_is_shown_as_its_line(data: object) -> None:
    page = show_audio(Audio(data, RATE))
    assert "<audio" not in page
    assert page.startswith("<p>Audio(")


def test_importing_in_a_notebook_registers_the_player_and_loads_no_torch() -> None:
    code = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "import workbench\n"
        "assert 'torch' not in sys.modules\n"
        "import torch\n"
        "from workbench.core import Audio\n"
        "shell.display_formatter.active_types = ['text/plain', 'text/html']\n"
        "shown, _ = shell.display_formatter.format(Audio(torch.zeros(1, 8000), 8000))\n"
        "assert '<audio controls' in shown['text/html']\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
