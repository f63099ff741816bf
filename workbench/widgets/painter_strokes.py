"""How a mask painter paints: strokes, one after the other, on the gain that they are laid on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from workbench.pipeline.song_mask import SongMask
from workbench.widgets.painted_gain import Box, PaintedGain
from workbench.widgets.painter_state import PainterState
from workbench.widgets.strokes import Stroke, read_strokes

SETTINGS = ("gain", "softness", "size_seconds", "size_octaves", "others_get_rest")  # of every stroke


class PainterStrokes(PainterState):
    """The part of `workbench.widgets.MaskPainter` that turns strokes into gains."""

    _painted: PaintedGain | None = None
    _read: Sequence[Stroke] = ()  # `strokes`, as they were checked

    def paint(self, points: Sequence[Sequence[float]] = (), *, tool: str | None = None, **changes: Any) -> None:
        """One stroke more, with the widget's settings but for ``changes``; strokes that were undone are gone.

        Args:
            points: (second, hertz) each; two corners of a rectangle; none for ``clear`` and ``invert``.
            tool: of `workbench.widgets.strokes.Stroke`, the widget's own by default.
            changes: other fields of `Stroke`: gain, softness, stem ...

        Raises:
            InvalidValue: a stroke that cannot be.
        """
        tool = self.tool if tool is None else tool
        entry = {name: getattr(self, name) for name in (*SETTINGS, "stem")}
        entry |= {"tool": tool, "points": [list(point) for point in points]}
        entry |= {"overtones": self.overtones} if tool == "harmonic" else {}
        self.assign(strokes=[*self.strokes[: self.position], {**entry, **changes}])

    def undo(self) -> None:
        """Take the last stroke back, if there is one."""
        self.position = max(0, self.position - 1)

    def redo(self) -> None:
        """Paint again what was last taken back."""
        self.position = min(len(self.strokes), self.position + 1)

    @property
    def mask(self) -> SongMask:
        """The mask as it is painted, of all stems; a copy, that further strokes do not change."""
        return SongMask(torch.from_numpy(self._canvas.gain.copy()), self._song.hop_samples)

    @property
    def _stem_index(self) -> int:
        return self._song.stem_names.index(self.stem)

    @property
    def _canvas(self) -> PaintedGain:
        assert self._painted is not None  # from the end of __init__ on
        return self._painted

    def _begin(self) -> None:
        """A new canvas, with what the strokes are laid on."""
        song = self._song
        makers: dict[str, Callable[[], np.ndarray]] = {
            "model": song.measure_model_mask,
            "ones": lambda: song.fill(1.0),
            "zeros": lambda: song.fill(0.0),
        }
        with self.working():
            start = makers[self.start]() if self.start in makers else self._given
            assert start is not None  # which the trait has checked
            self._painted = PaintedGain(start, stems=song.stem_names, plane=song.plane)
            self._canvas.show(self._read[: self.position])

    def _on_start(self, change: object = None) -> None:
        self._begin()
        self._update_gain(None)

    def _on_strokes(self, change: object) -> None:
        self._read = read_strokes(self.strokes, stems=self._song.stem_names)
        self.position = len(self.strokes)
        self._show()

    def _on_position(self, change: object) -> None:
        self._show()

    def _show(self) -> None:
        if self.position > len(self._read):
            return  # the strokes themselves are still to be told
        box = self._canvas.show(self._read[: self.position])
        if box is not None:
            self._update_gain(box)

    def _update_gain(self, box: Box | None) -> None:
        """Called when gains are other ones, in a box or (without one) all of them and what they started from."""
        raise NotImplementedError
