"""The demo: make a song, take it apart, see how near that comes to the truth and to what masks can do at all."""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.chunk import take_batch
from workbench.core.mask import ideal_mask
from workbench.demo.poster import draw_poster
from workbench.demo.report import BASELINE, CEILINGS, DemoReport, DemoRow
from workbench.demo.song import demo_song
from workbench.errors import AudioFileError, WorkbenchNotice
from workbench.io.staging import staged_files
from workbench.io.write import save_stems
from workbench.metrics import sdr
from workbench.pipeline.events import Event
from workbench.pipeline.outputs import check_files
from workbench.pipeline.separator import separate
from workbench.pipeline.trace import Trace, trace

MODEL = "hpss"
CHUNK_SECONDS = 3.0  # so short that a picture of 12 s shows several
REFERENCES = {"harmonic": ("bass", "chords", "lead"), "percussive": ("drums",)}
FILE_FORMAT = "flac"
PICTURE_NAME = "demo.png"
PICTURE_DPI = 160  # of 10 x 12.5 inches: 1600 x 2000 pixels
KEPT_STEPS = ("transform", "model", "mask")  # what the picture and the ideal masks read


def run_demo(
    out: Path, *, progress: bool | Callable[[Event], None] | None = None, overwrite: bool = False
) -> DemoReport:
    """Take the demo song apart with hpss, and write its stems and one picture of the whole path.

    The harmonic stem is measured against bass, chords and lead together, the percussive one against the drums. The
    ceilings beside them come from ideal masks for the same two signals, which stand in for the model's in the very same
    run, so that they hold what transform and overlap-add cost as well.

    Args:
        out: folder for the files. Where it holds a demo already, and without ``overwrite``, the next free of ``out-2``,
            ``out-3`` ... is taken, with a `WorkbenchNotice`.
        progress: as in `workbench.separate`.
        overwrite: replace the files of an earlier demo.

    Raises:
        AudioFileError: the folder or a file cannot be written.
    """
    folder = choose_folder(Path(out), overwrite=overwrite)
    check_files([folder / PICTURE_NAME], overwrite=overwrite)  # before any work
    song = demo_song()
    mixture = song["mixture"]

    started = time.perf_counter()
    second = Audio(mixture.data[:, : mixture.sample_rate], mixture.sample_rate)
    separate(second, model=MODEL, chunk_seconds=CHUNK_SECONDS, progress=False)  # the first run loads and compiles
    warmed_up = time.perf_counter()
    run = trace(mixture, model=MODEL, chunk_seconds=CHUNK_SECONDS, keep=KEPT_STEPS, progress=progress)
    assert isinstance(run, Trace)  # of one pass
    seconds = time.perf_counter() - warmed_up

    references = {stem: sum_audio([song[name].data for name in names]) for stem, names in REFERENCES.items()}
    rows = measure_rows(run, references, progress=progress)
    saved = save_stems({"mixture": mixture, **run.stems}, folder, file_format=FILE_FORMAT, overwrite=overwrite)
    picture = folder / PICTURE_NAME
    with staged_files([picture], overwrite=overwrite) as (temporary,):
        poster = draw_poster(run, rows)
        try:
            poster.savefig(temporary, format="png", dpi=PICTURE_DPI)
        except OSError as error:
            raise AudioFileError(f"cannot write {picture}: {error.strerror or error}") from error
    return DemoReport(
        model=MODEL,
        device=str(run.plan.device),
        rows=rows,
        folder=folder,
        paths={**saved.paths, "picture": picture},
        song_seconds=mixture.data.shape[-1] / mixture.sample_rate,
        seconds=seconds,
        start_up_seconds=warmed_up - started,
    )


def measure_rows(
    run: Trace, references: Mapping[str, Tensor], *, progress: bool | Callable[[Event], None] | None = None
) -> tuple[DemoRow, ...]:
    """SDR of every stem: of the mixture itself, of the model, and of each ideal mask in the model's place.

    Args:
        run: a traced run of a masking model, its transform kept.
        references: stem -> the true signal (channel, time), for each of the model's stems in order.
        progress: as in `workbench.separate`.
    """
    estimates: dict[str, Mapping[str, Audio[Tensor]]] = {
        BASELINE: dict.fromkeys(references, run.song),
        run.plan.card.name: run.stems,
    }
    spectrograms = torch.stack([transform_reference(run, signal) for signal in references.values()])
    for heading, kind in CEILINGS.items():
        mask = ideal_mask(kind, spectrograms, run["transform"].output).transpose(0, 1)  # (chunk, stem, rows, frame, 2)
        estimates[heading] = run.rerun("mask", mask=mask, progress=progress).stems
    return tuple(
        DemoRow(
            stem,
            REFERENCES[stem],
            {name: sdr(reference, stems[stem].data) for name, stems in estimates.items()},
        )
        for stem, reference in references.items()
    )


def transform_reference(run: Trace, signal: Tensor) -> Tensor:
    """The spectrograms of a true stem's chunks, cut and transformed as the run did with the mixture.

    Shapes:
        signal: (channel, time); returns (chunk, freq * channel, frame, 2).
    """
    grid = run.grid
    chunks = take_batch(signal, grid, range(grid.num_chunks), padding_mode=run.plan.padding_mode)
    spectrogram: Tensor = run.plan.stages.transform(chunks.to(run.plan.device))
    return spectrogram.cpu()


def sum_audio(signals: list[Tensor]) -> Tensor:
    """The sum of signals of one shape."""
    return torch.stack(signals).sum(dim=0)


def choose_folder(out: Path, *, overwrite: bool) -> Path:
    """``out`` itself where nothing of it would be replaced or may be; else the next free ``out-2``, ``out-3`` ...

    Raises:
        AudioFileError: ``out`` is a file.
    """
    if out.exists() and not out.is_dir():
        raise AudioFileError(f"{out} is a file; expected a folder for the demo's files, or the name of a new one")
    names = [f"{name}.{FILE_FORMAT}" for name in ("mixture", *REFERENCES)] + [PICTURE_NAME]
    if overwrite or not any((out / name).exists() for name in names):
        return out
    numbered = (out.with_name(f"{out.name}-{number}") for number in itertools.count(2))
    folder = next(folder for folder in numbered if not folder.exists())
    warnings.warn(
        f"{out} holds a demo already: writing to {folder}; pass overwrite=True (--overwrite) to replace it instead",
        WorkbenchNotice,
        stacklevel=3,  # the caller of run_demo
    )
    return folder
