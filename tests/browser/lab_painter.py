"""A mask painter in JupyterLab: points of its plane, strokes through them, and the gains that come of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from lab_plane import HIGH, LOW
from lab_widget import LabWidget

# two tones with noise, and a model that masks them without weights
SONG = (Path(__file__).parents[1] / "widgets" / "share_model.py").read_text(encoding="utf-8")
PAINTER = """
import numpy as np
from workbench.widgets import MaskPainter
trace = make_trace(make_song(2.0))
painter = MaskPainter(trace, start="ones", label="Mask painter")
painter
"""
TRUTH = """
def find_gain(seconds, hertz, stem="loud"):
    gain = painter.mask.gain[["loud", "soft"].index(stem)]
    return round(float(gain[round(hertz / 31.25), round(seconds / 0.008)]), 4)

def measure(audio):
    return float(audio.data.double().square().mean().sqrt())

def count_bytes():
    '''What the page is to show: the gains of the stem as bytes, summed up.'''
    stem = ["loud", "soft"].index(painter.stem)
    return int(np.rint(painter.mask.gain[stem].numpy() * np.float32(255)).astype(np.int64).sum())
"""
SECONDS = 2.0
PICTURE = "spectrogram to paint on"


class PainterLab(LabWidget):
    """A mask painter that shows the whole song, with a logarithmic axis."""

    def find(self, seconds: float, hertz: float) -> tuple[float, float]:
        """A point of the plane in parts of the picture's width and height."""
        return seconds / SECONDS, math.log(hertz / LOW) / math.log(HIGH / LOW)

    def paint(self, *points: tuple[float, float], **expected: Any) -> dict[str, Any]:
        """Draw through points of the plane; gives the stroke that Python has of it, which is as expected.

        Args:
            points: (second, hertz); of one a dab.
            expected: fields of the stroke.
        """
        count = self.read("position")
        places = [self.find(*point) for point in points]
        self.drag(PICTURE, *places, *places[-1:])
        self.wait(position=count + 1)
        stroke: dict[str, Any] = self.read("strokes[-1]")
        assert {name: stroke[name] for name in expected} == pytest.approx(expected)
        for end in (0, -1):
            seconds, hertz = stroke["points"][end]
            assert seconds == pytest.approx(points[end][0], abs=0.006)  # two pixels
            assert math.log2(hertz / points[end][1]) == pytest.approx(0, abs=0.05)
        self.check_shown()
        return stroke

    def gain(self, seconds: float, hertz: float, stem: str = "loud") -> float:
        """The gain that Python has at a point of the plane."""
        return float(self.notebook.value(f"find_gain({seconds}, {hertz}, {stem!r})"))

    def check_shown(self) -> None:
        """Wait until the page shows the very gains that Python has."""
        script = "([node, sum]) => node.__painter.layer.shown.reduce((a, b) => a + b, 0) === sum"
        self.wait_page(script, self.notebook.value("count_bytes()"))
