"""``~`` where shells leave it: behind ``=``, and where it is quoted."""

from __future__ import annotations

import pytest

from workbench.cli.app import expand_argument


def test_paths_in_the_home_folder_are_found(run_cli, write_song, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write_song("song.wav")
    (tmp_path / "run.yaml").write_text("model_type: passthrough\n")
    result = run_cli("separate", "~/song.wav", "--config=~/run.yaml", "-o", "~/stems", "--save-config=~/again.yaml")
    assert (result.status, result.stderr) == (0, "")
    assert (tmp_path / "stems" / "song" / "part_1.flac").exists()
    assert (tmp_path / "again.yaml").exists()


@pytest.mark.parametrize("word", ["~", "a~/b", "--set=masking.out_dtype=~", "--derive=~x = a + b", "x=~/y", "-"])
def test_what_is_no_path_there_stays(word):
    assert expand_argument(word) == word
