"""Weights come into a network all of them, or not at all."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from checkpoint_files import WEIGHTS, Small, check_loads, check_refused, make_weights, save_old
from safetensors.torch import save_file
from torch import nn

from workbench.errors import CheckpointError, InvalidValue, WorkbenchError
from workbench.io import copy_weights, load_weights, read_checkpoint, read_metadata
from workbench.io.checkpoint_file import check_checkpoint_file


class TestFormats:
    @pytest.mark.parametrize("ending", ["ckpt", "pt", "pth", "th", "bin", "safetensors", "weights"])
    @pytest.mark.parametrize("write", [torch.save, save_old, save_file])
    def test_content_counts_and_not_the_ending(self, tmp_path: Path, ending: str, write: Callable[..., None]):
        path = tmp_path / f"model.{ending}"
        write(WEIGHTS, path)
        check_loads(path)
        assert set(read_checkpoint(path)) == set(WEIGHTS)

    @pytest.mark.parametrize("key", ["best_state", "state", "state_dict", "model_state_dict", "model"])
    def test_containers(self, tmp_path: Path, key: str):
        path = tmp_path / "model.ckpt"
        torch.save({"epoch": 3, key: WEIGHTS, "optimizer": {"state": {0: torch.ones(2)}}}, path)
        check_loads(path)
        assert set(read_metadata(path)) == {"epoch", "optimizer"}

    def test_the_best_state_comes_before_the_last(self, tmp_path: Path):
        path = tmp_path / "checkpoint.th"
        torch.save({"model": make_weights(4), "state": make_weights(3), "best_state": WEIGHTS}, path)
        check_loads(path)
        torch.save({"state": WEIGHTS, "best_state": None}, path)  # before the first validation
        check_loads(path)

    def test_a_key_of_its_own(self, tmp_path: Path):
        path = tmp_path / "both.pt"
        torch.save({"vocals": WEIGHTS, "drums": make_weights(3), "epoch": 1}, path)
        check_loads(path, key="vocals")
        check_refused(path, "holds no weights", "its entries are vocals, drums, epoch")
        check_refused(path, "no entry 'bass'", "vocals, drums", key="bass")
        check_refused(path, "no weights by name in its entry 'epoch'", key="epoch")

    @pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "module._orig_mod.", "model.module."])
    def test_prefixes_that_all_names_carry(self, tmp_path: Path, prefix: str):
        path = tmp_path / "wrapped.pt"
        torch.save({f"{prefix}{name}": tensor for name, tensor in WEIGHTS.items()}, path)
        check_loads(path)
        assert set(read_checkpoint(path)) == set(WEIGHTS)
        torch.save({f"{prefix}{name}": tensor for name, tensor in WEIGHTS.items()} | {"scale": torch.ones(1)}, path)
        check_refused(path, "7 missing", "8 unknown")

    def test_a_prefix_that_is_the_networks_own_stays(self, tmp_path: Path):
        class Wrapper(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = Small()

        path = tmp_path / "wrapper.pt"
        for prefix in ("model.", "model.model.", "_orig_mod.model."):
            torch.save({f"{prefix}{name}": tensor for name, tensor in WEIGHTS.items()}, path)
            assert torch.equal(load_weights(Wrapper(), path).model.first.weight, WEIGHTS["first.weight"])

    def test_names_to_pass_over(self, tmp_path: Path):
        path = tmp_path / "old.pth"
        torch.save(WEIGHTS | {"stft.window": torch.ones(4), "first.extra": torch.ones(1)}, path)
        check_refused(path, "2 unknown (stft.window, first.extra)", "another variant")
        check_loads(path, ignore=["stft.*", "first.extra"])

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_other_precisions_are_cast(self, tmp_path: Path, dtype: torch.dtype):
        path = tmp_path / "half.safetensors"
        save_file({name: t.to(dtype) if t.is_floating_point() else t for name, t in WEIGHTS.items()}, path)
        network = load_weights(Small(), path)
        assert network.first.weight.dtype == torch.float32
        assert torch.equal(network.first.weight, WEIGHTS["first.weight"].to(dtype).float())
        assert network.norm.num_batches_tracked == 7
        assert read_checkpoint(path)["first.weight"].dtype == dtype

    def test_metadata_of_safetensors(self, tmp_path: Path):
        path = tmp_path / "model.safetensors"
        save_file(WEIGHTS, path, metadata={"klass": "demucs.htdemucs.HTDemucs", "kwargs": "{}"})
        assert read_metadata(path) == {"klass": "demucs.htdemucs.HTDemucs", "kwargs": "{}"}
        save_file(WEIGHTS, path)
        assert read_metadata(path) == {}

    def test_renamed_weights(self):
        network = Small()
        copy_weights(network, WEIGHTS, source="weights of another house")
        assert torch.equal(network.first.bias, WEIGHTS["first.bias"])
        with pytest.raises(CheckpointError, match="weights of another house does not fit Small"):
            copy_weights(network, {"1": WEIGHTS["first.bias"]}, source="weights of another house")


class TestFit:
    def test_missing_unknown_and_other_shapes(self, tmp_path: Path):
        path = tmp_path / "model.pt"
        few = {name: tensor for name, tensor in WEIGHTS.items() if not name.startswith("norm.running")}
        torch.save(few | {"head.weight": torch.ones(2), "first.bias": torch.ones(4)}, path)
        check_refused(
            path,
            f"{path} does not fit Small, which has 7 weights: 2 missing (norm.running_mean, norm.running_var)",
            "1 unknown (head.weight)",
            "1 of another shape or type (first.bias: (4,) float32, expected (3,) float32)",
        )

    def test_the_likely_cause(self, tmp_path: Path):
        path = tmp_path / "model.pt"
        torch.save({f"encoder.{index}": torch.ones(2) for index in range(50)}, path)
        check_refused(path, "7 missing", "50 unknown (encoder.0, encoder.1, encoder.2, ...)", "another architecture")
        torch.save(WEIGHTS, path)
        check_refused(path, "6 of another shape or type", "model.* parameters", network=Small(4))
        lacking = {name: tensor for name, tensor in WEIGHTS.items() if name != "first.bias"}
        torch.save(lacking, path)
        check_refused(path, "1 missing (first.bias)", "another variant")

    def test_a_network_without_weights_takes_none(self, tmp_path: Path):
        torch.save(WEIGHTS, tmp_path / "model.pt")
        check_refused(
            tmp_path / "model.pt", "has 0 weights", "7 unknown", "another architecture", network=nn.Identity()
        )

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_weights_that_are_not_finite(self, tmp_path: Path, value: float):
        broken = make_weights()
        broken["norm.running_var"][1] = value
        torch.save(broken, tmp_path / "model.pt")
        check_refused(tmp_path / "model.pt", "NaN or infinity", "1 of 7 weights (norm.running_var)")

    def test_weights_too_large_for_the_networks_dtype(self, tmp_path: Path):
        large = WEIGHTS | {"first.bias": torch.full((3,), 1e5)}
        torch.save(large, tmp_path / "model.pt")
        load_weights(Small(), tmp_path / "model.pt")
        check_refused(tmp_path / "model.pt", "(as torch.float16)", "first.bias", network=Small().half())

    def test_a_mask_of_infinities_that_the_network_has_too_is_none_of_these(self, tmp_path: Path):
        class Masked(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.register_buffer("mask", torch.full((2, 2), -math.inf).triu(1))

        torch.save(Masked().state_dict(), tmp_path / "model.pt")
        load_weights(Masked(), tmp_path / "model.pt")
        torch.save({"mask": torch.full((2, 2), math.inf)}, tmp_path / "model.pt")
        check_refused(tmp_path / "model.pt", "NaN or infinity", network=Masked())

    def test_whole_numbers_take_no_fractions(self, tmp_path: Path):
        torch.save(WEIGHTS | {"norm.num_batches_tracked": torch.tensor(1.5)}, tmp_path / "model.pt")
        check_refused(tmp_path / "model.pt", "num_batches_tracked: () float32, expected () int64")

    def test_a_network_that_holds_nothing_is_not_filled_in_silence(self, tmp_path: Path):
        torch.save(WEIGHTS, tmp_path / "model.pt")
        with torch.device("meta"):
            network = Small()
        with pytest.raises(InvalidValue, match=r"no memory for first\.weight, first\.bias, .*meta"):
            load_weights(network, tmp_path / "model.pt")
        with pytest.raises(InvalidValue, match="no memory for weight"):
            load_weights(nn.LazyLinear(3), tmp_path / "model.pt")

    def test_names_of_a_file_cannot_break_the_line(self, tmp_path: Path):
        torch.save({"a\nb\x1b[2J": torch.ones(1), "x" * 5000: torch.ones(1)}, tmp_path / "model.pt")
        check_refused(tmp_path / "model.pt", r"'a\nb\x1b[2J'")


def test_a_look_at_the_path_loads_nothing_heavy():
    code = (
        "import sys, workbench.io; from workbench.io.checkpoint_file import check_checkpoint_file\n"
        "print([name for name in ('torch', 'safetensors', 'numpy') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_only_errors_of_ours_for_a_path(tmp_path: Path):
    torch.save(WEIGHTS, tmp_path / "model.pt")
    assert check_checkpoint_file(tmp_path / "model.pt") == tmp_path / "model.pt"
    with pytest.raises(WorkbenchError):
        check_checkpoint_file(tmp_path)
