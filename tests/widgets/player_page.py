"""A page with a player, for its tests: what it plays, and what the nodes of its sound do."""

from __future__ import annotations

from typing import Any

import torch
from harness import Mounted, mount
from torch import Tensor

from workbench.core import Audio
from workbench.widgets import StemPlayer

RATE, SECONDS = 8000, 30.0  # long enough that no test comes to the end unless it means to
# in the order of their numbers; the map has them in that in which their sound was decoded
NODES = "[...[...p.sound.tracks].sort((a, b) => a[0] - b[0]).map(entry => entry[1]), p.sound.master]"
PLAYER = "document.querySelectorAll('.wb')[{view}].__player"


def make_tone(hertz: float, *, peak: float) -> Audio[Tensor]:
    time = torch.arange(round(SECONDS * RATE)) / RATE
    return Audio((peak * torch.sin(2 * torch.pi * hertz * time)).expand(2, -1).clone(), RATE)


LOW, HIGH = make_tone(200, peak=0.4), make_tone(1500, peak=0.2)
SONG = {"mixture": Audio(LOW.data + HIGH.data, RATE), "low": LOW, "high": HIGH}
OTHER = {"low": LOW, "high": Audio(0.5 * HIGH.data, RATE)}  # its null test leaves half of the high tone over


class Shown:
    """A player in a page, and what its sound does."""

    def __init__(self, page: Any, player: StemPlayer, **options: Any) -> None:
        self.page, self.player = page, player
        self.mounted: Mounted = mount(page, player, **options)

    def ask(self, expression: str, *, view: int = 0) -> Any:
        return self.page.evaluate(f"() => {{ const p = {PLAYER.format(view=view)}; return {expression}; }}")

    def wait(self, expression: str, *, view: int = 0) -> None:
        self.page.wait_for_function(f"() => {{ const p = {PLAYER.format(view=view)}; return {expression}; }}")

    def sync(self) -> StemPlayer:
        self.mounted.sync()
        return self.player

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()
        self.sync()

    def record(self, trait: str) -> list[Any]:
        """A list to which each value is added that Python comes to have of a trait, for what passes quickly."""
        course: list[Any] = []
        self.player.observe(lambda change: course.append(change["new"]), trait)
        return course

    def play(self) -> None:
        self.press("Play")
        self.wait("p.sound?.run && p.sound.position > 0.05")

    def gains(self) -> list[float]:
        """Of the tracks by key, and of all together, as the nodes have them once no fade is under way."""
        self.wait(f"{NODES}.every(t => t.gain.gain.value === Math.fround(t.wanted))")
        gains: list[float] = self.ask(f"{NODES}.map(t => t.gain.gain.value)")
        return gains

    def peak(self, expression: str = "p.sound.peak()") -> float:
        """The greatest of some looks at a meter, 0.3 s of sound after what came before."""
        self.wait(f"p.context.currentTime > {self.ask('p.context.currentTime') + 0.3}")
        loop = "for (let look = 0; look < 10; look++) { await new Promise(r => setTimeout(r, 20)); "
        body = f"let top = 0; {loop} top = Math.max(top, {expression}); }}"
        peak: float = self.page.evaluate(f"async () => {{ const p = {PLAYER.format(view=0)}; {body} return top; }}")
        return peak
