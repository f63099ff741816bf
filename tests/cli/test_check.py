"""``workbench check``: the conformance kit on the command line."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import workbench
from workbench.cli.check import check_plugin


def make_loud(length, *, dtype, device):
    return torch.full((length,), 2.0, dtype=dtype, device=device)


class Halves(nn.Module):
    def forward(self, chunk):
        return torch.stack((chunk, chunk), dim=1) / 2  # (batch, stem, channel, time)


class Detached(Halves):
    def forward(self, chunk):
        return super().forward(chunk.detach())


def test_a_window_in_the_box_passes(run_cli):
    outcome = run_cli("check", "hann")
    assert (outcome.status, outcome.stderr) == (0, "")
    lines = outcome.stdout.splitlines()
    assert "cola         passed" in lines
    assert "parameters   skipped  no parameter has a range with an end" in lines
    assert lines[-1].startswith("window windows.hann: ")
    assert " 0 failed" in lines[-1]


def test_a_model_that_fails_is_told_what_to_mend(run_cli, register):
    register(load=lambda *given: Halves().eval())
    assert run_cli("check", "notebook.made").status == 0
    register(load=lambda *given: Detached().eval())
    outcome = run_cli("check", "made")
    assert (outcome.status, outcome.stderr) == (2, "")
    (line,) = (line for line in outcome.stdout.splitlines() if " failed  " in line)
    assert line.startswith("gradient ")
    assert "does not depend on the input" in line
    assert "1 failed" in outcome.stdout.splitlines()[-1]


def test_as_json(run_cli, register):
    workbench.register_window(workbench.WindowCard("loud", make=make_loud, summary="For a test."))
    register()  # the fixture forgets the notebook's window along with its model
    outcome = run_cli("check", "loud", "--json")
    assert outcome.status == 2
    document = json.loads(outcome.stdout)
    assert document["passed"] is False
    (report,) = document["reports"]
    assert (report["kind"], report["subject"], report["passed"]) == ("window", "notebook.loud", False)
    failed = [one for one in report["results"] if one["outcome"] == "failed"]
    assert [one["check"] for one in failed] == ["range"]
    assert "its peak is 2" in failed[0]["message"]


def test_a_model_and_a_window_of_one_name_are_both_checked(run_cli, register):
    register(load=lambda *given: Halves().eval())
    workbench.register_window(workbench.WindowCard("made", make=make_loud, summary="For a test."))
    outcome = run_cli("check", "made", "--json")
    assert outcome.status == 2  # the window is too loud
    assert [(one["kind"], one["passed"]) for one in json.loads(outcome.stdout)["reports"]] == [
        ("model", True),
        ("window", False),
    ]


def test_a_checkpoint_reaches_the_model(run_cli, register, tmp_path):
    register(needs_checkpoint=True)
    assert "give the kit checkpoint= (--checkpoint)" in " ".join(run_cli("check", "made").stdout.split())
    weights = tmp_path / "weights.pt"
    run_cli("check", "made", "--checkpoint", weights).check_error(f"there is no checkpoint {weights}")
    weights.write_bytes(b"some")
    stdout = run_cli("check", "made", "--checkpoint", weights).stdout
    assert "loads                  passed" in stdout
    assert "checkpoint             failed" in stdout  # the model takes anything for weights


def test_what_cannot_be_checked_is_one_line(run_cli):
    run_cli("check", "han").check_error("no model and no window is called 'han'", "did you mean 'hann'")
    run_cli("check", "nothing-of-that-name").check_error("known are", "windows.hann")
    run_cli("check", "hann", "--checkpoint", "x.pt").check_error("hann is a window, which has no weights")
    run_cli("check", "passthrough", "--device", "nowhere").check_error("device must be", "'nowhere'")


def test_in_a_terminal_it_is_a_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    assert check_plugin("triangle", checkpoint=None, device="cpu", as_json=False) == 0
    text = capsys.readouterr().out
    assert "what to mend, or why it was skipped" in text
    assert "window windows.triangle: 13 passed" in text


def test_the_registry_alone_loads_neither_torch_nor_the_pipeline(run_process):
    outcome = run_process(
        program=(
            "-c",
            "import sys, workbench.registry\nprint([m for m in sys.modules if m == 'torch' or 'pipeline' in m])\n"
            "import workbench.registry.checks\nprint([m for m in sys.modules if m.startswith('workbench.pipeline')])",
        )
    )
    assert (outcome.status, outcome.stdout) == (0, "[]\n[]\n"), outcome
