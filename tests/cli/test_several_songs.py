from __future__ import annotations

import gc

import pytest
import torch
import yaml

from workbench.pipeline.separation import Separation


def test_a_model_is_loaded_once_for_all_songs(run_cli, write_song, register, out):
    calls = register()
    songs = [write_song(f"{name}.wav", samples=samples) for name, samples in (("a", 4000), ("b", 700), ("c", 9000))]
    together = run_cli("separate", *songs, "-m", "made", "-o", out / "together")
    assert (together.status, calls.loads) == (0, 1)
    for song in songs:
        assert run_cli("separate", song, "-m", "made", "-o", out / "alone").status == 0
        for stem in ("a.flac", "b.flac"):
            one, same = (out / run / song.stem / stem for run in ("together", "alone"))
            assert one.read_bytes() == same.read_bytes()
    assert calls.loads == 4


def test_passes_over_several_songs_share_a_network_too(run_cli, write_song, register, out):
    calls = register()
    songs = [write_song("a.wav"), write_song("b.wav", rate=16000)]
    assert run_cli("separate", *songs, "-m", "made", "--tta", "swap", "--shifts", 2, "-o", out).status == 0
    assert calls.loads == 1


def test_two_members_of_one_model_share_a_network(run_cli, write_song, register, out, tmp_path):
    calls = register()
    config = tmp_path / "two.yaml"
    members = [{"model": "made"}, {"model": "made", "name": "short", "chunk_seconds": 0.05}]
    config.write_text(yaml.safe_dump({"ensemble": {"members": members}}))
    assert run_cli("separate", write_song("a.wav"), write_song("b.wav"), "-c", config, "-o", out).status == 0
    assert calls.loads == 1


def test_nothing_of_a_song_is_held_while_the_next_one_runs(run_cli, write_song, register, out):
    alive = []

    def count(chunk):
        gc.collect()
        alive.append(sum(type(one) is Separation for one in gc.get_objects()))
        return torch.stack((chunk / 2, chunk / 2), dim=1)

    register(count)
    songs = [write_song(f"{name}.wav", samples=800) for name in "abc"]
    before = sum(type(one) is Separation for one in gc.get_objects())
    assert run_cli("separate", *songs, "-m", "made", "-o", out).status == 0
    assert set(alive) == {before}


def test_after_a_song_that_fails_the_network_serves_the_next(run_cli, write_song, register, out):
    calls = register()
    songs = [write_song("a.wav"), write_song("bad.wav"), write_song("b.wav")]
    songs[1].write_text("no audio")
    result = run_cli("separate", *songs, "-m", "made", "-o", out, "--quiet")
    assert (result.status, calls.loads) == (2, 1)
    assert "bad.wav" in result.stderr
    assert (out / "b" / "a.flac").exists()


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        ("output.stem_names=[drums]", "output.stem_names asks for 'drums'; there are a, b"),
        ("output.file_format=xyz", "xyz"),
        ("output.subtype=FLOAT", "FLOAT"),
        ("chunking.window_shape=nonesuch", "nonesuch"),
        ("transform={n_fft: 8, win_length: 16}", "win_length must be at most n_fft"),
    ],
)
def test_config_refuses_what_separate_refuses(run_cli, write_song, register, out, settings, part):
    calls = register()
    song = write_song()
    shown = run_cli("config", "-m", "made", "--set", settings)
    separated = run_cli("separate", song, "-m", "made", "--set", settings, "-o", out)
    shown.check_error(part)
    separated.check_error(part)
    assert shown.stderr == separated.stderr
    assert not out.exists()
    assert calls.loads == 0
