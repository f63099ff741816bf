"""How long it takes from a key press to the painted frame, over a real kernel; printed, for tests/benchmarks/results.

``python -m pytest -s tests/browser/test_latency_in_lab.py``. Nothing is asserted of the milliseconds, since the machine
may be busy; asserted is what was measured: pictures of the size that is said, drawn anew at each move.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from controls import check_quiet, drag, find_widget, run_notebook
from labdriver import Lab, Notebook

MOVES = 20
POLL_MS = 40  # polled in each frame, which is Playwright's way, the page would never rest
VIEW_STILL_MS, ANSWER_STILL_MS = 120, 400  # after which nothing more is drawn for a move
SONG = """
import workbench as wb
from workbench.core import Audio
from workbench.widgets import MaskPainter, WindowExplorer
demo = wb.demo_song()["mixture"]
song = Audio(demo.data.repeat(1, 15)[:, : 180 * demo.sample_rate], demo.sample_rate)
trace = wb.trace(song, model="hpss", settings={"transform.n_fft": 1024, "transform.hop_length": 512})
"""
SHOWN = (
    "painter = MaskPainter(trace, veil=0.5, overtones=12); painter",
    "masks = trace['mask'].widget(); masks",
    "windows = WindowExplorer(); windows",
)
"""A song of 3 minutes in stereo; a chunk of it; a signal of 3 s."""


def measure(page: Any, notebook: Notebook, move: Callable[[int], None], *, still_ms: int) -> tuple[float, float]:
    """Medians of some moves in ms: to the end of the last frame drawn, and what the browser says of the first."""
    page.evaluate("() => painting.takePresented()")
    spent = []
    for index in range(MOVES):
        move(index)
        page.wait_for_function("() => painting.take() !== null", polling=POLL_MS)  # a busy kernel answers late
        page.wait_for_function("still => painting.isStill(still)", arg=still_ms, polling=POLL_MS)
        notebook.wait_idle()
        page.wait_for_function("still => painting.isStill(still)", arg=still_ms, polling=POLL_MS)
        spent.append(page.evaluate("() => painting.take()"))
    presented = page.evaluate("() => painting.takePresented()")
    return statistics.median(spent), statistics.median([*presented, *[8] * (MOVES - len(presented))])


def test_latency_is_printed(notebook: Notebook, page: Any, lab: Lab) -> None:
    run_notebook(notebook, lab, "latency.ipynb", SONG, *SHOWN)
    levels = "[len(song.data), painter.picture['level_rows'], painter.picture['level_columns']]"
    assert notebook.value(levels) == [2, 513, 15505]
    page.evaluate(f"({Path(__file__).with_name('painting.js').read_text()})(['keydown', 'pointermove'])")
    painter = find_widget(page, "Paint a mask of hpss.hpss")
    masks = find_widget(page, "Masks of hpss.hpss")
    windows = find_widget(page, "Window explorer")
    song = "MaskPainter, 3 minutes in stereo, 513 x 15 505"
    chunk = "MaskExplorer, a chunk of {} x {}, four panels".format(
        *notebook.value("[masks.picture['rows'], masks.picture['columns']]")
    )
    plane = painter.get_by_role("group", name="spectrogram to paint on")
    rows = []

    def time_moves(what: str, picture: str, move: Callable[[int], None], *, still_ms: int) -> None:
        rows.append((what, picture, *measure(page, notebook, move, still_ms=still_ms)))

    def time_keys(what: str, picture: str, target: Any, *keys: str, still_ms: int = VIEW_STILL_MS) -> None:
        target.scroll_into_view_if_needed()
        target.focus()
        time_moves(what, picture, lambda index: page.keyboard.press(keys[index % len(keys)]), still_ms=still_ms)

    painter.get_by_role("button", name="Harmonic brush").click()
    drag(page, plane, (100, 300), (101, 300))
    left, top = plane.bounding_box()["x"], plane.bounding_box()["y"]
    page.mouse.move(left + 120, top + 300)
    page.mouse.down()
    time_moves(
        "a stroke of 12 overtones moved on",
        song,
        lambda index: page.mouse.move(left + 130 + 10 * index, top + 300 - index),
        still_ms=VIEW_STILL_MS,
    )
    page.mouse.up()
    painter.get_by_role("button", name="Move").click()

    zooming = ("+", "ArrowRight", "ArrowRight", "-")
    time_keys("zoom and pan", song, plane, *zooming)
    time_keys("dB range", song, painter.get_by_label("floor"), "ArrowRight")
    time_keys("zoom and pan", chunk, masks.get_by_role("group", name="mixture"), *zooming)
    time_keys("dB range", chunk, masks.get_by_label("floor"), "ArrowRight")
    time_keys("colours", chunk, masks.get_by_label("colours"), "ArrowDown", "ArrowUp")
    exponent, hop = masks.get_by_role("slider", name="exponent"), windows.get_by_role("slider", name="hop")
    time_keys("exponent, computed anew", chunk, exponent, "ArrowRight", still_ms=ANSWER_STILL_MS)
    time_keys("hop, stitched anew", "WindowExplorer, 3 s at 44.1 kHz", hop, "ArrowLeft", still_ms=ANSWER_STILL_MS)

    for what, picture, painted_ms, presented_ms in rows:
        print(f"| {what} | {picture} | {painted_ms:.1f} | {presented_ms:.0f} |")
    assert notebook.value("[painter.floor_db, round(masks.exponent, 1), len(painter.strokes)]") == [-60.0, 3.0, 2]
    check_quiet(notebook)
