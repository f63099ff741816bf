"""Which tests run: all but the exhaustive ones, or with ``--all`` every one; and one thread for each worker."""

from __future__ import annotations

import os

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # before anything loads torch; the processes that tests start inherit it
    for library in ("OMP", "MKL", "OPENBLAS"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--all``."""
    parser.addoption("--all", action="store_true", help="run the exhaustive tests too, as CI does")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked as exhaustive, unless all is asked for: of the notebooks, all but the tour."""
    for item in items:
        if item.path.suffix == ".ipynb" and item.path.stem != "00_tour":
            item.add_marker("exhaustive")
    if config.getoption("--all"):
        return
    left_out = [item for item in items if item.get_closest_marker("exhaustive")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]
