"""What the mask explorer remembers and shares with the browser, and what it takes."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Dict, Enum, Int, Unicode, validate

from workbench.core.mask import IDEAL_MASKS
from workbench.errors import InvalidValue
from workbench.figures.style import LEVEL_MAP
from workbench.widgets.base import WorkbenchWidget, bytes_trait
from workbench.widgets.errors import RefusedValueError
from workbench.widgets.mask_explorer_data import MaskData
from workbench.widgets.mask_explorer_pictures import FLOOR_DB, TOP_DB
from workbench.widgets.mask_explorer_words import DIFFERENCES
from workbench.widgets.traits import FiniteFloat, ViewRange

LEVEL_MAPS = (LEVEL_MAP, "viridis", "cividis")


class ChunkIndex(Int["int | None", "int | None"]):
    """A whole number or ``None``, which a validator sees as well; with ``allow_none`` it would not."""

    def validate(self, obj: Any, value: Any) -> int | None:
        """Refuse what is neither."""
        return None if value is None else super().validate(obj, value)


class MaskExplorerTraits(WorkbenchWidget):
    """The traits of `MaskExplorer`, each checked against the run that is explored."""

    _data: MaskData
    _origins: tuple[str, ...]

    stem = Unicode().tag(sync=True)
    channel = Int(0, min=0).tag(sync=True)
    chunk = ChunkIndex(0, help="None is the song, assembled from its chunks.").tag(sync=True)
    origin = Unicode("model", help="override (of a rerun), model or a kind of ideal mask.").tag(sync=True)
    exponent = FiniteFloat(1.0, min=0.0, max=8.0).tag(sync=True)
    threshold = FiniteFloat(0.0, min=0.0, max=1.0, help="Magnitudes below it become 0.").tag(sync=True)
    show_difference = Enum(tuple(DIFFERENCES), "off").tag(sync=True)
    against = Enum(IDEAL_MASKS, "irm", help="The ideal mask that is subtracted.").tag(sync=True)
    floor_db = FiniteFloat(-80.0, min=FLOOR_DB, max=TOP_DB).tag(sync=True)
    top_db = FiniteFloat(0.0, min=FLOOR_DB, max=TOP_DB).tag(sync=True)
    colour_map = Enum(LEVEL_MAPS, LEVEL_MAP, help="Of levels.").tag(sync=True)
    frequency_axis = Enum(("log", "linear"), "log").tag(sync=True)
    view = ViewRange(help="[from s, to s, low Hz, high Hz], or [] for all.").tag(sync=True)
    hear_shown = Bool(False, help="Play only the stretch of time that is shown.").tag(sync=True)

    choices = Dict(help="What there is to choose.").tag(sync=True)
    notice = Unicode(help="What cannot be shown of this run, and why.").tag(sync=True)
    score = Unicode(help="The SDR, in words.").tag(sync=True)
    status = Unicode(help="What came of applying the mask to the song.").tag(sync=True)
    picture = Dict(help="Where the cells of the levels lie; changes with every new picture.").tag(sync=True)
    tables = Dict(help="Colour maps of levels, by name: 768 numbers each.").tag(sync=True)
    mixture_levels, mask_levels, phase_levels = bytes_trait(), bytes_trait(), bytes_trait()
    result_levels, difference_levels = bytes_trait(), bytes_trait()
    mask_colours, phase_colours, difference_colours = bytes_trait(), bytes_trait(), bytes_trait()

    @validate("stem")
    def _check_stem(self, proposal: dict[str, Any]) -> str:
        return self._pick_one("stem", proposal["value"], self._data.stem_names)

    @validate("origin")
    def _check_origin(self, proposal: dict[str, Any]) -> str:
        value = proposal["value"]
        if value in IDEAL_MASKS and self._data.without_ideals:
            raise RefusedValueError(f"origin {value}: {self._data.without_ideals}")
        self._pick_one("origin", value, self._origins)
        if self.chunk is None:
            self._check_song(value)
        return str(value)

    @validate("chunk")
    def _check_chunk(self, proposal: dict[str, Any]) -> int | None:
        value, count = proposal["value"], self._data.trace.grid.num_chunks
        if value is None:
            self._check_song(self.origin)
        elif not 0 <= value < count:
            raise RefusedValueError(f"chunk must be from 0 to {count - 1}, or None for the song, got {value}")
        return None if value is None else int(value)

    def _check_song(self, origin: str) -> None:
        try:
            self._data.check_kept(origin)
        except InvalidValue as error:
            raise RefusedValueError(str(error)) from error

    @validate("channel")
    def _check_channel(self, proposal: dict[str, Any]) -> int:
        count = self._data.plan.num_channels
        if proposal["value"] >= count:
            raise RefusedValueError(f"channel must be from 0 to {count - 1}, got {proposal['value']}")
        return int(proposal["value"])

    @validate("show_difference")
    def _check_difference(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] != "off" and self._data.without_ideals:
            raise RefusedValueError(f"show_difference {proposal['value']}: {self._data.without_ideals}")
        return str(proposal["value"])

    @validate("floor_db", "top_db")
    def _check_levels(self, proposal: dict[str, Any]) -> float:
        name, value = proposal["trait"].name, proposal["value"]
        floor_db, top_db = (value if name == end else getattr(self, end) for end in ("floor_db", "top_db"))
        if not floor_db < top_db:
            raise RefusedValueError(f"floor_db must be below top_db, got {floor_db:g} and {top_db:g} dB")
        return float(value)

    def _pick_one(self, name: str, value: str, choices: tuple[str, ...]) -> str:
        if value not in choices:
            raise RefusedValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
        return value
