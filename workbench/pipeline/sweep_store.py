"""What a sweep has finished, in a file: a line of JSON a cell, so that a sweep which was stopped goes on from there."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from workbench import __version__
from workbench.core.audio import Audio
from workbench.errors import AudioFileError, InvalidType, InvalidValue
from workbench.io.names import expand_home
from workbench.io.write import hash_file
from workbench.pipeline.ensemble_decision import EnsembleDecision
from workbench.pipeline.provenance import find_origins, spell_infinities
from workbench.pipeline.sweep_cells import DecidedCell
from workbench.registry.cards import ModelCard

HEAD = b'{"sweep": 1, '  # every line begins so: the form of what follows has the number 1


class SweepStore:
    """The finished cells of a file, found again by everything that their numbers depend on.

    Args:
        path: of the file; made if it is not there. A last line that was cut off by a kill is taken away.

    Attributes:
        notices: what the user should know of the file.

    Raises:
        InvalidValue: a file with other things in it.
        AudioFileError: it cannot be read or written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, str | os.PathLike):
            raise InvalidType(f"store must be the path of a file, got {type(path).__name__}")
        self.path = Path(expand_home(path))
        self.notices: list[str] = []
        self._rows: dict[str, dict[str, Any]] = {}
        try:
            with open(self.path, "a+b") as file:
                file.seek(0)
                text = file.read()
                whole = text[: text.rfind(b"\n") + 1]
                for number, line in enumerate(whole.splitlines(), start=1):
                    self._read_line(line, number)
                rest = text[len(whole) :]
                if rest:
                    self._check_head(rest, number=whole.count(b"\n") + 1)
                    file.truncate(len(whole))
                    self.notices.append(f"{self.path}: the last line was cut off; its cell runs again")
        except OSError as error:
            raise AudioFileError(f"{self.path}: cannot be written: {error.strerror}; choose another store") from error

    def find(self, identity: Mapping[str, Any]) -> dict[str, Any] | None:
        """What was stored under that identity, if anything."""
        return self._rows.get(_write_key(identity))

    def append(self, identity: Mapping[str, Any], *, cell: str, row: Mapping[str, Any]) -> None:
        """Store a finished cell, at once."""
        line = json.dumps({"sweep": 1, "cell": cell, "row": spell_infinities(dict(row)), "identity": dict(identity)})
        try:
            with open(self.path, "ab") as file:
                file.write(line.encode() + b"\n")
        except OSError as error:
            raise AudioFileError(f"{self.path}: cannot be written: {error.strerror}; choose another store") from error
        self._rows[_write_key(identity)] = dict(row)

    def _read_line(self, line: bytes, number: int) -> None:
        self._check_head(line, number=number)
        try:
            record = json.loads(line)
            row = record["row"]
            row["scores"] = {column: float(value) for column, value in row["scores"].items()}  # "inf" is text in JSON
            self._rows[_write_key(record["identity"])] = row
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise InvalidValue(f"{self.path}: line {number} is damaged: delete it or choose another store") from error

    def _check_head(self, line: bytes, *, number: int) -> None:
        length = min(len(line), len(HEAD))
        if line[:length] != HEAD[:length]:
            raise InvalidValue(f"{self.path}: line {number} is no cell of a sweep; choose another store")


def check_keys(decided: DecidedCell) -> None:
    """Raise `InvalidValue` where a cell could not be recognized when the sweep runs again."""
    for member in decided.decision.members if decided.decision is not None else ():
        for name in ("model", "window"):
            value = getattr(member.request, name)
            if isinstance(value, nn.Module | ModelCard | Tensor):
                raise InvalidValue(
                    f"a {name} given as {type(value).__name__} cannot be recognized by a later sweep: leave out store, "
                    "or register it and give its name"
                )


def identify_cell(decided: DecidedCell) -> dict[str, Any]:
    """Everything that says how a cell is run, as plain data."""
    decision = cast(EnsembleDecision, decided.decision)
    document = decision.config.to_document()
    document.pop("output", None)  # nothing is saved
    origins = find_origins(member.decision.model_id for member in decision.members)
    members = [
        {
            "model": member.decision.model_id,
            "origin": origins[member.decision.model_id],  # with the version of the plugin
            "device": str(member.decision.device),
            "weights": _hash_weights(member.request.checkpoint),
        }
        for member in decision.members
    ]
    identity: Any = spell_infinities({"settings": document, "members": members})
    return dict(identity)


def identify_sweep(
    song: Audio[Tensor], references: Mapping[str, Audio[Tensor]], *, metrics: tuple[str, ...], repeats: int
) -> dict[str, Any]:
    """What all cells of a sweep share, as plain data."""
    return {
        "workbench": __version__,
        "song": hash_audio(song),
        "references": {name: hash_audio(audio) for name, audio in references.items()},
        "metrics": list(metrics),
        "repeats": repeats,
    }


def hash_audio(audio: Audio[Tensor]) -> str:
    """SHA-256 of rate, shape and samples."""
    digest = hashlib.sha256(f"{audio.sample_rate} {tuple(audio.data.shape)} {audio.data.dtype}".encode())
    for channel in audio.data.detach().cpu():
        digest.update(channel.contiguous().numpy())
    return digest.hexdigest()


def _hash_weights(checkpoint: str | os.PathLike[str] | None) -> str | None:
    if checkpoint is None or not Path(checkpoint).is_file():
        return None
    facts = os.stat(checkpoint)
    return _hash_unchanged(os.fspath(checkpoint), facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=16)
def _hash_unchanged(path: str, size: int, modified: int) -> str:
    """SHA-256 of a file, read once while its size and time of change stay: the cells of a sweep share their weights."""
    return hash_file(path)


def _write_key(identity: Mapping[str, Any]) -> str:
    return json.dumps(identity, sort_keys=True)
