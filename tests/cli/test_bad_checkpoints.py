"""Weights that are not there, not whole, not the model's, or not weights: refused, from Python and the command line."""

from __future__ import annotations

import os

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import workbench
from workbench.errors import CheckpointError
from workbench.io import load_weights


class Gains(nn.Module):
    """A gain and an offset a stem, as a small network of somebody's."""

    def __init__(self, stems: int = 2) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(stems, 1, 1))
        self.mixing = nn.Linear(stems, stems, bias=False)
        nn.init.eye_(self.mixing.weight)

    def forward(self, chunk):
        stems = self.gain * chunk.unsqueeze(1)  # (batch, stem, channel, time)
        return self.mixing(stems.movedim(1, -1)).movedim(-1, 1)  # (batch, stem, channel, time)


def load_gains(parameters, checkpoint, device):
    return load_weights(Gains(), checkpoint).to(device)


class Runs:
    """A pickle of it runs a command."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch '{self.marker}'",)


GOOD = {"gain": torch.tensor([0.25, 0.75]).reshape(2, 1, 1), "mixing.weight": torch.eye(2)}


def cut(path):
    torch.save(GOOD, path)
    path.write_bytes(path.read_bytes()[:-200])


FILES = {
    "missing": (lambda path: None, ["there is no checkpoint", "give the path"]),
    "folder": (lambda path: path.mkdir(), ["is a folder", "give the path"]),
    "empty": (lambda path: path.touch(), ["is empty", "again"]),
    "text": (lambda path: path.write_text("no weights\n" * 50), ["no checkpoint but text", "expected safetensors"]),
    "cut_off": (cut, ["damaged or cut off", "again"]),
    "code": (lambda path: torch.save(GOOD | {"x": Runs(path.with_name("marker"))}, path), ["refused", "safetensors"]),
    "no_weights": (lambda path: torch.save({"epoch": 3}, path), ["holds no weights", "epoch"]),
    "architecture": (
        lambda path: save_file({f"layers.{index}": torch.ones(1) for index in range(9)}, path),
        ["does not fit Gains", "2 missing (gain, mixing.weight)", "9 unknown (layers.0, layers.1", "architecture"],
    ),
    "lacking": (lambda path: torch.save({"gain": GOOD["gain"]}, path), ["1 missing (mixing.weight)"]),
    "too_many": (lambda path: torch.save(GOOD | {"bias": torch.ones(2)}, path), ["1 unknown (bias)"]),
    "shape": (lambda path: torch.save(Gains(3).state_dict(), path), ["(3, 1, 1) float32, expected (2, 1, 1)"]),
    "nan": (lambda path: torch.save(GOOD | {"gain": GOOD["gain"] * float("nan")}, path), ["NaN", "(gain)"]),
}


@pytest.mark.parametrize(("write", "parts"), FILES.values(), ids=FILES)
def test_weights_that_cannot_be_used(run_cli, write_song, register, out, tmp_path, write, parts):
    register(load=load_gains, needs_checkpoint=True)
    song, path = write_song(), tmp_path / "weights.ckpt"
    write(path)
    before = sorted(tmp_path.iterdir())

    with pytest.raises(CheckpointError) as raised:
        workbench.separate(song, model="made", checkpoint=path)
    assert "\n" not in str(raised.value)
    result = run_cli("separate", song, "-m", "made", "-o", out, "--checkpoint", path, "--json")
    result.check_error(str(path), *parts)
    for part in (str(path), *parts):
        assert part in str(raised.value)
    assert sorted(tmp_path.iterdir()) == before  # no output, and no marker of a command that ran


def test_the_kit_says_the_same(run_cli, register, tmp_path):
    register(load=load_gains, needs_checkpoint=True)
    path = tmp_path / "weights.pt"
    run_cli("check", "made", "--checkpoint", tmp_path).check_error(f"the checkpoint {tmp_path} is a folder")
    torch.save({"gain": GOOD["gain"]}, path)
    failed = run_cli("check", "made", "--checkpoint", path)
    assert failed.status == 2
    assert "1 missing (mixing.weight)" in " ".join(failed.stdout.split())  # in lines of 80 columns
    torch.save(GOOD, path)
    lines = run_cli("check", "made", "--checkpoint", path).stdout.splitlines()
    assert [line.split()[1] for line in lines if line.split()[0] in ("loads", "checkpoint")] == ["passed", "passed"]


@pytest.mark.parametrize("form", ["safetensors", "torch", "lightning", "half"])
def test_weights_that_fit_are_what_runs(run_cli, write_song, register, out, tmp_path, form):
    register(load=load_gains, needs_checkpoint=True)
    song, path = write_song(), tmp_path / "weights"
    if form == "safetensors":
        save_file(GOOD, path)
    else:
        half = {name: tensor.half() for name, tensor in GOOD.items()}
        lightning = {"state_dict": {f"model.{name}": tensor for name, tensor in GOOD.items()}, "epoch": 1}
        torch.save({"torch": GOOD, "lightning": lightning, "half": half}[form], path)

    stems = workbench.separate(song, model="made", checkpoint=path)
    for name, gain in (("a", 0.25), ("b", 0.75)):
        # float noise of overlap-add at 0.3
        torch.testing.assert_close(stems[name].data, gain * stems.mixture.data, rtol=0, atol=1e-6)
    result = run_cli("separate", song, "-m", "made", "-o", out, "--checkpoint", path)
    assert (result.status, result.stderr) == (0, "")
