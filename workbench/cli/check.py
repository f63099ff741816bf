"""``workbench check``: the conformance kit on the command line."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.cli.messages import MENDABLE, make_line
from workbench.errors import InvalidValue
from workbench.io.checkpoint_file import check_checkpoint_file
from workbench.registry import find_model, find_window, models, windows
from workbench.registry.lookup import shorten_id
from workbench.registry.names import join_names, suggest_nearest
from workbench.text_table import find_width, fold_rows

if TYPE_CHECKING:
    from workbench.registry.checks import Report

COLORS = {"passed": "green", "failed": "red", "skipped": "yellow"}


def check_plugin(name: str, *, checkpoint: Path | None, device: str, as_json: bool) -> int:
    """Check the model or window of that name, or both where both are called so, and print what was found.

    Args:
        name: an id, or a short name while that is unique.
        checkpoint: the weights of a model.
        device: where a model runs.
        as_json: print an object, with a list ``reports`` that has an object for each of model and window.

    Returns:
        The exit status: 0 if no check failed.

    Raises:
        InvalidValue: nothing is called so, or more than one model or window is.
        CheckpointError: there is no such file of weights.
    """
    reports = run_reports(name, checkpoint=checkpoint, device=device)
    passed = all(report.passed for report in reports)
    if as_json:
        objects = [dataclasses.asdict(report) | {"passed": report.passed} for report in reports]
        print(json.dumps({"passed": passed, "reports": objects}, indent=2))
    else:
        for report in reports:
            print_report(report)
    return 0 if passed else MENDABLE


def run_reports(name: str, *, checkpoint: Path | None, device: str) -> list[Report]:
    """Check all that is called so."""
    known_models, known_windows = ([row.id for row in rows] for rows in (models(), windows()))
    is_model, is_window = (
        any(name in (one, shorten_id(one)) for one in known) for known in (known_models, known_windows)
    )
    if not is_model and not is_window:
        known = [*known_models, *known_windows]
        hint = suggest_nearest(name, [*map(shorten_id, known), *known]) or f"; known are {join_names(known)}"
        raise InvalidValue(f"no model and no window is called {name!r}{hint} (see: workbench plugins)")
    if checkpoint is not None and not is_model:
        raise InvalidValue(f"{name} is a window, which has no weights: leave --checkpoint out")
    if checkpoint is not None:
        check_checkpoint_file(checkpoint)

    # both raise for a short name that two plugins share
    model = find_model(name) if is_model else None
    window = find_window(name) if is_window else None
    from workbench.pipeline.decision import choose_device
    from workbench.registry.checks import check_model, check_window

    chosen = str(choose_device(device))
    reports = []
    if model is not None:
        reports.append(
            dataclasses.replace(check_model(model.card, checkpoint=checkpoint, device=chosen), subject=model.id)
        )
    if window is not None:
        reports.append(dataclasses.replace(check_window(window.card), subject=window.id))
    return reports


def print_report(report: Report) -> None:
    """A table with color in a terminal, plain text in a pipe."""
    if not sys.stdout.isatty():
        rows = [(one.check, one.outcome, make_line(one.message)) for one in report.results]
        folded, _ = fold_rows(rows, width=find_width())
        print("\n".join([*(line for row in folded for line in row), report.summary]))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for name in ("check", "outcome", "what to mend, or why it was skipped"):
        table.add_column(name, overflow="fold")  # or what is too long would be cut
    for one in report.results:
        # as Text: brackets of a message are no markup
        table.add_row(Text(one.check), Text(one.outcome, style=COLORS[one.outcome]), Text(make_line(one.message)))
    console = Console()
    console.print(table)
    console.print(Text(report.summary))
