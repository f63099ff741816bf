"""Gains of all stems with strokes on them, one after the other, and back again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.widgets.strokes import Cover, Plane, Stroke, cover

UNDO_BYTES = 256 * 2**20  # of what strokes covered; beyond it an undo paints anew from the start


@dataclass(frozen=True)
class Box:
    """Cells from one row and column up to, and without, another."""

    first_row: int
    stop_row: int
    first_column: int
    stop_column: int

    def join(self, other: Box) -> Box:
        """The least box around both."""
        return Box(
            min(self.first_row, other.first_row),
            max(self.stop_row, other.stop_row),
            min(self.first_column, other.first_column),
            max(self.stop_column, other.stop_column),
        )

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Of an array (stem, freq, frame)."""
        rows, columns = slice(self.first_row, self.stop_row), slice(self.first_column, self.stop_column)
        return slice(None), rows, columns


@dataclass(frozen=True, eq=False)
class Patch:
    """What a stroke covered: of all stems (stem, row, column), or of one."""

    box: Box
    stems: slice
    before: np.ndarray


class PaintedGain:
    """A start, and what strokes make of it; to the same strokes belongs the same gain, whatever the way there.

    Args:
        start: (stem, freq, frame), float32; it is not changed.
        stems: their names.
        plane: of its cells.

    Attributes:
        gain: likewise, with the strokes on it.
    """

    def __init__(self, start: np.ndarray, *, stems: Sequence[str], plane: Plane) -> None:
        self.start, self.stems, self.plane = start, tuple(stems), plane
        self.gain = start.copy()
        self._done: list[Stroke] = []
        self._patches: list[Patch | None] = []  # None: nothing was covered
        self._patch_bytes = 0

    def show(self, strokes: Sequence[Stroke]) -> Box | None:
        """Paint or take back until exactly these strokes are on it; returns where anything may have changed."""
        same = 0
        for old, new in zip(self._done, strokes, strict=False):
            if old != new:
                break
            same += 1
        changed: Box | None = None
        if len(self._done) - same > len(self._patches):  # so far back nothing was kept
            self.gain = self.start.copy()
            self._done, self._patches, self._patch_bytes, same = [], [], 0, 0
            changed = Box(0, self.plane.num_freqs, 0, self.plane.num_frames)
        while len(self._done) > same:
            changed = _join(changed, self._undo())
        for stroke in strokes[same:]:
            changed = _join(changed, self._paint(stroke))
        return changed

    def _undo(self) -> Box | None:
        self._done.pop()
        patch = self._patches.pop()
        if patch is None:
            return None
        _, rows, columns = patch.box.slices
        self.gain[patch.stems, rows, columns] = patch.before
        self._patch_bytes -= patch.before.nbytes
        return patch.box

    def _paint(self, stroke: Stroke) -> Box | None:
        covered = cover(stroke, self.plane)
        self._done.append(stroke)
        if covered is None:
            self._patches.append(None)
            return None
        box = Box(covered.rows.start, covered.rows.stop, covered.columns.start, covered.columns.stop)
        index = self.stems.index(stroke.stem)
        stems = slice(None) if stroke.others_get_rest else slice(index, index + 1)
        _, rows, columns = box.slices
        patch = Patch(box, stems, self.gain[stems, rows, columns].copy())
        self.gain[stems, rows, columns] = lay_on(
            patch.before, self.start[stems, rows, columns], stroke, covered, painted=index - (stems.start or 0)
        )
        self._patches.append(patch)
        self._patch_bytes += patch.before.nbytes
        while self._patch_bytes > UNDO_BYTES and self._patches:
            oldest = self._patches.pop(0)
            self._patch_bytes -= 0 if oldest is None else oldest.before.nbytes
        return box


def lay_on(before: np.ndarray, start: np.ndarray, stroke: Stroke, covered: Cover, *, painted: int) -> np.ndarray:
    """The gains in a stroke's box after it, ``before + (target - before) * weight``.

    Args:
        before: (stem, row, column), of one stem or of all.
        start: likewise, before the first stroke.
        stroke: what is painted.
        covered: where.
        painted: which of the stems is the stroke's own.
    """
    if stroke.tool in ("eraser", "clear"):
        target = start.astype(np.float64)
    else:
        own = 1 - before[painted].astype(np.float64) if stroke.tool == "invert" else np.float64(stroke.gain)
        target = before.astype(np.float64)
        if stroke.others_get_rest and len(before) > 1:
            others = target.sum(axis=0) - target[painted]
            sounding = others > 0
            scale = (1 - own) / np.where(sounding, others, 1.0)
            target = np.where(sounding, target * scale, (1 - own) / (len(before) - 1))
        target[painted] = own
    after: np.ndarray = (before + (target - before) * covered.weights).astype(np.float32)
    return after


def _join(first: Box | None, second: Box | None) -> Box | None:
    if first is None or second is None:
        return first or second
    return first.join(second)
