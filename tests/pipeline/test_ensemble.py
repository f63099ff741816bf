from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
import yaml
from tiny_models import CHUNK_SECONDS, RATE, TwoBands, make_gains, make_song

import workbench
from workbench import Ensemble
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.config import EnsembleSection, MemberSection
from workbench.pipeline.ensemble import MEMBER_ARGUMENTS, METHODS
from workbench.pipeline.ensemble_decision import EnsembleDecision, decide_members
from workbench.pipeline.explained import explain_settings, settings_to_document, settings_to_yaml
from workbench.pipeline.reading import read_config
from workbench.pipeline.request import Request
from workbench.pipeline.separator import separate

SONG = make_song(0.25)
PASS = "passthrough"


def decide(**asked: Any) -> EnsembleDecision:
    return decide_members(Request(**asked), song_rate=RATE, song_channels=2, song_samples=2000)


def test_it_is_light_frozen_and_of_plain_parts() -> None:
    code = "import workbench, sys; workbench.Ensemble(['hpss', {'model': 'nmf', 'name': 'x'}], weights=[1, 2.0]); "
    code += "print([name for name in ('torch', 'numpy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    members = ["hpss"]
    ensemble = Ensemble(members)
    members.append("nmf")
    assert tuple(ensemble.members) == ("hpss",)
    with pytest.raises(dataclasses.FrozenInstanceError):
        ensemble.method = "median"  # type: ignore[misc]


def test_the_config_knows_the_same_names() -> None:
    method = EnsembleSection.model_fields["method"].annotation
    assert get_args(get_args(method)[0]) == METHODS
    assert set(MemberSection.model_fields) == set(MEMBER_ARGUMENTS)


@pytest.mark.parametrize(
    ("members", "more", "error", "message"),
    [
        ([], {}, InvalidValue, "at least one member"),
        ("hpss", {}, InvalidType, "list of models.*got str"),
        ({"model": "hpss"}, {}, InvalidType, "list of models.*got dict"),
        (
            [{"modl": "hpss"}],
            {},
            InvalidValue,
            "member 1 of the ensemble: unknown argument 'modl'; did you mean 'model'",
        ),
        (["hpss", {"stems": ["a"]}], {}, InvalidValue, "member 2 .*stems is of the whole ensemble"),
        ([{"derive": []}], {}, InvalidValue, "derive is of the whole ensemble"),
        ([{"name": 3}], {}, InvalidType, "name must be text, got 3"),
        ([{"name": " "}], {}, InvalidValue, "name must not be empty"),
        (["hpss"], {"method": "avg"}, InvalidValue, "one of mean, median"),
        (["hpss"], {"weights": [1.0, 2.0]}, InvalidValue, "got 2 for 1 members"),
        (["hpss"], {"weights": [1.0], "method": "median"}, InvalidValue, "leave one of them out"),
    ],
)
def test_what_cannot_be_is_said_at_once(
    members: Any, more: Any, error: type[Exception], message: str, plain_types: None
) -> None:
    with pytest.raises(error, match=message) as caught:
        Ensemble(members, **more)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"members": ["hpss", {"modl": "x"}]}, r"unknown key 'ensemble.members.1.modl'; did you mean 'model'"),
        ({"members": ["hpss"], "methods": "mean"}, r"unknown key 'ensemble.methods'; did you mean 'method'"),
        ({"members": []}, r"ensemble.members: .*at least 1"),
        ({"members": [3]}, r"ensemble.members.0: .*got 3"),
        ({"members": [{"shifts": "many"}]}, r"ensemble.members.0.shifts: .*integer, got 'many'"),
        ({"members": ["hpss"], "method": "avg"}, r"ensemble.method: .*'mean', 'median'"),
        ({"members": ["hpss"], "weights": {"a": ["x"]}}, r"ensemble.weights.a.0: .*number, got 'x'"),
        ({"members": ["hpss"], "weights": "x"}, r"ensemble.weights: .*got 'x'"),
    ],
)
def test_a_bad_section_says_where(section: Any, message: str) -> None:
    with pytest.raises((InvalidValue, InvalidType), match=message) as caught:
        read_config({"ensemble": section})
    assert "\n" not in str(caught.value)


def test_the_call_speaks_for_members_that_do_not() -> None:
    call: dict[str, Any] = {
        "model": PASS,
        "overlap": 0.25,
        "chunk_seconds": 0.1,
        "tta": ["swap"],
        "config": {"chunking": {"padding_mode": "constant"}, "model": {"num_stems": 3}},
        "settings": {"normalization.enabled": True},
    }
    members: list[dict[str, Any]] = [
        {},
        {"overlap": 0.5, "tta": []},
        {
            "config": {
                "chunking": {"overlap_ratio": 0.6, "padding_mode": "replicate"},
                "normalization": {"enabled": False},
            }
        },
        {
            "settings": {"chunking.overlap_ratio": 0.7, "model.num_stems": 4},
            "config": {"chunking": {"overlap_ratio": 0.6}},
        },
        {"config": {"chunking": {"overlap_ratio": 0.6}}, "overlap": 0.8, "chunk_seconds": 0.2},
    ]
    got = [member.decision.config for member in decide(ensemble=Ensemble(members), **call).members]
    assert [config.chunking.overlap_ratio for config in got] == [0.25, 0.5, 0.6, 0.7, 0.8]
    assert [config.model.chunk_size for config in got] == [800, 800, 800, 800, 1600]
    assert [config.inference.tta for config in got] == [("swap",), (), ("swap",), ("swap",), ("swap",)]
    assert [config.chunking.padding_mode for config in got] == ["constant", "constant", "replicate", *["constant"] * 2]
    assert [config.normalization.enabled for config in got] == [True, True, False, True, True]
    assert [config.model.parameters["num_stems"] for config in got] == [3, 3, 3, 4, 3]


def test_members_without_a_name_are_called_like_their_model() -> None:
    card, _ = make_gains(stems=("part_1", "part_2"))
    members = [
        PASS,
        {"model": PASS},
        {"name": f"{PASS} 2"},
        card,
        {"config": {"model_type": "passthrough.passthrough"}},
    ]
    decision = decide(ensemble=Ensemble(members), model=PASS)
    names = [member.name for member in decision.members]
    assert names == [PASS, f"{PASS} 3", f"{PASS} 2", "gains", "passthrough.passthrough"]
    with pytest.raises(InvalidValue, match="two members of the ensemble are called 'x'"):
        decide(ensemble=Ensemble([{"name": "x"}, {"name": "x"}]), model=PASS)


def test_an_argument_replaces_the_configs_ensemble_whole() -> None:
    config = {"ensemble": {"members": [PASS, PASS], "weights": [3, 1]}}
    assert decide(config=config).weights == (3.0, 1.0)
    decision = decide(config=config, ensemble=Ensemble([PASS, PASS], method="median"))
    assert (decision.method, decision.weights) == ("median", None)
    with pytest.raises(InvalidValue, match="leave one of them out"):
        decide(config=config, settings={"ensemble.method": "median"})
    decision = decide(config={"ensemble": {"members": [PASS, PASS]}}, settings={"ensemble.method": "median"})
    assert decision.method == "median"


ENSEMBLE: dict[str, Any] = {
    "members": [PASS, {"model": PASS, "name": "shifted", "chunk_seconds": 0.125, "tta": ["swap"], "shifts": 2}],
    "weights": [1, 3],
}


def test_the_effective_config_repeats_the_run() -> None:
    song = SONG
    first = separate(
        song, config={"ensemble": ENSEMBLE}, stems=["part_1"], derive=["rest = mixture - part_2"], overlap=0.3
    )
    document = first.config.to_document()
    again = separate(song, config=json.loads(json.dumps(document)))
    assert list(first) == list(again) == ["part_1", "rest"]
    assert all(torch.equal(first[name].data, again[name].data) for name in first)
    assert again.config == first.config
    argument = Ensemble(ENSEMBLE["members"], weights=[1.0, 3.0])
    same = separate(song, ensemble=argument, stems=["part_1"], derive=["rest = mixture - part_2"], overlap=0.3)
    assert same.config == first.config
    assert [member["name"] for member in document["ensemble"]["members"]] == [PASS, "shifted"]
    inference = document["ensemble"]["members"][1]["config"]["inference"]
    assert (inference["shifts"], inference["shift_seed"], inference["max_shift_seconds"]) == (2, 0, 0.5)


def test_stems_json_tells_of_the_ensemble(tmp_path: Path) -> None:
    ensemble = Ensemble([PASS, {"model": TwoBands(), "settings": {"model.output_stem_names": ["part_1", "part_2"]}}])
    separate(SONG, ensemble=ensemble, chunk_seconds=CHUNK_SECONDS, out=tmp_path)
    told = json.loads((tmp_path / "stems.json").read_text())
    assert [member["name"] for member in told["settings"]["ensemble"]["members"]] == [PASS, "TwoBands"]
    assert told["not_in_settings"] == ["ensemble.members.1.model"]
    assert list(told["versions"]["models"]) == ["passthrough.passthrough", "TwoBands"]
    assert sorted(path.name for path in tmp_path.glob("*.flac")) == ["part_1.flac", "part_2.flac"]


def test_a_members_checkpoint_is_hashed_and_kept(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"x")
    card, _ = make_gains()
    ensemble = Ensemble([{"model": card, "checkpoint": weights, "name": "with"}, {"model": card, "name": "without"}])
    separate(SONG, ensemble=ensemble).save(tmp_path / "out")
    told = json.loads((tmp_path / "out" / "stems.json").read_text())
    assert list(told["member_checkpoints"]) == ["with"]
    assert told["member_checkpoints"]["with"]["file"] == "weights.pt"
    assert told["settings"]["ensemble"]["members"][0]["checkpoint"] == str(weights)


def test_explained_settings_are_a_config_of_the_ensemble() -> None:
    request = Request(
        config={"ensemble": ENSEMBLE}, settings={"ensemble.weights": [1, 1], "chunking.overlap_ratio": 0.25}
    )
    explained = explain_settings(request)
    origins = {".".join(setting.path): setting.origin for setting in explained}
    assert origins == {
        "output.file_format": "default",
        "ensemble.members": "config",
        "ensemble.method": "default",
        "ensemble.weights": "setting",
    }
    document = settings_to_document(explained)
    assert yaml.safe_load(settings_to_yaml(explained)) == document
    members = document["ensemble"]["members"]
    assert members[1]["chunk_seconds"] == 0.125  # which is another number of samples at another rate
    assert all("audio_io" not in member["config"] for member in members)
    asked, repeated = separate(SONG, config=request.config, settings=request.settings), separate(SONG, config=document)
    assert all(torch.equal(asked[name].data, repeated[name].data) for name in asked)
    assert asked.config == repeated.config
    lines = settings_to_yaml(explained).splitlines()
    assert sum(line.startswith("    - {") for line in lines) == 2
    argument = {".".join(s.path): s.origin for s in explain_settings(Request(ensemble=Ensemble([PASS])))}
    assert (argument["ensemble.members"], argument["ensemble.method"]) == ("argument", "argument")


def test_names_are_public() -> None:
    assert {"Ensemble", "EnsembleTrace"} <= set(workbench.__all__)
