from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

USE = """
import sys
import workbench.registry as registry

rows = {row.name: row for row in registry.plugins()}
assert rows["mid_side"].gave == ("mid_side.mid_side", "mid_side.welch"), rows
assert rows["mid_side"].origin == "workbench-mid-side 1.2.3", rows["mid_side"].origin
assert {row.id: row.stems for row in registry.models()}["mid_side.mid_side"] == ("mid", "side")
assert "mid_side.welch" in [row.id for row in registry.windows()]
assert "torch" not in sys.modules, "listing loaded torch"

import torch

window = registry.make_window("welch:power=2", length=4)
assert torch.allclose(window, torch.tensor([0.4375, 0.9375, 0.9375, 0.4375]) ** 2), window
card = registry.find_model("mid_side").card
model = registry.resolve_callable(card.load)(None, None, torch.device("cpu"))
waveform = torch.randn(3, 2, 100)
stems = model(waveform)
assert stems.shape == (3, 2, 2, 100), stems.shape
assert torch.allclose(stems.sum(dim=1), waveform, atol=1e-6)  # one rounding of float32
assert torch.equal(stems[:, 0, 0], stems[:, 0, 1])

import workbench

song = workbench.Audio(torch.randn(2, 5000) * 0.1, 1000)
separation = workbench.separate(song, model="mid_side", window="welch:power=2", overlap=0.5)
assert list(separation) == ["mid", "side"]
mid = song.data.mean(dim=0).expand(2, -1)
assert torch.allclose(separation["mid"].data, mid, atol=1e-6)  # a few roundings of overlap-add
assert separation.remainder.data.abs().max() < 1e-6
print("used", sys.modules["workbench_mid_side"].__file__)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the outside plugin installed by pip; built from a copy, so that no litter stays here."""
    folder = tmp_path_factory.mktemp("outside")
    source = shutil.copytree(ROOT / "tests" / "outside_plugin", folder / "source")
    target = folder / "site"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    command += ["--disable-pip-version-check", "--target", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def test_an_installed_package_is_found_and_used(site: Path):
    paths = [str(site), os.environ.get("PYTHONPATH", "")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-c", USE]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(site) in done.stdout
