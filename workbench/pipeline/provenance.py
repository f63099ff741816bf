"""What ``stems.json`` tells of a run beside its stems."""

from __future__ import annotations

import math
import platform
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from workbench import __version__
from workbench.io.write import hash_file
from workbench.pipeline.config import merge

if TYPE_CHECKING:
    from workbench.io.formats import Encoding
    from workbench.pipeline.separation import Separation


def describe_run(separation: Separation, *, encoding: Encoding) -> dict[str, Any]:
    """Where stems come from and how they were made, as plain data for JSON.

    ``settings`` is the effective document, a config that repeats the run; what no document can hold (a module, a
    window given as a tensor) is named in ``not_in_settings``.

    Raises:
        OSError: the source or the checkpoint cannot be read any more.
    """
    channels, num_samples = separation.mixture.data.shape
    facts: dict[str, Any] = {
        "model": separation.config.model_type,
        "settings": effective_document(separation, encoding=encoding),
        "not_in_settings": list(separation.not_in_settings),
        "checkpoint": describe_file(separation.checkpoint),
        "versions": {"workbench": __version__, "torch": str(torch.__version__), "python": platform.python_version()},
        "source": describe_file(separation.source),
        "sample_rate": separation.sample_rate,
        "channels": channels,
        "num_samples": num_samples,
        "notices": list(separation.notices),
    }
    members = separation.config.ensemble.members or ()
    weights = {member.name: member.checkpoint for member in members if not isinstance(member, str)}
    if any(weights.values()):
        facts["member_checkpoints"] = {name: describe_file(path) for name, path in weights.items() if path is not None}
    spelled: Any = spell_infinities(facts)
    return dict(spelled)


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
