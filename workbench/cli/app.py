"""The commands and their options. Whatever is heavy is imported inside of a command, so that ``--help`` is quick."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench import __version__
from workbench.cli.messages import MENDABLE, print_error, report_error

if TYPE_CHECKING:
    from workbench.pipeline.request import RunOptions

# Help in plain text: rich's took 0.3 s more, as much again as all the rest.
app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
# What typer raises for a wrong option. Newer versions bring click along inside, so that it is found from here.
CommandLineError: type[Any] = typer.BadParameter.__mro__[2]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no summary; notes and errors stay.")]
Debug = Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")]


def run(arguments: Sequence[str]) -> int:
    """Run a command; gives its exit status. A wrong option is one line on standard error, like any other error."""
    try:
        status = app(list(arguments) or ["--help"], prog_name="workbench", standalone_mode=False)
    except CommandLineError as error:
        command = error.ctx.command_path if getattr(error, "ctx", None) else "workbench"
        print_error(f"{error.format_message()} (see {command} --help)")
        return MENDABLE
    return status if isinstance(status, int) else 0


@contextmanager
def reporting_errors(*, debug: bool) -> Iterator[None]:
    """Turn whatever is raised into one line and an exit status."""
    from workbench.cli.interrupts import ending_on_second_interrupt

    try:
        with ending_on_second_interrupt():
            yield
    except (typer.Exit, BrokenPipeError):  # the latter: who reads our output has enough of it
        raise
    except (Exception, KeyboardInterrupt) as error:
        raise typer.Exit(report_error(error, debug=debug)) from None


def print_version(wanted: bool) -> bool:
    """``--version``."""
    if wanted:
        print(f"workbench {__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def describe(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take a song apart: one song in, its stems out. For every stage in between use it from Python or a notebook."""


@app.command()
def separate(
    songs: Annotated[list[Path], typer.Argument(metavar="SONG", help="Audio files.", show_default=False)],
    model: Annotated[
        str | None, typer.Option("-m", "--model", help="Its id or short name; see: workbench models.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("-c", "--config", help="YAML or JSON file that describes the run.")
    ] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="File with the model's weights.")] = None,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Stems go to DIR/SONG/STEM.FORMAT.")] = Path(
        "stems"
    ),
    stems: Annotated[str | None, typer.Option(metavar="A,B,...", help="Only these of the model's stems.")] = None,
    derive: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="A further stem, as in 'instrumental = mixture - vocals'; repeatable."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of the config, as in model.power=1; repeatable."),
    ] = None,
    window: Annotated[
        str | None, typer.Option(help="Overlap-add window, as in linear_fade:fade=0.2; see: workbench windows.")
    ] = None,
    overlap: Annotated[
        float | None, typer.Option(help="Share of a chunk that overlaps the next, from 0 to below 1.")
    ] = None,
    chunk_seconds: Annotated[float | None, typer.Option(help="Length of a chunk in seconds.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Chunks that go through the model together.")] = None,
    device: Annotated[str | None, typer.Option(help="auto (the default), cpu, cuda, cuda:1 or mps.")] = None,
    channels: Annotated[
        int | None,
        typer.Option(metavar="1|2", min=1, max=2, help="Mix songs to so many channels when they are read."),
    ] = None,
    allow_truncated: Annotated[
        bool, typer.Option("--allow-truncated", help="Read a file that is cut off up to the cut.")
    ] = False,
    file_format: Annotated[
        str | None, typer.Option("--format", metavar="flac|wav", help="Of the stems; flac unless the config says else.")
    ] = None,
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each finished song.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Take songs apart and save their stems."""
    with reporting_errors(debug=debug):
        from workbench.cli.songs import Printing, Reading, Writing, separate_songs
        from workbench.pipeline.config import parse_setting

        options: RunOptions = {
            "model": model,
            "config": config,
            "checkpoint": checkpoint,
            "stems": None if stems is None else [name.strip() for name in stems.split(",")],
            "derive": derive or None,
            "settings": dict(map(parse_setting, settings or [])),
            "window": window,
            "overlap": overlap,
            "chunk_seconds": chunk_seconds,
            "batch_size": batch_size,
            "device": device,
        }
        status = separate_songs(
            songs,
            options=options,
            reading=Reading(channels, allow_truncated),
            writing=Writing(out, file_format, overwrite),
            printing=Printing(as_json, quiet, debug),
        )
        raise typer.Exit(status)


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


@app.command()
def lab(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="For a copy of the notebooks; what is there already stays.")
    ] = Path("workbench-notebooks"),
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Of the server; a free one if left out.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    further: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGUMENT...]", help="For JupyterLab itself.", show_default=False)
    ] = None,
    debug: Debug = False,
) -> None:
    """Open JupyterLab on a copy of the notebooks."""
    with reporting_errors(debug=debug):
        from workbench.cli.lab import start_lab

        raise typer.Exit(start_lab(folder, browser=not no_browser, port=port, further=further or ()))


@app.command()
def score(
    references: Annotated[
        Path,
        typer.Argument(metavar="REFERENCE_FOLDER", help="True stems, a file each; and mixture, for log_wmse."),
    ],
    estimates: Annotated[
        Path, typer.Argument(metavar="ESTIMATE_FOLDER", help="Separated stems, with the same names but any ending.")
    ],
    metrics: Annotated[
        str,
        typer.Option(
            metavar="A,B,...", help="Of sdr, si_sdr, snr, l1_time, l1_spectrum, log_wmse, bleedless and fullness."
        ),
    ] = "sdr,si_sdr",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Score separated stems against the true ones."""
    with reporting_errors(debug=debug):
        from workbench.cli.score import score_folders

        score_folders(references, estimates, metrics=metrics, as_json=as_json)


@app.command()
def models(as_json: Json = False, debug: Debug = False) -> None:
    """List the models."""
    _list("models", as_json=as_json, debug=debug)


@app.command()
def windows(as_json: Json = False, debug: Debug = False) -> None:
    """List the windows for overlap-add, with their parameters."""
    _list("windows", as_json=as_json, debug=debug)


@app.command()
def plugins(as_json: Json = False, debug: Debug = False) -> None:
    """List the plugins: what each gave, or why it failed."""
    _list("plugins", as_json=as_json, debug=debug)


def _list(kind: str, *, as_json: bool, debug: bool) -> None:
    with reporting_errors(debug=debug):
        from workbench import registry
        from workbench.cli.tables import print_listing

        print_listing(getattr(registry, kind)(), as_json=as_json)
