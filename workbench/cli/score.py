"""``workbench score``: two folders of stems against each other, file by file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from torch import Tensor

from workbench.cli.messages import make_line, showing_notices
from workbench.core.audio import Audio
from workbench.errors import AudioFileError, InvalidValue
from workbench.io.read import load
from workbench.metrics import Scores, score
from workbench.metrics.scores import check_metrics
from workbench.pipeline.provenance import spell_infinities

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


def score_folders(references: Path, estimates: Path, *, metrics: str, as_json: bool) -> None:
    """Score the stems that both folders have and print the table; a note names files without counterpart.

    Args:
        references: folder of true stems, and ``mixture`` where a metric needs it.
        estimates: folder of separated ones.
        metrics: names with commas between.
        as_json: print one object, stem -> metric -> number, infinities and NaN as text.
    """
    names = check_metrics([name.strip() for name in metrics.split(",") if name.strip()])
    with showing_notices():
        scores = score(StemFolder(references), StemFolder(estimates), metrics=names)
    print(_write_json(scores) if as_json else _write_table(scores))


def _list_files(folder: Path) -> list[Path]:
    try:
        return sorted(file for file in folder.iterdir() if file.is_file())
    except OSError as error:
        raise AudioFileError(f"{folder}: cannot be read: {error.strerror}; expected a folder of stems") from error


def _write_json(scores: Scores) -> str:
    return json.dumps(spell_infinities({stem: dict(row) for stem, row in scores.items()}), indent=2, allow_nan=False)


def _write_table(scores: Scores) -> str:
    return "\n".join(make_line(line) for line in str(scores).split("\n"))
