"""What a mask painter holds: its traits, and what they take."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Dict, Enum, Float, Int, List, TraitError, Unicode, validate

from workbench.widgets.base import WorkbenchWidget, bytes_trait
from workbench.widgets.strokes import RANGES, TOOLS

STARTS = {
    "model": "the model's mask",
    "ones": "all of the mixture (1)",
    "zeros": "nothing (0)",
    "given": "the mask that was given",
}


class PainterState(WorkbenchWidget):
    """Traits of `workbench.widgets.MaskPainter`."""

    stem = Unicode().tag(sync=True)
    tool = Enum((*TOOLS, "move"), "brush", help="move drags the view and paints nothing.").tag(sync=True)
    gain = Float(0.0).tag(sync=True)
    softness = Float(0.5).tag(sync=True)
    size_seconds = Float(0.2).tag(sync=True)
    size_octaves = Float(0.5).tag(sync=True)
    overtones = Int(8, help="Of the harmonic brush.").tag(sync=True)
    others_get_rest = Bool(False, help="Scale the other stems so that all sum to 1.").tag(sync=True)
    start = Enum(tuple(STARTS), "model", help="What the strokes are laid on.").tag(sync=True)
    strokes = List(Dict(), help="Every stroke as data; setting it shows them all.").tag(sync=True, echo_update=False)
    position = Int(0, min=0, help="How many of the strokes are on the mask: undo lowers it.").tag(sync=True)
    view = List(Float(), help="[from s, to s, low Hz, high Hz], or [] for all.").tag(sync=True)
    veil = Float(0.8, min=0.0, max=1.0, help="Opacity where the gain is 0.").tag(sync=True)
    floor_db = Float(-80.0, min=-100.0, max=-10.0).tag(sync=True)
    frequency_axis = Enum(("log", "linear"), "log").tag(sync=True)
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
            raise TraitError(f"{name} must be from {low:g} to {high:g}{unit}, got {value}")
        return value

    @validate("view")
    def _check_view(self, proposal: dict[str, Any]) -> list[float]:
        view = list(proposal["value"])
        if len(view) not in (0, 2, 4) or any(not view[place] < view[place + 1] for place in range(0, len(view), 2)):
            raise TraitError(f"view must be [], [from s, to s] or [from s, to s, low Hz, high Hz], got {view}")
        return view
