from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """A figure that warns, of a logarithm of 0 or of a layout that does not fit, fails its test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
