"""What goes to standard error: errors, notes and warnings, each in one plain line, and progress."""

from __future__ import annotations

import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workbench.errors import ModelError, WorkbenchError, WorkbenchNotice
from workbench.io.staging import NO_ROOM
from workbench.pipeline.out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    from workbench.pipeline.events import Event

MENDABLE = 2  # the user can mend it
FAULT = 1  # of the program, or of a model or plugin
INTERRUPTED = 130  # 128 + SIGINT, as shells count
DEBUG_HINT = "; run it again with --debug to see where"


def make_line(text: object) -> str:
    """Text as one line that a terminal shows as it is: control characters, line ends included, are written out."""
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else character
        for character in str(text)
    )


def print_error(message: object) -> None:
    """``error: ...`` on standard error. Not by rich, which would wrap it and take brackets for markup."""
    print(f"error: {make_line(message)}", file=sys.stderr)


def print_note(message: object, *, kind: str = "note") -> None:
    """``note: ...`` on standard error."""
    print(f"{kind}: {make_line(message)}", file=sys.stderr)


def report_error(error: BaseException, *, debug: bool, song: object = None) -> int:
    """Print an error in one line, after its traceback if wanted.

    Args:
        error: what was raised.
        debug: whether to print the traceback.
        song: put in front of a message that does not begin with it, where there are several.

    Returns:
        The exit status.
    """
    if isinstance(error, KeyboardInterrupt):
        status = getattr(error, "status", None)  # of SIGTERM, which is raised as one
        print_error("interrupted" if status is None else error)
        return INTERRUPTED if status is None else int(status)
    if debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, WorkbenchError):
        message, status = str(error), FAULT if isinstance(error, ModelError) else MENDABLE
    elif isinstance(error, OSError) and error.errno in NO_ROOM:
        what = f"cannot write {error.filename or 'the output'}: {error.strerror}"
        message, status = f"{what}; make room, or choose another folder", MENDABLE
    elif is_out_of_memory(error):
        message = "out of memory; take a smaller chunk_seconds or batch_size, a shorter song, or --device cpu"
        status = MENDABLE
    else:
        reason = " ".join(str(error).split())
        message, status = f"unexpected {type(error).__name__}{': ' if reason else ''}{reason}", FAULT
    if song is not None and not message.startswith(f"{song}:"):
        message = f"{song}: {message}"
    print_error(message + (DEBUG_HINT if status == FAULT and not debug else ""))
    return status


@contextmanager
def showing_notices() -> Iterator[list[str]]:
    """Print warnings as they come, in one line each; of our own notices also keep the texts."""
    notices: list[str] = []

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: object = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, WorkbenchNotice):
            notices.append(str(message))
            print_note(message)
        else:  # from a library
            print_note(" ".join(f"{category.__name__}: {message}".split()), kind="warning")

    with warnings.catch_warnings():
        warnings.simplefilter("always", WorkbenchNotice)
        warnings.showwarning = show
        yield notices


@contextmanager
def showing_progress(label: str, *, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """A bar on standard error, if that is a terminal; gives what is to be called with each event of a run."""
    from rich.console import Console

    from workbench.progress import open_bar

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda event: None
        return
    with open_bar(console=console, label=label) as draw:
        yield draw
