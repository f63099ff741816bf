from __future__ import annotations

import importlib
import json
import subprocess
import sys
from importlib.metadata import version

import pytest

import workbench

API = [
    *("Audio", "ModelCard", "WindowCard", "demo_song", "hookimpl", "load", "load_stems", "models", "plugins"),
    *("register_model", "register_window", "save", "separate", "stream", "trace", "windows"),
]


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_all_is_sorted_complete_and_importable() -> None:
    assert list(workbench.__all__) == sorted(workbench.__all__)
    assert len(set(workbench.__all__)) == len(workbench.__all__)
    assert set(API) <= set(workbench.__all__)
    for name in workbench.__all__:
        assert getattr(workbench, name) is not None
    assert set(workbench.__all__) <= set(dir(workbench))


def test_every_name_says_where_it_lives() -> None:
    assert set(workbench._HOME) == set(workbench.__all__)
    for name, home in workbench._HOME.items():
        module = importlib.import_module(f"workbench.{home}")
        assert getattr(workbench, name) is getattr(module, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'workbench' has no attribute 'seperate'"):
        _ = workbench.seperate


def test_core_is_sorted_and_importable() -> None:
    core = importlib.import_module("workbench.core")
    assert list(core.__all__) == sorted(core.__all__)
    assert set(core._HOME) == set(core.__all__)
    for name in core.__all__:
        assert getattr(core, name) is not None


def test_the_version_is_the_distributions() -> None:
    assert workbench.__version__ == version("stem-workbench")


HEAVY = (
    *("torch", "librosa", "numpy", "scipy", "numba", "matplotlib", "pandas", "pydantic", "soundfile", "av"),
    "jaxtyping",
)


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("import workbench", ()),
        ("import workbench; str(workbench.models()); str(workbench.windows()); str(workbench.plugins())", ()),
        ("import workbench; workbench.core, workbench.registry, workbench.ModelCard, workbench.WorkbenchError", ()),
        ("from workbench.core import StftConfig; StftConfig(n_fft=512, win_length=512)", ()),
    ],
)
def test_looking_around_loads_nothing_heavy(code: str, allowed: tuple[str, ...]) -> None:
    tail = f"; import sys, json; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    assert set(json.loads(run_python(code + tail))) <= set(allowed)


def test_listings_name_what_comes_in_the_box() -> None:
    code = """
import workbench, json
print(json.dumps([[row.id for row in listing] for listing in (workbench.models(), workbench.windows())]))
"""
    models, windows = json.loads(run_python(code))
    assert {"hpss.hpss", "passthrough.passthrough"} <= set(models)
    assert {f"windows.{name}" for name in ("hann", "hamming", "rectangular", "linear_fade", "triangle")} <= set(windows)
