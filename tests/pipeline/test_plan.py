from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest
import torch
from tiny_models import make_song, make_split

from workbench.errors import InvalidValue
from workbench.pipeline.plan import Plan, make_plan
from workbench.pipeline.request import Request
from workbench.registry import make_window

SONG = make_song()


def plan_split(*, settings: dict[str, object] | None = None, card: dict[str, Any] | None = None, **asked: Any) -> Plan:
    model, _ = make_split("spectrogram", "spectrogram_mask", **(card or {}))
    return make_plan(SONG, Request(model=model, settings=settings, **asked))


def test_windows_by_name_with_parameters_or_as_a_tensor() -> None:
    by_name = plan_split(window="linear_fade:fade=0.25")
    assert torch.equal(by_name.window, make_window("windows.linear_fade:fade=0.25", length=by_name.chunk_size))
    given = torch.linspace(0.5, 1, by_name.chunk_size, dtype=torch.float64)
    plan = plan_split(window=given, settings={"chunking.window_shape": "hamming"})
    assert torch.equal(plan.window, given.float())
    assert plan.window_name == "a tensor"
    for window, reason in (
        (torch.ones(7), r"shape \(7,\), expected \(800,\)"),
        (torch.full((800,), math.nan), "NaN"),
        ("hannn", "did you mean 'hann'"),
        ("linear_fade:fade=2", r"fade must be .* to 0\.5, got 2"),
        ("linear_fade:fad=0.2", "has no parameter 'fad'"),
    ):
        with pytest.raises(InvalidValue, match=reason):
            plan_split(window=window)


# Under the shape checks of these tests, an argument of a wrong type would not get as far as the package's own checks.
WRONG_ARGUMENTS = """
import json, torch, workbench
from workbench.errors import WorkbenchError
song = workbench.Audio(torch.zeros(1, 100), 8000)
cases = {
    "device": 3, "chunk_seconds": "1", "overlap": "0.5", "batch_size": 1.5, "stems": "part_1", "derive": 5,
    "settings": 5, "config": 5, "window": 5, "model": 5,
}
found = {}
for name, value in cases.items():
    try:
        workbench.separate(song, **{"model": "passthrough", "chunk_seconds": 0.01, name: value})
    except Exception as error:
        found[name] = [type(error).__name__, str(error)]
for name, value in {"keep": 5, "memory_budget_bytes": "5"}.items():
    try:
        workbench.trace(song, model="passthrough", **{name: value})
    except Exception as error:
        found[name] = [type(error).__name__, str(error)]
for name, value in {"a path": b"song.wav", "a list": [0.0]}.items():
    try:
        workbench.separate(value, model="passthrough")
    except Exception as error:
        found[name] = [type(error).__name__, str(error)]
print(json.dumps(found))
"""


def test_arguments_of_a_wrong_type_are_errors_of_ours() -> None:
    done = subprocess.run([sys.executable, "-c", WRONG_ARGUMENTS], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    kinds = {name: kind for name, (kind, _) in found.items()}
    assert kinds == {
        **dict.fromkeys(
            ("device", "chunk_seconds", "overlap", "batch_size", "stems", "derive", "settings", "config", "window"),
            "InvalidType",
        ),
        **dict.fromkeys(("model", "memory_budget_bytes", "a path", "a list"), "InvalidType"),
        "keep": "InvalidValue",
    }
    assert all("got" in message and "\n" not in message for _, message in found.values())
