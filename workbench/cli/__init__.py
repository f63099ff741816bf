"""The command line: parses, calls, prints. What it does can all be done from Python.

Exit status: 0 all went well; 2 something that the user can mend; 1 a fault of the program or of a model; 130 Ctrl-C.
Results go to standard output; errors (one line each), notes and progress to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, ``sys.argv`` unless arguments are given, and exit with its status."""
    from workbench.cli.messages import report_error

    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file name that the terminal cannot show is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    try:
        from workbench.cli.app import run

        status = run(arguments)
    except (Exception, KeyboardInterrupt) as error:  # before or after the part that reports it itself
        status = report_error(error, debug="--debug" in arguments)
    sys.exit(status)
