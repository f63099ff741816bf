"""What the tests in a browser share: a JupyterLab with our extension, and a notebook."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that labdriver is found in every import mode of pytest

from labdriver import Lab, Notebook

ROOT = Path(__file__).parents[2]


# of those in JupyterLab, each of which takes up to a minute; every widget has its quick tests in tests/widgets
QUICK = ("test_keys_and_clicks_go_through_the_kernel", "test_an_exported_notebook_shows_and_plays[00_tour.ipynb]")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs in JupyterLab, and exports of notebooks, as exhaustive."""
    for item in items:
        is_slow = {"prefix", "notebook"} & set(getattr(item, "fixturenames", ()))
        if Path(__file__).parent in item.path.parents and is_slow and item.name not in QUICK:
            item.add_marker("exhaustive")


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment's folder that pip installed the workbench into, from a copy so that no litter stays here.

    Its Python modules are not used; JupyterLab finds in it what an installation gives to Jupyter.
    """
    folder = tmp_path_factory.mktemp("installed")
    for name in ("workbench", "plugins", "notebooks"):
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, folder / "source" / name)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command += ["--disable-pip-version-check", "--no-compile", "--target", str(folder / "prefix")]  # uninstalls nothing
    done = subprocess.run([*command, str(folder / "source")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "prefix"


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, prefix: Path) -> Iterator[Lab]:
    """JupyterLab on a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder / "root", ignore=shutil.ignore_patterns("__pycache__"))
    with Lab(folder / "root", folder / "home", prefix=prefix) as lab:
        yield lab


@pytest.fixture
def notebook(page: Any, lab: Lab) -> Iterator[Notebook]:
    """A notebook to be opened; its kernel ends with the test."""
    yield Notebook(page, lab)
    lab.stop_kernels()
