from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

import workbench
from workbench.cli import app
from workbench.registry import forget_plugin

RATE = 8000
RunCli = Callable[..., "Outcome"]
WriteSong = Callable[..., Path]


@dataclass(frozen=True)
class Outcome:
    status: int
    stdout: str
    stderr: str

    def check_error(self, *parts: str, status: int = 2) -> None:
        """One line on standard error that says `parts`, nothing on standard output."""
        assert (self.status, self.stdout) == (status, ""), self
        assert self.stderr.startswith("error: "), self
        assert self.stderr.count("\n") == 1, self
        for part in parts:
            assert part in self.stderr, self


@pytest.fixture
def run_cli(capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Run a command in this process."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        status = app.run([str(argument) for argument in arguments])
        return Outcome(status, *capsys.readouterr())

    return run


@pytest.fixture
def make_environment() -> Callable[..., dict[str, str]]:
    """Environment variables of a process that finds the workbench, and modules in further folders."""

    def make(python_path: Sequence[Path] = ()) -> dict[str, str]:
        before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        here = Path(workbench.__file__).parent.parent
        return {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, python_path), str(here), *before])}

    return make


@pytest.fixture
def run_process(tmp_path: Path, make_environment: Callable[..., dict[str, str]]) -> RunCli:
    """Run a command as a process of its own, in an empty folder, with folders that Python finds modules in."""

    def run(*arguments: object, python_path: Sequence[Path] = (), program: Sequence[str] = ()) -> Outcome:
        command = [sys.executable, *(program or ("-m", "workbench")), *map(str, arguments)]
        folder = tmp_path / "empty"
        folder.mkdir(exist_ok=True)
        done = subprocess.run(
            command,
            cwd=folder,
            env=make_environment(python_path),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def write_song(tmp_path: Path) -> WriteSong:
    """Write samples (channel, time), noise unless given, as a float WAV file."""

    def write(
        name: str = "song.wav",
        *,
        data: np.ndarray | None = None,
        samples: int = 4000,
        channels: int = 2,
        rate: int = RATE,
    ) -> Path:
        if data is None:
            data = 0.1 * np.random.default_rng(0).standard_normal((channels, samples))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, data.astype(np.float32).T, rate, subtype="FLOAT")
        return path

    return write


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@dataclass
class Calls:
    """What a test model saw."""

    loads: int = 0
    chunks: list[tuple[int, ...]] | None = None


class FunctionModel(nn.Module):
    def __init__(self, function: Callable[[torch.Tensor], object], calls: Calls) -> None:
        super().__init__()
        self.function, self.calls = function, calls

    def forward(self, chunk: torch.Tensor) -> object:
        self.calls.chunks = [*(self.calls.chunks or []), tuple(chunk.shape)]
        return self.function(chunk)


def halve(chunk: torch.Tensor) -> torch.Tensor:
    """Two stems that sum to the chunk."""
    return torch.stack((chunk / 2, chunk / 2), dim=1)


@pytest.fixture
def register() -> Iterator[Callable[..., Calls]]:
    """Register a model ``notebook.made`` with stems a and b, from a function of (batch, channel, time)."""

    def add(function: Callable[[torch.Tensor], object] = halve, **fields: object) -> Calls:
        calls = Calls()

        def load(parameters: object, checkpoint: object, device: object) -> nn.Module:
            calls.loads += 1
            return FunctionModel(function, calls)

        given = {
            "name": "made",
            "load": load,
            "summary": "For a test.",
            "stems": ("a", "b"),
            "sample_rate": None,
            "channels": None,
            "input_type": "waveform",
            "output_type": "waveform",
            "chunk_seconds": 0.1,
        }
        workbench.register_model(workbench.ModelCard(**(given | fields)))  # type: ignore[arg-type]
        return calls

    yield add
    if any(row.name == "notebook" for row in workbench.plugins()):
        forget_plugin("notebook")


@pytest.fixture
def write_plugin(tmp_path: Path) -> Callable[..., Path]:
    """Write a module and its metadata, as if installed into a folder for PYTHONPATH."""

    def write(name: str, text: str, *, distribution: str | None = None) -> Path:
        distribution = distribution or f"dist_{name}"
        folder = tmp_path / "installed" / distribution
        info = folder / f"{distribution}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{distribution}_{name}.py").write_text(text)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[workbench]\n{name} = {distribution}_{name}\n")
        return folder

    return write
