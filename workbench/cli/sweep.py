"""``workbench sweep``: one song with every combination of settings, as a table, a CSV file and a picture."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.messages import FAULT, make_line, print_error, print_note, showing_notices, showing_progress
from workbench.errors import AudioFileError, InvalidValue
from workbench.io.staging import check_inputs, staged_files
from workbench.pipeline.outputs import check_files
from workbench.pipeline.provenance import spell_infinities
from workbench.pipeline.sweep import sweep
from workbench.pipeline.sweep_run import CellCompleted
from workbench.registry.names import join_names

if TYPE_CHECKING:
    from workbench.cli.songs import Reading
    from workbench.pipeline.sweep_table import Sweep

PICTURES = (".png", ".pdf", ".svg")


@dataclass(frozen=True)
class SweepFiles:
    """Where the table goes as CSV, the figure, and finished cells; nowhere where there is ``None``."""

    table: Path | None = None
    figure: Path | None = None
    store: Path | None = None
    overwrite: bool = False

    def check(self, inputs: Sequence[Path | None]) -> None:
        """Raise before any work where a file stands in the way, is one of ``inputs``, or cannot be what it is to be."""
        if self.figure is not None and self.figure.suffix.lower() not in PICTURES:
            raise InvalidValue(f"--figure {self.figure} must end in {join_names(PICTURES)}, which says its format")
        given = [path.resolve() for path in (self.table, self.figure, self.store) if path is not None]
        if len(set(given)) < len(given):
            raise InvalidValue("-o, --figure and --store must be different files; choose other names")
        check_files(self.outputs, overwrite=self.overwrite, inputs=inputs)
        check_inputs([self.store] if self.store is not None else [], [file for file in inputs if file is not None])

    @property
    def outputs(self) -> list[Path]:
        """What is written at the end."""
        return [path for path in (self.table, self.figure) if path is not None]


def sweep_song(
    song: Path,
    *,
    options: Mapping[str, Any],
    references: Path | None,
    metrics: str,
    repeats: int,
    reading: Reading,
    files: SweepFiles,
    as_json: bool,
    quiet: bool,
) -> int:
    """Run a sweep, write its files and print its table.

    Args:
        song: an audio file.
        options: of `workbench.separate`; lists are axes.
        references: folder of true stems, or a stem file.
        metrics: names with commas between.
        repeats: how often each cell is timed.
        reading: how the song is read.
        files: that are written.
        as_json: print one object instead, infinities as text.
        quiet: no progress, and no table.

    Returns:
        The exit status: 0 if a cell worked.
    """
    files.check([song, references])
    names = [name.strip() for name in metrics.split(",") if name.strip()]
    with showing_notices():
        audio = reading.load(song)
        with showing_cells(song.name, quiet=quiet) as follow:
            result = sweep(
                audio,
                references=reading.cut_references(references),
                metrics=names,
                store=files.store,
                repeats=repeats,
                progress=follow,
                **options,
            )
        write_files(result, files)
    if as_json:
        print(write_json(result, song=song))
    elif not quiet:
        print("\n".join(make_line(line) for line in result.to_text().split("\n")))
    failed = bool((result.table["error"] != "").all())
    for line in result.list_errors():
        (print_error if failed else print_note)(line)
    return FAULT if failed else 0


@contextmanager
def showing_cells(label: str, *, quiet: bool) -> Iterator[Callable[[object], None]]:
    """A bar over the chunks of each cell and, above it, a line for each that is done; both in a terminal alone."""
    with showing_progress(label, quiet=quiet) as draw:

        def follow(event: Any) -> None:
            if not isinstance(event, CellCompleted):
                draw(event)
            elif sys.stderr.isatty() and not quiet:
                outcome = "failed" if event.error else "found in the store" if event.from_store else "done"
                print(make_line(f"{event.index + 1}/{event.total} {event.name}: {outcome}"), file=sys.stderr)

        yield follow


def write_files(result: Sweep, files: SweepFiles) -> None:
    """The table as CSV and the figure, each whole or not at all."""
    with staged_files(files.outputs, overwrite=files.overwrite) as drafts:
        for target, draft in zip(files.outputs, drafts, strict=True):
            try:
                if target == files.table:
                    result.table.to_csv(draft, index=False)
                else:
                    result.figure().savefig(draft, format=target.suffix[1:].lower())
            except OSError as error:
                raise AudioFileError(f"cannot write {target}: {error.strerror}") from error


def write_json(result: Sweep, *, song: Path) -> str:
    """The table as an object with a list of cells; numbers that there are not are ``null``."""
    cells = [
        {column: _to_json(value) for column, value in row.items()} for row in result.table.to_dict(orient="records")
    ]
    report = {
        "song": str(song),
        "axes": list(result.axes),
        "metrics": list(result.metrics),
        "has_references": result.has_references,
        "cells": cells,
    }
    return json.dumps(spell_infinities(report), indent=2, allow_nan=False)


def split_list(text: str | None) -> list[str] | str | None:
    """``"hann,hamming"`` -> two values, which are an axis; one alone is a value.

    A comma before ``name=number`` belongs to a window's parameters: ``"kaiser:beta=8,sine"`` are two windows, and so
    are ``"linear_fade:fade=0.2,hann"``.
    """
    if text is None:
        return None
    values: list[str] = []
    for part in text.split(","):
        if values and "=" in part and ":" not in part:
            values[-1] += f",{part.strip()}"
        else:
            values.append(part.strip())
    return values[0] if len(values) == 1 else values


def split_numbers(text: str | None, *, option: str, kind: type[int] | type[float]) -> Sequence[float] | float | None:
    """``"0,0.25"`` -> two numbers, which are an axis; one alone is a value.

    Raises:
        InvalidValue: something else than numbers.
    """
    if text is None:
        return None
    try:
        values = [kind(part) for part in text.split(",")]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise InvalidValue(f"{option} must be {what} with commas between, got {text!r}") from None
    return values[0] if len(values) == 1 else values


def _to_json(value: Any) -> object:
    if hasattr(value, "item"):
        value = value.item()  # of numpy
    if isinstance(value, str | int) or value is None:
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return None  # pandas.NA
