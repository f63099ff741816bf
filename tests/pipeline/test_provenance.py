from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import CHUNK_SECONDS, TwoBands, make_gains, make_song

import workbench
from workbench.core.audio import Audio
from workbench.errors import AudioFileError, WorkbenchNotice
from workbench.io.read import load
from workbench.io.tags import read_tags
from workbench.io.write import save
from workbench.pipeline.separation import Separation
from workbench.pipeline.separator import separate
from workbench.registry import find_model

SONG = make_song()


def write_song(folder: Path, *, gain: float = 1.0) -> Path:
    tags = {"title": "A song", "artist": "Someone"}
    return save(Audio(SONG.data * gain, SONG.sample_rate), folder / "song.wav", tags=tags)


def read_manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "stems.json").read_text(encoding="utf-8")))


def hash_bytes(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def separate_bands(song: Any, **asked: Any) -> Separation:
    return separate(song, model=TwoBands(), chunk_seconds=CHUNK_SECONDS, **asked)


def test_stems_json_tells_where_the_stems_come_from(tmp_path: Path) -> None:
    song = write_song(tmp_path)
    with pytest.warns(WorkbenchNotice, match="common gain"):
        saved = separate_bands(write_song(tmp_path / "loud", gain=4.0)).save(tmp_path / "out")
    manifest = read_manifest(tmp_path / "out")
    assert manifest["gain"] == saved.gain < 1
    assert manifest["stems"] == {
        name: {"file": f"{name}.flac", "sha256": hash_bytes(saved.paths[name])} for name in ("low", "high")
    }
    assert manifest["source"] == {"file": "song.wav", "sha256": hash_bytes(tmp_path / "loud" / "song.wav")}
    assert manifest["versions"] == {
        "workbench": workbench.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "models": {"TwoBands": "given as an object"},
    }
    assert (manifest["model"], manifest["not_in_settings"], manifest["checkpoint"]) == ("TwoBands", ["model"], None)
    shape = (manifest["channels"], manifest["num_samples"])
    assert (*shape, manifest["sample_rate"]) == (*SONG.data.shape, SONG.sample_rate)
    assert str(tmp_path) not in (tmp_path / "out" / "stems.json").read_text()

    window = torch.hann_window(round(CHUNK_SECONDS * SONG.sample_rate))
    separate_bands(song, window=window).save(tmp_path / "window")
    assert read_manifest(tmp_path / "window")["not_in_settings"] == ["model", "window"]
    separate_bands(SONG).save(tmp_path / "memory")
    assert read_manifest(tmp_path / "memory")["source"] is None


def test_its_settings_repeat_the_run(tmp_path: Path) -> None:
    song = write_song(tmp_path)
    asked: dict[str, Any] = {
        "model": "hpss",
        "chunk_seconds": 0.3,
        "overlap": 0.6,
        "derive": ["rest = mixture - harmonic"],
    }
    first = separate(song, **asked, settings={"output.file_format": "wav", "model.power": float("inf")})
    first.save(tmp_path / "first", subtype="PCM_16")
    manifest = read_manifest(tmp_path / "first")
    assert manifest["settings"]["output"] == {"file_format": "wav", "subtype": "PCM_16"}
    assert manifest["versions"]["models"] == {"hpss.hpss": f"stem-workbench {workbench.__version__}"}
    manifest["settings"]["model"]["power"] = float("inf")  # JSON has no form for it but text
    again = separate(song, config=manifest["settings"])
    again.save(tmp_path / "again")
    for name in ("harmonic", "percussive", "rest"):
        assert torch.equal(again[name].data, first[name].data)
    assert read_manifest(tmp_path / "again")["stems"] == manifest["stems"]  # 16-bit files are equal to the byte


@pytest.mark.parametrize("file_format", ["wav", "flac", "ogg", "mp3"])
def test_stems_get_the_tags_of_the_song(tmp_path: Path, file_format: str) -> None:
    config = {"output": {"bit_rate": 32000}} if file_format == "mp3" else None
    saved = separate_bands(write_song(tmp_path), config=config).save(tmp_path / "out", format=file_format)
    for name, path in saved.paths.items():
        assert read_tags(path) == {"title": f"A song ({name})", "artist": "Someone"}
        assert load(path).data.shape == SONG.data.shape
    if config:
        assert read_manifest(tmp_path / "out")["settings"]["output"]["bit_rate"] == 32000


def test_stems_and_their_description_are_written_together_or_not_at_all(tmp_path: Path) -> None:
    separation = separate_bands(write_song(tmp_path))
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "stems.json").write_text("mine")
    with pytest.raises(AudioFileError, match=r"stems\.json exists already"):
        separation.save(folder)
    with pytest.raises(AudioFileError, match=r"stems\.json exists already"):
        separate_bands(SONG, out=folder)
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("stems.json", "mine")]
    separation.save(folder, overwrite=True)
    assert sorted(path.name for path in folder.iterdir()) == ["high.flac", "low.flac", "stems.json"]
    assert "low" in read_manifest(folder)["stems"]


def test_a_song_that_is_gone_is_said(tmp_path: Path) -> None:
    song = write_song(tmp_path)
    separation = separate_bands(song)
    song.unlink()
    with pytest.raises(AudioFileError, match=r"cannot read .*song\.wav, whose tags and hash .* None"):
        separation.save(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    separation.source = None
    separation.save(tmp_path / "out")
    assert read_manifest(tmp_path / "out")["source"] is None


def test_a_card_that_nobody_registered_is_in_no_settings() -> None:
    card, _ = make_gains()
    assert separate(SONG, model=card).not_in_settings == ("model",)
    assert separate(SONG, model=card, shifts=1).not_in_settings == ("model",)
    registered = find_model("passthrough").card
    assert separate(SONG, model=registered).not_in_settings == ()
