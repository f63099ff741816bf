from __future__ import annotations

import base64
import io
import math
import re
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import workbench as wb
from workbench.core import Audio
from workbench.errors import InvalidType, InvalidValue
from workbench.widgets import StemPlayer
from workbench.widgets.base import EXPORT_VARIABLE

RATE = 8000
SECONDS = 2.0


def make_tone(hertz: float, *, peak: float = 0.4, channels: int = 2, seconds: float = SECONDS) -> Audio[Tensor]:
    time = torch.arange(round(seconds * RATE)) / RATE
    return Audio((peak * torch.sin(2 * torch.pi * hertz * time)).expand(channels, -1).clone(), RATE)


LOW, HIGH = make_tone(200), make_tone(1500, peak=0.2)
MIXTURE = Audio(LOW.data + HIGH.data, RATE)
SONG = {"mixture": MIXTURE, "low": LOW, "high": HIGH}


def ask(player: StemPlayer, **content: Any) -> list[tuple[Any, Any]]:
    """What a view would hear after this message."""
    sent: list[tuple[Any, Any]] = []
    player.send = lambda content, buffers=None: sent.append((content, buffers))
    player._handle_custom_msg(content, [])
    return sent


def list_tracks(player: StemPlayer) -> list[list[tuple[str, str]]]:
    return [[(track["name"], track["role"]) for track in side["tracks"]] for side in player.sides]


class Halves(nn.Module):
    """Two stems that are half of the song each."""

    stems = ("one", "two")

    def forward(self, waveform: Tensor) -> Tensor:
        return torch.stack((waveform / 2, waveform / 2), dim=1)  # (batch, stem, channel, time)


def separate_halves() -> wb.Separation:
    return wb.separate(MIXTURE, model=Halves(), chunk_seconds=0.5, derive=["rest = mixture - one"])


def test_a_separation_brings_its_song_which_is_muted_at_first() -> None:
    player = separate_halves().player()
    assert isinstance(player, StemPlayer)
    assert list_tracks(player) == [[("mixture", "mixture"), ("one", "stem"), ("two", "stem"), ("rest", "derived")]]
    assert player.mute == ["mixture"]
    assert list(player.tracks) == ["mixture", "one", "two", "rest"]
    assert player.null_level_db < -100  # float32; the derived stem does not count again
    assert (player.duration_seconds, player.sample_rate) == (SECONDS, RATE)
    trace = wb.trace(MIXTURE, model="passthrough", chunk_seconds=0.5)
    assert StemPlayer(trace).sides[0]["title"] == "passthrough"


def test_lanes_go_over_at_once_and_share_one_scale() -> None:
    player = StemPlayer(SONG)
    peaks = [np.frombuffer(data, "<i2").reshape(-1, 2) for data in player.peaks]
    assert [len(lane) for lane in peaks] == [SECONDS * RATE / 16] * 3
    assert player.block_seconds == 16 / RATE
    assert peaks[1].max() / peaks[0].max() == pytest.approx(float(LOW.data.max() / MIXTURE.data.max()), abs=2 / 32767)
    colors = [track["color"] for track in player.sides[0]["tracks"]]
    assert colors[0] is None
    assert len(set(colors)) == 3
    long = StemPlayer({"a": Audio(torch.zeros(1, 4_000_000), 44_100)})
    assert len(long.peaks[0]) <= 4 * 32_768


def test_sound_is_sent_once_asked_for_and_none_clips() -> None:
    loud = Audio(4 * LOW.data, RATE)
    player = StemPlayer({"loud": loud, "high": HIGH})
    size = sum(len(value) for value in player.get_state().values() if isinstance(value, bytes))
    assert size < 100
    sent = ask(player, ask="sound", request="7")
    assert [content["sound"] for content, _ in sent] == [0, 1]
    for (content, (track,)), audio in zip(sent, (loud, HIGH), strict=True):
        assert content["request"] == "7"
        assert content["gain"] == pytest.approx(1 / float(loud.data.abs().max()))
        samples, _ = soundfile.read(io.BytesIO(track), dtype="float32")
        # a step of 16 bits, which the gain makes greater
        assert np.abs(samples.T / content["gain"] - audio.data.numpy()).max() <= 2**-15 / content["gain"] + 1e-6
    assert not player.busy


def test_a_spectrogram_is_sent_when_asked_for() -> None:
    player = StemPlayer(SONG)
    ((content, (levels, colours)),) = ask(player, ask="spectrogram", request="8", key=1)
    picture = np.frombuffer(levels, np.uint8).reshape(content["rows"], content["columns"])
    loudest = int(picture[:, content["columns"] // 2].argmax()) * content["bin_hertz"]
    assert loudest == pytest.approx(200, abs=content["bin_hertz"] / 2)
    step = (content["high_db"] - content["low_db"]) / 255
    level = content["low_db"] + step * int(picture[:, content["columns"] // 2].max())
    # a hann window loses up to 1.4 dB between two bins
    assert 20 * math.log10(0.4) - 1.5 <= level <= 20 * math.log10(0.4) + step
    assert content["columns"] * content["frame_seconds"] == pytest.approx(SECONDS)
    assert len(colours) == 768


def test_null_test_says_what_is_left() -> None:
    player = StemPlayer(SONG, other={"low": LOW, "high": Audio(0.5 * HIGH.data, RATE)})
    assert player.null_result == ""
    player.null_test = True
    assert player.null_result.startswith("the stems add up to the mixture but for −1")
    assert player.null_level_db < -130  # float32 rounds
    player.side = "B"
    # half of the high tone of the two, at 1/2 of the low one's amplitude: power 1/4 of 1/4 against 1 + 1/4
    assert player.null_level_db == pytest.approx(10 * math.log10(0.25 * 0.25 / 1.25), abs=0.01)
    assert "−13.0 dB" in player.null_result
    player.null_test = False
    assert player.null_result == ""


def test_two_separations_share_song_and_colours() -> None:
    player = StemPlayer({"low": LOW, "high": HIGH}, other={"high": HIGH, "noise": LOW}, mixture=MIXTURE)
    a, b = player.sides
    assert [track["key"] for track in (*a["tracks"], *b["tracks"])] == [0, 1, 2, 0, 3, 4]
    assert a["tracks"][2]["color"] == b["tracks"][1]["color"]
    assert player.names == ("mixture", "low", "high", "noise")
    player.side = "B"
    assert list(player.tracks) == ["mixture", "high", "noise"]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"mute": ["vocals"]}, r"there is no track 'vocals'; there are mixture, low, high"),
        ({"solo": ["x"]}, "there is no track 'x'"),
        ({"spectrogram_stem": "x"}, "there is no track 'x'"),
        ({"gains_db": {"low": 13.0}}, "the gain of low must be from -60 to 12 dB, got 13"),
        ({"gains_db": {"low": math.nan}}, "got nan"),
        ({"gains_db": {"x": 0.0}}, "there is no track 'x'"),
        ({"master_db": -61.0}, "master_db must be from -60 to 12 dB, got -61"),
        ({"current_seconds": 2.5}, "current_seconds must be from 0 to 2 s, got 2.5"),
        ({"loop_seconds": [1.0]}, r"loop_seconds must be \[from, to\] or empty, got \[1.0\]"),
        ({"loop_seconds": [1.0, 2.5]}, "an end of the loop must be from 0 to 2 s, got 2.5"),
        ({"loop_seconds": [1.0, 0.5]}, "a loop must be at least 0.01 s long"),
        ({"side": "B"}, "there is no side B: give another separation as other="),
        ({"range_db": 5.0}, "range_db must be from 20 to 120 dB, got 5"),
    ],
)
def test_a_state_that_cannot_be_is_refused_and_the_old_one_stays(state: dict[str, Any], message: str) -> None:
    player = StemPlayer(SONG)
    ((name, value),) = state.items()
    before = getattr(player, name)
    with pytest.raises(InvalidValue, match=message):
        setattr(player, name, value)
    assert getattr(player, name) == before
    player.set_state(state)  # from the browser: said there
    assert re.search(message, player.message)
    assert getattr(player, name) == before
    with pytest.raises(InvalidValue, match=message):
        StemPlayer(SONG, **state)


def test_a_null_test_needs_mixture_and_stems() -> None:
    for tracks in ({"low": LOW}, {"mixture": MIXTURE}):
        player = StemPlayer(tracks)
        with pytest.raises(InvalidValue, match="a null test needs the mixture and its stems"):
            player.null_test = True
        with pytest.raises(InvalidValue, match="a null test needs"):
            _ = player.null_level_db


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ({}, "tracks holds nothing to play"),
        ({"low": LOW, "high": Audio(HIGH.data, 16_000)}, "high is at 16000 Hz and low at 8000 Hz"),
        ({"low": LOW, "high": make_tone(9, seconds=1.0)}, "high has 8000 samples and low 16000"),
        ({"low": Audio(torch.full((1, 9), math.nan), RATE)}, r"low: the audio has nan at sample 0"),
        ({"low": Audio(torch.zeros(2, 0), RATE)}, r"low: .* at least 1 sample, got \(2, 0\)"),
    ],
)
def test_tracks_that_cannot_be_played_together_are_named(tracks: Any, message: str) -> None:
    with pytest.raises(InvalidValue, match=message) as caught:
        StemPlayer(tracks)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ("song.flac", "tracks must be a separation, a trace or a mapping from names to Audio, got str"),
        ({"low": LOW.data}, "low: expected the track as Audio, got Tensor"),
        ({3: LOW}, "the name of a track must be a string, got int 3"),
    ],
)
def test_what_is_no_audio_is_named(tracks: Any, message: str) -> None:
    with pytest.raises(InvalidType, match=message):
        StemPlayer(tracks)


def test_a_comparison_needs_stems() -> None:
    with pytest.raises(InvalidValue, match="other holds no stems to compare with"):
        StemPlayer(SONG, other=MIXTURE)


def test_a_song_alone_silence_mono_and_many_channels_play() -> None:
    song = StemPlayer(MIXTURE)
    assert (song.mute, list(song.tracks)) == ([], ["mixture"])
    silence = Audio(torch.zeros(1, 1), RATE)
    player = StemPlayer({"mixture": silence, "stem": silence}, null_test=True)
    assert player.null_result == "the stems add up to the mixture exactly"
    assert player.peaks == [bytes(4), bytes(4)]
    ((_, (levels, _)),) = ask(player, ask="spectrogram", request="1", key=0)
    assert set(levels) == {0}
    many = Audio(torch.stack([gain * LOW.data[0] for gain in (1.0, 0.5, 0.0)]), RATE)
    player = StemPlayer({"many": many, "mono": make_tone(9, channels=1)})
    torch.testing.assert_close(player.tracks["many"].data, 0.5 * LOW.data[:1])
    mixed = StemPlayer({"mixture": MIXTURE, "low": Audio(LOW.data[:1], RATE), "high": HIGH})
    assert mixed.null_level_db < -130  # a mono stem is on both channels
    assert len(mixed.figure().axes) == 7  # waveform and spectrogram of each, and the bar


def test_what_fails_is_told_to_the_view_that_waits() -> None:
    player = StemPlayer(SONG)
    ((content, _),) = ask(player, ask="spectrogram", request="9", key=99)
    assert content == {"request": "9", "failed": player.message}
    assert player.message.startswith("the browser sent key = 99, there are 3")


def test_an_export_has_the_picture_and_every_track_once(monkeypatch: pytest.MonkeyPatch) -> None:
    player = StemPlayer(SONG, other={"low": LOW}, null_test=True)
    live, _ = player._repr_mimebundle_()
    assert len(str(live)) < 1000
    figure = player.figure()
    assert isinstance(figure, Figure)
    assert any("the stems add up to the mixture" in axes.get_title(loc="left") for axes in figure.axes)
    monkeypatch.setenv(EXPORT_VARIABLE, "1")
    bundle, _ = player._repr_mimebundle_()
    page = bundle["text/html"]
    assert 'alt="mixture, low and high, 2.0 s; heard: the mixture minus its stems"' in page
    assert re.findall(r'<audio [^>]*aria-label="([^"]*)"', page) == ["mixture", "A: low", "A: high", "B: low"]
    sounds = re.findall(r"data:audio/flac;base64,([^\"]+)", page)
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(sounds[1])), dtype="float32")
    assert rate == RATE
    assert np.abs(samples.T - LOW.data.numpy()).max() <= 2**-15
    assert StemPlayer(MIXTURE).figure().axes


def test_a_null_test_ends_on_a_side_without_stems() -> None:
    player = StemPlayer(MIXTURE, other=SONG, side="B", null_test=True)
    assert player.null_result
    player.side = "A"
    assert (player.null_test, player.null_result) == (False, "")  # the page could not end it there
    assert "mixture and its stems" in player.message
