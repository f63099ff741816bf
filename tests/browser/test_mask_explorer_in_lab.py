"""Mask explorer in JupyterLab: every control does what it says, in the kernel and in the values that the page shows."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path
from typing import Any

import pytest
from controls import WAIT_SECONDS, check_quiet, run_notebook
from lab_plane import HIGH, LOW, make_plane_check, zoom_by_buttons
from lab_widget import LabWidget, within
from labdriver import Lab, Notebook

# a second of a tone and noise, here eight times, and a model whose masks go beyond 1 and have a phase
SONG = (Path(__file__).parents[1] / "widgets" / "mask_songs.py").read_text(encoding="utf-8")
EXPLORER = """
from workbench.widgets import MaskExplorer
stems = {name: Audio(stem.data.repeat(1, 8), RATE) for name, stem in make_stems().items()}
trace = workbench.trace(Audio(sum(stem.data for stem in stems.values()), RATE), model=make_card(), references=stems)
explorer = MaskExplorer(trace, label="Mask explorer", chunk=1, channel=0)
explorer
"""
TRUTH = """
import math
ideal = {kind: trace.ideal_mask(kind) for kind in ("ibm", "irm", "wiener", "psm", "psm_clipped", "cirm")}

def take(masks):
    stem = explorer.choices["stems"].index(explorer.stem)
    return masks[explorer.chunk, stem].unflatten(0, (-1, 2))[:, explorer.channel]  # (freq, frame, 2)

def tell(row, column):
    '''Magnitude and phase of the mask that is to be shown, and its magnitude minus that of the ideal one.'''
    masks = trace["mask"].mask if explorer.origin == "model" else ideal[explorer.origin]
    real, imaginary = take(masks)[row, column].tolist()
    magnitude = math.hypot(real, imaginary)
    changed = magnitude ** explorer.exponent if magnitude >= explorer.threshold else 0
    return [changed, math.atan2(imaginary, real), changed - float(take(ideal[explorer.against])[row, column].norm())]

def measure(audio):
    return float(audio.data.double().square().mean().sqrt())
"""
CELLS = ((14, 15), (70, 40))  # (row, column) of the picture: in the tone, and in noise
PANELS = ("mixture", "mask, magnitude", "mask, phase", "result")
PICTURES = """root => [...root.querySelectorAll('.wb-axes > canvas:first-child')]
    .filter(canvas => canvas.offsetParent).map(canvas => canvas.toDataURL())"""


class MaskLab(LabWidget):
    """A mask explorer; chunk 1, from 0 to 0.5 s, is all shown where `point` is called."""

    def point(self, row: int, column: int) -> dict[str, str]:
        """What the line of values says where the pointer is on a cell, by the words before the values."""
        across, hertz = column * 0.008 / 0.5, row * 31.25
        log = math.log(hertz / LOW) / math.log(HIGH / LOW)
        x, y = self.place("mask, magnitude", across, log if self.read("frequency_axis") == "log" else hertz / HIGH)
        self.page.mouse.move(x + 20, y)
        self.page.mouse.move(x, y)
        parts = str(self.root.locator(".wb-mask > .wb-readout").inner_text()).replace("−", "-").split(" · ")
        return {part.split(" ", 1)[0]: part.split(" ", 1)[1] for part in parts[2:]}

    def check_values(self) -> None:
        """Wait until the page shows the mask that the settings give, computed anew of the trace's masks."""
        for cell in CELLS:
            magnitude, phase, difference = self.notebook.value(f"tell{cell}")
            deadline = time.monotonic() + WAIT_SECONDS
            while not self._is_shown(said := self.point(*cell), magnitude, phase, difference):
                assert time.monotonic() < deadline, f"{cell}: {said}, expected {magnitude}, {phase}, {difference}"
                self.page.wait_for_timeout(40)

    def _is_shown(self, said: dict[str, str], magnitude: float, phase: float, difference: float) -> bool:
        value = float(said["mask"].removeprefix("≥ "))
        is_right = value == pytest.approx(min(magnitude, 2), abs=0.01)  # a byte for 0 to 2 at most, two digits
        if said["phase"] != "–":
            turns = (float(said["phase"].removesuffix(" rad")) - phase) / (2 * math.pi)
            is_right &= abs(turns - round(turns)) < 0.005
        if "difference" in said and "dB" not in said["difference"]:
            is_right &= float(said["difference"]) == pytest.approx(difference, abs=0.015)
        return bool(is_right)

    def wait_pictures(self, before: list[str], changed: list[bool], *, what: str) -> None:
        """Wait until these of the panels show something else than before; the others must not."""
        assert len(before) == len(PANELS)
        deadline = time.monotonic() + WAIT_SECONDS
        while (now := [one != other for one, other in zip(before, self.pictures(), strict=True)]) != changed:
            assert time.monotonic() < deadline, f"panels that changed by {what}: {now}, expected {changed}"
            self.page.wait_for_timeout(40)

    def pictures(self) -> list[str]:
        """What each visible panel shows, as text to compare."""
        return list(self.root.evaluate(PICTURES))


def test_every_control_of_the_mask_explorer(notebook: Notebook, page: Any, lab: Lab) -> None:
    run_notebook(notebook, lab, "masks.ipynb", SONG, EXPLORER, TRUTH)
    shown = MaskLab(notebook, "explorer", label="Mask explorer", right=78)
    shown.check_values()

    # What is looked at
    shown.press("combobox", "stem", "ArrowDown", stem="soft")
    shown.check_values()
    shown.choose("stem", "loud", stem="loud")
    shown.press("combobox", "channel", "ArrowDown", channel=1)
    shown.check_values()
    shown.choose("channel", "0", channel=0)
    shown.press("combobox", "chunk", "Home", chunk=None)
    shown.wait(picture=lambda picture: picture["span_seconds"] == [0.0, 8.0])
    shown.wait_text("0 dB is its maximum in this song")
    shown.press("combobox", "chunk", "End", chunk=32)
    shown.wait_text("0 dB is its maximum in this chunk")
    shown.choose("chunk", "1", chunk=1)
    shown.check_values()

    # Whose mask: the model's and each ideal one
    origins = shown.read("choices['origins']")
    assert [origin for origin, _ in origins] == ["model", "ibm", "irm", "wiener", "psm", "psm_clipped", "cirm"]
    shown.press("combobox", "mask", "Home")
    for origin, words in origins[1:]:
        shown.press("combobox", "mask", "ArrowDown", origin=origin)
        shown.wait_text(f"Mask, magnitude: {words}")
        shown.check_values()
    shown.wait_text("SDR of loud in this chunk: −5.0 dB before, ")
    shown.wait(sdr_after=lambda decibels: decibels > 100)  # the complex ideal mask leaves the very stem
    shown.choose("mask", "model", origin="model")

    # The difference to each ideal mask, and to the true stem
    assert shown.root.get_by_role("combobox", name="ideal mask").is_disabled()
    shown.press("combobox", "difference", "ArrowDown", group="comparison", show_difference="mask")
    shown.wait_text("Mask minus ideal mask, ratio (IRM)")
    shown.press("combobox", "ideal mask", "Home", group="comparison", against="ibm")
    for kind in ("ibm", "irm", "wiener", "psm", "psm_clipped", "cirm"):
        shown.press("combobox", "ideal mask", *["ArrowDown"] * (kind != "ibm"), group="comparison", against=kind)
        shown.check_values()
    assert "difference" in shown.point(*CELLS[0])
    shown.choose("difference", "result", group="comparison", show_difference="result")
    shown.wait_text("Result minus true stem")
    assert shown.use("combobox", "ideal mask", group="comparison").is_disabled()

    # Exponent and threshold
    shown.press("slider", "exponent", "ArrowRight", exponent=1.1)
    shown.check_values()
    shown.slide("exponent", 0.3, exponent=within(2.2, 2.6))
    shown.check_values()
    shown.press("slider", "threshold", "PageUp", threshold=0.1)
    shown.slide("threshold", 0.8, threshold=within(0.75, 0.85))
    shown.check_values()
    assert notebook.value(f"tell{CELLS[1]}")[0] == 0  # of the two cells it leaves one
    shown.click("exponent 1, threshold 0", exponent=1.0, threshold=0.0)
    shown.check_values()

    # Levels and axis: of the panels only those that they concern
    shown.choose("difference", "off", group="comparison", show_difference="off")
    shown.wait_page("([node]) => node.querySelector('.wb-mask-wide').offsetParent === null")
    levels_only, all_panels = [True, False, False, True], [True] * 4
    for name, drive, changed in (
        ("floor", lambda: shown.press("slider", "floor", "PageUp", floor_db=-70.0), levels_only),
        ("floor", lambda: shown.slide("floor", 0.6, floor_db=within(-50, -20)), levels_only),
        ("top", lambda: shown.press("slider", "top", "ArrowRight", top_db=1.0), levels_only),
        ("top", lambda: shown.slide("top", 0.95, top_db=within(5, 20)), levels_only),
        ("colours", lambda: shown.press("combobox", "colours", "ArrowDown", colour_map="viridis"), levels_only),
        ("colours", lambda: shown.choose("colours", "cividis", colour_map="cividis"), levels_only),
        ("axis", lambda: shown.press("combobox", "frequency axis", "ArrowDown", frequency_axis="linear"), all_panels),
    ):
        page.mouse.move(0, 0)  # no crosshair
        shown.settle()
        before = shown.pictures()
        drive()
        shown.wait_pictures(before, changed, what=name)
    shown.check_values()
    shown.choose("frequency axis", "log", frequency_axis="log")

    check_view(shown)
    check_sounds(shown)
    shown.check()
    check_quiet(notebook)


def check_view(shown: MaskLab) -> None:
    """Buttons, keys, drag and wheel: one zoom for all panels, of which the kernel computes nothing."""
    keyboard, serial = shown.page.keyboard, shown.read("picture['serial']")
    wait = make_plane_check(shown, seconds=0.5, tolerance_seconds=0.003)
    zoom_by_buttons(shown, wait, seconds=0.5)
    time_group, frequency_group = "view of time", "view of frequency"
    shown.click("zoom out in time", group=time_group)
    wait(y=(0.25, 0.75))
    shown.press("button", "zoom out in frequency", "Enter", group=frequency_group, view=[])
    shown.click("zoom in in time", group=time_group)
    shown.click("Show all", view=[])

    shown.choose("difference", "mask", group="comparison", show_difference="mask")
    shown.wait(picture=lambda picture: picture["serial"] > serial)
    serial = shown.read("picture['serial']")
    for name in (*PANELS, "difference"):
        shown.picture(name).focus()
        keyboard.press("+")
        wait((1 / 12, 5 / 12))
        keyboard.press("ArrowRight")
        wait((1 / 12 + 1 / 30, 5 / 12 + 1 / 30))
        keyboard.press("PageDown")
        wait((1 / 6, 1 / 2))
        keyboard.press("PageUp")
        wait((0, 1 / 3))
        keyboard.press("-")
        shown.wait(view=[])
        keyboard.press("Shift+ArrowUp")
        wait(y=(1 / 6, 5 / 6))
        keyboard.press("ArrowUp")
        wait(y=(1 / 6 + 1 / 15, 5 / 6 + 1 / 15))
        keyboard.press("ArrowDown")
        wait(y=(1 / 6, 5 / 6))
        keyboard.press("+")
        shown.drag(name, (0.5, 0.5), (0.7, 0.4))  # what was there comes along
        wait((1 / 12 - 1 / 15, 5 / 12 - 1 / 15), (1 / 6 + 1 / 15, 5 / 6 + 1 / 15))
        keyboard.press("Home")
        shown.wait(view=[])
    shown.wheel("mask, phase", 0.0, 0.5, -200.0, key="Control")
    wait((0, 0.5 * math.exp(-200 / 300)))
    shown.page.keyboard.down("Shift")
    shown.wheel("result", 0.5, 0.0, -200.0, key="Control")
    shown.page.keyboard.up("Shift")
    wait((0, 0.5 * math.exp(-200 / 300)), (0, math.exp(-200 / 300)))
    shown.click("Show all", view=[])
    assert shown.read("picture['serial']") == serial  # nothing of this was asked of the kernel
    shown.page.mouse.move(*shown.place("mixture", 0.5, 0.5))
    shown.wait_text(re.compile(r"^0\.2\d+ s · 3\d\d Hz · mixture"))


def check_sounds(shown: MaskLab) -> None:
    """Before and after, of a chunk, of the stretch shown and of the song; and the mask applied to the song."""
    shown.press("slider", "exponent", "PageUp", exponent=2.0)
    levels = {}
    for which, name in (("mixture", "hear the mixture"), ("before", "hear before"), ("after", "hear after")):
        [[seconds, level]] = shown.hear(name, group="hear")
        assert seconds == pytest.approx(0.5)
        assert level == pytest.approx(shown.notebook.value(f"measure(explorer.sound({which!r}))"), rel=2e-3)  # 16 bit
        levels[which] = level
    assert abs(levels["after"] / levels["before"] - 1) > 0.05  # the exponent is heard
    shown.click("zoom in in time", group="view of time")
    shown.click("only the stretch shown", role="checkbox", group="hear", hear_shown=True)
    [[seconds, _]] = shown.hear("hear after", group="hear")
    assert seconds == pytest.approx(0.25)
    shown.press("checkbox", "only the stretch shown", "Space", group="hear", hear_shown=False)
    shown.choose("chunk", "song", chunk=None)
    [[seconds, _]] = shown.hear("hear before", group="hear")
    assert seconds == pytest.approx(8.0)  # long enough to be seen playing
    shown.wait_text("Playing: before (the run's mask), 8.00 s")
    shown.click("stop the sound", group="hear")
    shown.wait_page("([node]) => !node.textContent.includes('Playing: ')")
    assert shown.read("result is None")
    shown.click("Apply to the song")
    shown.wait_text("Applied to all stems and chunks of the song; the new trace is widget.result")
    before, after, expected = (
        shown.notebook.value(f"measure({run}.stems['loud'])")
        for run in ("trace", "explorer.result", "trace.rerun('mask', mask=trace['mask'].mask ** 2)")
    )
    assert after != pytest.approx(before, rel=0.01)
    assert after == pytest.approx(expected, rel=1e-4)

    # What cannot be heard is said
    shown.choose("chunk", "0", chunk=0)  # of which the first half is padding
    shown.notebook.python("explorer.view = [-0.2, -0.1]")
    shown.click("only the stretch shown", role="checkbox", group="hear", hear_shown=True)
    shown.click("hear after", group="hear")
    shown.wait_message("nothing to hear")
    shown.click("Dismiss", message="")
