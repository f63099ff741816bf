"""``workbench separate``: several songs, one after the other, each into a folder of its own."""

from __future__ import annotations

import json
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.cli.messages import make_line, report_error, showing_notices, showing_progress
from workbench.errors import InvalidValue, WorkbenchNotice
from workbench.io.read import load
from workbench.pipeline.events import Event, Notice, Result, StepStarted
from workbench.pipeline.outputs import check_files, name_files
from workbench.pipeline.request import Request, RunOptions
from workbench.pipeline.separation import Separation
from workbench.pipeline.separator import stream


@dataclass(frozen=True)
class Reading:
    """How songs are read: channels to mix them to (``None``: as they are), and whether up to a cut will do."""

    channels: int | None = None
    allow_truncated: bool = False


@dataclass(frozen=True)
class Writing:
    """Where stems go, in which format (``None``: as the config says), and whether they replace what is there."""

    folder: Path
    file_format: str | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class Printing:
    """What is shown: results as JSON, a progress bar and a summary or neither, tracebacks."""

    as_json: bool = False
    quiet: bool = False
    debug: bool = False


def separate_songs(
    songs: Sequence[Path], *, options: RunOptions, reading: Reading, writing: Writing, printing: Printing
) -> int:
    """Separate each song; one that fails does not stop the others.

    Returns:
        The worst exit status.

    Raises:
        WorkbenchError: something stands in the way of all, found before any song is read.
    """
    folders = choose_folders(songs, writing.folder)
    names = name_files(Request(**options), file_format=writing.file_format)
    check_files([folder / name for folder in folders for name in names], overwrite=writing.overwrite)
    statuses = [0]
    for song, folder in zip(songs, folders, strict=True):
        try:
            separate_song(song, folder, options=options, reading=reading, writing=writing, printing=printing)
        except Exception as error:
            statuses.append(report_error(error, debug=printing.debug, song=song if len(songs) > 1 else None))
    return max(statuses)


def choose_folders(songs: Sequence[Path], out: Path) -> list[Path]:
    """A folder for each song, called like the song without its ending.

    Raises:
        InvalidValue: a song whose name leaves no name for a folder, or two with the same.
    """
    folders: list[Path] = []
    taken: dict[str, Path] = {}
    for song in songs:
        # ".." for one is the stem of "...wav"; and Windows drops dots and spaces at the end
        name = song.name.removesuffix(song.suffix).removesuffix(".stem").strip(" .")
        if not name:
            raise InvalidValue(f"{song}: no folder can be called like this; expected a file with a name")
        other = taken.setdefault(name.casefold(), song)
        if other is not song:
            raise InvalidValue(f"{other} and {song} would both go to {out / name}; separate them into two folders (-o)")
        folders.append(out / name)
    return folders


def separate_song(
    song: Path, folder: Path, *, options: RunOptions, reading: Reading, writing: Writing, printing: Printing
) -> None:
    """Separate one song, save its stems and print what became of it."""
    started = time.perf_counter()
    with showing_notices() as notices:
        separation = run_to_end(read_and_separate(song, options, reading), label=song.name, printing=printing)
        saved = separation.save(folder, format=writing.file_format, overwrite=writing.overwrite)
    seconds = time.perf_counter() - started
    times_real_time = separation.mixture.data.shape[-1] / separation.sample_rate / seconds
    if printing.as_json:
        report = {
            "song": str(song),
            "model": separation.config.model_type,
            "settings": separation.config.to_document(),
            "seconds": round(seconds, 3),
            "times_real_time": round(times_real_time, 3),
            "gain": saved.gain,
            "notices": notices,
            "files": {name: str(path) for name, path in saved.paths.items()},
        }
        print(json.dumps(spell_infinities(report), allow_nan=False), flush=True)
    elif not printing.quiet:
        files = ", ".join(path.name for path in saved.paths.values())
        print(make_line(f"{folder}: {files} ({seconds:.1f} s, {times_real_time:.1f}x real time)"), flush=True)


def read_and_separate(song: Path, options: RunOptions, reading: Reading) -> Iterator[Event]:
    """The events of one song's run, with reading its file as part of the step ``load``."""
    yield StepStarted("load")
    audio = load(song, channels=reading.channels, allow_truncated=reading.allow_truncated)
    yield from stream(audio, **options)


def run_to_end(events: Iterator[Event], *, label: str, printing: Printing) -> Separation:
    """Go through the events, under a bar where standard error is a terminal, and give the stems."""
    with showing_progress(label, quiet=printing.quiet) as draw:
        for event in events:
            draw(event)
            if isinstance(event, Notice):
                warnings.warn(event.message, WorkbenchNotice, stacklevel=2)
            if isinstance(event, Result):
                separation = event.separation
    return separation


def spell_infinities(value: object) -> object:
    """Floats that JSON has no form for as text, ``"inf"``; a mask's power may be infinite."""
    if isinstance(value, dict):
        return {key: spell_infinities(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [spell_infinities(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
