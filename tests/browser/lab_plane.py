"""A view of time and frequency that a test moves, of a song of 8 kHz with a logarithmic axis."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab_widget import LabWidget

LOW, HIGH = 30.0, 4000.0  # Hz, the axis from end to end


def make_plane_check(shown: LabWidget, *, seconds: float, tolerance_seconds: float) -> Callable[..., None]:
    """A function that waits until these seconds, and these parts of the axis, are what is shown; else the whole."""

    def check(x: tuple[float, float] = (0.0, seconds), y: tuple[float, float] = (0.0, 1.0)) -> None:
        hertz = [LOW * (HIGH / LOW) ** part for part in y]
        shown.wait(view=lambda view: view == pytest.approx([*x, *hertz], rel=0.01, abs=tolerance_seconds))

    return check


def zoom_by_buttons(shown: LabWidget, check: Callable[..., None], *, seconds: float) -> None:
    """The buttons that zoom in and move, from the whole to the middle half of time and of frequency."""
    time_group, frequency_group = "view of time", "view of frequency"
    first, middle, last = 0.25 * seconds, 0.5 * seconds, 0.75 * seconds
    shown.click("zoom in in time", group=time_group)
    check((first, last))
    shown.click("later", group=time_group)
    check((middle, seconds))
    shown.click("earlier", group=time_group)
    check((first, last))
    shown.click("zoom in in frequency", group=frequency_group)
    check((first, last), (0.25, 0.75))
    shown.click("lower", group=frequency_group)
    check((first, last), (0.0, 0.5))
    shown.click("higher", group=frequency_group)
    check((first, last), (0.25, 0.75))
