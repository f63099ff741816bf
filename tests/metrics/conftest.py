"""The metrics' tests look at allocations through the core's looking glass, `core_reference.AllocationRecorder`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))
