"""A player's views: several of them, spectrogram, odd songs, faults, and how it looks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from player_page import HIGH, LOW, OTHER, RATE, SONG, Shown

from workbench.core import Audio
from workbench.widgets import StemPlayer


@pytest.fixture
def shown(page: Any) -> Shown:
    return Shown(page, StemPlayer(SONG, other=OTHER))


def test_only_the_view_that_was_started_plays_and_closing_ends_it(shown: Shown) -> None:
    page = shown.page
    page.evaluate("async () => window.wb.closers.push(await window.wb.addView())")
    page.get_by_role("button", name="Play").nth(1).click()
    shown.sync()
    shown.wait("p.sound?.run", view=1)
    assert shown.ask("p.context") is None
    assert page.get_by_role("button", name="Pause").count() == 1
    page.get_by_role("button", name="Play").first.click()
    shown.sync()
    shown.wait("p.sound?.run")
    assert shown.ask("p.sound.run", view=1) is None
    page.evaluate("() => { window.contexts = [...document.querySelectorAll('.wb')].map(r => r.__player.context); }")
    shown.mounted.close()
    page.wait_for_function("() => window.contexts.every(context => context.state === 'closed')")
    assert (shown.sync().playing, shown.player.playing_view) == (False, "")
    assert page.evaluate("() => [...window.wb.handlers.values()].flat().length") == 0
    page.evaluate("async () => window.wb.closers.push(await window.wb.addView())")
    shown.player.playing = True
    shown.sync()
    shown.wait("p.sound?.run")  # started from Python, by whichever view there is
    shown.player.playing = False
    shown.sync()
    assert shown.ask("p.sound.run") is None
    assert page.faults == []


def test_a_page_that_is_gone_leaves_nothing_playing(page: Any) -> None:
    shown = Shown(page, StemPlayer(SONG, playing=True, playing_view="of a page before"))
    assert not shown.sync().playing


def test_a_spectrogram_is_asked_for_once_a_track(shown: Shown) -> None:
    page = shown.page
    page.get_by_label("spectrogram of").select_option("high")
    shown.sync()
    assert shown.player.spectrogram_stem == "high"
    axes = page.get_by_role("group", name="Spectrogram:")
    assert axes.is_visible()
    described = shown.ask("[1500, 3000].map(hertz => p.spectrum.axes.layers[0].valueAt(2, hertz).value)")
    assert described[0] == pytest.approx(-14, abs=1.5)  # a tone of 0.2; up to 1.4 dB are lost between two bins
    assert described[1] < -60
    lefts = shown.ask("[p.lanesAxes, p.spectrum.axes].map(axes => [axes.frame.left, axes.frame.width])")
    assert lefts[0] == lefts[1]
    shown.player.spectrogram_stem = ""
    shown.sync()
    assert not axes.is_visible()
    page.get_by_label("spectrogram of").select_option("high")
    shown.mounted.frames()
    asked = [message for message in page.evaluate("() => window.wb.take()") if "content" in message]
    assert asked == []
    assert page.faults == []


def test_tracks_that_were_scaled_are_as_loud_as_they_were(page: Any) -> None:
    shown = Shown(page, StemPlayer({"loud": Audio(2 * LOW.data / 0.4, RATE)}))
    shown.play()
    assert shown.gains() == [2, 1]
    assert shown.peak() == pytest.approx(2, abs=0.01)


def test_silence_and_a_single_sample_play(page: Any) -> None:
    silence = Audio(torch.zeros(1, 1), RATE)
    shown = Shown(page, StemPlayer({"mixture": silence, "stem": silence}))
    course = shown.record("playing")
    shown.press("Play")
    shown.mounted.wait(lambda: course == [True, False])
    assert (shown.ask("p.sound.run"), shown.player.message) == (None, "")
    assert page.faults == []


def test_a_fault_of_the_kernel_ends_the_waiting(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> bytes:
        raise OSError("no room")

    monkeypatch.setattr("workbench.widgets.sound.encode_track", fail)
    shown.press("Play")
    assert not shown.sync().playing
    assert "no room" in shown.page.get_by_role("alert").inner_text()
    monkeypatch.undo()
    shown.play()


@pytest.mark.parametrize(("width", "theme"), [(640, "dark"), (1280, "light"), (1920, "dark")])
def test_all_fits_and_can_be_read(probed: Any, width: int, theme: str) -> None:
    page = probed
    page.set_viewport_size({"width": width, "height": 1000})
    names = {"a very long name of a stem that is cut": LOW, "high": HIGH}
    player = StemPlayer({**names, "mixture": SONG["mixture"]}, other=OTHER, solo=["high"], spectrogram_stem="high")
    shown = Shown(page, player, theme=theme)
    shown.sync()
    shown.mounted.frames()
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate(
        "() => [...document.querySelectorAll('.wb-strip')].every(s => s.scrollHeight <= s.clientHeight)"
    )
    tops = page.evaluate("() => [...document.querySelectorAll('.wb-strip')].map(s => s.getBoundingClientRect().top)")
    lanes = page.get_by_role("group", name="Waveforms:").bounding_box()
    assert tops == pytest.approx([lanes["y"] + 8 + 68 * index for index in range(3)], abs=1)
    assert page.evaluate("() => countBorderInk(document.querySelector('.wb').__player.lanesAxes.canvas)") == [
        0,
        0,
        0,
        0,
    ]
    contrasts = page.evaluate("() => measureContrasts('.wb h4, .wb button, .wb label, .wb span')")
    assert [entry for entry in contrasts if entry[0] < 4.5] == []
    unnamed = page.evaluate("""() => [...document.querySelectorAll('.wb :is(button, input, select, [tabindex])')]
      .filter(node => !(node.getAttribute('aria-label') || node.textContent.trim() || node.closest('label'))
        || !node.hasAttribute('data-lm-suppress-shortcuts')).map(node => node.outerHTML)""")
    assert unnamed == []
    assert page.faults == []
