"""What is no checkpoint is refused with its reason; and no file of weights runs code."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_files import WEIGHTS, Small, check_loads, check_refused, save_old
from safetensors.torch import save_file
from torch import nn

from workbench.errors import CheckpointError
from workbench.io import load_weights, read_checkpoint, read_metadata


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
        check_refused(tmp_path / "b.pt", "checkpoint_files.Small", "state_dict alone")

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
