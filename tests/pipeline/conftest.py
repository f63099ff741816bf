from __future__ import annotations

import pytest


@pytest.fixture(autouse=True, scope="module")
def single_thread(single_thread: None) -> None:
    """Every test of the pipeline has one thread."""
