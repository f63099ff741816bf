"""Tables of models, windows and plugins, for a prompt (text) and for a notebook (HTML)."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Generic, TypeVar, overload

from workbench.errors import WorkbenchError
from workbench.registry.names import join_names
from workbench.registry.records import PluginRecord, RegisteredModel
from workbench.registry.validate import list_stems
from workbench.registry.window_spec import describe_range
from workbench.text_table import GAP, find_width, fold_rows


@dataclass(frozen=True)
class ModelRow:
    """One model of `models`."""

    id: str
    summary: str
    stems: tuple[str, ...]
    origin: str
    status: str


@dataclass(frozen=True)
class WindowRow:
    """One window of `windows`; a parameter reads ``fade=0.1 (0.01 to 0.5)``, its default and range."""

    id: str
    summary: str
    parameters: tuple[str, ...]
    origin: str


@dataclass(frozen=True)
class PluginRow:
    """One plugin of `plugins`, and the ids of what it gave."""

    name: str
    origin: str
    gave: tuple[str, ...]
    status: str
    error: str


Row = TypeVar("Row", ModelRow, WindowRow, PluginRow)


@dataclass(frozen=True, repr=False)
class Listing(Sequence[Row], Generic[Row]):
    """Rows that show as a table; indexed, sliced and looped over like a tuple.

    Args:
        kind: what the rows are: ``"models"``.
        columns: fields of a row, the table's head.
        rows: the rows, in the order in which plugins are loaded.
        note: a line under the table, about what is missing from it.
    """

    kind: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Listing[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Listing[Row]:
        """Give one row, or a listing of several."""
        if isinstance(index, slice):
            return Listing(self.kind, self.columns, self.rows[index], self.note)
        return self.rows[index]

    def __repr__(self) -> str:
        """Draw the table as text, its columns aligned and folded to fit a terminal, or 80 columns."""
        width = find_width()
        cells: list[tuple[str, ...]] = [self.columns, *(self._format_cells(row) for row in self.rows)]
        folded: list[list[str]]
        widths: list[int]
        folded, widths = fold_rows(cells, width=width)
        rule = GAP.join("-" * size for size in widths)
        lines = [*folded[0], rule, *(line for row in folded[1:] for line in row)]
        if not self.rows:
            lines.append(f"(no {self.kind})")
        if self.note:
            lines += textwrap.wrap(self.note, width)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Draw the table as HTML; text from plugins is escaped."""
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = ""
        for row in self.rows:
            cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in self._format_cells(row))
            body += f"<tr>{cells}</tr>"
        if not self.rows:
            body = f'<tr><td colspan="{len(self.columns)}">no {html.escape(self.kind)}</td></tr>'
        note = f"<p>{html.escape(self.note)}</p>" if self.note else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"

    def _format_cells(self, row: Row) -> tuple[str, ...]:
        return tuple(_format_cell(getattr(row, name)) for name in self.columns)


def tabulate_models(plugins: Sequence[PluginRecord]) -> Listing[ModelRow]:
    """List every model of these plugins; stems are those of default parameters."""
    rows = tuple(_describe_model(model, plugin=plugin) for plugin in plugins for model in plugin.models)
    return Listing("models", _name_columns(ModelRow), rows, _mention_failed(plugins))


def tabulate_windows(plugins: Sequence[PluginRecord]) -> Listing[WindowRow]:
    """List every window of these plugins, with its parameters."""
    rows = tuple(
        WindowRow(
            window.id,
            window.card.summary,
            tuple(
                f"{name}={one.default:g} ({describe_range(one.minimum, one.maximum)})"
                for name, one in window.card.parameters.items()
            ),
            plugin.origin,
        )
        for plugin in plugins
        for window in plugin.windows
    )
    return Listing("windows", _name_columns(WindowRow), rows, _mention_failed(plugins))


def tabulate_plugins(plugins: Sequence[PluginRecord]) -> Listing[PluginRow]:
    """List every plugin, also those that failed or are blocked, and why."""
    rows = tuple(PluginRow(one.name, one.origin, one.gave, one.status, one.error) for one in plugins)
    return Listing("plugins", _name_columns(PluginRow), rows)


def _describe_model(model: RegisteredModel, *, plugin: PluginRecord) -> ModelRow:
    stems: tuple[str, ...] = ()
    status = plugin.status
    try:
        stems = list_stems(model.card)
    except WorkbenchError as error:  # a function of the author's, which worked when the model was registered
        status = f"failed: {error}"
    return ModelRow(model.id, model.card.summary, stems, plugin.origin, status)


def _name_columns(row: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(row))


def _mention_failed(plugins: Sequence[PluginRecord]) -> str:
    failed = [one.name for one in plugins if one.status == "failed"]
    return f"failed, so not listed here: plugin {join_names(failed)} (see plugins)" if failed else ""


def _format_cell(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return " ".join(text.split())
