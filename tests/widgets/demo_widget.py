"""A small widget that uses every part of the kit: a song's spectrogram and lanes below it."""

from __future__ import annotations

from pathlib import Path

from traitlets import Bool, Float, Int, List, Unicode

from workbench.errors import InvalidValue
from workbench.widgets.base import CANVAS_KIT, WorkbenchWidget, bytes_list_trait, bytes_trait, read_module
from workbench.widgets.levels import Levels, colour_table

SOURCE = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


class Demo(WorkbenchWidget):
    """Shows what it is given."""

    _esm = read_module(*CANVAS_KIT) + SOURCE
    label = Unicode("Demo of the kit").tag(sync=True)
    levels, colours, peaks = bytes_trait(), bytes_trait(), bytes_list_trait()
    rows, columns = Int(1).tag(sync=True), Int(1).tag(sync=True)
    hop_seconds = Float(0.01).tag(sync=True)
    floor_db = Float(-80.0).tag(sync=True)
    hop_samples = Int(512).tag(sync=True)
    stem = Unicode("drums").tag(sync=True)
    count = Int(3).tag(sync=True)
    solo, normalize = Bool(False).tag(sync=True), Bool(True).tag(sync=True)
    name = Unicode("").tag(sync=True)
    shown = List(Float()).tag(sync=True)
    clicked = List(Float()).tag(sync=True)

    def __init__(self, levels: Levels, peaks: list[bytes], **traits: object) -> None:
        super().__init__(
            levels=levels.data,
            rows=levels.num_rows,
            columns=levels.num_columns,
            peaks=peaks,
            colours=colour_table("magma"),
            **traits,
        )
        self.watch(self._on_count, "count")
        self.on_message(self._answer)

    def _on_count(self, change: dict[str, int]) -> None:
        if change["new"] == 7:
            raise InvalidValue("count must not be 7, got 7; take another")
        if change["new"] == 8:
            raise ZeroDivisionError("division by zero")

    def _answer(self, content: dict[str, int], buffers: list[memoryview]) -> None:
        self.send({"answer": content["ask"] * 21})
