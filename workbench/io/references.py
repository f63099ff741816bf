"""True stems to score against: from a mapping, a folder of files or a stem file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import AudioFileError, InvalidType, InvalidValue
from workbench.io.names import expand_home
from workbench.io.read import load, load_stems
from workbench.io.stem_names import MIXTURE

References: TypeAlias = Mapping[str, Any] | str | os.PathLike[str]

# What files of stems end in; whatever else lies in the folder (pictures, stems.json) is passed over.
PLAIN = frozenset((".wav", ".w64", ".rf64", ".aif", ".aiff", ".au", ".caf", ".flac"))
CODED = frozenset((".ogg", ".oga", ".opus", ".mp3", ".aac", ".m4a", ".mp4", ".mov", ".mka", ".mkv", ".webm", ".wma"))
ENDINGS = PLAIN | CODED


class StemFolder(Mapping[str, Audio[Tensor]]):
    """The audio files of a folder by name without ending, each read when it is asked for and not kept.

    Raises:
        AudioFileError: no folder, or one that cannot be read.
        InvalidValue: no audio file in it, or two that differ in their endings only.
    """

    def __init__(self, folder: Path) -> None:
        self.files: dict[str, Path] = {}
        for file in _list_files(folder):
            if file.suffix.lower() not in ENDINGS or file.name.startswith("."):
                continue
            other = self.files.setdefault(file.stem, file)
            if other is not file:
                raise InvalidValue(f"{folder}: both {other.name} and {file.name} are {file.stem!r}; keep one of them")
        if not self.files:
            raise InvalidValue(f"{folder}: holds no audio file; expected stems such as vocals.flac")

    def __getitem__(self, stem: str) -> Audio[Tensor]:
        """Read one stem."""
        return load(self.files[stem])

    def __iter__(self) -> Iterator[str]:
        """Go through the names, in alphabetical order."""
        return iter(self.files)

    def __len__(self) -> int:
        """Count the files."""
        return len(self.files)


def read_references(source: References) -> dict[str, Audio[Tensor]]:
    """Read the true stems of a song; ``mixture``, which is no stem, is left out.

    Args:
        source: a mapping from names to ``Audio``, such as `workbench.demo_song` gives; or the path of a folder with a
            file for each stem, ``vocals.flac`` and so on; or that of a stem file (``.stem.mp4``).

    Returns:
        name -> Audio with data (channel, time), at the rate, channels and length that each has: whoever scores says
        what these must be.

    Raises:
        InvalidType: neither a mapping nor a path; a name that is no string, or a stem that is no ``Audio`` of
            floating-point samples (channel, time).
        InvalidValue: no stem but the mixture, a folder without audio files, or with two of one name.
        AudioFileError: nothing there, or a file that cannot be read.
    """
    if isinstance(source, Mapping):
        given: Mapping[str, Any] = source
        origin = "the references"
    elif isinstance(source, str | os.PathLike):
        path = Path(expand_home(source))
        origin = str(path)
        given = StemFolder(path) if path.is_dir() else load_stems(path)
    else:
        raise InvalidType(
            "references must be a mapping from names to Audio, or the path of a folder of stems or of a stem file, got "
            f"{type(source).__name__}"
        )
    stems = {name: _check_stem(name, given[name]) for name in given if name != MIXTURE}
    if not stems:
        raise InvalidValue(f"{origin}: no stem but {', '.join(given) or 'nothing'}; expected stems such as vocals")
    return stems


def _check_stem(name: object, audio: object) -> Audio[Tensor]:
    if not isinstance(name, str):
        raise InvalidType(f"the name of a reference must be a string, got {type(name).__name__} {name!r}")
    if not isinstance(audio, Audio):
        raise InvalidType(
            f"{name}: expected the reference as Audio, got {type(audio).__name__}; make it Audio(data, sample_rate)"
        )
    data = audio.data
    if not isinstance(data, Tensor) or data.ndim != 2 or not data.is_floating_point():
        kind = f"{data.dtype} of shape {tuple(data.shape)}" if isinstance(data, Tensor) else type(data).__name__
        raise InvalidType(f"{name}: expected a reference of floating-point samples (channel, time), got {kind}")
    return cast("Audio[Tensor]", audio)


def _list_files(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if file.is_file())
    except OSError as error:
        raise AudioFileError(f"{folder}: cannot be read: {error.strerror}; expected a folder of stems") from error
