from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import CHUNK_SECONDS, CHUNK_SIZE, make_song, make_split

import workbench as wb
from workbench.errors import AudioFileError, InvalidValue
from workbench.io.formats import Encoding
from workbench.pipeline.ensemble import Ensemble
from workbench.pipeline.outputs import check_files, name_files, plan_outputs
from workbench.pipeline.request import Request

CARD, NETWORK = make_split("spectrogram", "spectrogram_mask")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ("loud.flac", "soft.flac")),
        ({"stems": ["soft"], "derive": ['"no loud" = mixture - loud']}, ("soft.flac", "no loud.flac")),
        ({"config": {"output": {"stem_names": ["soft"], "file_format": "wav"}}}, ("soft.wav",)),
        ({"settings": {"model.output_stem_names": ["a", "b"]}}, ("a.flac", "b.flac")),
    ],
)
def test_files_are_named_before_anything_is_computed(asked: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert name_files(Request(model=CARD, **asked)) == (*expected, "stems.json")
    assert NETWORK.calls == []
    suffix = Path(expected[0]).suffix
    assert plan_outputs(Request(model=CARD, **asked), file_format="ogg").names == (
        *(name.replace(suffix, ".ogg") for name in expected),
        "stems.json",
    )


def test_names_and_formats_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidValue, match="unknown file format 'xyz'; known: wav, flac, ogg, mp3"):
        plan_outputs(Request(model=CARD), file_format="xyz")
    with pytest.raises(InvalidValue, match="unknown subtype 'FLOAT' for flac"):
        plan_outputs(Request(model=CARD), subtype="FLOAT")
    with pytest.raises(InvalidValue, match=r"output\.stem_names asks for 'loud'; there are soft"):
        name_files(Request(model=CARD, stems=["soft"], settings={"output.stem_names": ["loud"]}))


def test_the_encoding_is_the_arguments_or_the_configs() -> None:
    config = {"output": {"file_format": "wav", "subtype": "PCM_16"}}
    assert plan_outputs(Request(model=CARD)).encoding == Encoding("flac", "PCM_24", 24)
    assert plan_outputs(Request(model=CARD, config=config)).encoding == Encoding("wav", "PCM_16", 16)
    assert plan_outputs(Request(model=CARD, config=config), subtype="FLOAT").encoding == Encoding("wav", "FLOAT", None)
    lossy = {"output": {"file_format": "mp3", "bit_rate": 192_000}}
    expected = Encoding("mp3", "MPEG_LAYER_III", None, bit_rate=192_000)
    assert plan_outputs(Request(model=CARD, config=lossy)).encoding == expected
    with pytest.raises(InvalidValue, match=r"output\.bit_rate is for lossy formats \(ogg, mp3\); flac keeps"):
        plan_outputs(Request(model=CARD, config=lossy), file_format="flac")


def test_what_stands_in_the_way_is_found(tmp_path: Path) -> None:
    paths = [tmp_path / "new" / "folder" / "a.flac", tmp_path / "b.flac"]
    check_files(paths, overwrite=False)
    assert list(tmp_path.iterdir()) == []  # it only looks
    paths[1].write_bytes(b"mine")
    with pytest.raises(AudioFileError, match=r"b\.flac exists already; pass overwrite=True"):
        check_files(paths, overwrite=False)
    check_files(paths, overwrite=True)
    (tmp_path / "dangling.flac").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AudioFileError, match="exists already"):
        check_files([tmp_path / "dangling.flac"], overwrite=False)
    for long in (tmp_path / ("x" * 300) / "a.flac", tmp_path / ("x" * 300)):
        with pytest.raises(
            AudioFileError, match=r"^cannot write .*: File name too long; choose another name or folder$"
        ):
            check_files([long], overwrite=True)
    (tmp_path / "new").write_bytes(b"a file")
    with pytest.raises(AudioFileError, match="new is a file; choose another"):
        check_files(paths, overwrite=True)


def test_files_are_known_before_the_song_whose_rate_a_window_is_for(tmp_path: Path) -> None:
    card, _ = make_split("spectrogram", "spectrogram_mask")
    song, window = make_song(), torch.hann_window(CHUNK_SIZE)  # of 0.1 s at 8000 Hz
    ensemble = Ensemble([card, {"model": card, "name": "other", "window": window}])
    wb.separate(song, ensemble=ensemble, chunk_seconds=CHUNK_SECONDS, out=tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["loud.flac", "soft.flac", "stems.json"]
