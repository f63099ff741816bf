"""What ``stems.json`` tells of a run beside its stems."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from workbench import __version__
from workbench.errors import InvalidValue
from workbench.io.write import hash_file
from workbench.pipeline.config import MemberSection, RunConfig
from workbench.pipeline.merging import merge
from workbench.registry import find_model, models
from workbench.registry.cards import ModelCard

if TYPE_CHECKING:
    from workbench.io.formats import Encoding
    from workbench.pipeline.request import Request
    from workbench.pipeline.separation import Separation


def describe_run(separation: Separation, *, encoding: Encoding) -> dict[str, Any]:
    """Where stems come from and how they were made, as plain data for JSON.

    ``settings`` is the effective document, a config that repeats the run; what no document can hold (see
    `list_unwritten`) is named in ``not_in_settings``. ``versions.models`` says of each model which package brought it.

    Raises:
        OSError: the source or the checkpoint cannot be read any more.
    """
    channels, num_samples = separation.mixture.data.shape
    facts: dict[str, Any] = {
        "model": separation.config.model_type,
        "settings": effective_document(separation, encoding=encoding),
        "not_in_settings": list(separation.not_in_settings),
        "checkpoint": describe_file(separation.checkpoint),
        "versions": {
            "workbench": __version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
            "models": find_origins(list_models(separation.config)),
        },
        "source": describe_file(separation.source),
        "sample_rate": separation.sample_rate,
        "channels": channels,
        "num_samples": num_samples,
        "notices": list(separation.notices),
    }
    if separation.excerpt is not None:
        facts["excerpt"] = dict(zip(("start_seconds", "seconds"), separation.excerpt, strict=True))
    members = separation.config.ensemble.members or ()
    weights = {member.name: member.checkpoint for member in members if not isinstance(member, str)}
    if any(weights.values()):
        facts["member_checkpoints"] = {name: describe_file(path) for name, path in weights.items() if path is not None}
    spelled: Any = spell_infinities(facts)
    return dict(spelled)


def list_models(config: RunConfig) -> list[str]:
    """The models of an effective config, in full: its own, or those of its ensemble's members."""
    documents = [member.config for member in config.ensemble.members or () if isinstance(member, MemberSection)]
    members = [document.get("model_type") for document in documents if isinstance(document, dict)]
    return [name for name in (config.model_type, *members) if name is not None]


def find_origins(model_ids: Iterable[str]) -> dict[str, str]:
    """Which package, in which version, brought each of these models."""
    origins = {row.id: row.origin for row in models()}
    return {name: origins.get(name, "given as an object") for name in model_ids}


def list_unwritten(request: Request) -> list[str]:
    """The arguments of a request that no config can hold: a module, a card without a name, a window as a tensor."""
    given = {"model": is_nameless(request.model), "window": isinstance(request.window, Tensor)}
    return [name for name, is_unwritten in given.items() if is_unwritten]


def is_nameless(model: object) -> bool:
    """Whether no name in a config would find this model: it is a module, or a card that nobody registered."""
    if not isinstance(model, ModelCard):
        return isinstance(model, nn.Module)
    try:
        return find_model(model.name).card is not model
    except InvalidValue:
        return True


def effective_document(separation: Separation, *, encoding: Encoding) -> dict[str, Any]:
    """The run's config with the encoding that its stems are written in."""
    output = {"file_format": encoding.file_format, "subtype": encoding.subtype, "bit_rate": encoding.bit_rate}
    return merge(separation.config.to_document(), {"output": {k: v for k, v in output.items() if v is not None}})


def describe_file(path: str | PathLike[str] | None) -> dict[str, str] | None:
    """Name, without its folder, and SHA-256 of a file."""
    return None if path is None else {"file": Path(path).name, "sha256": hash_file(path)}


def spell_infinities(value: object) -> object:
    """Floats that JSON has no form for as text, ``"inf"``; a mask's power may be infinite."""
    if isinstance(value, dict):
        return {key: spell_infinities(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [spell_infinities(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
