from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import UNGUARDED, Mounted, mount
from share_model import make_song, make_trace
from test_strokes import STROKES

from workbench.pipeline.trace import Trace
from workbench.widgets import MaskPainter

PAINTER = "document.querySelector('.wb').__painter"
AXES = "spectrogram to paint on:"


@pytest.fixture(scope="module")
def traced() -> Trace:
    return make_trace(make_song(1.0))


@pytest.fixture
def shown(page: Any, traced: Trace) -> Mounted:
    return mount(page, MaskPainter(traced, start="ones")).sync()


def place_of(mounted: Mounted, seconds: float, hertz: float) -> tuple[float, float]:
    """Where on the page a point of the plane is."""
    box = mounted.page.get_by_role("group", name=AXES).bounding_box()
    x, y = mounted.page.evaluate(
        f"([x, y]) => [{PAINTER}.axes.frame.toX(x), {PAINTER}.axes.frame.toY(y)]", [seconds, hertz]
    )
    return box["x"] + x, box["y"] + y


def drag(mounted: Mounted, *points: tuple[float, float]) -> None:
    """Draw with the pointer through points of the plane."""
    mouse = mounted.page.mouse
    mouse.move(*place_of(mounted, *points[0]))
    mouse.down()
    for point in points[1:]:
        mouse.move(*place_of(mounted, *point), steps=4)
    mouse.up()


def read_gain(mounted: Mounted) -> np.ndarray:
    """The gain as the browser has it, 0 to 1."""
    picture = mounted.widget.picture
    data = mounted.page.evaluate(f"() => Array.from({PAINTER}.layer.shown)")
    return np.array(data).reshape(picture["rows"], picture["columns"]) / 255


def test_the_browser_paints_by_the_same_formula(page: Any, traced: Trace) -> None:
    painter = MaskPainter(traced, start="model")
    shown = mount(page, painter).sync()
    start = painter.mask.gain[0].numpy()
    assert np.abs(read_gain(shown) - start).max() <= 0.5 / 255 + 1e-6
    strokes = [{**stroke.as_dict(), "stem": "loud"} for stroke in STROKES.values()]
    strokes += [{**strokes[2], "gain": gain, "softness": 0.9} for gain in (0.3, 1.0)]
    for stroke in [*strokes, {**strokes[1], "tool": "eraser"}]:
        below = {**strokes[7], "gain": 0.6, "softness": 0.0}  # for the eraser to take away
        painter.strokes = [below]
        shown.sync()
        page.evaluate(f"stroke => {PAINTER}.layer.lay(stroke)", stroke)
        painted = read_gain(shown)
        painter.strokes = [below, stroke]
        expected = painter.mask.gain[0].numpy()
        # a byte rounds by half of 1/255 what the stroke is laid on, and once more what comes out
        assert np.abs(painted - expected).max() <= 1 / 255 + 1e-3 / 255, stroke
        shown.sync()
        assert np.abs(read_gain(shown) - expected).max() <= 0.5 / 255 + 1e-6  # Python's own
    assert page.faults == []


def test_a_pointers_stroke_reaches_python_in_seconds_and_hertz(shown: Mounted) -> None:
    painter = shown.widget
    drag(shown, (0.2, 400.0), (0.5, 900.0), (0.7, 900.0))
    during = read_gain(shown)
    shown.sync()
    [stroke] = painter.strokes
    cell = 1.0 / shown.page.evaluate(f"() => {PAINTER}.axes.frame.width")  # seconds of a pixel
    assert stroke["tool"] == "brush"
    assert stroke["points"][0] == pytest.approx([0.2, 400.0], abs=max(cell, 5.0), rel=0.03)
    ends = np.array([stroke["points"][0], stroke["points"][-1]])
    assert np.abs(ends[:, 0] - [0.2, 0.7]).max() < 2 * cell
    assert np.abs(np.log2(ends[:, 1] / [400.0, 900.0])).max() < 0.03  # two pixels of 7 octaves on 372
    assert len(stroke["points"]) > 4
    assert np.abs(during - painter.mask.gain[0].numpy()).max() <= 1 / 255 + 1e-3 / 255
    assert painter.mask.gain[0].min() == 0
    assert painter.mask.gain[1].min() == 1
    shown.page.get_by_role("button", name="Rectangle").click()
    drag(shown, (0.6, 300.0), (0.3, 200.0))
    shown.sync()
    assert [len(stroke["points"]) for stroke in painter.strokes[1:]] == [2]
    assert painter.strokes[1]["points"][1][0] == pytest.approx(0.3, abs=2 * cell)
    shown.page.get_by_role("button", name="Move").click()
    shown.page.get_by_role("button", name="zoom in in time").click()
    before = shown.sync().widget.view[0]
    drag(shown, (0.5, 500.0), (0.6, 500.0))
    assert shown.sync().widget.view[0] == pytest.approx(before - 0.1, abs=0.01)
    assert len(painter.strokes) == 2
    assert shown.page.faults == []


def test_painting_by_keyboard(shown: Mounted) -> None:
    page, keyboard = shown.page, shown.page.keyboard
    reached: list[str] = []
    page.expose_function("reach", lambda key: reached.append(key))
    page.evaluate("() => document.addEventListener('keydown', event => window.reach(event.key))")
    page.evaluate("""() => { window.countWhite = (canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) if (data[at] > 240 && data[at + 3] > 200) count++;
      return count; } }""")
    assert page.evaluate(f"() => countWhite({PAINTER}.axes.top)") == 0
    page.get_by_role("group", name=AXES).focus()
    keyboard.press("ArrowRight")
    keyboard.press("ArrowUp")
    keyboard.press("Enter")
    middle = math.sqrt(30 * 4000)
    octaves = math.log2(4000 / 30)
    [stroke] = shown.sync().widget.strokes
    seconds, hertz = stroke["points"][0]
    assert seconds == pytest.approx(0.52)
    assert math.log2(hertz / middle) == pytest.approx(octaves / 50, abs=1e-3)
    assert "cursor at 0.52 s" in page.get_by_role("status").nth(1).inner_text()
    assert "gain 0.00" in page.get_by_role("status").nth(1).inner_text()
    keyboard.press("Shift+ArrowRight")
    keyboard.press("Shift+ArrowUp")
    keyboard.press("Shift+Enter")
    line = shown.sync().widget.strokes[1]["points"]
    assert line[0] == [seconds, hertz]
    assert line[1] == pytest.approx([seconds + 0.008, hertz + 31.25])  # one cell on
    keyboard.press("r")
    for _ in range(5):
        keyboard.press("ArrowLeft")
    shown.frames()
    assert page.evaluate(f"() => countWhite({PAINTER}.axes.top)") > 50  # the rectangle's outline, brush and cursor
    keyboard.press("r")
    rectangle = shown.sync().widget.strokes[2]
    assert (rectangle["tool"], len(rectangle["points"])) == ("rectangle", 2)
    assert rectangle["points"][0][0] - rectangle["points"][1][0] == pytest.approx(0.1)
    keyboard.press("r")
    keyboard.press("Escape")
    keyboard.press("Space")
    assert shown.sync().widget.strokes[3]["tool"] == "brush"
    for _ in range(40):
        keyboard.press("ArrowRight")  # beyond the song there is nothing
    keyboard.press("Enter")
    assert shown.sync().widget.strokes[4]["points"][0][0] == 1.0
    keyboard.press("z")
    keyboard.press("z")
    assert shown.sync().widget.position == 3
    keyboard.press("Shift+Z")
    assert shown.sync().widget.position == 4
    keyboard.press("+")  # what is not the cursor's is the view's
    assert len(shown.sync().widget.view) == 4
    assert [key for key in reached if key != "Shift"] == []  # a notebook's shortcuts would get what comes through
    assert page.faults == []


def test_every_control_by_keyboard(shown: Mounted) -> None:
    page, painter = shown.page, shown.widget
    painter.paint([[0.5, 500.0]])
    painter.paint([[0.6, 500.0]])
    shown.sync()
    for name, key, trait, value in (
        ("Undo", "Enter", "position", 1),
        ("Undo", "Enter", "position", 0),
        ("Redo", "Enter", "position", 1),
        ("gain", "ArrowRight", "gain", 0.05),
        ("gain", "End", "gain", 1.0),
        ("softness", "Home", "softness", 0.0),
        ("width", "ArrowRight", "size_seconds", 0.21),
        ("height", "ArrowLeft", "size_octaves", 0.45),
        ("Harmonic brush", "Space", "tool", "harmonic"),
        ("overtones", "ArrowRight", "overtones", 9),
        ("Eraser", "Space", "tool", "eraser"),
        ("Brush", "Enter", "tool", "brush"),
        ("others get the rest", "Space", "others_get_rest", True),
        ("stem", "ArrowDown", "stem", "soft"),
        ("start from", "End", "start", "zeros"),
        ("veil", "End", "veil", 1.0),
        ("floor", "ArrowRight", "floor_db", -79.0),
        ("frequency axis", "ArrowDown", "frequency_axis", "linear"),
    ):
        role = "button" if name in ("Undo", "Redo", "Harmonic brush", "Eraser", "Brush") else None
        control = page.get_by_role(role, name=name, exact=True) if role else page.get_by_label(name)
        control.first.focus()
        page.keyboard.press(key)
        shown.sync()
        assert getattr(painter, trait) == pytest.approx(value), (name, key)
    page.get_by_role("button", name="Invert").press("Enter")
    shown.sync()
    assert (painter.strokes[-1]["tool"], painter.strokes[-1]["stem"]) == ("invert", "soft")
    assert read_gain(shown).min() == 1
    assert page.get_by_text("2 of 2 strokes").is_visible()
    page.get_by_role("button", name="Clear").press("Enter")
    assert read_gain(shown.sync()).max() == 0
    painter.undo()
    assert read_gain(shown.sync()).min() == 1
    assert page.locator(UNGUARDED).count() == 0
    assert page.get_by_role("button", name="Redo").is_enabled()
    assert page.faults == []


def test_the_picture_veils_what_is_taken_away(shown: Mounted) -> None:
    read = f"""([x, y]) => {{ const {{ frame, top }} = {PAINTER}.axes;
      const place = [frame.toX(x) * frame.ratio, frame.toY(y) * frame.ratio].map(Math.floor);
      return [...top.getContext('2d').getImageData(...place, 1, 1).data]; }}"""
    shown.widget.paint([[0.2, 300.0], [0.5, 900.0]], tool="rectangle", gain=0.0, softness=0.0)
    shown.sync().frames(3)
    inside, outside = (shown.page.evaluate(read, [seconds, 500.0]) for seconds in (0.35, 0.8))
    assert inside[3] == pytest.approx(204, abs=1)  # 0.8 of 255
    assert inside[:3] == pytest.approx([24, 100, 104], abs=2)  # the canvas keeps them times alpha
    assert outside[3] == 0
    shown.page.mouse.move(*place_of(shown, 0.35, 500.0))
    shown.frames()
    assert ", gain 0.00" in shown.page.locator(".wb-readout").inner_text()
    shown.widget.veil = 0.0
    shown.sync().frames(3)
    assert shown.page.evaluate(read, [0.22, 500.0])[3] == 0  # beside the brush
    assert shown.page.faults == []


def test_it_plays_before_and_after(shown: Mounted) -> None:
    page = shown.page
    shown.widget.paint([[0.0, 0.0], [1.0, 4000.0]], tool="rectangle", gain=0.0, softness=0.0)
    shown.sync()
    page.get_by_label("loop").check()
    page.get_by_role("button", name="Play what is shown").click()
    shown.sync()
    page.wait_for_function(f"() => {PAINTER}.sound.sound?.run && {PAINTER}.sound.context.currentTime > 0.3")
    first = page.evaluate(f"() => {PAINTER}.sound.context.currentTime")
    page.wait_for_function(f"first => {PAINTER}.sound.context.currentTime > first + 0.1", arg=first)
    assert page.evaluate(f"() => {PAINTER}.sound.sound.peak()") < 1e-3  # all of it is painted away
    page.get_by_role("button", name="hear before").click()
    page.wait_for_function(f"() => {PAINTER}.sound.sound.peak() > 0.05")
    assert 0 <= page.evaluate(f"() => {PAINTER}.sound.seconds") <= 1
    assert page.get_by_text("playing 0.00 to 1.00 s").is_visible()
    page.get_by_role("button", name="Stop the sound").click()
    assert page.evaluate(f"() => {PAINTER}.sound.seconds") is None
    page.get_by_role("button", name="Apply to the song").click()
    shown.sync()
    assert float(shown.widget.result.stems["loud"].data.abs().max()) < 1e-6
    assert page.get_by_text("applied 1 stroke to the whole song").is_visible()
    context = page.evaluate_handle(f"() => {PAINTER}.sound.context")
    shown.close()
    page.wait_for_function("context => context.state === 'closed'", arg=context)
    assert page.evaluate("() => [...window.wb.handlers.values()].flat().length") == 0
    assert page.faults == []


def test_files_and_errors(shown: Mounted, tmp_path: Path) -> None:
    page = shown.page
    page.get_by_role("button", name="Invert").click()
    page.get_by_label("file", exact=True).fill(str(tmp_path / "mine.json"))
    page.get_by_label("file", exact=True).press("Enter")
    page.get_by_role("button", name="Save").click()
    shown.sync()
    assert (tmp_path / "mine.json").exists()
    page.get_by_role("button", name="Save").click()
    shown.sync()
    assert "exists already" in page.get_by_role("alert").inner_text()
    shown.widget.strokes = []
    page.get_by_role("button", name="Load").click()
    shown.sync()
    assert [stroke["tool"] for stroke in shown.widget.strokes] == ["invert"]
    assert page.get_by_role("alert").inner_text() == ""
    assert read_gain(shown).max() == 0
    assert page.faults == []


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1920), ("plain", 600)])
def test_nothing_is_cut_off_and_all_can_be_read(probed: Any, traced: Trace, theme: str, width: int) -> None:
    page = probed
    page.set_viewport_size({"width": width, "height": 900})
    mount(page, MaskPainter(traced, start="ones"), theme=theme).sync()
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    text = ".wb h4, .wb button:enabled, .wb label, .wb span, .wb-readout, .wb-toolbar"
    contrasts = page.evaluate("selector => measureContrasts(selector)", text)
    assert len(contrasts) > 20
    assert [entry for entry in contrasts if entry[0] < 4.5] == []
    assert page.evaluate(f"() => countBorderInk({PAINTER}.axes.canvas)") == [0, 0, 0, 0]
    assert page.faults == []


def test_what_is_heard_is_in_traits(shown: Mounted) -> None:
    page, painter = shown.page, shown.widget
    page.get_by_role("button", name="hear before").click()
    page.get_by_label("loop").check()
    shown.sync()
    assert (painter.hear_before, painter.loop) == (True, True)
    painter.hear_before, painter.loop = False, False
    shown.sync()
    assert page.get_by_role("button", name="hear before").get_attribute("aria-pressed") == "false"
    assert not page.get_by_label("loop").is_checked()
    painter.loop = True
    shown.sync()
    page.get_by_role("button", name="Play what is shown").click()
    shown.sync()
    page.wait_for_function(f"() => {PAINTER}.sound.sound?.run?.loop")
    painter.hear_before = True
    shown.sync()
    wanted = f"['before', 'after'].map(key => {PAINTER}.sound.sound.tracks.get(key).wanted > 0)"
    assert page.evaluate(f"() => {wanted}") == [True, False]
    assert page.faults == []
