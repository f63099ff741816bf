"""Painted masks on disk: strokes as JSON, gains as ``.npz``, each with the song that they belong to."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.errors import InvalidValue
from workbench.io.names import expand_home
from workbench.io.staging import staged_files
from workbench.pipeline.song_mask import SongMask

KIND = "workbench painted mask"
VERSION = 1
ENDINGS = (".json", ".npz")


@dataclass(frozen=True, eq=False)
class Painting:
    """What a file holds: strokes and what they began with, or a mask.

    Args:
        song: the fingerprint of the song.
        start: ``model``, ``ones``, ``zeros`` or ``given``; of a mask ``given``.
        start_digest: of a given start, for strokes.
        strokes: as JSON has them.
        mask: of an ``.npz``.
    """

    song: dict[str, Any]
    start: str
    start_digest: str | None
    strokes: list[Any]
    mask: SongMask | None = None


def check_ending(path: str | PathLike[str]) -> Path:
    """The path, if it says what the file holds.

    Raises:
        InvalidValue: neither ``.json`` nor ``.npz``.
    """
    target = Path(expand_home(path))
    if target.suffix.lower() not in ENDINGS:
        raise InvalidValue(f"a painted mask is a .json file (its strokes) or .npz (its gains), got {target.name!r}")
    return target


def write_painting(
    path: str | PathLike[str], painting: Painting, *, mask: SongMask | None = None, overwrite: bool = False
) -> Path:
    """Write strokes as JSON, or ``mask`` as ``.npz``, by the path's ending.

    Raises:
        InvalidValue: another ending.
        AudioFileError: the file exists already and is not to be replaced, or cannot be written.
    """
    target = check_ending(path)
    head = {"kind": KIND, "version": VERSION, "song": painting.song}
    with staged_files([target], overwrite=overwrite) as (draft,):
        if mask is not None and target.suffix.lower() == ".npz":
            with draft.open("wb") as file:
                gain = mask.gain.detach().cpu().numpy()
                np.savez_compressed(file, gain=gain, hop_samples=mask.hop_samples, about=json.dumps(head))
        else:
            body = {"start": painting.start, "start_digest": painting.start_digest, "strokes": painting.strokes}
            draft.write_text(json.dumps({**head, **body}, indent=1), encoding="utf-8")
    return target


# What damaged or lying files raise: JSON that is nested too deeply, a zip, an array said to hold petabytes.
DAMAGES = (
    ValueError, KeyError, TypeError, EOFError, RecursionError, OverflowError, MemoryError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_painting(path: str | PathLike[str]) -> Painting:
    """What `write_painting` wrote.

    Raises:
        InvalidValue: another ending, a file that is missing or holds something else.
    """
    source = check_ending(path)
    try:
        if source.suffix.lower() == ".npz":
            return _read_mask(source)
        document = json.loads(source.read_text(encoding="utf-8"))
        song = _check_head(document, source)
        return Painting(song, document["start"], document.get("start_digest"), document["strokes"])
    except FileNotFoundError as error:
        raise InvalidValue(f"there is no file {source}") from error
    except OSError as error:
        raise InvalidValue(f"cannot read {source}: {error.strerror or error}") from error
    except DAMAGES as error:
        if isinstance(error, InvalidValue):
            raise
        raise InvalidValue(f"{source.name} holds no painted mask: expected what MaskPainter.save wrote") from error


def _read_mask(source: Path) -> Painting:
    with np.load(source, allow_pickle=False) as file:
        song = _check_head(json.loads(str(file["about"])), source)
        mask = SongMask(torch.from_numpy(file["gain"]), int(file["hop_samples"]))
    return Painting(song, "given", None, [], mask)


def _check_head(document: Any, source: Path) -> dict[str, Any]:
    if (
        not isinstance(document, Mapping)
        or document.get("kind") != KIND
        or not isinstance(document["song"], dict)
        or not all(0 < int(document["song"][key]) < 2**53 for key in ("samples", "sample_rate"))
    ):
        raise InvalidValue(f"{source.name} holds no painted mask: expected what MaskPainter.save wrote")
    if document["version"] != VERSION:
        raise InvalidValue(f"{source.name} is of version {document['version']}, this workbench reads {VERSION}")
    return document["song"]


def check_song(song: Mapping[str, Any], own: Mapping[str, Any], *, name: str) -> None:
    """Raise `InvalidValue` that says what differs, unless a file's song and plane are the painter's own."""
    seconds = [f"{part.get('samples', 0) / max(1, part.get('sample_rate', 1)):.3f} s" for part in (song, own)]
    for key, words in (
        ("sample_rate", "at {} Hz"),
        ("samples", "of {} samples"),
        ("digest", "with other samples"),
        ("stems", "with the stems {}"),
        ("num_freqs", "with {} frequencies"),
        ("step_hertz", "with frequencies every {} Hz"),
        ("hop_samples", "with frames every {} samples"),
    ):
        if song.get(key) == own[key]:
            continue
        its, ours = (", ".join(part) if isinstance(part, list) else part for part in (song.get(key), own[key]))
        differs = words.format(its) if key == "digest" else f"{words.format(its)}, this one is {words.format(ours)}"
        what = "another song" if key in ("sample_rate", "samples", "digest") else "another run"
        raise InvalidValue(f"{name} was painted for {what}, {seconds[0]} {differs}: paint on a trace of that one")


def digest_gain(gain: np.ndarray | None) -> str | None:
    """What tells a gain from others; nothing for none."""
    return None if gain is None else hashlib.blake2b(np.ascontiguousarray(gain).tobytes(), digest_size=16).hexdigest()


def check_start(painting: Painting, *, given: np.ndarray | None, starts: Sequence[str], name: str) -> None:
    """Raise `InvalidValue` unless strokes can be laid on what they were painted on.

    Args:
        painting: from a file.
        given: the mask that the painter was given.
        starts: what there is to start from.
        name: of the file.
    """
    if painting.start not in starts:
        raise InvalidValue(f"{name} starts from {painting.start!r}, expected one of {', '.join(starts)}")
    if painting.start == "given" and painting.start_digest != digest_gain(given):
        raise InvalidValue(f"{name} was painted on another mask: MaskPainter(trace, mask=...) with that one, then load")
