"""The files that a run will save, known before song and model are loaded: what stands in the way is found first."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import AudioFileError, InvalidValue
from workbench.io.formats import Encoding, choose_encoding
from workbench.io.staging import check_inputs
from workbench.io.write import MANIFEST_NAME
from workbench.pipeline.config import OutputSection
from workbench.pipeline.decision import Decision
from workbench.pipeline.ensemble_decision import EnsembleDecision, decide_run
from workbench.pipeline.request import Request

ANY_RATE = 44100  # stands for a rate that only the song will tell; no file's name depends on it


@dataclass(frozen=True)
class Outputs:
    """What a run will save: file names, ``stems.json`` the last of them, and how the stems are written."""

    names: tuple[str, ...]
    encoding: Encoding


def plan_outputs(request: Request, *, file_format: str | None = None, subtype: str | None = None) -> Outputs:
    """The files that a run will save, such as ``vocals.flac``, ``drums.flac`` and ``stems.json``.

    Args:
        request: what the run is asked for.
        file_format: ``flac``, ``wav``, ``ogg`` or ``mp3``; what the config says if left out.
        subtype: encoding of samples; what the config says if left out.

    Raises:
        InvalidValue, InvalidType, PluginError: a model, setting, stem, rule or format that cannot be.
    """
    decision = decide_run(request, song_rate=ANY_RATE, song_channels=1, song_samples=ANY_RATE)
    return list_outputs(decision, file_format=file_format, subtype=subtype)


def list_outputs(
    decision: Decision | EnsembleDecision, *, file_format: str | None = None, subtype: str | None = None
) -> Outputs:
    """As `plan_outputs`, for what was decided already."""
    stems = choose_saved_stems(decision.config.output, (*decision.requested, *decision.rules))
    encoding = encoding_of(decision.config.output, file_format=file_format, subtype=subtype)
    return Outputs((*(f"{name}.{encoding.file_format}" for name in stems), MANIFEST_NAME), encoding)


def choose_saved_stems(output: OutputSection, names: Iterable[str]) -> tuple[str, ...]:
    """The stems to save out of those there are: all of them, unless the config names some.

    Raises:
        InvalidValue: it names one that there is not.
    """
    known = tuple(names)
    for name in output.stem_names or ():
        if name not in known:
            raise InvalidValue(f"output.stem_names asks for {name!r}; there are {', '.join(known)}")
    return output.stem_names or known


def name_files(request: Request) -> tuple[str, ...]:
    """File names of all that a run will save; see `plan_outputs`."""
    return plan_outputs(request).names


def encoding_of(output: OutputSection, *, file_format: str | None = None, subtype: str | None = None) -> Encoding:
    """How stems are written: as the arguments say, else as the config does, else as flac.

    Raises:
        InvalidValue: a format, subtype or bit rate that there is not.
    """
    return choose_encoding(
        file_format or output.file_format or "flac", subtype=subtype or output.subtype, bit_rate=output.bit_rate
    )


def check_files(paths: list[Path], *, overwrite: bool, inputs: Iterable[str | os.PathLike[str] | None] = ()) -> None:
    """Raise where a file cannot be written.

    Args:
        paths: of what will be written.
        overwrite: whether files that exist may be replaced.
        inputs: what is read, a file or a folder of them, which is never replaced.

    Raises:
        AudioFileError: a file exists already, or its folder cannot be made or written.
        InvalidValue: a file is one of `inputs`.
    """
    given = [Path(file) for file in inputs if file is not None]
    check_inputs(paths, [file for path in given for file in (path.iterdir() if path.is_dir() else [path])])
    for path in paths:
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            pass  # nothing is there; whether it can be is seen below
        except OSError as error:  # such as a name that is too long
            raise AudioFileError(f"cannot write {path}: {error.strerror}; choose another name or folder") from error
        else:
            if not overwrite:
                raise AudioFileError(f"{path} exists already; pass overwrite=True (--overwrite) to replace it")
        folder = path.parent
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent  # up to what is there
        if not folder.is_dir():
            raise AudioFileError(f"cannot make the folder {path.parent}: {folder} is a file; choose another")
        if not os.access(folder, os.W_OK):
            raise AudioFileError(f"cannot write into the folder {folder}: permission denied; choose another")
