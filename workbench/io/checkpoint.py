"""Weights from a file into a network: all of them and only them, or an error. No file that is read can run code.

>>> from workbench.io import load_weights
>>> def load(parameters, checkpoint, device):
...     return load_weights(Network(parameters), checkpoint).eval().to(device)
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeGuard, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from workbench.errors import CheckpointError, InvalidValue
from workbench.io.checkpoint_file import (
    SafeGlobal,
    check_checkpoint_file,
    list_names,
    read_document,
    show_name,
)

Network = TypeVar("Network", bound=nn.Module)

CONTAINERS = ("best_state", "state", "state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "model.", "_orig_mod.")  # of DataParallel, Lightning and torch.compile
FEW = 0.1  # share of the network's weights; a file with no more that fit is of another architecture


def load_weights(
    network: Network,
    path: str | os.PathLike[str] | None,
    *,
    key: str | None = None,
    ignore: Sequence[str] = (),
    safe_globals: Sequence[SafeGlobal] = (),
) -> Network:
    """Read a checkpoint into a network, each weight in the network's own dtype and on its device.

    Names must be the network's, to the last one. Prefixes come off as `read_checkpoint` says, but only while no name
    is one of the network's.

    Args:
        network: made with the parameters that the weights were trained with. An error leaves it as it was.
        path: of the file; ``None`` is an error, so that a card's ``load`` may pass on what it got.
        key: as of `read_checkpoint`.
        ignore: patterns, ``"stft.*"``, of names in the file that the network need not have.
        safe_globals: as of `read_checkpoint`.

    Returns:
        The network.

    Raises:
        CheckpointError: as of `read_checkpoint`; weights that are missing, unknown, of another shape, NaN or infinite.
    """
    named = read_named(path, key=key, safe_globals=safe_globals)
    weights = strip_prefixes(named, expected=network.state_dict())
    wanted = {name: weights[name] for name in weights if not any(fnmatchcase(name, pattern) for pattern in ignore)}
    copy_weights(network, wanted, source=path)
    return network


def copy_weights(network: nn.Module, weights: Mapping[str, Tensor], *, source: object) -> None:
    """Copy weights into a network that has exactly these: `load_weights` for weights that were renamed before.

    Args:
        network: an error leaves it as it was.
        weights: by the network's own names; they are cast to its dtypes.
        source: what an error calls them, such as the path of their file.

    Raises:
        CheckpointError: as of `load_weights`.
        InvalidValue: the network is on the device ``meta`` or has lazy parts, so that it cannot hold weights.
    """
    own = {name: tensor for name, tensor in network.state_dict().items() if isinstance(tensor, torch.Tensor)}
    hollow = [name for name, tensor in own.items() if is_lazy(tensor) or tensor.is_meta]
    if hollow:
        raise InvalidValue(f"the network has no memory for {list_names(hollow)}: make it on a device other than meta")
    _check_fit(type(network).__name__, own, weights, source=source)
    broken = []
    for name, tensor in weights.items():
        target = own[name].cpu()
        cast = tensor.to(target.dtype)
        # a mask of -inf among the buffers is no fault, if the network has it as well
        if not cast.isfinite().all() and not torch.equal(cast, target):
            broken.append(name)
    if broken:
        raise CheckpointError(
            f"{source} holds NaN or infinity (as {own[broken[0]].dtype}) in {len(broken)} of {len(weights)} weights "
            f"({list_names(broken)}): it is damaged or its training failed; use another checkpoint"
        )
    try:
        network.load_state_dict(dict(weights), strict=True)
    except RuntimeError as error:  # of a network that reads its weights in a way of its own
        raise CheckpointError(f"{type(network).__name__} refuses {source}: {' '.join(str(error).split())}") from error


def _check_fit(network: str, own: Mapping[str, Tensor], weights: Mapping[str, Tensor], *, source: object) -> None:
    missing = [name for name in own if name not in weights]
    unknown = [name for name in weights if name not in own]
    shared = [name for name in own if name in weights]
    other = [
        f"{show_name(name)}: {_describe(weights[name])}, expected {_describe(own[name])}"
        for name in shared
        if weights[name].shape != own[name].shape or not torch.can_cast(weights[name].dtype, own[name].dtype)
    ]
    faults = [
        f"{len(names)} {words} ({list_names(names)})"
        for names, words in ((missing, "missing"), (unknown, "unknown"), (other, "of another shape or type"))
        if names
    ]
    if not faults:
        return
    if len(shared) - len(other) <= FEW * len(own):
        cause = "it is of another architecture: give the checkpoint of this very model"
    elif missing or unknown:
        cause = "it may be of another variant of the model, or of another model.* parameters"
    else:
        cause = "it was trained with other model.* parameters: set these"
    raise CheckpointError(
        f"{source} does not fit {network}, which has {len(own)} weights: {'; '.join(faults)}; {cause}"
    )


def _describe(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def read_checkpoint(
    path: str | os.PathLike[str] | None, *, key: str | None = None, safe_globals: Sequence[SafeGlobal] = ()
) -> dict[str, Tensor]:
    """Read the weights of a checkpoint, on the CPU and in the dtypes of the file.

    Of a torch file that holds more than weights, the first of ``best_state``, ``state``, ``state_dict``,
    ``model_state_dict`` and ``model`` that is a mapping of names to tensors is taken, else the document itself.
    ``module.``, ``model.`` and ``_orig_mod.`` are taken off where all names begin so.

    The tensors may be views of the file: it must stay as it is while they are in use. To get weights into a network
    use `load_weights`, which looks whether they fit.

    Args:
        path: of the file.
        key: the entry that holds the weights, if it is another one.
        safe_globals: what a torch file may name beside tensors, functions or classes or pairs of a stand-in and the
            name that it stands for, as `torch.serialization.safe_globals` takes them. By default nothing.

    Raises:
        CheckpointError: no file, not a checkpoint, cut off, without weights, or one that would run code.
    """
    return strip_prefixes(read_named(path, key=key, safe_globals=safe_globals))


def read_metadata(path: str | os.PathLike[str] | None, *, safe_globals: Sequence[SafeGlobal] = ()) -> dict[str, Any]:
    """Read what a checkpoint says beside its weights: epoch, hyper-parameters, in safetensors texts.

    Args:
        path: of the file.
        safe_globals: as of `read_checkpoint`.

    Raises:
        CheckpointError: as of `read_checkpoint`, but weights need not be in it.
    """
    file = check_checkpoint_file(path)
    document, metadata = read_document(file, safe_globals)
    return metadata or {name: value for name, value in document.items() if not _has_tensors(value)}


def read_named(
    path: str | os.PathLike[str] | None, *, key: str | None = None, safe_globals: Sequence[SafeGlobal] = ()
) -> dict[str, Tensor]:
    """`read_checkpoint` with names as they are in the file."""
    file = check_checkpoint_file(path)
    document, _ = read_document(file, safe_globals)
    weights = _find_weights(file, document, key=key)
    for name, tensor in weights.items():
        # a meta tensor has a shape and no values, and would be "copied" without a word
        if tensor.device.type != "cpu" or str(tensor.layout) != "torch.strided" or tensor.is_quantized:
            what = f"{tensor.device.type} tensor, {tensor.layout}, {tensor.dtype}"
            raise CheckpointError(f"{file} holds {show_name(name)} as a {what}; expected plain tensors with values")
    return dict(weights)


def strip_prefixes(weights: Mapping[str, Tensor], *, expected: Collection[str] = ()) -> dict[str, Tensor]:
    """Take ``module.``, ``model.`` and ``_orig_mod.`` off, again and again, each where all names begin so.

    Args:
        weights: by name.
        expected: names that a network has; nothing is taken off once any of them is met.
    """
    stripped = dict(weights)
    while stripped and not any(name in expected for name in stripped):
        common = [prefix for prefix in PREFIXES if all(name.startswith(prefix) for name in stripped)]
        if not common or any(name in PREFIXES for name in stripped):
            break
        stripped = {name.removeprefix(common[0]): tensor for name, tensor in stripped.items()}
    return stripped


def _find_weights(path: os.PathLike[str], document: Mapping[Any, Any], *, key: str | None) -> Mapping[str, Tensor]:
    if key is not None:
        if key not in document:
            raise CheckpointError(f"{path} has no entry {key!r}; there are {list_names(document, most=8) or 'none'}")
        entry = document[key]
        if not _is_weights(entry):
            raise CheckpointError(f"{path} holds no weights by name in its entry {key!r}")
        return entry
    for candidate in (*(document.get(name) for name in CONTAINERS), document):
        if _is_weights(candidate):
            return candidate
    quantized = any(isinstance(entry, Mapping) and "__quantized" in entry for entry in document.values())
    raise CheckpointError(
        f"{path} holds no weights: expected names with tensors, or these under {', '.join(CONTAINERS)}; its entries "
        f"are {list_names(document, most=8) or 'none'}" + (" (they are compressed by diffq)" if quantized else "")
    )


def _is_weights(value: object) -> TypeGuard[Mapping[str, Tensor]]:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in value.items())
    )


def _has_tensors(value: object) -> bool:
    return isinstance(value, Tensor) or _is_weights(value)
