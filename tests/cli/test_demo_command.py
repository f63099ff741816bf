"""``workbench demo`` calls the demo and prints its report; what the demo does is tested beside it."""

from __future__ import annotations

import inspect
import sys
import types
import warnings
from pathlib import Path

import pytest

from workbench.errors import AudioFileError, WorkbenchNotice
from workbench.pipeline.events import StepStarted


@pytest.fixture
def calls(monkeypatch):
    """Stands in for the demo, which takes seconds; gives what it was called with."""
    calls: list[dict[str, object]] = []

    def run_demo(out: Path, *, progress: object = None, overwrite: bool = False) -> str:
        calls.append({"out": out, "overwrite": overwrite})
        assert callable(progress)
        progress(StepStarted("load"))
        if out.exists() and not overwrite:
            raise AudioFileError(f"{out} exists already")
        warnings.warn("a note", WorkbenchNotice, stacklevel=1)
        return "the report [of] it"

    module = types.ModuleType("workbench.demo.run")
    module.run_demo = run_demo  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "workbench.demo.run", module)
    return calls


def test_demo_prints_its_report(run_cli, calls, out):
    result = run_cli("demo", "-o", out)
    assert (result.status, result.stdout, result.stderr) == (0, "the report [of] it\n", "note: a note\n")
    assert run_cli("demo", "--quiet").stdout == ""
    assert calls == [{"out": out, "overwrite": False}, {"out": Path("workbench-demo"), "overwrite": False}]


def test_demo_overwrites_only_when_asked(run_cli, calls, out):
    out.mkdir()
    run_cli("demo", "-o", out).check_error("exists already")
    assert run_cli("demo", "-o", out, "--overwrite").status == 0
    assert calls[-1] == {"out": out, "overwrite": True}


def test_stand_in_is_called_like_the_demo():
    from workbench.demo.run import run_demo

    assert list(inspect.signature(run_demo).parameters) == ["out", "progress", "overwrite"]
