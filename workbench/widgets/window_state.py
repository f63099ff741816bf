"""The settings of a window explorer, and how they follow one another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from traitlets import Dict, Enum, Int, List, Unicode

from workbench.core.grid import ChunkGrid, hop_from_overlap
from workbench.errors import InvalidValue
from workbench.registry import find_window, parse_window
from workbench.registry.cards import WindowCard
from workbench.registry.window_spec import fill_parameters
from workbench.widgets.base import WorkbenchWidget
from workbench.widgets.overlap_mistakes import MISTAKES
from workbench.widgets.traits import FiniteFloat, ViewRange
from workbench.widgets.window_facts import list_windows
from workbench.widgets.window_signals import SIGNALS

LONGEST_CHUNK = 2**22  # samples
SETTINGS = ("window", "parameters", "chunk_samples", "hop_samples", "overlap", "mistake", "signal", "start_seconds")


class WindowState(WorkbenchWidget):
    """What `workbench.widgets.WindowExplorer` is set to; its docstring says what each is."""

    window = Unicode("windows.hann").tag(sync=True)
    parameters = Dict(key_trait=Unicode(), value_trait=FiniteFloat()).tag(sync=True)
    chunk_samples = Int(16_384).tag(sync=True)
    hop_samples = Int(8192).tag(sync=True)
    overlap = FiniteFloat(0.5).tag(sync=True)
    mistake = Enum(["", *MISTAKES], default_value="").tag(sync=True)
    signal = Enum(SIGNALS, default_value="noise").tag(sync=True)
    start_seconds = FiniteFloat(0.0).tag(sync=True)
    num_added = Int(-1, min=-1).tag(sync=True)
    shown = ViewRange().tag(sync=True)

    # what the browser lists and says; the verdict is of the last settings that could be
    known_windows = List(Dict()).tag(sync=True)
    known_mistakes = List(Dict()).tag(sync=True)
    signals = List(Unicode()).tag(sync=True)
    latest_start_seconds = FiniteFloat(0.0).tag(sync=True)
    facts = List(Dict()).tag(sync=True)
    drawn = Dict().tag(sync=True)
    _card: WindowCard | None = None  # of the window that was measured last
    _measured: tuple[object, ...] = ()  # the settings that were measured last

    def refresh_windows(self) -> None:
        """Read the list of windows again: one that a cell has registered since is in it then."""
        self.known_windows = list_windows()
        if self.is_setting_together or self._card is None:
            return
        card = find_window(self.window).card
        if card is not self._card:  # a cell has written the window that is shown anew
            with self.setting_together():
                self._adapt("parameters" if set(self.parameters) <= set(card.parameters) else "window")
                self._measure()

    def _follow(self, change: Mapping[str, Any]) -> None:
        if self.is_setting_together:
            return
        with self.setting_together():
            self._adapt(change["name"])
            settings = tuple(getattr(self, name) for name in SETTINGS)
            if settings != self._measured:  # the browser sends a window and its parameters at once
                self._measure()
                self._measured = settings

    def _adapt(self, name: str) -> None:
        """Bring what depends on a setting into line with it."""
        if name == "window":
            text, given = parse_window(self.window)
            found = find_window(text)
            self.parameters, self.window = fill_parameters(found, given), found.id
            if all(found.id != one["id"] for one in self.known_windows):
                self.refresh_windows()
        elif name == "parameters":
            self.parameters = fill_parameters(find_window(self.window), self.parameters)
        elif name == "mistake" and self.mistake:
            self.window, self.overlap = MISTAKES[self.mistake].window, MISTAKES[self.mistake].overlap
            self._adapt("window")
            self._adapt("overlap")
        elif name in ("chunk_samples", "overlap"):
            self.hop_samples = hop_from_overlap(self._check_chunk(), self.overlap)
        elif name == "hop_samples":
            self.overlap = 1 - ChunkGrid(1, self._check_chunk(), self.hop_samples).hop_size / self.chunk_samples

    def _check_chunk(self) -> int:
        if not 1 <= self.chunk_samples <= LONGEST_CHUNK:
            raise InvalidValue(f"a chunk must have from 1 to {LONGEST_CHUNK} samples, got {self.chunk_samples}")
        return self.chunk_samples

    def _measure(self) -> None:
        raise NotImplementedError
