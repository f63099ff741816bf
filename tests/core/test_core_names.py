from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import workbench.core

FOLDER = Path(workbench.core.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")
OF_THE_CONTRACT = {
    "Audio",
    "ChunkGrid",
    "MaskingConfig",
    "ModelWaveformToWaveform",
    "NormalizationStats",
    "NormalizedAudio",
    "OverlapAdder",
    "StftConfig",
    "apply_mask",
    "create_w2w_model",
    "denormalize_audio",
    "derive_stems",
    "generate_chunks",
    "ideal_mask",
    "normalize_audio",
    "stitch_chunks",
    "str_to_torch_dtype",
    "window_sum",
}


def test_all_is_sorted_and_holds_the_names_of_the_contract() -> None:
    names = workbench.core.__all__
    assert names == sorted(set(names))
    assert set(names) >= OF_THE_CONTRACT
    assert set(dir(workbench.core)) >= set(names)


@pytest.mark.parametrize("name", workbench.core.__all__)
def test_every_name_can_be_imported_and_is_what_its_module_calls_so(name: str) -> None:
    value = getattr(workbench.core, name)
    assert value.__name__ == name
    assert value is getattr(importlib.import_module(value.__module__), name)
    assert value.__doc__, "every public name says what it is"


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'workbench\.core' has no attribute 'no_such_name'"):
        _ = workbench.core.no_such_name


def test_settings_and_containers_load_no_torch() -> None:
    code = (
        "import sys, workbench.core\n"
        "from workbench.core import Audio, MaskingConfig, NormalizationStats, StftConfig\n"
        "StftConfig(64, 16, 64), MaskingConfig(), NormalizationStats(0.0, 1.0), Audio([0.0], 44100)\n"
        "print(*sorted({'torch', 'numpy', 'jaxtyping', 'librosa'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=FOLDER.parents[1], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize("module", MODULES)
def test_core_imports_torch_and_jaxtyping_only(module: str) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module or "")
    for name in imported:
        root = name.partition(".")[0]
        is_ours = name == "workbench.errors" or name.startswith("workbench.core.")
        assert root in {"torch", "jaxtyping"} or root in sys.stdlib_module_names or is_ours, name


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings(module: str) -> None:
    assert doctest.testmod(importlib.import_module(f"workbench.core.{module}")).failed == 0


def test_there_are_examples_in_docstrings() -> None:
    assert doctest.testmod(importlib.import_module("workbench.core.grid")).attempted > 0
