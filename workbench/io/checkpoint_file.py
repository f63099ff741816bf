"""The file of a checkpoint: what it is, by its content and never by its ending, and what it holds. It runs no code."""

from __future__ import annotations

import os
import pickle
import re
import stat
import warnings
import zipfile
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.errors import CheckpointError

SafeGlobal = Callable[..., Any] | tuple[Callable[..., Any], str]
EXPECTED = "expected safetensors or a state_dict written by torch.save"

_HEAD_BYTES = 512
_ZIP_MAGIC = b"PK\x03\x04"
_OLD_TORCH_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # torch.save before version 1.6, from its third byte on
_OTHER_FILES = {
    b"version https://git-lfs": "a Git LFS pointer, which only stands for the file: fetch it by git lfs pull",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x1f\x8b": "a gzip archive: unpack it",
    b"\x89HDF": "an HDF5 file",
    b"GGUF": "a GGUF file",
    b"RIFF": "a wav file or the like",
    b"fLaC": "a flac file",
}


def check_checkpoint_file(path: str | os.PathLike[str] | None) -> Path:
    """Give the path of a checkpoint, having looked whether a file is there. Its content is not read.

    Raises:
        CheckpointError: there is none.
    """
    if path is None:
        raise CheckpointError("the model needs weights: give checkpoint= (--checkpoint) the path of their file")
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint {path}: give the path of a file of weights") from error
    except (OSError, ValueError) as error:  # the latter: a path that no file can have
        reason = getattr(error, "strerror", None) or error
        raise CheckpointError(f"cannot read the checkpoint {path}: {reason}; check path and permissions") from error
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise CheckpointError(f"the checkpoint {path} is {kind}: give the path of a file of weights")
    return Path(path)


def read_document(path: Path, safe_globals: Sequence[SafeGlobal]) -> tuple[Mapping[Any, Any], dict[str, Any]]:
    """All that a file holds, and the metadata of safetensors."""
    kind = _recognize(path)
    try:
        if kind == "safetensors":
            from safetensors import safe_open

            with safe_open(path, framework="pt") as file:
                return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
        document = _read_torch(path, kind, safe_globals)
    except (CheckpointError, MemoryError):
        raise
    except Exception as error:  # of a damaged file both libraries raise all kinds of errors
        reason = show_name(" ".join(str(error).split("\n")[0].split()) or type(error).__name__)
        raise CheckpointError(f"{path} is damaged or cut off: {reason}; download or copy it again") from error
    if not isinstance(document, Mapping):
        raise CheckpointError(f"{path} holds a {type(document).__name__}, no weights by name; {EXPECTED}")
    return document, {}


def _read_torch(path: Path, kind: str, safe_globals: Sequence[SafeGlobal]) -> object:
    import torch

    with (
        warnings.catch_warnings(),
        torch.serialization.safe_globals(list(safe_globals)),
        open(path, "rb") as file,
    ):
        warnings.simplefilter("ignore")  # of pickle protocols; what matters is raised
        # torch takes a path that ends so for safetensors, whatever it holds
        mapped = kind == "zip" and path.suffix != ".safetensors"
        source = path if mapped else file
        try:
            # weights_only: an unpickler that knows tensors and plain containers, and calls nothing else
            return torch.load(source, map_location="cpu", weights_only=True, mmap=mapped)
        except pickle.UnpicklingError as error:
            named = re.search(r"GLOBAL (\S+)", str(error))
            if named is None:
                reason = re.search(r"error:\s*(.+)", str(error))
                raise CheckpointError(
                    f"{path} is damaged, or holds more than weights{f': {show_name(reason[1])}' if reason else ''}; "
                    "download or copy it again, or get it as safetensors"
                ) from None
            raise CheckpointError(
                f"{path} holds more than weights and is refused: loading it would run or make {show_name(named[1])}; "
                "get it as safetensors, or have the state_dict alone saved (a plugin may let classes pass by "
                "safe_globals=)"
            ) from None


def _recognize(path: Path) -> str:
    """``safetensors``, ``zip`` (torch.save) or ``old`` (torch.save before 1.6), by content."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise CheckpointError(
            f"cannot read the checkpoint {path}: {error.strerror}; check path and permissions"
        ) from error
    if not head:
        raise CheckpointError(f"{path} is empty; download or copy the checkpoint again")
    if head[8:9] == b"{" and not head[6:8].strip(b"\0"):  # the length of a header in JSON, then the header
        return "safetensors"
    if head.startswith(_ZIP_MAGIC):
        return _check_zip(path)
    if head[2:].startswith(_OLD_TORCH_MAGIC):
        return "old"
    if head.startswith(b"\x80"):
        raise CheckpointError(f"{path} is a pickle that torch did not write, which may run code: refused; {EXPECTED}")
    raise CheckpointError(f"{path} is no checkpoint but {_describe(head)}; {EXPECTED}")


def _check_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except Exception as error:  # zipfile too raises all kinds
        raise CheckpointError(
            f"{path} is damaged or cut off: its table of contents cannot be read; download or copy it again"
        ) from error
    names = {entry.filename.partition("/")[2] for entry in entries}
    if "constants.pkl" in names:
        raise CheckpointError(f"{path} is a TorchScript program, which is code: refused; {EXPECTED}")
    if "data.pkl" not in names:
        raise CheckpointError(f"{path} is no checkpoint but a zip archive; {EXPECTED} (unpack it if that is inside)")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise CheckpointError(f"{path} was packed anew and compressed; expected the file as torch.save wrote it")
    return "zip"


def _describe(head: bytes) -> str:
    for magic, words in _OTHER_FILES.items():
        if head.startswith(magic):
            return words
    text = head.decode("utf-8", errors="ignore").strip()
    if text.lower().startswith(("<!doctype", "<html", "<?xml")):
        return "a web page: the download went wrong"
    return "text" if len(text) > 0.9 * len(head) and "\0" not in text else "something else"


def show_name(name: object) -> str:
    """A name out of a file, so that it fits into one line of an error."""
    text = str(name)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= 80 else f"{text[:77]}..."


def list_names(names: Collection[object], *, most: int = 3) -> str:
    """The first few of several names."""
    shown = ", ".join(show_name(name) for name in list(names)[:most])
    return shown if len(names) <= most else f"{shown}, ..."
