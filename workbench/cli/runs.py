"""The commands that take songs apart, or tell with which settings that would be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from workbench.cli.app import app, reporting_errors
from workbench.cli.options import (
    AllowTruncated,
    BatchSize,
    Channels,
    Checkpoint,
    ChunkSeconds,
    Config,
    Debug,
    Derive,
    Device,
    Json,
    Model,
    Overlap,
    Overwrite,
    Quiet,
    References,
    Seconds,
    Settings,
    Shifts,
    ShiftSeed,
    Start,
    Stems,
    Tta,
    Window,
)

if TYPE_CHECKING:
    from workbench.pipeline.request import RunOptions


@app.command()
def separate(
    songs: Annotated[list[Path], typer.Argument(metavar="SONG", help="Audio files.", show_default=False)],
    model: Model = None,
    config: Config = None,
    checkpoint: Checkpoint = None,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Stems go to DIR/SONG/STEM.FORMAT.")] = Path(
        "stems"
    ),
    stems: Stems = None,
    derive: Derive = None,
    references: References = None,
    settings: Settings = None,
    window: Window = None,
    overlap: Overlap = None,
    chunk_seconds: ChunkSeconds = None,
    batch_size: BatchSize = None,
    tta: Tta = None,
    shifts: Shifts = None,
    shift_seed: ShiftSeed = None,
    device: Device = None,
    channels: Channels = None,
    start: Start = 0.0,
    seconds: Seconds = None,
    allow_truncated: AllowTruncated = False,
    file_format: Annotated[
        str | None,
        typer.Option("--format", metavar="flac|wav|ogg|mp3", help="Of the stems; flac unless the config says else."),
    ] = None,
    subtype: Annotated[
        str | None,
        typer.Option(help="Samples of the stems: PCM_16, PCM_24 (flac, wav), PCM_32, FLOAT, DOUBLE (wav)."),
    ] = None,
    save_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all settings of the run, for -c to repeat it.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each finished song.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Take songs apart and save their stems."""
    with reporting_errors(debug=debug):
        from workbench.cli.songs import Printing, Reading, Writing, separate_songs

        options = gather_options(
            model=model,
            config=config,
            checkpoint=checkpoint,
            stems=stems,
            derive=derive,
            references=references,
            settings=settings,
            window=window,
            overlap=overlap,
            chunk_seconds=chunk_seconds,
            batch_size=batch_size,
            tta=tta,
            shifts=shifts,
            shift_seed=shift_seed,
            device=device,
        )
        status = separate_songs(
            songs,
            options=options,
            reading=Reading(channels, allow_truncated, start, seconds),
            writing=Writing(out, file_format, overwrite, save_config, subtype),
            printing=Printing(as_json, quiet, debug),
        )
        raise typer.Exit(status)


@app.command()
def inspect(
    song: Annotated[Path, typer.Argument(metavar="SONG", help="An audio file.", show_default=False)],
    model: Model = None,
    config: Config = None,
    checkpoint: Checkpoint = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="REPORT.html", help="SONG.html, if left out.")
    ] = None,
    stems: Stems = None,
    derive: Derive = None,
    references: References = None,
    settings: Settings = None,
    window: Window = None,
    overlap: Overlap = None,
    chunk_seconds: ChunkSeconds = None,
    batch_size: BatchSize = None,
    tta: Tta = None,
    shifts: Shifts = None,
    shift_seed: ShiftSeed = None,
    device: Device = None,
    channels: Channels = None,
    start: Start = 0.0,
    seconds: Seconds = None,
    allow_truncated: AllowTruncated = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Take a song apart and write one HTML file of it: every step to see, every stem to hear."""
    with reporting_errors(debug=debug):
        from workbench.cli.inspect import inspect_song
        from workbench.cli.songs import Reading

        options = gather_options(
            model=model,
            config=config,
            checkpoint=checkpoint,
            stems=stems,
            derive=derive,
            references=references,
            settings=settings,
            window=window,
            overlap=overlap,
            chunk_seconds=chunk_seconds,
            batch_size=batch_size,
            tta=tta,
            shifts=shifts,
            shift_seed=shift_seed,
            device=device,
        )
        reading = Reading(channels, allow_truncated, start, seconds)
        inspect_song(song, options=options, reading=reading, out=out, overwrite=overwrite, quiet=quiet)


@app.command("config")
def show_config(
    model: Model = None,
    config: Config = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="As of separate; repeatable.")
    ] = None,
    references: References = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of configs instead.")] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show every setting of a run and where it comes from."""
    with reporting_errors(debug=debug):
        from workbench.cli.config import print_config, print_schema
        from workbench.pipeline.reading import parse_setting

        if schema:
            print_schema(alone=not (model or config or settings or references or as_json))
        else:
            given = dict(map(parse_setting, settings or []))
            print_config(model=model, config=config, settings=given, references=references, as_json=as_json)


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", help="For stems and picture; a free DIR-2 ... if it has some.")
    ] = Path("workbench-demo"),
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make a song, take it apart, and show how well that went."""
    with reporting_errors(debug=debug):
        from workbench.cli.messages import showing_notices, showing_progress
        from workbench.demo.run import run_demo

        with showing_notices(), showing_progress("demo song", quiet=quiet) as draw:
            report = run_demo(out, progress=draw, overwrite=overwrite)
        if not quiet:
            print(report)


def gather_options(
    *,
    stems: str | None,
    settings: list[str] | None,
    derive: list[str] | None,
    tta: str | None = None,
    **others: Any,
) -> RunOptions:
    """The options of a run as `workbench.separate` takes them."""
    from workbench.pipeline.reading import parse_setting

    listed = None if stems is None else [name.strip() for name in stems.split(",")]
    options = {
        "stems": listed,
        "settings": dict(map(parse_setting, settings or [])),
        "derive": derive or None,
        "tta": None if tta is None else [name.strip() for name in tta.split(",")],
        **others,
    }
    return cast("RunOptions", options)
