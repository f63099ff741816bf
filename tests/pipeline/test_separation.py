from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import CHUNK_SECONDS, RATE, TwoBands, make_song

from workbench.core import Audio
from workbench.errors import AudioFileError, InvalidValue, WorkbenchNotice
from workbench.io.read import load
from workbench.pipeline.config import RunConfig
from workbench.pipeline.separation import Separation
from workbench.pipeline.separator import separate

SONG = make_song(0.2)


def make_separation(**asked: Any) -> Separation:
    return separate(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS, **asked)


def test_a_separation_maps_names_to_audio() -> None:
    separation = make_separation(derive=["rest = mixture - low"])
    assert list(separation) == ["low", "high", "rest"]
    assert len(separation) == 3
    assert all(isinstance(audio, Audio) for audio in separation.values())
    assert torch.equal(separation.mixture.data, SONG.data)
    assert separation.sample_rate == separation["low"].sample_rate == RATE
    assert "mixture" not in separation
    assert separation.get("vocals") is None
    with pytest.raises(KeyError, match="no stem 'vocals'; there are low, high, rest"):
        _ = separation["vocals"]
    # the remainder leaves derived stems out of account: only the model's own sum to the mixture
    assert (separation.remainder.data).abs().max() < 1e-6
    assert separation.remainder is separation.remainder


def test_saving_writes_all_stems(tmp_path: Path) -> None:
    separation = make_separation()
    saved = separation.save(tmp_path / "new" / "folder")
    assert saved.gain == 1.0
    assert {name: path.name for name, path in saved.paths.items()} == {"low": "low.flac", "high": "high.flac"}
    for name, path in saved.paths.items():
        assert (load(path).data - separation[name].data).abs().max() <= 2**-23  # 24 bits, rounded
    with pytest.raises(AudioFileError, match="exist"):
        separation.save(tmp_path / "new" / "folder")
    separation.save(tmp_path / "new" / "folder", overwrite=True)
    saved = separation.save(tmp_path / "wav", format="wav", subtype="FLOAT")
    assert torch.equal(load(saved.paths["low"]).data, separation["low"].data)


def test_the_config_says_which_stems_are_saved_and_how(tmp_path: Path) -> None:
    derive = ["rest = mixture - low"]
    config = {"output": {"stem_names": ["rest", "low"], "file_format": "wav"}}
    separation = make_separation(config=config, derive=derive)
    assert list(separation) == ["low", "high", "rest"]  # what is saved does not change what is returned
    saved = separation.save(tmp_path)
    assert [path.name for path in saved.paths.values()] == ["rest.wav", "low.wav"]
    saved = separation.save(tmp_path, format="flac", overwrite=True)  # the argument comes first
    assert [path.name for path in saved.paths.values()] == ["rest.flac", "low.flac"]
    network = TwoBands()
    for output, reason in (
        ({"stem_names": ["vocals"]}, r"output\.stem_names asks for 'vocals'; there are low, high"),
        ({"file_format": "mp4"}, "mp4"),
        ({"bit_rate": 320}, r"output\.bit_rate is for lossy formats"),
    ):
        with pytest.raises(InvalidValue, match=reason):
            make_separation(config={"output": output}).save(tmp_path / "none")
        with pytest.raises(InvalidValue, match=reason):  # found before any work when the folder is known
            separate(SONG, model=network, chunk_seconds=CHUNK_SECONDS, config={"output": output}, out=tmp_path / "none")
    assert network.calls == []
    assert not (tmp_path / "none").exists()


def test_stems_that_would_clip_get_one_gain(tmp_path: Path) -> None:
    loud = Audio(SONG.data * 4, RATE)
    separation = separate(loud, model=TwoBands(), chunk_seconds=CHUNK_SECONDS)
    with pytest.warns(WorkbenchNotice, match="one common gain"):
        saved = separation.save(tmp_path)
    assert saved.gain < 1
    total = sum(load(path).data for path in saved.paths.values())
    assert (total - loud.data * saved.gain).abs().max() < 1e-6  # so that they still sum to the mixture


def test_a_separation_shows_levels_as_text_and_html() -> None:
    data = torch.zeros(1, RATE)
    data[:, : RATE // 2] = 0.5
    separation = Separation(
        {"a & b": Audio(data, RATE), "quiet": Audio(torch.zeros(1, RATE), RATE)},
        Audio(data, RATE),
        all_stems=None,
        config=RunConfig(),
    )
    text, page = repr(separation), separation._repr_html_()
    assert text.splitlines()[0] == "Separation: 2 stems at 8000 Hz"
    (line,) = (line for line in text.splitlines() if "a & b" in line)
    assert "1 x 1.00 s" in line
    assert "-9.0 dBFS" in line  # RMS of a half at one half of the time
    assert "-6.0 dBFS" in line
    assert "silent" in text
    assert "<td>a &amp; b</td>" in page
    assert "a & b" not in page
    for name in ("mixture", "quiet"):
        assert f"<td>{name}</td>" in page


def test_a_separation_can_be_listened_to() -> None:
    player = make_separation().player()
    assert list(player.tracks) == ["mixture", "low", "high"]
