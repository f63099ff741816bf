"""Each command with bad input: one line on standard error, status 2, nothing printed, nothing left behind."""

from __future__ import annotations

import json

import numpy as np
import pytest

YAML = {
    "date.yaml": "model: {power: 2024-99-99}",
    "deep.yaml": "[" * 600,
    "long.json": "9" * 5000,
    "code.yaml": "model: !!python/object/apply:os.system ['touch marker']",
    "bytes.yaml": b"\xff\xfe\x00abc",
    "unknown.yaml": "chunking: {overlap: 0.5}",
    "type.yaml": "chunking: {overlap_ratio: much}",
}
CONFIG = {
    "date.yaml": ["neither YAML nor JSON"],
    "deep.yaml": ["neither YAML nor JSON"],
    "long.json": ["neither YAML nor JSON"],
    "code.yaml": ["neither YAML nor JSON", "os.system"],
    "bytes.yaml": ["cannot read the config"],
    "unknown.yaml": ["'chunking.overlap'", "'overlap_ratio'"],
    "type.yaml": ["chunking.overlap_ratio", "number", "'much'"],
    "folder": ["cannot read the config"],
    "missing.yaml": ["cannot read the config"],
}
COMMANDS = {
    "config_setting": ("config -m hpss --set chunking", ["KEY=VALUE"]),
    "config_date": ("config -m hpss --set model.power=2024-99-99", ["model.power", "neither YAML nor JSON"]),
    "inspect_folder": ("inspect folder -m hpss", ["is a folder"]),
    "inspect_text": ("inspect text.flac -m hpss", ["text.flac: not an audio file"]),
    "inspect_nan": ("inspect nan.wav -m hpss", ["nan.wav", "nan", "sample 1000"]),
    "inspect_chunk": ("inspect song.wav -m hpss --chunk-seconds 0", ["greater than 0"]),
    "inspect_below_a_file": ("inspect song.wav -m hpss -o text.flac/x.html", ["text.flac is a file"]),
    "inspect_weights": ("inspect song.wav -m hpss --checkpoint folder", ["the checkpoint folder is a folder"]),
    "separate_endless_chunk": ("separate song.wav -m hpss --chunk-seconds 1e300", ["longer than any song"]),
    "separate_huge_chunk": ("separate song.wav -m hpss --set model.chunk_size=99999999999999999999", ["less than"]),
    "separate_no_name": ("separate folder/.. -m hpss", ["no folder can be called"]),
    "separate_device": ("separate song.wav -m hpss --device cuda:99", ["cuda:99", "auto"]),
    "score_missing": ("score missing folder", ["missing: cannot be read", "expected a folder"]),
    "score_text": ("score text.flac folder", ["text.flac: cannot be read"]),
    "score_empty": ("score folder folder", ["holds no audio file"]),
    "score_metric": ("score folder folder --metrics sdr,loudness", ["'loudness'"]),
    "check_unknown": ("check hps", ["'hps'", "'hpss'"]),
    "check_path": ("check ../hpss", ["../hpss"]),
    "check_device": ("check hpss --device abacus", ["'abacus'"]),
    "check_weights": ("check hpss --checkpoint folder", ["the checkpoint folder is a folder"]),
    "lab_file": ("lab text.flac --no-browser", ["text.flac is a file", "expected a folder"]),
    "lab_below_a_file": ("lab text.flac/x --no-browser", ["text.flac/x"]),
    "lab_open_to_all": ("lab books --no-browser -- --ServerApp.ip=0.0.0.0", ["--ServerApp.ip=0.0.0.0"]),
    "lab_port": ("lab books --port 0", ["--port", "--help"]),
    "demo_file": ("demo -o text.flac", ["text.flac is a file"]),
    "demo_below_a_file": ("demo -o text.flac/x", ["text.flac is a file"]),
    "listing": ("models hpss", ["hpss", "--help"]),
}


@pytest.fixture
def folder(tmp_path, write_song, monkeypatch):
    """The working folder, with bad things in it."""
    monkeypatch.chdir(tmp_path)
    for name, text in YAML.items():
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.flac").write_text("This is not a song.\n" * 50)
    write_song("song.wav")
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 4000))
    noise[1, 1000] = np.nan
    write_song("nan.wav", data=noise)
    return tmp_path


@pytest.mark.parametrize(("line", "parts"), COMMANDS.values(), ids=COMMANDS)
def test_one_line(run_cli, folder, line, parts):
    before = sorted(folder.rglob("*"))
    run_cli(*line.split()).check_error(*parts)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(("name", "parts"), CONFIG.items(), ids=CONFIG)
@pytest.mark.parametrize("line", ["config", "separate song.wav -m hpss", "inspect song.wav -m hpss"])
def test_config_files(run_cli, folder, line, name, parts):
    before = sorted(folder.rglob("*"))
    run_cli(*line.split(), "-c", name).check_error(name, *parts)
    assert sorted(folder.rglob("*")) == before


def test_json_stays_json_where_songs_fail(run_cli, folder, write_song, register, out):
    """Of each kind of song that fails; those between them go on, and standard output holds nothing else."""
    register(channels=2)
    write_song("six.wav", channels=6)
    write_song("last.wav", samples=1)
    songs = ["song.wav", "text.flac", "missing.wav", "folder", "nan.wav", "six.wav", "last.wav"]
    result = run_cli("separate", *songs, "-m", "made", "-o", out, "--json")
    assert result.status == 2
    assert [json.loads(line)["song"] for line in result.stdout.splitlines()] == ["song.wav", "last.wav"]
    assert [line.split(":")[1].strip() for line in result.stderr.splitlines()] == songs[1:-1]
    assert all(line.startswith("error: ") for line in result.stderr.splitlines())
    assert sorted(path.name for path in out.iterdir()) == ["last", "song"]


def test_json_stays_json_where_a_network_prints(run_cli, folder, write_song, register, out):
    def chatter(chunk):
        print("loading layer 1")
        return chunk.unsqueeze(1).repeat(1, 2, 1, 1) / 2  # (batch, stem, channel, time)

    register(chatter)
    write_song("song.wav")
    result = run_cli("separate", "song.wav", "-m", "made", "-o", out, "--json")
    assert [json.loads(line)["song"] for line in result.stdout.splitlines()] == ["song.wav"]
    assert "loading layer 1" in result.stderr
