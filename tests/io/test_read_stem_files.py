"""Stem files: their names, their lengths, and what is none."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from audio_files import RATE, find_lag, make_noise, write_av

from workbench.errors import AudioFileError
from workbench.io.read import load, load_stems


def test_the_real_song_has_its_mixture_and_four_stems(stem_song):
    stems = load_stems(stem_song)
    assert list(stems) == ["mixture", "drums", "bass", "other", "vocals"]
    for stem in stems.values():
        assert stem.sample_rate == 44100
        assert stem.data.shape == (2, 268_288)
        assert stem.data.is_contiguous()
    true_sum = sum(stems[name].data for name in ("drums", "bass", "other", "vocals"))
    mixture = stems["mixture"].data
    # The mastered mixture differs from the sum of its stems by about -15 dB: in place, and in no other order.
    assert -18 < 10 * torch.log10((mixture - true_sum).square().sum() / mixture.square().sum()) < -12
    assert torch.equal(load(stem_song).data, mixture)


def write_stem_file(path: Path, stems: list[np.ndarray], *, metadata: bytes | None = None) -> None:
    write_av(path, stems, sample_rate=RATE, codec="aac", container_format="mp4")
    if metadata is None:
        return
    data = bytearray(path.read_bytes())
    moov = data.index(b"moov") - 4
    udta = data.index(b"udta", moov) - 4
    assert udta + struct.unpack(">I", data[udta : udta + 4])[0] == len(data)  # the last box of all
    data += struct.pack(">I", len(metadata) + 8) + b"stem" + metadata
    data[moov : moov + 4] = struct.pack(">I", len(data) - moov)
    data[udta : udta + 4] = struct.pack(">I", len(data) - udta)
    path.write_bytes(data)


def test_stems_have_the_names_of_the_metadata(tmp_path):
    streams = [make_noise(num_samples=9000, seed=seed) for seed in range(3)]
    text = json.dumps({"version": 1, "stems": [{"name": "Lead/Synth"}, {"name": "Vox"}]}).encode()
    write_stem_file(tmp_path / "a.stem.mp4", streams, metadata=text)
    stems = load_stems(tmp_path / "a.stem.mp4")
    assert list(stems) == ["mixture", "lead_synth", "vocals"]
    for stem, samples in zip(stems.values(), streams, strict=True):
        assert stem.data.shape == (2, 9000)
        assert find_lag(samples, stem.data.numpy()) == 0


@pytest.mark.parametrize("metadata", [None, b"no JSON", b'{"stems": 3}'])
def test_four_stems_without_usable_names_are_those_of_musdb18(tmp_path, metadata):
    write_stem_file(tmp_path / "a.stem.mp4", [make_noise(num_samples=3000)] * 5, metadata=metadata)
    assert list(load_stems(tmp_path / "a.stem.mp4")) == ["mixture", "drums", "bass", "other", "vocals"]


def test_streams_that_differ_by_a_frame_get_one_length_and_by_more_are_an_error(tmp_path):
    write_stem_file(tmp_path / "a.mp4", [make_noise(num_samples=count) for count in (9000, 8500)])
    assert [stem.data.shape[1] for stem in load_stems(tmp_path / "a.mp4").values()] == [8500, 8500]
    write_stem_file(tmp_path / "b.mp4", [make_noise(num_samples=count) for count in (9000, 5000)])
    with pytest.raises(AudioFileError, match=r"\[9000, 5000\] samples"):
        load_stems(tmp_path / "b.mp4")


def test_a_file_that_is_no_stem_file_is_refused(tmp_path, stem_song):
    write_stem_file(tmp_path / "one.mp4", [make_noise(num_samples=3000)])
    with pytest.raises(AudioFileError, match="one audio stream"):
        load_stems(tmp_path / "one.mp4")
    (tmp_path / "text.stem.mp4").write_text("nothing " * 50)
    with pytest.raises(AudioFileError, match="not a stem file"):
        load_stems(tmp_path / "text.stem.mp4")
    data = stem_song.read_bytes()
    (tmp_path / "cut.stem.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioFileError, match="is cut off"):
        load_stems(tmp_path / "cut.stem.mp4")
