from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tiny_models import make_split

from workbench.errors import AudioFileError
from workbench.pipeline.explained import explain_settings, settings_to_document, settings_to_yaml, write_config
from workbench.pipeline.reading import read_config
from workbench.pipeline.request import Request

AWKWARD = {"no # loud {at} [all]": {"operation": "subtract", "stem_name": "mixture", "by_stem_name": "loud"}}


def test_what_depends_on_the_song_is_found() -> None:
    card, _ = make_split("spectrogram", "spectrogram_mask", sample_rate=None, channels=None)
    fixed, _ = make_split("spectrogram", "spectrogram_mask", sample_rate=8000, channels=2)
    names = ["model.chunk_size", "audio_io.target_sample_rate", "audio_io.force_channels"]
    for model, expected in ((card, names), (fixed, [])):
        explained = explain_settings(Request(model=model))
        assert [".".join(setting.path) for setting in explained if setting.depends_on_song] == expected


def test_yaml_and_document_say_the_same_and_are_configs() -> None:
    settings = {"model.chunk_size": 1000, "derived_stems": AWKWARD, "inference.requested_stems": ["soft"]}
    explained = explain_settings(Request(model="passthrough", settings={"derived_stems": {}}))
    assert settings_to_document(explained)["model"] == {"num_stems": 2}
    card, _ = make_split("spectrogram", "spectrogram_mask")
    explained = explain_settings(Request(model=card, settings=settings))
    document = settings_to_document(explained)
    assert document["derived_stems"] == AWKWARD
    text = settings_to_yaml(explained)
    assert yaml.safe_load(text) == document  # no section is null either, which the schema of configs refuses
    assert read_config(document) == document
    for line in text.splitlines():
        assert (
            line.endswith((":", "# argument", "# setting", "# model card", "# default")) or "for a stereo song" in line
        )


def test_a_config_is_written_whole_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    document = {"model_type": "hpss.hpss", "model": {"power": float("inf")}, "derived_stems": AWKWARD}
    path = write_config(document, tmp_path / "new" / "run.yaml")
    assert read_config(path) == document
    with pytest.raises(AudioFileError, match=r"run\.yaml exists already; pass overwrite=True"):
        write_config({}, path)
    assert read_config(path) == document
    write_config({"model_type": "x"}, path, overwrite=True)
    assert read_config(path) == {"model_type": "x"}
    assert [file.name for file in path.parent.iterdir()] == ["run.yaml"]
