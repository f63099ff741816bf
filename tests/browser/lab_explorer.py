"""What the tests of the chunk and the window explorer share: a song, and how a view of the whole is moved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab_widget import LabWidget

RATE, NUM_SAMPLES = 8000, 20_000
SONG = f"""
import torch
import workbench as wb
from workbench.core import Audio
from workbench.widgets import ChunkExplorer, WindowExplorer
song = Audio(0.2 * torch.randn(2, {NUM_SAMPLES}, generator=torch.Generator().manual_seed(3)), {RATE})

def measure(audio):
    return float(audio.data.double().square().mean().sqrt())
"""


def make_view_check(shown: LabWidget) -> Callable[[float, float], None]:
    """Waits until from when to when is shown."""
    return lambda first, last: shown.wait(shown=lambda value: value[:2] == pytest.approx([first, last], abs=1e-6))


def drive_view_buttons(shown: LabWidget, *, span: float, start: float) -> None:
    """The buttons for time: half as much, on by half of that, back, all."""
    group, check_view = "view of time", make_view_check(shown)

    def check(first: float, last: float) -> None:
        check_view(start + first * span, start + last * span)

    shown.click("zoom in in time", group=group)
    check(0.25, 0.75)
    shown.click("later", group=group)
    check(0.5, 1.0)
    shown.click("earlier", group=group)
    check(0.25, 0.75)
    shown.press("button", "zoom in in time", "Enter", group=group)
    check(0.375, 0.625)
    shown.click("zoom out in time", group=group)
    check(0.25, 0.75)
    shown.click("Show all", shown=[])


def press_view_keys(
    shown: LabWidget,
    name: str,
    check: Callable[[float, float], None],
    *,
    span: float,
    start: float,
    arrows: bool = True,
) -> None:
    """Keys, drag and wheel of a picture of the whole song."""
    keyboard = shown.page.keyboard
    shown.picture(name).focus()
    keyboard.press("+")
    first = start + span / 6
    check(first, first + span / 1.5)
    keyboard.press("PageDown")
    check(start + span / 3, start + span)
    keyboard.press("PageUp")
    check(start, start + span / 1.5)
    if arrows:
        keyboard.press("ArrowRight")
        check(start + span / 15, start + span * 11 / 15)
        keyboard.press("ArrowLeft")
        check(start, start + span / 1.5)
    keyboard.press("-")
    shown.wait(shown=[])
    keyboard.press("=")
    check(first, first + span / 1.5)
    drag_view(shown, name, first=first, span=span)
    shown.wheel(name, 0.0, 0.5, -200.0, key="Control")
    shown.wait(shown=lambda value: value != [] and value[0] == pytest.approx(start, abs=0.005 * span))
    keyboard.press("Home")
    shown.wait(shown=[])


def drag_view(shown: LabWidget, name: str, *, first: float, span: float) -> None:
    """Drag a picture that shows two thirds of the whole from ``first`` on, and show all of it again."""
    shown.drag(name, (0.3, 0.5), (0.35, 0.5))  # what was there comes along
    shown.wait(shown=lambda value: value[0] == pytest.approx(first - 0.05 * span / 1.5, abs=0.005 * span))
    shown.page.keyboard.press("Home")
    shown.wait(shown=[])
