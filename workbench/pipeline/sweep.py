"""One song, many settings: what each of them costs, and how good it is."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from os import PathLike
from typing import Any

from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import InvalidType, InvalidValue, WorkbenchNotice
from workbench.io.references import References, read_references
from workbench.metrics.scores import check_metrics
from workbench.pipeline.events import Event
from workbench.pipeline.named_arguments import takes_song
from workbench.pipeline.references import check_references
from workbench.pipeline.separator import Song
from workbench.pipeline.steps import load_song
from workbench.pipeline.sweep_cells import DecidedCell, decide_cell, spread_cells
from workbench.pipeline.sweep_run import CellCompleted, CellStarted, Sweeper, match_stems
from workbench.pipeline.sweep_store import SweepStore, check_keys
from workbench.pipeline.sweep_table import Sweep, make_table
from workbench.progress import PATIENCE_SECONDS, is_watched, open_bar_later, open_watched_bar

Follow = Callable[[Event | CellStarted | CellCompleted], None]


@takes_song
def sweep(
    song: Song,
    *,
    references: References | None = None,
    metrics: Sequence[str] = ("sdr",),
    store: str | PathLike[str] | None = None,
    repeats: int = 1,
    progress: bool | Follow | None = None,
    **options: Any,
) -> Sweep:
    """Take a song apart with every combination of settings; say how good each is, and what it costs.

    Every option is one of `workbench.separate`, where a list instead of a value is an axis::

        result = wb.sweep(song, model="hpss", overlap=[0.25, 0.5, 0.75], window=["hann", "sine"], references="true/")
        result.table, result.figure(), result.best("sdr", within=0.1)
        wb.sweep(song, model="hpss", settings={"model.power": [1.0, 2.0]}, store="power.jsonl")

    A cell that fails has its error in the table, and the others go on. The song is loaded once, a network once for
    neighbouring cells that share it, which is not timed; a model's first cell is preceded by a second of the song, so
    that it does not pay for what libraries set up on first use.

    Args:
        song: a path, or ``Audio`` with data (channel, time).
        references: the true stems, at the song's rate, length and channels: name -> ``Audio``, a folder with a file for
            each, or a ``.stem.mp4``. Stems that only one side has are left out. Without, see `Sweep`.
        metrics: names of `workbench.metrics.METRICS`.
        store: a file, made if it is not there, to which each finished cell is added at once; cells that are in it are
            not run again. A cell is known by all its settings, the song's and the references' samples, the weights'
            file and the versions of workbench and plugin; so use another store after changing the code of a model.
        repeats: how often each cell runs, to be timed; the least counts.
        progress: as of `separate`, with a bar for each cell; a function is called with ``CellStarted``, with the events
            of the cell's runs, and with ``CellCompleted``.
        options: as of `workbench.separate`, but for ``progress`` and ``out``.

    Raises:
        WorkbenchError: a song, references, metrics or a store that cannot be, or an argument that `separate` does not
            have; found before any work.
    """
    names = check_metrics(metrics)
    if isinstance(repeats, bool) or not isinstance(repeats, int):
        raise InvalidType(f"repeats must be a whole number, got {repeats!r}")
    if repeats < 1:
        raise InvalidValue(f"repeats must be at least 1, got {repeats}")
    cells = spread_cells(options)
    audio = load_song(song)
    truth = {} if references is None else read_truth(references, audio)
    decided = [decide_cell(cell, audio, truth) for cell in cells]
    notices: list[str] = []
    if truth:
        decided, notices = compare_names(decided, truth)
    if store is not None:
        for checked in decided:
            check_keys(checked)
    kept = None if store is None else SweepStore(store)
    for message in [*notices, *(kept.notices if kept is not None else [])]:
        warnings.warn(message, WorkbenchNotice, stacklevel=3)

    finished = {}
    said: set[tuple[type[Warning], str]] = set()
    with following(progress) as follow:
        sweeper = Sweeper(audio, truth, names, repeats, kept, follow, len(cells))
        for one in sweeper.finish_cells(decided):
            finished[one.decided.cell.index] = one
            for warned in one.warned:
                if (warned.category, str(warned.message)) not in said:  # most cells have the same to say
                    said.add((warned.category, str(warned.message)))
                    warnings.warn(warned.message, warned.category, stacklevel=3)
    rows = [finished[cell.index] for cell in cells]
    if all(one.error for one in rows):
        warnings.warn(f"every cell of the sweep failed; the first: {rows[0].error}", WorkbenchNotice, stacklevel=3)
    seconds = audio.data.shape[-1] / audio.sample_rate
    axes = tuple(cells[0].labels)
    return Sweep(make_table(rows, axes=axes, song_seconds=seconds), axes, names, has_references=references is not None)


def read_truth(references: References, song: Audio[Tensor]) -> dict[str, Audio[Tensor]]:
    """The true stems, sure to go with the song sample by sample.

    Raises:
        InvalidValue: another rate, length or number of channels than the song's, both named.
    """
    truth = check_references(read_references(references), song)
    for name, audio in truth.items():
        channels = [one.data.shape[0] for one in (audio, song)]
        if channels[0] != channels[1]:
            raise InvalidValue(
                f"reference {name} has {channels[0]} channel(s) and the song {channels[1]}: convert one of them, since "
                "stems have the song's"
            )
    return truth


def compare_names(
    cells: Sequence[DecidedCell], truth: Mapping[str, Audio[Tensor]]
) -> tuple[list[DecidedCell], list[str]]:
    """Mark cells that have no true stem at all; tell which stems will be scored in none.

    Raises:
        InvalidValue: no cell has one, with the names on both sides.
    """
    given = list(dict.fromkeys(name for cell in cells for name in cell.stem_names))
    if not given:  # no cell can run
        return list(cells), []
    common = match_stems(list(truth), given)
    lonely = {
        "no stem for the references": [name for name in truth if name not in common],
        "no reference for": [name for name in given if name not in common],
    }
    said = [f"{what} {', '.join(names)}" for what, names in lonely.items() if names]
    marked = []
    for cell in cells:
        if not cell.error and not any(name in truth for name in cell.stem_names):
            cell = dataclasses.replace(cell, error=f"there is no reference for {', '.join(cell.stem_names)}")
        marked.append(cell)
    return marked, [f"{'; '.join(said)}: left out"] if said else []


@contextmanager
def following(progress: bool | Follow | None) -> Iterator[Follow]:
    """What is to be called with every event: a bar for each cell, at once or when all have taken a while, the caller's
    function, or nothing.
    """
    if callable(progress):
        yield progress
        return
    if progress is False or (progress is None and not is_watched()):
        yield lambda event: None
        return
    patience = 0.0 if progress else PATIENCE_SECONDS
    started = time.monotonic()
    bars = ExitStack()
    draw: Callable[[Event], None] | None = None

    def follow(event: Event | CellStarted | CellCompleted) -> None:
        nonlocal draw
        if isinstance(event, CellStarted):
            open_labelled = partial(open_watched_bar, label=f"{event.index + 1}/{event.total} {event.name}")
            left = max(0.0, patience - (time.monotonic() - started))
            draw = bars.enter_context(open_bar_later(open_labelled, seconds=left) if left else open_labelled())
        elif isinstance(event, CellCompleted):
            bars.close()
        elif draw is not None:
            draw(event)

    with bars:
        yield follow
