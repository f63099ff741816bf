"""What the widgets' tests share; the harness that mounts one in a blank page lies beside this file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that harness is found in every import mode of pytest


@pytest.fixture
def probed(page: Any) -> Any:
    """A page with the functions of ``probes.js``, which look at what is painted and how well it can be read."""
    page.add_init_script(path=Path(__file__).with_name("probes.js"))
    page.goto("about:blank")
    return page
