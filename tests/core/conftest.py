"""What the core's tests share; their slow references are in `core_reference`, beside this file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that core_reference is found in every import mode of pytest


@pytest.fixture
def plain_types() -> Iterator[None]:
    """Calls as they are outside pytest: no shape checks, so that the core's own errors are what is seen."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
