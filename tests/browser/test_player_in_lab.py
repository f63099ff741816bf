"""The stem player in JupyterLab: each of its controls driven as a user does, and what comes of it read from Python."""

from __future__ import annotations

from typing import Any

import pytest
from controls import check_quiet, count_cells, drag, run_notebook
from lab_player import LabPlayer
from labdriver import Lab, Notebook

SECONDS = 3.0
SONG = f"""
import torch
from workbench.core import Audio
from workbench.widgets import StemPlayer
RATE = 8000

def make_tone(hertz, *, peak):
    time = torch.arange(round({SECONDS} * RATE)) / RATE
    return Audio((peak * torch.sin(2 * torch.pi * hertz * time)).expand(2, -1).clone(), RATE)

low, high = make_tone(200, peak=0.4), make_tone(1500, peak=0.2)
song = {{"mixture": Audio(low.data + high.data, RATE), "low": low, "high": high}}
other = {{"low": low, "high": Audio(0.5 * high.data, RATE)}}
"""


def test_every_control_of_the_player(notebook: Notebook, page: Any, lab: Lab) -> None:
    run_notebook(notebook, lab, "player.ipynb", SONG, "player = StemPlayer(song, other=other); player")
    shown, cells = LabPlayer(notebook, "player"), count_cells(page)
    drive_transport(shown)
    drive_loop(shown)
    drive_gains(shown)
    drive_sides(shown)
    drive_spectrogram(shown)
    drive_view(shown)
    shown.check()
    assert count_cells(page) == cells  # no key went through to the notebook
    check_quiet(notebook)


def drive_transport(shown: LabPlayer) -> None:
    """Play, pause, stop; seeking by click and key."""
    assert shown.ask("[p.context, p.sound]") == [None, None]  # nothing is fetched before it is asked for
    shown.notebook.python(f"player.loop_seconds = [0.0, {SECONDS}]")  # lest the song ends meanwhile
    shown.click("▶ Play", group="playing", playing=True)
    shown.wait_sound("p.context.state === 'running' && p.context.sampleRate === 8000 && p.sound.tracks.size === 5")
    shown.wait(current_seconds=lambda seconds: seconds > 0)
    first = shown.read("current_seconds")
    shown.wait(current_seconds=lambda seconds: abs(seconds - first) > 0.2)
    shown.click("❚❚ Pause", group="playing", playing=False)
    shown.wait_sound("p.context.state === 'suspended'")
    clock = shown.root.get_by_role("timer")
    shown.wait(current_seconds=lambda seconds: clock.inner_text() == f"{seconds:.2f} s of 3.00 s")
    shown.click("■ Stop", group="playing", current_seconds=0.0)
    lanes = ("group", "Waveforms")
    shown.press(*lanes, "ArrowRight", "Shift+ArrowRight", current_seconds=pytest.approx(1.1))
    shown.press(*lanes, "ArrowRight", "ArrowLeft", "Shift+ArrowLeft", current_seconds=pytest.approx(1.0))
    shown.press(*lanes, "End", current_seconds=SECONDS)
    shown.press(*lanes, "Home", current_seconds=0.0)
    shown.click_at("Waveforms", 0.5)
    shown.wait(current_seconds=pytest.approx(SECONDS / 2, abs=0.02))
    shown.page.keyboard.press("Space")  # the click has left the focus there
    shown.wait(playing=True)
    shown.notebook.python("player.loop_seconds = []")
    shown.wait(playing=False, current_seconds=SECONDS)  # the end of the song


def drive_loop(shown: LabPlayer) -> None:
    """Loops by buttons and by drag; the song stays in one until there is none."""
    shown.press("group", "Waveforms", "Home", "ArrowRight", current_seconds=1.0)
    shown.click("Loop from here", group="loop", loop_seconds=[1.0, SECONDS])
    shown.press("group", "Waveforms", "ArrowRight", current_seconds=2.0)
    shown.click("Loop to here", group="loop", loop_seconds=[1.0, 2.0])
    shown.wait_text("1.00 s to 2.00 s")
    shown.click("No loop", group="loop", loop_seconds=[])
    shown.drag_with_shift("Waveforms", 0.3, 0.1)
    shown.wait(loop_seconds=pytest.approx([0.3, 0.9], abs=0.02))
    low, high = shown.read("loop_seconds")
    assert [shown.read("current_seconds"), shown.read("shown")] == [2.0, []]  # neither sought nor moved
    shown.click("▶ Play", group="playing")
    shown.wait_sound("p.sound?.run && p.context.currentTime - p.sound.run.at > 1")  # which is longer than the loop
    shown.wait(current_seconds=lambda seconds: low <= seconds <= high, playing=True)


def drive_gains(shown: LabPlayer) -> None:
    """Mute, solo, gain and volume act on the gain nodes, while the loop plays."""
    shown.wait_gains(0, 1, 1, 0, 0, 1)
    shown.wait_sound("p.sound.peak() > 0.5")
    shown.click("mute low", group="low", mute=["mixture", "low"])
    shown.wait_gains(0, 0, 1, 0, 0, 1)
    shown.wait_sound("p.sound.peak() < 0.21 && p.lanes.lanes.map(lane => lane.dimmed).join() === 'true,true,false'")
    shown.click("mute high", group="high")
    shown.click("mute mixture", group="mixture", mute=["low", "high"])
    shown.wait_gains(1, 0, 0, 0, 0, 1)
    for name, gains in {"low": (0, 1, 0), "high": (0, 1, 1), "mixture": (1, 1, 1)}.items():
        assert shown.click(f"solo {name}", group=name).get_attribute("aria-pressed") == "true"
        shown.wait_gains(*gains, 0, 0, 1)
    shown.wait(solo=["low", "high", "mixture"])
    for name in ("low", "high", "mixture"):
        shown.click(f"solo {name}", group=name)
    shown.wait(solo=[])
    gain = ("slider", "gain of low")  # on which x and a, as the notebook's shortcuts, would cut and insert a cell
    shown.press(*gain, "m", "s", "x", "a", group="low", mute=["high"], solo=["low"])
    shown.press(*gain, "s", "ArrowLeft", "Shift+ArrowLeft", group="low", gains_db={"low": -5.5}, solo=[])
    shown.press("slider", "gain of high", "End", "m", group="high", mute=[])
    shown.press("slider", "gain of mixture", "Home", "ArrowRight", group="mixture")
    shown.wait(gains_db={"low": -5.5, "high": 12.0, "mixture": -59.5})
    shown.press("slider", "volume", "PageDown", "ArrowDown", "ArrowUp", group="volume", master_db=-5.0)
    shown.wait_gains(10 ** (-59.5 / 20), 10 ** (-5.5 / 20), 10**0.6, 0, 0, 10**-0.25)
    shown.slide("gain of high", 0.5, group="high", gains_db=lambda gains: -30 < gains["high"] < -18)
    shown.notebook.python("player.gains_db, player.master_db, player.mute = {'low': -20.0}, 0.0, ['mixture']")
    shown.wait_gains(0, 0.1, 1, 0, 0, 1)
    assert shown.use(*gain, group="low").get_attribute("aria-valuetext") == "−20.0 dB"
    shown.notebook.python("player.gains_db = {}")


def drive_sides(shown: LabPlayer) -> None:
    """The other separation on the same clock, and what each leaves of the mixture."""
    run = shown.ask("p.sound.run.at")
    second = shown.click("B", group="separation to hear", side="B")
    shown.wait_gains(0, 0, 0, 1, 1, 1)
    shown.click("Null test", null_test=True)
    shown.wait_gains(1, 0, 0, -1, -1, 1)
    shown.wait_sound("p.sound.peak() > 0.09 && p.sound.peak() < 0.11")  # half of the high tone
    shown.wait(null_result=lambda words: "−13.0 dB" in words)  # 0.1 beside 0.4 and 0.2
    first = shown.click("A", group="separation to hear", side="A")
    shown.wait_gains(1, -1, -1, 0, 0, 1)
    shown.wait_sound("p.sound.peak(0) > 0.4 && p.sound.peak() < 1e-3")  # each track is rounded to 16 bits
    shown.wait(null_result=lambda words: words and "−13.0 dB" not in words)
    shown.wait_text(shown.read("null_result"))
    assert [side.get_attribute("aria-pressed") for side in (first, second)] == ["true", "false"]
    assert shown.use("button", "mute low", group="low").is_disabled()
    assert shown.ask("p.sound.run.at") == run  # nothing was started again
    shown.click("Null test", null_test=False, null_result="")
    shown.wait_gains(0, 1, 1, 0, 0, 1)
    shown.click("■ Stop", group="playing", playing=False)
    shown.click("No loop", group="loop", loop_seconds=[])


def drive_spectrogram(shown: LabPlayer) -> None:
    """A track's spectrogram, its range of colours, and its axes, which seek, loop and move as the lanes do."""
    axes = ("group", "Spectrogram")
    shown.press("combobox", "spectrogram of", "ArrowDown", spectrogram_stem="mixture")
    shown.choose("spectrogram of", "high", spectrogram_stem="high")
    host = shown.use(*axes)
    level = "p.spectrum.axes.layers[0]?.valueAt(1.5, 1500)?.value"
    shown.wait_sound(f"Math.abs({level} + 14) < 1.5 && p.spectrum.axes.frame")  # a tone of 0.2, between two bins
    shown.press("slider", "range", "ArrowLeft", "PageUp", "x", range_db=120.0)
    shown.press("slider", "range", "ArrowLeft", range_db=115.0)
    shown.wait_sound("(([low, high]) => high - low === 115)(p.spectrum.axes.layers[0].shown)")
    shown.click_at("Spectrogram", 0.75)
    shown.wait(current_seconds=pytest.approx(0.75 * SECONDS, abs=0.02))
    shown.root.locator(".wb-readout").filter(has_text="Hz").wait_for()  # what is under the pointer
    shown.press(*axes, "Home", "ArrowRight", "Shift+ArrowLeft", current_seconds=pytest.approx(0.9))
    shown.drag_with_shift("Spectrogram", 0.5, 0.75)
    shown.wait(loop_seconds=pytest.approx([0.5 * SECONDS, 0.75 * SECONDS], abs=0.02))
    shown.click("No loop", group="loop", loop_seconds=[])
    least, most = shown.ask("p.view.whole.y")
    shown.press(*axes, "Shift+ArrowUp", shown=lambda view: len(view) == 4 and least < view[2] < view[3] < most)
    low, high = shown.read("shown[2:]")
    shown.press(*axes, "ArrowUp", shown=lambda view: view[2] > low and view[3] > high)
    shown.press(*axes, "ArrowDown", "ArrowDown", shown=lambda view: view[2] < low and view[3] < high)
    shown.press(*axes, "Shift+ArrowDown", "Shift+ArrowDown", shown=[])
    shown.press("combobox", "spectrogram of", "Home", spectrogram_stem="")
    host.wait_for(state="hidden")


def drive_view(shown: LabPlayer) -> None:
    """What is shown of the song: by buttons, keys, wheel and drag."""
    lanes, group = ("group", "Waveforms"), "view of time"
    shown.click("zoom in in time", group=group, **{"shown[:2]": pytest.approx([0.75, 2.25])})
    shown.click("earlier", group=group, **{"shown[:2]": pytest.approx([0.0, 1.5])})
    shown.click("later", group=group, **{"shown[:2]": pytest.approx([0.75, 2.25])})
    drag(shown.page, shown.use(*lanes), shown.find(0.5), shown.find(0.25))
    shown.wait(**{"shown[:2]": pytest.approx([1.125, 2.625], abs=0.02)})
    shown.click("zoom out in time", group=group, shown=[])
    shown.press(*lanes, "+", **{"shown[:2]": pytest.approx([0.5, 2.5])})
    shown.press(*lanes, "PageDown", **{"shown[:2]": pytest.approx([1.0, 3.0])})
    shown.press(*lanes, "PageUp", **{"shown[:2]": pytest.approx([0.0, 2.0])})
    shown.click("Show all", shown=[])
    shown.wheel("Waveforms", 0.0, 0.5, -150, key="Control")
    shown.wait(**{"shown[:2]": lambda ends: len(ends) == 2 and ends[0] < 0.01 and ends[1] < 2})
    shown.press(*lanes, "-", "-", "-", shown=[])
    shown.notebook.python("player.shown = [1.0, 2.0]")
    shown.wait_sound("p.view.x.join() === '1,2'")
