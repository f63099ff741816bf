"""The app, its errors and its version. What is heavy is imported inside of a command, so that ``--help`` is quick."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from workbench import __version__
from workbench.cli.messages import MENDABLE, print_error, report_error

# Help in plain text: rich's took 0.3 s more, as much again as all the rest.
app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
# What typer raises for a wrong option. Newer versions bring click along inside, so that it is found from here.
CommandLineError: type[Any] = typer.BadParameter.__mro__[2]


def run(arguments: Sequence[str]) -> int:
    """Run a command; gives its exit status. A wrong option is one line on standard error, like any other error."""
    from workbench.cli import runs, tools  # noqa: F401 - they add their commands to the app

    try:
        status = app(
            [expand_argument(word) for word in arguments] or ["--help"], prog_name="workbench", standalone_mode=False
        )
    except CommandLineError as error:
        command = error.ctx.command_path if getattr(error, "ctx", None) else "workbench"
        print_error(f"{error.format_message()} (see {command} --help)")
        return MENDABLE
    return status if isinstance(status, int) else 0


def expand_argument(word: str) -> str:
    """An argument, or the value in ``--option=value``, with the home folder where it is a path that begins with ``~/``:
    where it is quoted, and behind ``=``, shells leave that as it is.
    """
    option, equals, value = word.partition("=")
    if word.startswith("--") and equals and value.startswith("~/"):
        return f"{option}={os.path.expanduser(value)}"
    return os.path.expanduser(word) if word.startswith("~/") else word


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
