"""What the core's tests share; their slow references are in `core_reference`, beside this file."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # so that core_reference is found in every import mode of pytest
