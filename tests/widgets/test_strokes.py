from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from workbench.errors import InvalidType, InvalidValue, WorkbenchError
from workbench.widgets.painted_gain import PaintedGain
from workbench.widgets.strokes import Plane, Stroke, cover, read_strokes

STEMS = ("one", "two", "three")
PLANE = Plane(num_freqs=65, num_frames=90, step_hertz=50.0, step_seconds=0.01)

STROKES = {
    "dab": Stroke("brush", "one", ((0.4, 1000.0),), gain=0.25),
    "soft dab": Stroke("brush", "one", ((0.4, 1000.0),), gain=1.0, softness=1.0, size_seconds=0.3, size_octaves=2.0),
    "line": Stroke("brush", "one", ((0.1, 300.0), (0.5, 1200.0), (0.45, 2500.0)), softness=0.4, size_octaves=0.7),
    "thinner than a cell": Stroke("brush", "one", ((0.42, 130.0),), size_seconds=0.001, size_octaves=0.01),
    "at 0 Hz": Stroke("brush", "one", ((0.2, 0.0), (0.4, 60.0)), softness=0.5),
    "beyond the plane": Stroke("brush", "one", ((-0.2, 9000.0), (1.2, 3000.0)), softness=0.2, size_octaves=1.0),
    "overtones": Stroke("harmonic", "one", ((0.2, 210.0), (0.6, 260.0)), softness=0.5, overtones=9, size_octaves=0.4),
    "rectangle": Stroke("rectangle", "one", ((0.6, 2000.0), (0.2, 500.0)), gain=0.5),
    "soft rectangle": Stroke("rectangle", "one", ((0.2, 500.0), (0.6, 2000.0)), softness=0.6),
    "rectangle without a size": Stroke("rectangle", "one", ((0.333, 777.0), (0.333, 777.0))),
    "rectangle of everything": Stroke("rectangle", "one", ((-1.0, 0.0), (9.0, 9e5))),
}


def weigh_cell(stroke: Stroke, plane: Plane, row: int, column: int) -> float:
    """The weight of one cell by what the docstrings say, with no boxes and no arrays."""
    y, x = octaves_of(row * plane.step_hertz, plane), column * plane.step_seconds
    if stroke.tool == "rectangle":
        (x0, f0), (x1, f1) = stroke.points
        low, high = sorted((octaves_of(f0, plane), octaves_of(f1, plane)))
        width = max(abs(x1 - x0), plane.step_seconds)
        height = max(high - low, math.log2(1 + plane.step_hertz / 2**low))
        across = fade_by_hand(abs(x - (x0 + x1) / 2) / (width / 2), stroke.softness)
        return across * fade_by_hand(abs(y - (low + high) / 2) / (height / 2), stroke.softness)
    weights = [0.0]
    for number in range(1, 2 + (stroke.overtones if stroke.tool == "harmonic" else 0)):
        points = [(seconds, octaves_of(number * hertz, plane)) for seconds, hertz in stroke.points]
        for start, stop in zip(points, points[1:] or points, strict=False):
            lowest = 2 ** min(start[1], stop[1])
            half_height = max(stroke.size_octaves / 2 / number, math.log2((lowest + plane.step_hertz) / lowest))
            half_width = max(stroke.size_seconds / 2, plane.step_seconds)
            a = complex(start[0] / half_width, start[1] / half_height)
            b = complex(stop[0] / half_width, stop[1] / half_height)
            at = complex(x / half_width, y / half_height)
            along = 0.0 if a == b else ((at - a) * (b - a).conjugate()).real / abs(b - a) ** 2
            nearest = a + min(1.0, max(0.0, along)) * (b - a)
            weights.append(fade_by_hand(abs(at - nearest), stroke.softness))
    return max(weights)


def octaves_of(hertz: float, plane: Plane) -> float:
    return math.log2(max(hertz, plane.step_hertz / 2))


def fade_by_hand(distance: float, softness: float) -> float:
    if distance <= 1 - softness + 1e-9:
        return 1.0
    if distance >= 1 or softness == 0:
        return 0.0
    return math.cos(math.pi / 2 * (distance - (1 - softness)) / softness) ** 2


def spread(stroke: Stroke, plane: Plane = PLANE) -> np.ndarray:
    """The weights on the whole plane."""
    weights = np.zeros((plane.num_freqs, plane.num_frames))
    covered = cover(stroke, plane)
    if covered is not None:
        rows, columns = covered.rows, covered.columns
        weights[rows.start : rows.stop, columns.start : columns.stop] = covered.weights
    return weights


def make_gain(start: float = 0.5) -> PaintedGain:
    return PaintedGain(np.full((3, 65, 90), start, np.float32), stems=STEMS, plane=PLANE)


@pytest.mark.parametrize("name", STROKES)
def test_a_stroke_covers_what_a_loop_over_cells_finds(name: str) -> None:
    stroke = STROKES[name]
    expected = [[weigh_cell(stroke, PLANE, row, column) for column in range(90)] for row in range(65)]
    assert np.abs(spread(stroke) - expected).max() < 1e-9  # one formula, rounded twice
    assert spread(stroke).max() > 0.1  # none of them misses the plane


def test_softness_says_where_the_edge_begins() -> None:
    dab = Stroke("brush", "one", ((0.4, 800.0),), softness=0.5, size_seconds=0.4, size_octaves=8.0)
    row = spread(dab)[16, 40:61]  # to the right of the middle, 20 cells to the edge
    assert row[:11] == pytest.approx(1)
    assert row[15] == pytest.approx(0.5)
    assert np.all(np.diff(row[10:]) < 0)
    assert row[20] == pytest.approx(0, abs=1e-12)


def test_overtones_are_as_high_in_hertz_as_the_stroke_itself() -> None:
    plane = Plane(num_freqs=4001, num_frames=3, step_hertz=1.0, step_seconds=0.01)
    stroke = Stroke("harmonic", "one", ((0.01, 440.0),), overtones=6, size_seconds=0.1, size_octaves=0.2)
    painted = np.flatnonzero(spread(stroke, plane)[:, 1])
    bands = np.split(painted, np.flatnonzero(np.diff(painted) > 1) + 1)
    assert [round(float(np.sqrt(band[0] * band[-1])) / 440) for band in bands] == [1, 2, 3, 4, 5, 6, 7]
    # 440 * (2 ** 0.1 - 2 ** -0.1) = 61.0; steeper at its ends the fewer octaves, by less than a hertz
    assert all(len(band) == pytest.approx(61, abs=2) for band in bands)


def test_a_stroke_that_crosses_itself_counts_once() -> None:
    back = Stroke("brush", "one", ((0.2, 500.0), (0.5, 500.0), (0.2, 500.0)), gain=0.0, softness=0.7)
    there = Stroke("brush", "one", back.points[:2], gain=0.0, softness=0.7)
    assert np.abs(spread(back) - spread(there)).max() < 1e-12  # the way back is measured from its other end


def test_strokes_lie_on_one_another_and_come_off_again() -> None:
    painted = make_gain()
    soft, rectangle = STROKES["soft dab"], STROKES["rectangle"]
    painted.show([soft])
    first = painted.gain.copy()
    expected = 0.5 + (1.0 - 0.5) * spread(soft)
    assert np.abs(first[0] - expected).max() < 1e-7  # float32
    assert np.array_equal(first[1:], np.full((2, 65, 90), 0.5, np.float32))
    painted.show([soft, rectangle])
    weights = spread(rectangle)
    assert np.abs(painted.gain[0] - (first[0] + (0.5 - first[0]) * weights)).max() < 1e-7
    box = painted.show([soft])  # undo
    assert np.array_equal(painted.gain, first)
    assert box is not None
    assert weights[box.first_row : box.stop_row, box.first_column : box.stop_column].sum() == weights.sum()
    assert painted.show([soft]) is None
    painted.show([rectangle])  # other strokes
    assert np.array_equal(painted.gain[0, weights == 1], np.full(int(weights.sum()), 0.5, np.float32))
    painted.show([])
    assert np.array_equal(painted.gain, painted.start)


def test_an_undo_beyond_what_was_kept_paints_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, short = make_gain(), make_gain()
    strokes = [STROKES[name] for name in ("line", "soft dab", "overtones", "soft rectangle")]
    monkeypatch.setattr("workbench.widgets.painted_gain.UNDO_BYTES", 3000)
    short.show(strokes)
    monkeypatch.undo()
    kept.show(strokes)
    assert np.array_equal(short.gain, kept.gain)
    for count in (3, 1, 4, 0, 2):
        short.show(strokes[:count])
        kept.show(strokes[:count])
        assert np.array_equal(short.gain, kept.gain)


def test_eraser_clear_and_invert() -> None:
    start = np.random.default_rng(0).random((3, 65, 90), np.float32)
    painted = PaintedGain(start, stems=STEMS, plane=PLANE)
    over = Stroke("rectangle", "two", ((0.0, 0.0), (9.0, 9e4)), gain=0.75)
    painted.show([over, Stroke("eraser", "two", ((0.4, 1000.0),), softness=0.5, size_seconds=0.3)])
    weights = spread(Stroke("brush", "two", ((0.4, 1000.0),), softness=0.5, size_seconds=0.3))
    assert np.abs(painted.gain[1] - (0.75 + (start[1] - 0.75) * weights)).max() < 1e-6  # float32, twice
    painted.show([over, Stroke("clear", "two")])
    assert np.array_equal(painted.gain, start)
    painted.show([Stroke("invert", "two")])
    assert np.array_equal(painted.gain[1], 1 - start[1])
    assert np.array_equal(painted.gain[[0, 2]], start[[0, 2]])


def test_the_others_share_the_rest_in_proportion() -> None:
    start = np.empty((3, 65, 90), np.float32)
    start[:] = np.array([0.5, 0.375, 0.125], np.float32)[:, None, None]
    painted = PaintedGain(start, stems=STEMS, plane=PLANE)
    painted.show([Stroke("rectangle", "one", ((0.2, 500.0), (0.6, 2000.0)), gain=0.2, others_get_rest=True)])
    inside = spread(STROKES["rectangle"]) == 1
    assert np.allclose(painted.gain[:, inside], np.array([0.2, 0.6, 0.2])[:, None], atol=1e-6)
    assert np.array_equal(painted.gain[:, ~inside], start[:, ~inside])
    soft = Stroke("brush", "two", ((0.3, 900.0), (0.6, 400.0)), gain=0.9, softness=1.0, others_get_rest=True)
    for tool in ("brush", "eraser"):
        painted.show([Stroke(tool, "two", soft.points, gain=0.9, softness=1.0, others_get_rest=True)])
        assert np.abs(painted.gain.sum(axis=0) - 1).max() < 1e-6
    alone = Stroke("invert", "three", others_get_rest=True)
    painted.show([alone])
    assert np.allclose(painted.gain[:, 0, 0], [0.125 * 4 / 7, 0.125 * 3 / 7, 0.875])
    nothing = PaintedGain(np.zeros((3, 65, 90), np.float32), stems=STEMS, plane=PLANE)
    nothing.show([Stroke("rectangle", "one", ((0.0, 0.0), (9.0, 9e4)), gain=0.5, others_get_rest=True)])
    assert np.allclose(nothing.gain[:, 30, 30], [0.5, 0.25, 0.25])  # in equal parts where the others had nothing


@pytest.mark.parametrize(
    ("entry", "error", "reason"),
    [
        ([1, 2], InvalidType, "must be a mapping"),
        ({"tool": "spray", "stem": "one"}, InvalidValue, r"strokes\[0\]: tool must be one of brush, .* got 'spray'"),
        ({"tool": "brush", "stem": "four", "points": [[0, 1]]}, InvalidValue, "stem must be one of one, two, three"),
        ({"tool": "brush", "stem": "one"}, InvalidValue, "brush takes at least 1 point"),
        ({"tool": "rectangle", "stem": "one", "points": [[0, 1]]}, InvalidValue, "takes 2 points .*, got 1"),
        ({"tool": "clear", "stem": "one", "points": [[0, 1]]}, InvalidValue, "takes 0 points .*, got 1"),
        ({"tool": "brush", "stem": "one", "points": [[0, "a"]]}, InvalidValue, "two finite numbers"),
        ({"tool": "brush", "stem": "one", "points": [[0, math.nan]]}, InvalidValue, "two finite numbers"),
        ({"tool": "brush", "stem": "one", "points": [[0, -1]]}, InvalidValue, "0 Hz or above, got -1"),
        ({"tool": "brush", "stem": "one", "points": [[0, 1]], "gain": 1.5}, InvalidValue, "gain must be from 0 to 1"),
        ({"tool": "brush", "stem": "one", "points": [[0, 1]], "gain": "loud"}, InvalidType, "gain must be a number"),
        ({"tool": "brush", "stem": "one", "points": [[0, 1]], "size_seconds": 0}, InvalidValue, "0.001 to 60 s, got 0"),
        ({"tool": "brush", "stem": "one", "points": [[0, 1]], "overtones": 1.5}, InvalidValue, "a whole number"),
        ({"tool": "brush", "stem": "one", "points": [[0, 1]], "colour": 1}, InvalidValue, "unknown key 'colour'"),
        ({"tool": "brush", "stem": "one", "points": [[0, 1]], "others_get_rest": 1}, InvalidType, "true or false"),
    ],
)
def test_what_is_no_stroke_is_refused(entry: Any, error: type[WorkbenchError], reason: str) -> None:
    with pytest.raises(error, match=reason):
        read_strokes([entry], stems=STEMS)


def test_strokes_go_to_json_and_back() -> None:
    strokes = list(STROKES.values())
    assert read_strokes([stroke.as_dict() for stroke in strokes], stems=STEMS) == strokes
    with pytest.raises(InvalidType, match="must be a list, got str"):
        read_strokes("brush", stems=STEMS)
