"""The commands around a separation: what there is, whether it is right, how good it was, and where to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.app import app, reporting_errors
from workbench.cli.options import (
    AllowTruncated,
    Channels,
    Checkpoint,
    Config,
    Debug,
    Derive,
    Json,
    Overwrite,
    Quiet,
    References,
    Seconds,
    Start,
    Stems,
)

DEFAULT_LAB_FOLDER = Path("workbench-notebooks")


@app.command()
def lab(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="For a copy of the notebooks; what is there already stays.")
    ] = DEFAULT_LAB_FOLDER,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Of the server; a free one if left out.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    further: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- ARGUMENT...]",
            help="For JupyterLab: as in --allow-root, --browser=firefox.",
            show_default=False,
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Open JupyterLab on a copy of the notebooks."""
    with reporting_errors(debug=debug):
        from workbench.cli.lab import start_lab

        arguments = further or []
        if str(folder).startswith("-"):  # what comes first after "--" is parsed as the folder
            folder, arguments = DEFAULT_LAB_FOLDER, [str(folder), *arguments]
        raise typer.Exit(start_lab(folder, browser=not no_browser, port=port, further=arguments))


@app.command()
def export(
    notebook: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="An .ipynb file.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE.html", help="The notebook's name if left out.")
    ] = None,
    exact_sound: Annotated[
        bool,
        typer.Option("--exact-sound", help="Keep sound as FLAC, also where Opus would make the page much smaller."),
    ] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Run a notebook and write it, with its pictures and sound, as one HTML file that needs no network."""
    with reporting_errors(debug=debug):
        from workbench.cli.export import export_notebook

        export_notebook(notebook, out=out, exact_sound=exact_sound, overwrite=overwrite, quiet=quiet)


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
            metavar="A,B,...", help="Of sdr, si_sdr, snr, csdr, l1_time, l1_spectrum, log_wmse, bleedless and fullness."
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
def sweep(
    song: Annotated[Path, typer.Argument(metavar="SONG", help="An audio file.", show_default=False)],
    model: Annotated[
        str | None, typer.Option("-m", "--model", metavar="A,B,...", help="See: workbench models.")
    ] = None,
    config: Config = None,
    checkpoint: Checkpoint = None,
    references: References = None,
    overlap: Annotated[str | None, typer.Option(metavar="A,B,...", help="Shares of a chunk, as in 0,0.25,0.5.")] = None,
    window: Annotated[str | None, typer.Option(metavar="A,B,...", help="As in hann,tukey:alpha=0.3.")] = None,
    chunk_seconds: Annotated[str | None, typer.Option(metavar="A,B,...", help="Lengths of a chunk.")] = None,
    batch_size: Annotated[str | None, typer.Option(metavar="A,B,...", help="Chunks at a time.")] = None,
    shifts: Annotated[str | None, typer.Option(metavar="A,B,...", help="Numbers of shifted passes.")] = None,
    device: Annotated[str | None, typer.Option(metavar="A,B,...", help="As in cpu,cuda.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of the config; a list is swept: 'model.power=[1, 2]'."),
    ] = None,
    stems: Stems = None,
    derive: Derive = None,
    metrics: Annotated[str, typer.Option(metavar="A,B,...", help="As of score.")] = "sdr",
    repeats: Annotated[int, typer.Option(min=1, help="Time each cell so often; the least counts.")] = 1,
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="FILE.csv", help="For the table.")] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="For quality and cost as a picture; pdf or svg will do too.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(metavar="FILE.jsonl", help="Keeps finished cells; they do not run again.")
    ] = None,
    channels: Channels = None,
    start: Start = 0.0,
    seconds: Seconds = None,
    allow_truncated: AllowTruncated = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Take a song apart with every combination of settings; tell how good each is and what it costs."""
    with reporting_errors(debug=debug):
        from workbench.cli.runs import gather_options
        from workbench.cli.songs import Reading
        from workbench.cli.sweep import SweepFiles, split_list, split_numbers, sweep_song

        options = gather_options(
            model=split_list(model),
            config=config,
            checkpoint=checkpoint,
            stems=stems,
            derive=derive,
            settings=settings,
            overlap=split_numbers(overlap, option="--overlap", kind=float),
            window=split_list(window),
            chunk_seconds=split_numbers(chunk_seconds, option="--chunk-seconds", kind=float),
            batch_size=split_numbers(batch_size, option="--batch-size", kind=int),
            shifts=split_numbers(shifts, option="--shifts", kind=int),
            device=split_list(device),
        )
        status = sweep_song(
            song,
            options=options,
            references=references,
            metrics=metrics,
            repeats=repeats,
            reading=Reading(channels, allow_truncated, start, seconds),
            files=SweepFiles(out, figure, store, overwrite),
            as_json=as_json,
            quiet=quiet,
        )
        raise typer.Exit(status)


@app.command()
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model or window, by its id or short name.")],
    checkpoint: Checkpoint = None,
    device: Annotated[str, typer.Option(help="Where a model runs: auto, cpu, cuda, cuda:1 or mps.")] = "cpu",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Check that a model or window keeps what its card promises, and say what to mend."""
    with reporting_errors(debug=debug):
        from workbench.cli.check import check_plugin
        from workbench.cli.messages import showing_notices

        with showing_notices():
            status = check_plugin(name, checkpoint=checkpoint, device=device, as_json=as_json)
        raise typer.Exit(status)


@app.command()
def new_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the package, such as my-separator.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="The package goes to DIR/NAME.")] = Path(),
    debug: Debug = False,
) -> None:
    """Write a package with a model, a window and tests, to make a plugin from."""
    with reporting_errors(debug=debug):
        from workbench.cli.new_plugin import print_new_plugin

        print_new_plugin(name, parent=out)


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
        from workbench.cli.messages import showing_notices
        from workbench.cli.tables import print_listing

        with showing_notices():  # plugins may warn when they are imported
            print_listing(getattr(registry, kind)(), as_json=as_json)
