"""What a sweep runs: every combination of the values on its axes, a cell each."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.core.audio import Audio
from workbench.core.grid import ChunkGrid
from workbench.errors import InvalidType, InvalidValue, WorkbenchError
from workbench.pipeline.ensemble import Ensemble
from workbench.pipeline.ensemble_decision import EnsembleDecision, check_members, decide_members
from workbench.pipeline.passes import list_passes
from workbench.pipeline.request import Request
from workbench.registry.cards import ModelCard
from workbench.registry.names import suggest_nearest

# Arguments of `separate` that take lists by nature: along an axis of theirs lie lists, or rules by name.
TAKING_LISTS = frozenset(("stems", "derive", "tta"))
OPTIONS = tuple(one.name for one in dataclasses.fields(Request) if one.init and one.name != "references")
# Sections of a config that say how the model is applied, not what it is; that of ``model`` is looked at by itself.
OF_CHUNKS = frozenset(("model", "chunking", "inference", "ensemble", "derived_stems", "output"))
SCALARS = (str, int, float, bool)


@dataclass(frozen=True, eq=False)
class Cell:
    """One run of a sweep.

    Args:
        index: its row in the table.
        labels: axis -> what its column shows.
        options: arguments of `workbench.separate`.
    """

    index: int
    labels: Mapping[str, object]
    options: Mapping[str, Any]

    @property
    def name(self) -> str:
        """``"overlap=0.5, window=hann"``."""
        return ", ".join(f"{axis}={label}" for axis, label in self.labels.items())


@dataclass(frozen=True, eq=False)
class DecidedCell:
    """A cell and what came of deciding its settings: a decision, or an error in one line.

    Args:
        cell: that was decided.
        decision: with one member, or with those of an ensemble.
        redundancy: samples that the model computes, all passes together, for each sample of the song.
        error: why it cannot be.
    """

    cell: Cell
    decision: EnsembleDecision | None = None
    redundancy: float = math.nan
    error: str = ""

    @property
    def stem_names(self) -> tuple[str, ...]:
        """What the cell gives."""
        return () if self.decision is None else (*self.decision.requested, *self.decision.rules)

    @property
    def devices(self) -> list[torch.device]:
        """Where it runs."""
        members = () if self.decision is None else self.decision.members
        return list(dict.fromkeys(member.decision.device for member in members))

    @property
    def family(self) -> str:
        """The same for cells that differ only in how often, and in which chunks, the same model is applied."""
        if self.decision is None:
            return ""
        members = []
        for member in self.decision.members:
            document = member.decision.config.to_document()
            model = {key: value for key, value in document.get("model", {}).items() if key != "chunk_size"}
            others = {key: value for key, value in document.items() if key not in OF_CHUNKS}
            members.append((member.decision.model_id, model, others))
        labels = [self.cell.labels.get(axis) for axis in ("model", "checkpoint", "ensemble")]
        return repr((labels, self.decision.method, self.decision.weights, members))


def spread_cells(options: Mapping[str, Any]) -> list[Cell]:
    """The product of all axes, the last one changing fastest.

    An axis is what is given as a list (tuple, range, numpy array) where `separate` takes one value; in ``settings``
    likewise, path by path.

    >>> [cell.name for cell in spread_cells({"model": "hpss", "overlap": [0.5, 0.75], "window": ["hann", "sine"]})]
    ['overlap=0.5, window=hann', 'overlap=0.5, window=sine', 'overlap=0.75, window=hann', 'overlap=0.75, window=sine']

    Raises:
        InvalidType: an argument that `separate` does not have.
        InvalidValue: an axis without values, or with one twice.
    """
    for name in options:
        if name not in OPTIONS:
            hint = suggest_nearest(name, OPTIONS) or f"; there are {', '.join(OPTIONS)}"
            raise InvalidType(f"sweep takes no argument {name!r}{hint}")
    given = {name: to_plain(value) for name, value in options.items()}
    settings = given.get("settings")
    if isinstance(settings, Mapping):
        given["settings"] = settings = {path: to_plain(value) for path, value in settings.items()}
    axes: dict[tuple[str, str], list[Any]] = {}
    for name, value in given.items():
        if name == "settings" and isinstance(settings, Mapping):
            axes |= {("settings", path): list(one) for path, one in settings.items() if isinstance(one, list | tuple)}
        elif is_axis(name, value):
            axes[name, ""] = list(value)
    columns = {path or name: label_values(path or name, values) for (name, path), values in axes.items()}
    cells = []
    for index, chosen in enumerate(itertools.product(*(range(len(values)) for values in axes.values()))):
        labels = {column: labels[k] for (column, labels), k in zip(columns.items(), chosen, strict=True)}
        filled = dict(given)
        for ((name, path), values), k in zip(axes.items(), chosen, strict=True):
            filled[name] = {**filled[name], path: values[k]} if path else values[k]
        cells.append(Cell(index, labels, filled))
    return cells


def is_axis(name: str, value: object) -> bool:
    """Whether an argument's value is a list of the values that `separate` takes."""
    if not isinstance(value, list | tuple):
        return False
    return name not in TAKING_LISTS or (
        len(value) > 0 and all(one is None or isinstance(one, list | tuple | Mapping) for one in value)
    )


def to_plain(value: Any) -> Any:
    """A numpy array and a range as a list, numpy's numbers as Python's; all else as it is."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, range):
        return list(value)
    return type(value)(map(to_plain, value)) if type(value) in (list, tuple) else value


def label_values(axis: str, values: Sequence[object]) -> list[object]:
    """What the column of an axis shows for each of its values; no two are the same.

    Raises:
        InvalidValue: no values, or one twice.
    """
    if not values:
        raise InvalidValue(f"{axis} has no values: give at least one")
    labels: list[object] = []
    for value in values:
        label = describe_value(value)
        if label in labels:
            if value is None or isinstance(value, SCALARS):
                raise InvalidValue(f"{axis} has {value!r} twice: give each value once")
            label = f"{label} ({len(labels) + 1})"  # such as two modules of one class
        labels.append(label)
    return labels


def describe_value(value: object) -> object:
    """A value of an axis as a cell of a table: numbers and names stay, of other things a name."""
    if value is None:
        return "default"
    if isinstance(value, SCALARS):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Tensor):
        return f"tensor of {value.numel()} samples"
    if isinstance(value, ModelCard):
        return value.name
    if isinstance(value, Ensemble):
        members = [one.get("name") or one.get("model") if isinstance(one, Mapping) else one for one in value.members]
        return f"{value.method} of {describe_value(members)}"
    if isinstance(value, nn.Module):
        return type(value).__name__
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={describe_value(one)}" for key, one in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(str(describe_value(one)) for one in value) or "none"
    return str(value)


def decide_cell(cell: Cell, song: Audio[Tensor], references: Mapping[str, Audio[Tensor]]) -> DecidedCell:
    """Decide a cell's settings; what cannot be is told in ``error``. Nothing is loaded."""
    channel, time = song.data.shape
    try:
        request = Request(**cell.options, references=references or None)
        decision = decide_members(request, song_rate=song.sample_rate, song_channels=channel, song_samples=time)
        check_members(decision)
        return DecidedCell(cell, decision, redundancy=count_redundancy(decision, song))
    except Exception as error:  # a plugin's code may raise anything
        return DecidedCell(cell, error=describe_error(error))


def count_redundancy(decision: EnsembleDecision, song: Audio[Tensor]) -> float:
    """Samples that go through models for each sample of the song: overlap, shifts, augmentation and members multiply.

    Raises:
        InvalidValue: an overlap that leaves no hop, an augmentation that this song cannot have.
    """
    total = 0.0
    for one in list_passes(decision, song):
        member = decision.members[one.member].decision
        room = round(one.alteration.room_samples * member.sample_rate / song.sample_rate)
        num_samples = max(1, member.num_samples + room)
        chunk_size = num_samples if member.card.context == "song" else member.chunk_size
        grid = ChunkGrid.from_overlap(num_samples, chunk_size, member.config.chunking.overlap_ratio or 0.0)
        total += grid.num_chunks * chunk_size / max(1, member.num_samples)
    return total


def describe_error(error: BaseException) -> str:
    """One line: ours say all themselves, of others the kind goes before."""
    text = " ".join(str(error).split())
    return text if isinstance(error, WorkbenchError) and text else f"{type(error).__name__}: {text}".removesuffix(": ")
