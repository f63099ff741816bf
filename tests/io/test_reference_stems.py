"""True stems from a mapping, a folder and a stem file: the same dictionary, checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from audio_files import make_noise, write_soundfile

from workbench.core import Audio
from workbench.errors import AudioFileError, InvalidType, InvalidValue
from workbench.io.read import load_stems
from workbench.io.references import read_references

RATE = 8000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(("bass", "mixture", "lead vocals")):
        write_soundfile(tmp_path / f"{name}.flac", make_noise(num_samples=500, seed=seed), sample_rate=RATE)
    (tmp_path / "stems.json").write_text("{}")
    return tmp_path


def test_a_mapping_comes_back_without_its_mixture() -> None:
    stems = {name: Audio(torch.zeros(2, 10), RATE) for name in ("mixture", "vocals", "drums")}
    read = read_references(stems)
    assert list(read) == ["vocals", "drums"]
    assert all(read[name] is stems[name] for name in read)


@pytest.mark.parametrize("kind", [Path, str])
def test_a_folder_is_read_file_by_file(folder: Path, kind: type) -> None:
    read = read_references(kind(folder))
    assert list(read) == ["bass", "lead vocals"]
    true = make_noise(num_samples=500, seed=2)
    # flac has 16 bits here: half a step of rounding, or a whole one at the very top
    np.testing.assert_allclose(read["lead vocals"].data.numpy(), true, atol=2**-15)
    assert read["lead vocals"].sample_rate == RATE


def test_a_stem_file_gives_its_stems(stem_song: Path) -> None:
    read, stems = read_references(stem_song), load_stems(stem_song)
    assert list(read) == [name for name in stems if name != "mixture"]
    assert len(read) == 4
    for name, audio in read.items():
        assert torch.equal(audio.data, stems[name].data)


class TestBadInput:
    @pytest.mark.parametrize("data", [[0.0], torch.zeros(10), torch.zeros(2, 10, dtype=torch.int16)])
    def test_samples_of_another_kind(self, data: object) -> None:
        with pytest.raises(InvalidType, match=r"vocals: expected a reference of floating-point samples \(channel, tim"):
            read_references({"vocals": Audio(data, RATE)})

    def test_stems_that_are_no_audio(self) -> None:
        with pytest.raises(InvalidType, match="vocals: expected the reference as Audio, got Tensor"):
            read_references({"vocals": torch.zeros(2, 10)})

    def test_nothing_but_the_mixture(self, folder: Path) -> None:
        with pytest.raises(InvalidValue, match="the references: no stem but mixture"):
            read_references({"mixture": Audio(torch.zeros(2, 10), RATE)})
        with pytest.raises(InvalidValue, match="the references: no stem but nothing"):
            read_references({})
        for name in ("bass", "lead vocals"):
            (folder / f"{name}.flac").unlink()
        with pytest.raises(InvalidValue, match=f"{folder.name}: no stem but mixture"):
            read_references(folder)

    def test_paths_with_no_stems(self, folder: Path) -> None:
        with pytest.raises(AudioFileError, match="none: no such file"):
            read_references(folder / "none")
        with pytest.raises(AudioFileError, match=r"bass\.flac: not a stem file|bass\.flac: holds one audio stream"):
            read_references(folder / "bass.flac")
        (folder / "empty").mkdir()
        with pytest.raises(InvalidValue, match="empty: holds no audio file"):
            read_references(folder / "empty")

    def test_two_files_of_one_name(self, folder: Path) -> None:
        write_soundfile(folder / "bass.wav", make_noise(num_samples=500), sample_rate=RATE)
        with pytest.raises(InvalidValue, match=r"both bass\.flac and bass\.wav are 'bass'"):
            read_references(folder)


@pytest.mark.usefixtures("plain_types")
class TestOtherTypes:
    def test_neither_mapping_nor_path(self) -> None:
        with pytest.raises(InvalidType, match=r"references must be a mapping .* got int"):
            read_references(3)

    def test_a_name_that_is_no_string(self) -> None:
        with pytest.raises(InvalidType, match="name of a reference must be a string, got int 3"):
            read_references({3: Audio(torch.zeros(2, 10), RATE)})
