"""The real song."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def stem_song() -> Path:
    """The real song with four true stems that the test dependency stempeg carries (never imported)."""
    spec = importlib.util.find_spec("stempeg")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("stempeg is not installed, so its song is not here")
    songs = sorted((Path(spec.submodule_search_locations[0]) / "data").glob("*.stem.mp4"))
    if not songs:
        pytest.skip("this stempeg carries no song")
    return songs[0]
