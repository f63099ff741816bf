"""Whatever is listed fits 80 columns, or the terminal."""

from __future__ import annotations

import re

import numpy as np
import pytest

from workbench.metrics import METRICS

COMMANDS = ["separate", "inspect", "sweep", "config", "demo", "lab", "export", "score", "check", "new-plugin"]
LONG_NAME = "a stem with a name that is longer than half of a terminal"
LISTS = ["models", "windows", "plugins"]


def measure(text: str) -> int:
    return max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in text.splitlines())


@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize("columns", [None, "40"])
@pytest.mark.parametrize("kind", LISTS)
def test_lists_fit(run_cli, register, monkeypatch, kind, columns, is_terminal):
    register(summary="A model " * 40)
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal, raising=False)
    result = run_cli(kind)
    assert result.status == 0
    assert measure(result.stdout) <= int(columns or 80)
    assert "…" not in result.stdout  # nothing is cut


@pytest.mark.parametrize("command", [[], *([one] for one in [*COMMANDS, *LISTS])])
def test_help_fits(run_cli, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    assert measure(run_cli(*command, "--help").stdout) <= 80


def test_checks_fit(run_cli, register):
    register(load=lambda *given: 1)
    result = run_cli("check", "made")
    assert result.status == 2
    assert measure(result.stdout) <= 80
    assert "failed" in result.stdout


def test_scores_fit_with_every_metric(run_cli, write_song, tmp_path):
    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 2, 8000))
    for side in ("true", "made"):
        for name, data in zip(("mixture", LONG_NAME), noise, strict=True):
            write_song(f"{side}/{name}.wav", data=data)
    result = run_cli("score", tmp_path / "true", tmp_path / "made", "--metrics", ",".join(METRICS))
    assert (result.status, result.stderr) == (0, "")
    assert measure(result.stdout) <= 80
    for name in METRICS:
        assert sum(line.startswith("stem") and f" {name}" in line for line in result.stdout.splitlines()) == 1
