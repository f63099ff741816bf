"""Weights come into a network all of them, or not at all; and no file of weights runs code."""

from __future__ import annotations

import builtins
import io
import math
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from workbench.errors import CheckpointError, InvalidValue, WorkbenchError
from workbench.io import copy_weights, load_weights, read_checkpoint, read_metadata
from workbench.io.checkpoint_file import check_checkpoint_file


class Small(nn.Module):
    """Ten values that are nobody else's: weights, and a buffer of whole numbers."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.first = nn.Linear(2, width)
        self.norm = nn.BatchNorm1d(width)


def make_weights(seed: int = 1) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    network = Small()
    network.norm.num_batches_tracked += 7
    return {name: tensor + 0 for name, tensor in network.state_dict().items()}


WEIGHTS = make_weights()


def save_old(document: object, path: Path) -> None:
    torch.save(document, path, _use_new_zipfile_serialization=False)


def check_loads(path: Path, **options: Any) -> None:
    """All of WEIGHTS are in the network afterwards."""
    network = load_weights(Small(), path, **options)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, WEIGHTS[name]), name


def check_refused(path: object, *parts: str, network: nn.Module | None = None, **options: Any) -> None:
    """A CheckpointError in one line that says `parts`, and a network that is as it was."""
    network = network or Small()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(CheckpointError) as raised:
        load_weights(network, path, **options)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 700
    for part in parts:
        assert part in message
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


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


class Marking:
    """A pickle of it runs a command."""

    marker = Path()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.system, (f"touch '{self.marker}'",)


class Network:  # stands for the class of a model in another's package
    def __init__(self, width: int = 3) -> None:
        self.width = width


class TestCode:
    @pytest.mark.parametrize("write", [torch.save, save_old, lambda document, path: path.write_bytes(dump(document))])
    @pytest.mark.parametrize("wrap", [lambda evil: evil, lambda evil: {"state_dict": WEIGHTS, "args": evil}])
    def test_a_pickle_that_would_run_code_is_refused(self, tmp_path: Path, monkeypatch, write, wrap):
        marker = tmp_path / "marker"
        monkeypatch.setattr(Marking, "marker", marker)
        # the variable that makes torch.load careless must not count here
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
        path = tmp_path / "model.ckpt"
        write(wrap(Marking()), path)
        check_refused(path, str(path), "refused")
        with pytest.raises(CheckpointError, match="refused"):
            read_metadata(path)
        assert not marker.exists()
        pickle.loads(dump(Marking()))  # and it would have run
        assert marker.exists()

    def test_what_it_names_is_shown(self, tmp_path: Path, monkeypatch):
        monkeypatch.setattr(Marking, "marker", tmp_path / "marker")
        torch.save({"state": WEIGHTS, "args": Marking()}, tmp_path / "a.pt")
        check_refused(tmp_path / "a.pt", "system", "safetensors")
        torch.save(Small(), tmp_path / "b.pt")
        check_refused(tmp_path / "b.pt", "test_checkpoint.Small", "state_dict alone")

    @pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
    def test_a_program_is_refused(self, tmp_path: Path):
        torch.jit.script(nn.Linear(2, 3)).save(str(tmp_path / "a.pt"))
        check_refused(tmp_path / "a.pt", "TorchScript program", "refused")

    def test_demucs_form_opens_with_stand_ins_that_the_plugin_names(self, tmp_path: Path):
        path = tmp_path / "955717e8.th"
        half = {name: t.half() if t.is_floating_point() else t for name, t in WEIGHTS.items()}
        torch.save({"klass": Network, "args": (), "kwargs": {"segment": Fraction(39, 5)}, "state": half}, path)
        check_refused(path, f"{Network.__module__}.Network")

        class StandIn:
            pass

        allowed = [(StandIn, f"{Network.__module__}.Network"), (Fraction, "fractions.Fraction")]
        network = load_weights(Small(), path, safe_globals=allowed)
        assert torch.equal(network.first.weight, half["first.weight"].float())
        assert read_metadata(path, safe_globals=allowed)["kwargs"] == {"segment": Fraction(39, 5)}
        assert read_metadata(path, safe_globals=allowed)["klass"] is StandIn
        check_refused(path, f"{Network.__module__}.Network")  # what one plugin allows, it allows once


def dump(document: object) -> bytes:
    return pickle.dumps(document)


def write_unknown_pickle(path: Path) -> None:
    save_old({"a": torch.ones(1)}, path)
    path.write_bytes(path.read_bytes().replace(b"storage", b"st\x95rage", 1))


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("songs/readme.txt", "no weights")


def compress(path: Path) -> None:
    buffer = io.BytesIO()
    torch.save(WEIGHTS, buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.namelist():
            target.writestr(entry, source.read(entry))


NO_CHECKPOINTS = {
    "empty": (lambda path: path.touch(), ["is empty"]),
    "short": (lambda path: path.write_bytes(b"ab"), ["no checkpoint but text"]),
    "text": (lambda path: path.write_text("These are no weights.\n" * 60), ["no checkpoint but text", "safetensors"]),
    "web page": (lambda path: path.write_text("<!DOCTYPE html><html>"), ["a web page", "download"]),
    "pointer": (lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid"), ["git lfs pull"]),
    "picture": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(80)), ["a PNG picture"]),
    "noise": (lambda path: path.write_bytes(bytes(range(256)) * 9), ["something else"]),
    "archive": (write_zip, ["a zip archive"]),
    "packed anew": (compress, ["packed anew"]),
    "unknown pickle": (write_unknown_pickle, ["damaged"]),
    "tensor": (lambda path: torch.save(torch.ones(3), path), ["holds a Tensor"]),
    "list": (lambda path: torch.save([torch.ones(3)], path), ["holds a list"]),
    "nothing": (lambda path: torch.save({}, path), ["holds no weights", "entries are none"]),
    "numbers": (lambda path: torch.save({"epoch": 3, 4: 5}, path), ["holds no weights", "epoch, 4"]),
    "diffq": (lambda path: torch.save({"state": {"__quantized": {"a": 1}}}, path), ["compressed by diffq"]),
    "no values": (lambda path: torch.save({"a": torch.ones(2, device="meta")}, path), ["a as a meta tensor"]),
    "sparse": (lambda path: torch.save({"a": torch.ones(2).to_sparse()}, path), ["torch.sparse_coo"]),
}


class TestBadFiles:
    @pytest.mark.parametrize(("write", "parts"), NO_CHECKPOINTS.values(), ids=NO_CHECKPOINTS)
    @pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
    def test_what_is_no_checkpoint(self, tmp_path: Path, write: Callable[[Path], object], parts: list[str]):
        path = tmp_path / "model.ckpt"
        write(path)
        check_refused(path, str(path), *parts)

    def test_missing_folder_and_none(self, tmp_path: Path):
        check_refused(tmp_path / "no.ckpt", "there is no checkpoint", "no.ckpt")
        check_refused(tmp_path, "is a folder", str(tmp_path))
        check_refused(None, "needs weights", "--checkpoint")
        check_refused(tmp_path / ("x" * 300), "cannot read the checkpoint", "too long")
        check_refused("no\0path", "cannot read the checkpoint", "null")
        (tmp_path / "file").touch()
        check_refused(tmp_path / "file" / "below.pt", "cannot read the checkpoint", "Not a directory")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
    def test_a_pipe_is_not_waited_for(self, tmp_path: Path):
        os.mkfifo(tmp_path / "pipe")
        check_refused(tmp_path / "pipe", "no regular file")

    def test_no_permission(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        """As the system would answer; who runs the tests may be the superuser, who may read everything."""
        path = tmp_path / "model.pt"
        torch.save(WEIGHTS, path)
        real = builtins.open

        def refuse(file: Any, *arguments: Any, **options: Any) -> Any:
            if file == path:
                raise PermissionError(13, "Permission denied", str(file))
            return real(file, *arguments, **options)

        monkeypatch.setattr(builtins, "open", refuse)
        check_refused(path, str(path), "Permission denied", "check path and permissions")
        monkeypatch.undo()
        check_loads(path)

    @pytest.mark.parametrize("write", [torch.save, save_old, save_file])
    def test_cut_off_anywhere(self, tmp_path: Path, write: Callable[..., None]):
        path = tmp_path / "model.ckpt"
        write(WEIGHTS, path)
        whole = path.read_bytes()
        for size in {*range(1, len(whole), max(1, len(whole) // 60)), len(whole) - 1}:
            path.write_bytes(whole[:size])
            check_refused(path, str(path))
        for size in (len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:size])
            check_refused(path, "damaged or cut off", "again")
        path.write_bytes(whole)
        check_loads(path)

    def test_damaged_headers_raise_nothing_else(self, tmp_path: Path):
        """Each byte of a small file changed in turn: either the weights arrive, or a CheckpointError."""
        path, messages = tmp_path / "model.ckpt", []
        for write in (save_old, save_file):
            write({"first.bias": WEIGHTS["first.bias"]}, path)
            whole = bytearray(path.read_bytes())
            for place in range(0, len(whole), 3):
                damaged = whole.copy()
                damaged[place] ^= 0xFF
                path.write_bytes(damaged)
                try:
                    read_checkpoint(path)
                except CheckpointError as error:
                    messages.append(str(error))
        assert len(messages) > 20
        assert not any("\n" in message for message in messages)


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
