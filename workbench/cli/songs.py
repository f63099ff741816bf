"""``workbench separate``: several songs, one after the other, each into a folder of its own."""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from workbench.cli.messages import make_line, report_error, showing_notices, showing_progress
from workbench.core.audio import Audio
from workbench.errors import InvalidValue, WorkbenchNotice
from workbench.io.formats import Encoding
from workbench.io.read import load
from workbench.io.references import References, read_references
from workbench.pipeline.events import Event, Notice, Result, StepStarted
from workbench.pipeline.explained import write_config
from workbench.pipeline.network import NetworkKeeper
from workbench.pipeline.outputs import check_files, plan_outputs
from workbench.pipeline.provenance import effective_document, spell_infinities
from workbench.pipeline.request import Request, RunOptions
from workbench.pipeline.separation import Separation
from workbench.pipeline.separator import run_events


@dataclass(frozen=True)
class Reading:
    """How songs are read: channels to mix them to (``None``: as they are), whether up to a cut will do, and which
    excerpt: from ``start_seconds`` on, ``seconds`` long (``None``: to the end).
    """

    channels: int | None = None
    allow_truncated: bool = False
    start_seconds: float = 0.0
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise InvalidValue(f"--seconds must be more than 0, got {self.seconds:g}")

    @property
    def is_excerpt(self) -> bool:
        """Whether only a part of the song is read."""
        return self.start_seconds != 0 or self.seconds is not None

    def load(self, path: Path) -> Audio[Tensor]:
        """Read a song; raises as `workbench.load`."""
        return load(
            path,
            channels=self.channels,
            allow_truncated=self.allow_truncated,
            start_seconds=self.start_seconds,
            duration_seconds=self.seconds,
        )

    def cut_references(self, given: References | None) -> References | None:
        """True stems of the whole song, cut to the excerpt as the song is; as they are where all of it is read."""
        if given is None or not self.is_excerpt:
            return given
        cut = {}
        for name, audio in read_references(given).items():
            start = round(self.start_seconds * audio.sample_rate)
            stop = None if self.seconds is None else start + round(self.seconds * audio.sample_rate)
            cut[name] = Audio(audio.data[:, start:stop], audio.sample_rate)
        return cut


@dataclass(frozen=True)
class Writing:
    """Where stems go, in which format and subtype (``None``: as the config says), whether they replace what is there,
    and where the settings of the run go, if anywhere.
    """

    folder: Path
    file_format: str | None = None
    overwrite: bool = False
    save_config: Path | None = None
    subtype: str | None = None


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
    inputs = [*songs, options.get("checkpoint"), options.get("config"), options.get("references")]
    if options.get("references") is not None and len(songs) > 1:
        raise InvalidValue(f"--references are the true stems of one song, got {len(songs)} songs; give one song")
    if reading.is_excerpt:
        options = {**options, "references": reading.cut_references(options.get("references"))}
    folders = choose_folders(songs, writing.folder)
    outputs = plan_outputs(Request(**options), file_format=writing.file_format, subtype=writing.subtype)
    files = [folder / name for folder in folders for name in outputs.names]
    if writing.save_config is not None:
        check_config_file(writing.save_config, files, num_songs=len(songs))
        files.append(writing.save_config)
    check_files(files, overwrite=writing.overwrite, inputs=[name for name in inputs if isinstance(name, str | Path)])
    statuses, networks = [0], NetworkKeeper()
    for song, folder in zip(songs, folders, strict=True):
        try:
            events = read_and_separate(song, outputs.encoding, options=options, reading=reading, networks=networks)
            separate_song(events, song, folder, outputs.encoding, reading=reading, writing=writing, printing=printing)
        except Exception as error:
            statuses.append(report_error(error, debug=printing.debug, song=song if len(songs) > 1 else None))
    return max(statuses)


def check_config_file(path: Path, files: Sequence[Path], *, num_songs: int) -> None:
    """Raise `InvalidValue` where one file cannot hold the settings, or where it would take a stem's place."""
    if num_songs > 1:  # each has its own rate and channels
        raise InvalidValue(f"--save-config writes the settings of one run, got {num_songs} songs; give one song")
    if path.resolve() in [file.resolve() for file in files]:
        raise InvalidValue(f"--save-config {path} is also to be the file of a stem; choose another name")


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
    events: Iterator[Event],
    song: Path,
    folder: Path,
    encoding: Encoding,
    *,
    reading: Reading,
    writing: Writing,
    printing: Printing,
) -> None:
    """Separate one song by going through its events, save its stems and print what became of it."""
    started = time.perf_counter()
    # a network that prints must not get between the results
    with showing_notices() as notices, redirect_stdout(sys.stderr):
        separation = run_to_end(events, label=song.name, printing=printing)
        separation.source = song
        if reading.is_excerpt:
            separation.excerpt = (reading.start_seconds, separation.mixture.seconds)
        separation.notices = tuple(notices)  # those of reading the file too
        saved = separation.save(
            folder, format=encoding.file_format, subtype=encoding.subtype, overwrite=writing.overwrite
        )
        if writing.save_config is not None:
            document = effective_document(separation, encoding=encoding)
            write_config(document, writing.save_config, overwrite=writing.overwrite)
    seconds = time.perf_counter() - started
    times_real_time = separation.mixture.data.shape[-1] / separation.sample_rate / seconds
    if printing.as_json:
        report = {
            "song": str(song),
            "model": separation.config.model_type,
            "settings": effective_document(separation, encoding=encoding),
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


def read_and_separate(
    song: Path, encoding: Encoding, *, options: RunOptions, reading: Reading, networks: NetworkKeeper
) -> Iterator[Event]:
    """The events of one song's run, with reading its file as part of the step ``load``.

    Args:
        song: a path.
        encoding: of the stems.
        options: of `workbench.separate`.
        reading: how the song is read.
        networks: of all songs, so that one network serves them all.

    Raises:
        InvalidValue: the stems' format cannot hold the song's rate or channels, found before any work.
    """
    yield StepStarted("load")
    audio = reading.load(song)
    encoding.check_audio(sample_rate=audio.sample_rate, num_channels=audio.data.shape[0])
    yield from run_events(audio, Request(**options), networks=networks)


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
