"""Print every direct dependency at the lowest version that pyproject.toml allows, a line each, but torch.

Torch stays what the environment has: its lowest allowed one would be a second download of a gigabyte.
"""

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]:
    found = re.fullmatch(r"([\w.-]+)(?:>=([\w.]+))?.*", line)
    assert found, line
    name, lowest = found.groups()
    if name != "torch" and lowest:
        print(f"{name}=={lowest}")
