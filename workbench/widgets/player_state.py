"""The traits of a player, and what they may hold."""

from __future__ import annotations

from typing import Any

from traitlets import Bool, Dict, Enum, Float, Int, List, Unicode, validate

from workbench.core.stems import MIXTURE
from workbench.widgets.base import WorkbenchWidget, bytes_list_trait
from workbench.widgets.errors import RefusedValueError
from workbench.widgets.traits import ViewRange

LOWEST_GAIN_DB, HIGHEST_GAIN_DB = -60.0, 12.0
LEAST_RANGE_DB, MOST_RANGE_DB = 20.0, 120.0
SHORTEST_LOOP_SECONDS = 0.01


class PlayerState(WorkbenchWidget):
    """What `workbench.widgets.StemPlayer` shows and plays; its docstring says what each is."""

    sides = List(Dict()).tag(sync=True)  # letter, title and tracks: key, name, color, role
    sample_rate = Int(44_100).tag(sync=True)
    duration_seconds = Float(0.0).tag(sync=True)
    block_seconds = Float(1.0).tag(sync=True)
    peaks = bytes_list_trait()

    # not echoed: by the time that an echo is back, the song has gone on
    playing = Bool(False).tag(sync=True, echo_update=False)
    playing_view = Unicode("").tag(sync=True, echo_update=False)  # the one of several views that plays
    current_seconds = Float(0.0).tag(sync=True, echo_update=False)
    mute = List(Unicode()).tag(sync=True)
    solo = List(Unicode()).tag(sync=True)
    gains_db = Dict(key_trait=Unicode(), value_trait=Float()).tag(sync=True)
    master_db = Float(0.0).tag(sync=True)
    loop_seconds = List(Float()).tag(sync=True)
    side = Enum(["A", "B"], default_value="A").tag(sync=True)
    null_test = Bool(False).tag(sync=True)
    null_result = Unicode("").tag(sync=True)
    spectrogram_stem = Unicode("").tag(sync=True)
    range_db = Float(80.0).tag(sync=True)
    shown = ViewRange().tag(sync=True)

    @property
    def names(self) -> tuple[str, ...]:
        """All tracks of both sides, each name once."""
        return tuple(dict.fromkeys(track["name"] for side in self.sides for track in side["tracks"]))

    @validate("mute", "solo", "gains_db")
    def _check_names(self, proposal: dict[str, Any]) -> Any:
        for name in proposal["value"]:
            self._check_name(name)
        if proposal["trait"].name == "gains_db":
            for name, gain in proposal["value"].items():
                check_range(f"the gain of {name}", gain, LOWEST_GAIN_DB, HIGHEST_GAIN_DB, unit="dB")
        return proposal["value"]

    @validate("spectrogram_stem")
    def _check_spectrogram_stem(self, proposal: dict[str, Any]) -> Any:
        if proposal["value"]:
            self._check_name(proposal["value"])
        return proposal["value"]

    @validate("master_db")
    def _check_master(self, proposal: dict[str, Any]) -> Any:
        return check_range("master_db", proposal["value"], LOWEST_GAIN_DB, HIGHEST_GAIN_DB, unit="dB")

    @validate("range_db")
    def _check_range(self, proposal: dict[str, Any]) -> Any:
        return check_range("range_db", proposal["value"], LEAST_RANGE_DB, MOST_RANGE_DB, unit="dB")

    @validate("current_seconds")
    def _check_position(self, proposal: dict[str, Any]) -> Any:
        return check_range("current_seconds", proposal["value"], 0.0, self.duration_seconds, unit="s")

    @validate("loop_seconds")
    def _check_loop(self, proposal: dict[str, Any]) -> Any:
        loop = proposal["value"]
        if not loop:
            return loop
        if len(loop) != 2:
            raise RefusedValueError(f"loop_seconds must be [from, to] or empty, got {loop}")
        for end in loop:
            check_range("an end of the loop", end, 0.0, self.duration_seconds, unit="s")
        if loop[1] - loop[0] < min(SHORTEST_LOOP_SECONDS, self.duration_seconds):
            raise RefusedValueError(f"a loop must be at least {SHORTEST_LOOP_SECONDS:g} s long, got {loop}")
        return loop

    @validate("side")
    def _check_side(self, proposal: dict[str, Any]) -> Any:
        if proposal["value"] not in [side["letter"] for side in self.sides]:
            raise RefusedValueError(f"there is no side {proposal['value']}: give another separation as other=")
        return proposal["value"]

    @validate("null_test")
    def _check_null_test(self, proposal: dict[str, Any]) -> Any:
        (side,) = (side for side in self.sides if side["letter"] == self.side)
        roles = {track["role"] for track in side["tracks"]}
        if proposal["value"] and not {MIXTURE, "stem"} <= roles:
            raise RefusedValueError("a null test needs the mixture and its stems: give both, the song as mixture=")
        return proposal["value"]

    def _check_name(self, name: str) -> None:
        if name not in self.names:
            raise RefusedValueError(f"there is no track {name!r}; there are {', '.join(self.names)}")


def check_range(what: str, value: float, low: float, high: float, *, unit: str) -> float:
    """The value itself, if it lies within.

    Raises:
        RefusedValueError: otherwise, or NaN.
    """
    if not low <= value <= high:
        raise RefusedValueError(f"{what} must be from {low:g} to {high:g} {unit}, got {value:g}")
    return value
