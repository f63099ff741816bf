from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_models import GainParameters, Gains, TwoBands, make_gains, make_song, make_split
from torch import nn

from workbench.errors import CheckpointError, InvalidType, InvalidValue, ModelError
from workbench.pipeline.plan import Plan, make_plan
from workbench.pipeline.request import Request

SONG = make_song()


def plan_split(*, settings: dict[str, object] | None = None, card: dict[str, Any] | None = None, **asked: Any) -> Plan:
    model, _ = make_split("spectrogram", "spectrogram_mask", **(card or {}))
    return make_plan(SONG, Request(model=model, settings=settings, **asked))


def test_the_architectures_parameters_have_three_sources() -> None:
    card, loaded = make_gains()
    for asked, gain in (
        ({"settings": {"model.gain": 0.1}, "config": {"model": {"gain": 0.2, "steps": 7}}}, 0.1),
        ({"config": {"model": {"gain": 0.2, "steps": 7}}}, 0.2),
        ({}, GainParameters().gain),
    ):
        plan = make_plan(SONG, Request(model=card, **asked))
        steps = 7 if "config" in asked else GainParameters().steps
        assert plan.parameters == loaded[-1] == GainParameters(gain=gain, steps=steps)


def test_the_model_is_the_arguments_then_the_settings_then_the_configs() -> None:
    asked: dict[str, Any] = {
        "model": "passthrough",
        "settings": {"model_type": "hpss"},
        "config": {"model_type": "passthrough.passthrough"},
    }
    ids = []
    for name in list(asked):
        ids.append(make_plan(SONG, Request(**asked)).model_id)
        del asked[name]
    assert ids == ["passthrough.passthrough", "hpss.hpss", "passthrough.passthrough"]
    with pytest.raises(InvalidValue, match=r"no model was named.*hpss\.hpss"):
        make_plan(SONG, Request())
    with pytest.raises(InvalidValue, match="did you mean 'hpss'"):
        make_plan(SONG, Request(model="hpps"))


@pytest.mark.parametrize(
    ("settings", "error", "reason"),
    [
        ({"model.gian": 0.1}, InvalidValue, r"gains has no parameter model\.gian; did you mean 'gain'"),
        ({"model.chunksize": 4}, InvalidValue, "did you mean 'chunk_size'"),
        ({"model.gain": "0.5"}, InvalidType, r"model\.gain of gains: .* got '0\.5'"),
        ({"model.gain": None}, InvalidType, r"model\.gain of gains: .* got None"),
        ({"model.steps": 1.5}, InvalidType, r"model\.steps of gains"),
        ({"model.steps": True}, InvalidType, r"model\.steps of gains"),
        ({"model.label": 3}, InvalidType, r"model\.label of gains"),
        ({"model.shifts": 3}, InvalidType, r"model\.shifts of gains"),
    ],
)
def test_the_architectures_parameters_are_checked(
    settings: dict[str, object], error: type[Exception], reason: str
) -> None:
    card, loaded = make_gains()
    with pytest.raises(error, match=reason):
        make_plan(SONG, Request(model=card, settings=settings))
    assert loaded == []
    # a list of a document stands for a tuple
    plan = make_plan(SONG, Request(model=card, settings={"model.shifts": [3, 4], "model.gain": 1}))
    assert plan.parameters == GainParameters(shifts=(3, 4), gain=1)


def test_a_model_without_parameters_takes_none() -> None:
    with pytest.raises(InvalidValue, match=r"split has no parameter model\.gain"):
        plan_split(settings={"model.gain": 0.5})


class Scale(nn.Module):
    """The waveform times a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.3))

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        return (waveform * self.weight).unsqueeze(1)  # (batch, 1, channel, time)


def test_a_module_of_the_callers_own_stays_as_it_is(tmp_path: Path) -> None:
    module = Scale().train()
    plan = make_plan(SONG, Request(model=module, settings={"inference.force_weights_dtype": "bfloat16"}))
    assert plan.stem_names == ("output",)
    assert next(plan.network.parameters()).dtype == torch.bfloat16
    assert module.weight.dtype == torch.float32
    assert module.training
    named = make_plan(SONG, Request(model=module, config={"model": {"output_stem_names": ["voice"]}}))
    assert named.stem_names == ("voice",)
    assert named.network.model is module
    assert make_plan(SONG, Request(model=TwoBands())).stem_names == ("low", "high")
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"weights")
    with pytest.raises(CheckpointError, match=r"has its weights already, got .*weights\.pt"):
        make_plan(SONG, Request(model=module, checkpoint=weights))


def test_a_model_is_loaded_once_and_ready_to_infer() -> None:
    card, loaded = make_gains()
    plan = make_plan(SONG, Request(model=card))
    assert len(loaded) == 1
    assert not plan.network.model.training


def test_a_model_that_needs_weights_does_not_run_without(tmp_path: Path) -> None:
    seen = []

    def load(parameters: object, checkpoint: object, device: object) -> nn.Module:
        seen.append(checkpoint)
        return Gains(GainParameters())

    card, _ = make_gains(needs_checkpoint=True, load=load)
    with pytest.raises(CheckpointError, match="gains needs weights: give checkpoint="):
        make_plan(SONG, Request(model=card))
    weights = tmp_path / "weights.pt"
    with pytest.raises(CheckpointError, match=r"weights\.pt"):
        make_plan(SONG, Request(model=card, checkpoint=weights))
    assert seen == []
    weights.write_bytes(b"weights")
    make_plan(SONG, Request(model=card, checkpoint=weights))
    assert seen == [weights]


def test_load_that_ends_the_program_is_an_error() -> None:
    def leave(parameters: object, checkpoint: object, device: torch.device) -> nn.Module:
        raise SystemExit(0)

    card, _ = make_gains(load=leave)
    with pytest.raises(ModelError, match="gains: load ended the program with status 0"):
        make_plan(SONG, Request(model=card))


def test_load_must_give_a_module() -> None:
    card, _ = make_gains(load=lambda parameters, checkpoint, device: "a module")
    with pytest.raises(ModelError, match=r"gains: load must give a torch\.nn\.Module, got str"):
        make_plan(SONG, Request(model=card))


def test_the_model_is_compiled_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []

    def compile_module(module: nn.Module) -> nn.Module:
        compiled.append(module)
        return module

    monkeypatch.setattr(torch, "compile", compile_module)
    card, _ = make_gains()
    make_plan(SONG, Request(model=card))
    assert compiled == []
    plan = make_plan(SONG, Request(model=card, settings={"inference.compile_model": True}))
    assert compiled == [plan.network.model]
