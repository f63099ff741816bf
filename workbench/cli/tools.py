"""The commands around a separation: what there is, whether it is right, how good it was, and where to go on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.app import app, reporting_errors
from workbench.cli.options import Checkpoint, Debug, Json


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
