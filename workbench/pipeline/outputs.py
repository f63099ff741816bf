"""The files that a run will save, known before song and model are loaded: what stands in the way is found first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from workbench.errors import AudioFileError, InvalidValue
from workbench.io.write import FILE_FORMATS
from workbench.pipeline.decision import decide
from workbench.pipeline.request import Request

ANY_RATE = 44100  # stands for a rate that only the song will tell; no file's name depends on it


def name_files(request: Request, *, file_format: str | None = None) -> tuple[str, ...]:
    """File names of the stems that a run will save, such as ``("vocals.flac", "drums.flac")``.

    Args:
        request: what the run is asked for.
        file_format: ``flac`` or ``wav``; what the config says if left out.

    Raises:
        InvalidValue, InvalidType, PluginError: a model, setting, stem or rule that cannot be.
    """
    decision = decide(request, song_rate=ANY_RATE, song_channels=1, song_samples=ANY_RATE)
    config = decision.config
    names = (*decision.requested, *decision.rules)
    for name in config.output.stem_names or ():
        if name not in names:
            raise InvalidValue(f"output.stem_names asks for {name!r}; there are {', '.join(names)}")
    file_format = file_format or cast(str, config.output.file_format)
    if file_format not in FILE_FORMATS:
        raise InvalidValue(f"unknown file format {file_format!r}; known: {', '.join(FILE_FORMATS)}")
    if config.output.bit_rate is not None:
        raise InvalidValue(f"output.bit_rate is for lossy formats; {file_format} keeps every sample")
    return tuple(f"{name}.{file_format}" for name in config.output.stem_names or names)


def check_files(paths: list[Path], *, overwrite: bool) -> None:
    """Raise `AudioFileError` where a file exists already, or its folder cannot be made or written."""
    for path in paths:
        if not overwrite and os.path.lexists(path):
            raise AudioFileError(f"{path} exists already; pass overwrite=True (--overwrite) to replace it")
        folder = path.parent
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent  # up to what is there
        if not folder.is_dir():
            raise AudioFileError(f"cannot make the folder {path.parent}: {folder} is a file; choose another")
        if not os.access(folder, os.W_OK):
            raise AudioFileError(f"cannot write into the folder {folder}: permission denied; choose another")
