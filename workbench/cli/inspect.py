"""``workbench inspect``: one song taken apart, and all that there is to see and hear of it in one HTML file."""

from __future__ import annotations

import time
from pathlib import Path

from workbench.cli.messages import make_line, showing_notices, showing_progress
from workbench.cli.songs import Reading
from workbench.pipeline.outputs import check_files
from workbench.pipeline.request import RunOptions
from workbench.pipeline.trace import trace
from workbench.pipeline.trace_step import format_bytes
from workbench.report import SongFile, write_report


def inspect_song(
    song: Path, *, options: RunOptions, reading: Reading, out: Path | None, overwrite: bool, quiet: bool
) -> None:
    """Trace a song and write the report, beside the song under its name unless ``out`` says where."""
    out = song.with_name(f"{song.name.removesuffix(song.suffix) or 'report'}.html") if out is None else out
    check_files([out], overwrite=overwrite, inputs=[song])  # before any work
    started = time.perf_counter()
    with showing_notices():
        as_it_is = reading == Reading()
        source = song if as_it_is else reading.load(song)
        if reading.is_excerpt:
            options = {**options, "references": reading.cut_references(options.get("references"))}
        with showing_progress(song.name, quiet=quiet) as draw:
            traced = trace(source, progress=draw, **options)
        file = SongFile(
            song,
            channels=reading.channels,
            allow_truncated=reading.allow_truncated,
            start_seconds=reading.start_seconds,
            seconds=reading.seconds,
        )
        write_report(traced, out, song=file, overwrite=overwrite)
    if not quiet:
        seconds = time.perf_counter() - started
        print(make_line(f"{out}: {format_bytes(out.stat().st_size)} ({seconds:.1f} s)"), flush=True)
