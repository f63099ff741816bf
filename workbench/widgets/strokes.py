"""Strokes of a brush on the plane of time and frequency, as data, and the arithmetic that turns them into a gain.

A brush is an ellipse, so many seconds wide and octaves high, whatever part of the song is shown. With a gain before of
``a``, a stroke of gain ``g`` leaves ``a + (g - a) * w``, where the weight ``w`` is 1 inside and falls to 0 at the edge:
for a distance ``r`` from the stroke's line (0 there, 1 at the edge) and a softness ``s``, ``w`` is 1 up to
``r = 1 - s``, then half a cosine. Where a stroke crosses itself, its greatest weight counts. Distances are taken in
octaves, so that the k-th overtone of a stroke, painted ``1 / k`` as high, is as high in hertz as the stroke itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from workbench.errors import InvalidType, InvalidValue

TOOLS = ("brush", "harmonic", "rectangle", "eraser")  # that take points
WHOLE = ("clear", "invert")  # of a stem's whole plane
NUM_POINTS = {"rectangle": 2, "clear": 0, "invert": 0}  # of others, at least 1
MOST_OVERTONES = 64
EDGE = 1e-9  # what lies on the edge itself is inside, however it was rounded

# Ranges of a stroke's numbers, ends included, with their units.
RANGES = {
    "gain": (0.0, 1.0, ""),
    "softness": (0.0, 1.0, ""),
    "size_seconds": (0.001, 60.0, " s"),
    "size_octaves": (0.01, 12.0, " octaves"),
    "overtones": (0, MOST_OVERTONES, ""),
}


@dataclass(frozen=True)
class Stroke:
    """One stroke.

    Args:
        tool: ``brush``; ``harmonic``, a brush that paints overtones too; ``rectangle`` between two corners;
            ``eraser``, a brush that brings back what was there at the start; ``clear``, likewise everywhere;
            ``invert``, 1 minus the gain everywhere.
        stem: whose gain it changes.
        points: (second, hertz) each.
        gain: what is painted, 0 to 1.
        softness: the part of the way from middle to edge over which the stroke fades, 0 to 1.
        size_seconds: width of the brush; never less than two frames.
        size_octaves: height of the brush; never less than two frequencies of the transform.
        overtones: how many of a harmonic brush, at 2, 3 ... times the stroke's frequency.
        others_get_rest: whether the other stems' gains change in proportion, so that all sum to 1 inside the stroke;
            where they were all 0, in equal parts. An eraser brings theirs back, too.
    """

    tool: str
    stem: str
    points: tuple[tuple[float, float], ...] = ()
    gain: float = 1.0
    softness: float = 0.0
    size_seconds: float = 0.1
    size_octaves: float = 0.5
    overtones: int = 0
    others_get_rest: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, as JSON has them."""
        return {**asdict(self), "points": [list(point) for point in self.points]}


@dataclass(frozen=True)
class Plane:
    """The cells of a gain (frequency, frame): cell (k, t) is at ``k * step_hertz`` and ``t * step_seconds``."""

    num_freqs: int
    num_frames: int
    step_hertz: float
    step_seconds: float

    def heights(self, first: int, stop: int) -> np.ndarray:
        """Octaves above 1 Hz of some frequencies; that of 0 Hz is taken an octave below the next."""
        octaves: np.ndarray = np.log2(np.maximum(np.arange(first, stop), 0.5) * self.step_hertz)
        return octaves

    def height(self, hertz: float) -> float:
        """Likewise of any frequency."""
        return math.log2(max(hertz, self.step_hertz / 2))

    def rows(self, low: float, high: float) -> range:
        """All frequencies between two heights, and perhaps one more on each side."""
        first = math.floor(2.0**low / self.step_hertz) - 1
        return range(max(0, first), min(self.num_freqs, math.ceil(2.0**high / self.step_hertz) + 2))

    def columns(self, start: float, stop: float) -> range:
        """Likewise all frames between two instants in seconds."""
        first = math.floor(start / self.step_seconds) - 1
        return range(max(0, first), min(self.num_frames, math.ceil(stop / self.step_seconds) + 2))


@dataclass(frozen=True, eq=False)
class Cover:
    """How much a stroke covers of each cell in a box.

    Shapes:
        weights: (len(rows), len(columns)), 0 to 1.
    """

    rows: range
    columns: range
    weights: np.ndarray


def read_strokes(entries: object, *, stems: Sequence[str]) -> list[Stroke]:
    """Strokes from what a trait or a file holds, each a mapping.

    Raises:
        InvalidType: no list, an entry that is no mapping, a value of another kind.
        InvalidValue: an unknown key, tool or stem, a number out of its range, too few points.
    """
    if not isinstance(entries, list | tuple):
        raise InvalidType(f"strokes must be a list, got {type(entries).__name__}")
    return [read_stroke(entry, name=f"strokes[{index}]", stems=stems) for index, entry in enumerate(entries)]


def read_stroke(entry: object, *, name: str = "stroke", stems: Sequence[str]) -> Stroke:
    """One of them; see `read_strokes`."""
    if isinstance(entry, Stroke):
        entry = entry.as_dict()
    if not isinstance(entry, Mapping):
        raise InvalidType(f"{name} must be a mapping with tool, stem and points, got {type(entry).__name__}")
    known = Stroke.__dataclass_fields__
    for key in entry:
        if key not in known:
            raise InvalidValue(f"{name} has an unknown key {key!r}; it may have {', '.join(known)}")
    tool, stem = entry.get("tool"), entry.get("stem")
    if tool not in (*TOOLS, *WHOLE):
        raise InvalidValue(f"{name}: tool must be one of {', '.join((*TOOLS, *WHOLE))}, got {tool!r}")
    if stem not in stems:
        raise InvalidValue(f"{name}: stem must be one of {', '.join(stems)}, got {stem!r}")
    points = _read_points(entry.get("points", ()), name=name)
    expected = NUM_POINTS.get(tool)
    if len(points) != expected if expected is not None else not points:
        wanted = "at least 1 point" if expected is None else f"{expected} points"
        raise InvalidValue(f"{name}: {tool} takes {wanted} [seconds, hertz], got {len(points)}")
    rest = entry.get("others_get_rest", False)
    if not isinstance(rest, bool):
        raise InvalidType(f"{name}: others_get_rest must be true or false, got {rest!r}")
    numbers = {key: _read_number(entry[key], f"{name}: {key}", key) for key in RANGES if key in entry}
    return Stroke(str(tool), str(stem), points, **numbers, others_get_rest=rest)


def _read_points(given: object, *, name: str) -> tuple[tuple[float, float], ...]:
    if not isinstance(given, list | tuple):
        raise InvalidType(f"{name}: points must be a list of [seconds, hertz], got {type(given).__name__}")
    for point in given:
        if not isinstance(point, list | tuple) or len(point) != 2 or not all(_is_number(value) for value in point):
            raise InvalidValue(f"{name}: a point must be [seconds, hertz], two finite numbers, got {point!r}")
        if point[1] < 0:
            raise InvalidValue(f"{name}: a frequency must be 0 Hz or above, got {point[1]}")
    return tuple((float(seconds), float(hertz)) for seconds, hertz in given)


def _read_number(value: object, name: str, key: str) -> Any:
    low, high, unit = RANGES[key]
    if not _is_number(value):
        raise InvalidType(f"{name} must be a number, got {value!r}")
    number = float(value)  # type: ignore[arg-type]  # _is_number has told
    if not low <= number <= high:
        raise InvalidValue(f"{name} must be from {low:g} to {high:g}{unit}, got {number:g}")
    if key != "overtones":
        return number
    if not number.is_integer():
        raise InvalidValue(f"{name} must be a whole number, got {number:g}")
    return int(number)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def cover(stroke: Stroke, plane: Plane) -> Cover | None:
    """What a stroke covers, or ``None`` where that is nothing of the plane."""
    if stroke.tool in WHOLE:
        rows, columns = range(plane.num_freqs), range(plane.num_frames)
        return Cover(rows, columns, np.broadcast_to(np.float64(1.0), (len(rows), len(columns))))
    if stroke.tool == "rectangle":
        return _cover_rectangle(stroke, plane)
    return _cover_path(stroke, plane)


def fade(distance: np.ndarray, softness: float) -> np.ndarray:
    """The weight at a distance from the middle, 1 being the edge."""
    inner = 1 - softness
    part = np.minimum((distance - inner) / max(softness, EDGE), 1.0)
    weights: np.ndarray = np.where(distance <= inner + EDGE, 1.0, 0.5 + 0.5 * np.cos(np.pi * np.maximum(part, 0.0)))
    return weights


def _cover_rectangle(stroke: Stroke, plane: Plane) -> Cover | None:
    """Along each axis it fades by itself; thinner than a cell, it is as thin as one."""
    (start, low), (stop, high) = stroke.points
    bottom, top = sorted((plane.height(low), plane.height(high)))
    half_width = max(abs(stop - start) / 2, plane.step_seconds / 2)
    half_height = max((top - bottom) / 2, math.log2(1 + plane.step_hertz / 2.0**bottom) / 2)
    middle, center = (start + stop) / 2, (bottom + top) / 2
    rows = plane.rows(center - half_height, center + half_height)
    columns = plane.columns(middle - half_width, middle + half_width)
    if not rows or not columns:
        return None
    across = np.abs(np.arange(columns.start, columns.stop) * plane.step_seconds - middle) / half_width
    up = np.abs(plane.heights(rows.start, rows.stop) - center) / half_height
    return Cover(rows, columns, np.outer(fade(up, stroke.softness), fade(across, stroke.softness)))


def _cover_path(stroke: Stroke, plane: Plane) -> Cover | None:
    """Around the line through the points, and around those of its overtones."""
    num_lines = 1 + (stroke.overtones if stroke.tool == "harmonic" else 0)
    half_width = max(stroke.size_seconds / 2, plane.step_seconds)
    ends = list(zip(stroke.points, stroke.points[1:], strict=False)) or [(stroke.points[0], stroke.points[0])]
    boxes = []
    for number in range(1, num_lines + 1):
        for (x0, f0), (x1, f1) in ends:
            y0, y1 = plane.height(number * f0), plane.height(number * f1)
            half_height = find_half_height(stroke.size_octaves, number, min(y0, y1), plane.step_hertz)
            rows = plane.rows(min(y0, y1) - half_height, max(y0, y1) + half_height)
            columns = plane.columns(min(x0, x1) - half_width, max(x0, x1) + half_width)
            if rows and columns:
                boxes.append((rows, columns, (x0, y0), (x1, y1), half_height))
    if not boxes:
        return None
    first_row, first_column = min(box[0].start for box in boxes), min(box[1].start for box in boxes)
    shape = max(box[0].stop for box in boxes) - first_row, max(box[1].stop for box in boxes) - first_column
    nearest = np.full(shape, np.inf)
    for rows, columns, start, stop, half_height in boxes:
        x = np.arange(columns.start, columns.stop) * plane.step_seconds / half_width
        y = plane.heights(rows.start, rows.stop)[:, np.newaxis] / half_height
        part = nearest[
            rows.start - first_row : rows.stop - first_row, columns.start - first_column : columns.stop - first_column
        ]
        distance = _measure_distance(
            x, y, (start[0] / half_width, start[1] / half_height), (stop[0] / half_width, stop[1] / half_height)
        )
        np.minimum(part, distance, out=part)
    rows = range(first_row, first_row + shape[0])
    return Cover(rows, range(first_column, first_column + shape[1]), fade(nearest, stroke.softness))


def find_half_height(size_octaves: float, number: int, lowest: float, step_hertz: float) -> float:
    """Octaves from the line of a ``number``-th partial to its edge: at least one frequency of the transform."""
    return max(size_octaves / (2 * number), math.log2(1 + step_hertz / 2.0**lowest))


def _measure_distance(
    x: np.ndarray, y: np.ndarray, start: tuple[float, float], stop: tuple[float, float]
) -> np.ndarray:
    """From each point to a line from ``start`` to ``stop``."""
    dx, dy = stop[0] - start[0], stop[1] - start[1]
    length = dx * dx + dy * dy
    along = np.zeros(()) if length == 0 else np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / length, 0, 1)
    distance: np.ndarray = np.sqrt((x - start[0] - along * dx) ** 2 + (y - start[1] - along * dy) ** 2)
    return distance
