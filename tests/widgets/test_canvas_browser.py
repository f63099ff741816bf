from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from demo_widget import Demo
from harness import UNGUARDED, Mounted, mount

from workbench.core import Audio
from workbench.widgets.levels import Levels, colour_table, encode_peaks

ROWS, COLUMNS = 65, 1200


def make_demo(*, rows: int = ROWS, columns: int = COLUMNS, **traits: Any) -> Demo:
    """Dark, but for one bright cell in the middle of the time and at 3/4 of the bins."""
    pixels = np.zeros((rows, columns), np.uint8)
    pixels[3 * rows // 4, columns // 2] = 255
    wave = torch.sin(torch.arange(80_000) / 30) * torch.linspace(0, 1, 80_000)
    peaks = [encode_peaks(Audio(gain * wave.unsqueeze(0), 8000)) for gain in (1.0, 0.5, 0.0)]
    return Demo(Levels(pixels.tobytes(), rows, columns, -100.0, 0.0), peaks, **traits)


@pytest.fixture
def shown(probed: Any) -> Mounted:
    return mount(probed, make_demo())


def read_pixel(mounted: Mounted, x: float, y: float) -> list[int]:
    """The colour on the canvas at a time and a frequency."""
    return list(mounted.page.evaluate("([x, y]) => readPixel(x, y)", [x, y]))


def test_what_is_drawn_is_the_data(shown: Mounted) -> None:
    colours = np.frombuffer(colour_table("magma"), np.uint8).reshape(256, 3).tolist()
    seconds, hertz = COLUMNS // 2 * 0.01, (3 * ROWS // 4) * 22050 / (ROWS - 1)
    assert read_pixel(shown, seconds, hertz) == colours[255]  # one cell of 1200 on fewer pixels: not lost
    assert read_pixel(shown, 0.8 * seconds, hertz) == colours[0]
    assert read_pixel(shown, seconds, 0.8 * hertz) == colours[0]
    shown.widget.colours = colour_table("viridis")
    shown.sync().frames()
    assert read_pixel(shown, seconds, hertz) == list(colour_table("viridis")[-3:])
    shown.page.evaluate(
        "([x, y]) => demo.view.set({ x: [x - 0.02, x + 0.02], y: [y * 0.9, y * 1.1] })", [seconds, hertz]
    )
    shown.frames()
    near, beside = read_pixel(shown, seconds + 0.004, hertz), read_pixel(shown, seconds + 0.006, hertz)
    assert (near, beside) == (list(colour_table("viridis")[-3:]), list(colour_table("viridis")[:3]))  # 10 ms wide
    described = shown.page.evaluate(
        "([x, y]) => [demo.image.describe(x, y), demo.image.describe(-1, y)]", [seconds, hertz]
    )
    assert described == ["0 dB", ""]
    assert shown.page.faults == []


def test_every_control_moves_by_keys_and_reaches_python(shown: Mounted) -> None:
    page, widget = shown.page, shown.widget
    keyboard = page.keyboard
    reached: list[str] = []
    page.expose_function("reach", lambda key: reached.append(key))
    page.evaluate("() => document.addEventListener('keydown', event => window.reach(event.key))")
    for name, key, trait, value in (
        ("floor", "ArrowRight", "floor_db", -79.0),
        ("floor", "PageDown", "floor_db", -89.0),
        ("floor", "Home", "floor_db", -100.0),
        ("floor", "ArrowDown", "floor_db", -100.0),
        ("hop", "ArrowRight", "hop_samples", 549),  # 1/100 of the way from 64 to 65536, in octaves
        ("hop", "End", "hop_samples", 65536),
        ("stem", "ArrowDown", "stem", "bass"),
        ("stem", "Home", "stem", "vocals"),
        ("count", "ArrowUp", "count", 4),
        ("Solo", "Space", "solo", True),
        ("normalize", "Space", "normalize", False),
    ):
        control = page.get_by_role("button", name=name) if name == "Solo" else page.get_by_label(name)
        control.first.focus()
        keyboard.press(key)
        shown.sync()
        assert getattr(widget, trait) == value, (name, key)
    assert [key for key in reached if key != " "] == []  # a notebook's shortcuts would get what comes through
    page.get_by_label("name").fill("my song")
    keyboard.press("Enter")
    widget.floor_db = -42.0
    shown.sync()
    assert widget.name == "my song"
    assert page.get_by_label("floor").input_value() == "-42"
    assert page.get_by_text("−42 dB").is_visible()
    assert page.get_by_role("button", name="Solo").get_attribute("aria-pressed") == "true"
    count = page.get_by_label("count")
    count.fill("99")
    count.press("Tab")
    shown.sync()
    assert (widget.count, count.input_value()) == (9, "9")
    assert page.locator(UNGUARDED).count() == 0
    assert page.faults == []


def test_what_one_handler_changes_goes_to_the_kernel_together(shown: Mounted) -> None:
    saves = shown.page.evaluate("""async () => {
      const input = document.querySelector('input[type=range]');
      const key = () => new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true });
      for (let press = 0; press < 10; press++) input.dispatchEvent(key());
      await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
      return window.wb.saves; }""")
    assert saves == 1
    assert shown.sync().widget.floor_db == -70.0


def test_an_error_appears_in_the_widget_and_is_dismissed(shown: Mounted) -> None:
    page, alert = shown.page, shown.page.get_by_role("alert")
    assert alert.inner_text() == ""
    shown.widget.count = 6
    page.get_by_label("count").focus()
    shown.sync()
    page.keyboard.press("ArrowUp")
    shown.sync()
    assert "count must not be 7, got 7; take another" in alert.inner_text()
    page.get_by_role("button", name="Dismiss").press("Enter")
    assert shown.sync().widget.message == ""
    assert alert.inner_text() == ""
    shown.widget.busy = True
    shown.sync()
    assert page.get_by_role("status").inner_text() == "working …"
    page.get_by_role("button", name="Ask").click()
    shown.sync()
    assert page.evaluate("() => window.heard") == {"answer": 42}


@pytest.mark.parametrize("stop", [0.5, 0.7, 3.3, 12.0])
def test_zooming_in_and_out_again_ends_at_the_whole(shown: Mounted, stop: float) -> None:
    page = shown.page
    page.evaluate("stop => demo.view.setWhole({ x: [0, stop] })", stop)
    page.get_by_role("group", name="Spectrogram of the demo:").focus()
    for key in ("+", "PageUp", "Shift+ArrowUp", "-", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert shown.sync().widget.shown == []  # whatever the rounding
    assert page.evaluate("() => demo.view.x") == [0, stop]


def test_zoom_and_pan_are_shared_and_kept_in_python(shown: Mounted) -> None:
    page, widget = shown.page, shown.widget
    axes = page.get_by_role("group", name="Spectrogram of the demo:")
    axes.focus()
    page.keyboard.press("+")
    assert shown.sync().widget.shown == pytest.approx([2.0, 10.0, 40.0, 22050.0])
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    low, high = shown.sync().widget.shown[2:]
    assert widget.shown[:2] == pytest.approx([2.8, 10.8])
    assert np.log(high / low) == pytest.approx(np.log(22050 / 40) / 1.5)
    page.keyboard.press("Home")
    assert shown.sync().widget.shown == []
    widget.shown = [1.0, 3.0]
    shown.sync()
    assert page.evaluate("() => [demo.waves.view.x, demo.axes.view.y]") == [[1, 3], [40, 22050]]
    box = axes.bounding_box()
    page.mouse.move(box["x"] + 400, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 100, steps=3)
    page.mouse.up()
    width = page.evaluate("() => demo.axes.frame.width")
    assert shown.sync().widget.shown[:2] == pytest.approx([1 + 200 / width, 3 + 200 / width])
    assert widget.clicked == []
    page.mouse.click(box["x"] + 300, box["y"] + 100)
    seconds, _ = shown.sync().widget.clicked
    expected = 1 + 200 / width + 2 * (300 - 64) / width
    assert seconds == pytest.approx(expected, abs=2 / width)
    assert page.evaluate("() => window.hovered.text").endswith(", ≤ −100 dB")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    start, stop = shown.sync().widget.shown[:2]
    assert stop - start == pytest.approx(2 / np.exp(200 / 300))
    page.get_by_role("button", name="Show all").click()
    assert shown.sync().widget.shown == []


def test_lanes_show_each_stem_at_its_height(shown: Mounted) -> None:
    colors = ["0,114,178", "213,94,0", "0,158,115"]
    heights = shown.page.evaluate("colors => measureLanes(colors)", colors)
    loud, half, silent = heights
    assert loud == pytest.approx(0.92 * 0.95, abs=0.06)  # 6 %: 3 of its 54 pixels
    assert half == pytest.approx(loud / 2, abs=0.06)
    assert silent < 0.04


def test_two_views_of_one_model_move_together_and_leave_nothing_behind(shown: Mounted) -> None:
    page = shown.page
    page.evaluate("async () => window.wb.closers.push(await window.wb.addView())")
    page.get_by_label("floor").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_label("floor").nth(1).input_value() == "-79"
    shown.close()
    left = page.evaluate(
        "() => [document.querySelectorAll('.wb').length, [...window.wb.handlers.values()].flat().length]"
    )
    assert left == [0, 0]
    assert page.faults == []


@pytest.mark.parametrize("width", [500, 1900])
@pytest.mark.parametrize("theme", ["light", "dark", "plain"])
def test_nothing_is_cut_off_and_all_can_be_read(probed: Any, width: int, theme: str) -> None:
    page = probed
    page.set_viewport_size({"width": width, "height": 900})
    shown = mount(page, make_demo(message="a message", solo=True), theme=theme)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("() => demo.axes.canvas.width / window.devicePixelRatio") == pytest.approx(width - 32, abs=1)
    edges = page.evaluate("() => countBorderInk(demo.waves.canvas)")
    assert edges == [0, 0, 0, 0]  # no ink touches the border
    text = ".wb h4, .wb button, .wb label, .wb span, .wb-readout, .wb-toolbar"
    contrasts = page.evaluate("selector => measureContrasts(selector)", text)
    assert len(contrasts) > 10
    assert [entry for entry in contrasts if entry[0] < 4.5] == []
    assert shown.page.faults == []


def test_a_kernel_that_is_gone_is_told_and_nothing_waits_for_it(shown: Mounted) -> None:
    page = shown.page
    shown.widget.busy = True
    shown.sync()
    page.evaluate("() => { for (const run of window.wb.handlers.get('comm_live_update')) run(); }")
    alert = page.get_by_role("alert")
    assert "the kernel has ended or was restarted" in alert.inner_text()
    assert shown.root.get_attribute("aria-busy") == "false"
    page.get_by_role("button", name="Dismiss").click()
    assert alert.inner_text() == ""
