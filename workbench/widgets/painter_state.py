"""What a mask painter holds: its traits, and what they take."""

from __future__ import annotations

from typing import Any

import numpy as np
from traitlets import Bool, Dict, Enum, Int, List, Unicode, validate

from workbench.errors import WorkbenchError
from workbench.widgets.base import WorkbenchWidget, bytes_trait
from workbench.widgets.errors import RefusedValueError
from workbench.widgets.painted_song import PaintedSong
from workbench.widgets.strokes import RANGES, TOOLS, read_strokes
from workbench.widgets.traits import FiniteFloat, ViewRange

STARTS = {
    "model": "the model's mask",
    "ones": "all of the mixture (1)",
    "zeros": "nothing (0)",
    "given": "the mask that was given",
}


class PainterState(WorkbenchWidget):
    """Traits of `workbench.widgets.MaskPainter`, each checked against the song that is painted on."""

    _song: PaintedSong
    _given: np.ndarray | None

    stem = Unicode().tag(sync=True)
    tool = Enum((*TOOLS, "move"), "brush", help="move drags the view and paints nothing.").tag(sync=True)
    gain = FiniteFloat(0.0).tag(sync=True)
    softness = FiniteFloat(0.5).tag(sync=True)
    size_seconds = FiniteFloat(0.2).tag(sync=True)
    size_octaves = FiniteFloat(0.5).tag(sync=True)
    overtones = Int(8, help="Of the harmonic brush.").tag(sync=True)
    others_get_rest = Bool(False, help="Scale the other stems so that all sum to 1.").tag(sync=True)
    start = Enum(tuple(STARTS), "model", help="What the strokes are laid on.").tag(sync=True)
    strokes = List(Dict(), help="Every stroke as data; setting it shows them all.").tag(sync=True, echo_update=False)
    position = Int(0, min=0, help="How many of the strokes are on the mask: undo lowers it.").tag(sync=True)
    view = ViewRange(help="[from s, to s, low Hz, high Hz], or [] for all.").tag(sync=True)
    veil = FiniteFloat(0.8, min=0.0, max=1.0, help="Opacity where the gain is 0.").tag(sync=True)
    floor_db = FiniteFloat(-80.0, min=-100.0, max=-10.0).tag(sync=True)
    frequency_axis = Enum(("log", "linear"), "log").tag(sync=True)
    hear_before = Bool(False, help="Whether one hears the stem as it was before painting.").tag(sync=True)
    loop = Bool(False, help="Whether what is heard begins again at its end.").tag(sync=True)
    status = Unicode(help="What came of playing, saving or applying.").tag(sync=True)
    file = Unicode("painted.json", help="For the buttons Save and Load.").tag(sync=True)

    choices = Dict().tag(sync=True)
    picture = Dict(help="Where the cells of levels and gain lie.").tag(sync=True)
    levels, colours = bytes_trait(), bytes_trait()

    @validate("gain", "softness", "size_seconds", "size_octaves", "overtones")
    def _check_number(self, proposal: dict[str, Any]) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        low, high, unit = RANGES[name]
        if not low <= value <= high:
            raise RefusedValueError(f"{name} must be from {low:g} to {high:g}{unit}, got {value}")
        return value

    @validate("stem")
    def _check_stem(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in self._song.stem_names:
            raise RefusedValueError(
                f"stem must be one of {', '.join(self._song.stem_names)}, got {proposal['value']!r}"
            )
        return str(proposal["value"])

    @validate("start")
    def _check_start(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] == "given" and self._given is None:
            raise RefusedValueError("start 'given' needs a mask: MaskPainter(trace, mask=...), or load an .npz file")
        return str(proposal["value"])

    @validate("strokes")
    def _check_strokes(self, proposal: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            return [stroke.as_dict() for stroke in read_strokes(proposal["value"], stems=self._song.stem_names)]
        except WorkbenchError as error:
            raise RefusedValueError(str(error)) from error

    @validate("position")
    def _check_position(self, proposal: dict[str, Any]) -> int:
        if proposal["value"] > len(self.strokes):
            raise RefusedValueError(
                f"position must be from 0 to the {len(self.strokes)} strokes, got {proposal['value']}"
            )
        return int(proposal["value"])
