"""Listings of the registry on standard output: a table in a terminal, plain text in a pipe, or JSON."""

from __future__ import annotations

import dataclasses
import json
import sys

from workbench.cli.messages import make_line
from workbench.registry import Listing, ModelRow, PluginRow, WindowRow


def print_listing(listing: Listing[ModelRow] | Listing[WindowRow] | Listing[PluginRow], *, as_json: bool) -> None:
    """Print a listing: as JSON a list of objects, an object a row."""
    if as_json:
        print(json.dumps([dataclasses.asdict(row) for row in listing], indent=2))
    elif sys.stdout.isatty():
        _print_table(listing)
    else:
        print(listing)


def _print_table(listing: Listing[ModelRow] | Listing[WindowRow] | Listing[PluginRow]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, caption=Text(listing.note), caption_justify="left")
    for name in listing.columns:
        table.add_column(name, overflow="fold")  # or what is too long would be cut
    for row in listing:
        values = (getattr(row, name) for name in listing.columns)
        texts = (", ".join(value) if isinstance(value, tuple) else value for value in values)
        table.add_row(*(Text(make_line(text)) for text in texts))  # as Text: brackets are no markup
    Console().print(table)
