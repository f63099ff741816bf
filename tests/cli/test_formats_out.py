from __future__ import annotations

import hashlib
import json

import pytest
import soundfile
import torch

import workbench
from workbench.io.tags import read_tags


@pytest.mark.parametrize(
    ("arguments", "name", "subtype"),
    [
        (["--format", "wav", "--subtype", "PCM_16"], "a.wav", "PCM_16"),
        (["--format", "wav", "--subtype", "PCM_32"], "a.wav", "PCM_32"),
        (["--set", "output.subtype=PCM_16"], "a.flac", "PCM_16"),
        (["--format", "ogg"], "a.ogg", "VORBIS"),
        (["--format", "mp3", "--set", "output.bit_rate=48000"], "a.mp3", "MPEG_LAYER_III"),
    ],
)
def test_formats_and_subtypes(run_cli, tmp_path, register, out, arguments, name, subtype):
    register()
    tags = {"title": "A song", "artist": "Someone"}
    data = torch.rand(2, 8001, generator=torch.Generator().manual_seed(0)) - 0.5
    song = workbench.save(workbench.Audio(data, 8000), tmp_path / "song.flac", tags=tags)

    result = run_cli("separate", song, "-m", "made", "-o", out, *arguments, "--json")

    assert (result.status, result.stderr) == (0, "")
    path = out / "song" / name
    assert json.loads(result.stdout)["files"]["a"] == str(path)
    assert soundfile.info(path).subtype == subtype
    assert workbench.load(path).data.shape == data.shape
    assert read_tags(path) == {"title": "A song (a)", "artist": "Someone"}
    manifest = json.loads((out / "song" / "stems.json").read_text())
    assert manifest["settings"]["output"]["subtype"] == subtype
    assert manifest["source"] == {"file": "song.flac", "sha256": hashlib.sha256(song.read_bytes()).hexdigest()}
    assert manifest["stems"]["a"] == {"file": name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def test_notices_of_reading_are_told_too(run_cli, write_song, register, out):
    register(channels=2)
    song = write_song(channels=1, samples=20_000)
    song.write_bytes(song.read_bytes()[:-10_000])

    result = run_cli("separate", song, "-m", "made", "-o", out, "--allow-truncated")

    notices = json.loads((out / "song" / "stems.json").read_text())["notices"]
    assert [f"note: {notice}" for notice in notices] == result.stderr.splitlines()
    assert len(notices) == 2
    assert "is cut off" in notices[0]
