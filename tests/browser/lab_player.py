"""A stem player in JupyterLab: what its sound does is read from the nodes of the browser's Web Audio."""

from __future__ import annotations

from typing import Any

from controls import drag
from lab_widget import LabWidget
from labdriver import Notebook

# in the order of their numbers: the mixture, the tracks of A, those of B, and all together
NODES = "[...[...p.sound.tracks].sort((a, b) => a[0] - b[0]).map(entry => entry[1]), p.sound.master]"
AXES = {"Waveforms": "lanesAxes", "Spectrogram": "spectrum.axes"}
HEIGHT = 60  # CSS pixels from the top of axes, somewhere within


class LabPlayer(LabWidget):
    """One player of a notebook.

    Args:
        notebook: that was run.
        variable: the player's name there, or an expression.
        label: its title.
    """

    def __init__(self, notebook: Notebook, variable: str, *, label: str = "Stem player") -> None:
        super().__init__(notebook, variable, label=label)
        found = f"[...document.querySelectorAll('.wb')].find(root => root.ariaLabel === '{label}')"
        self._script = f"() => {{ const p = {found}.__player; return %s; }}"

    def ask(self, expression: str) -> Any:
        """What an expression of the page's player ``p`` gives."""
        return self.page.evaluate(self._script % expression)

    def wait_sound(self, expression: str) -> None:
        """Until an expression of the page's player ``p`` holds."""
        self.page.wait_for_function(self._script % expression)

    def wait_gains(self, *expected: float) -> None:
        """Until the gain nodes have these gains, to the precision of their float32."""
        close = f"Math.abs({NODES}[index].gain.gain.value - gain) < 1e-5"
        self.wait_sound(f"{list(expected)}.every((gain, index) => {close})")

    def find(self, part: float, *, name: str = "Waveforms") -> tuple[float, float]:
        """Where a part of what is shown of the song lies on axes, in CSS pixels from their corner."""
        left, width = self.ask(f"[p.{AXES[name]}.frame.left, p.{AXES[name]}.frame.width]")
        return left + part * width, HEIGHT

    def click_at(self, name: str, part: float) -> None:
        """Click on axes, at a part of what is shown of the song."""
        x, y = self.find(part, name=name)
        self.picture(name).click(position={"x": x, "y": y})

    def drag_with_shift(self, name: str, start: float, stop: float) -> None:
        """Drag over axes with Shift, from and to parts of what is shown of the song."""
        drag(self.page, self.picture(name), self.find(start, name=name), self.find(stop, name=name), key="Shift")
