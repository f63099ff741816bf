"""What a player sounds like, with the browser's real Web Audio on a stand-in for Jupyter's model."""

from __future__ import annotations

from typing import Any

import pytest
from player_page import OTHER, RATE, SECONDS, SONG, Shown

from workbench.widgets import StemPlayer


@pytest.fixture
def shown(page: Any) -> Shown:
    return Shown(page, StemPlayer(SONG, other=OTHER))


def test_all_tracks_run_on_one_clock_and_the_place_reaches_python(shown: Shown) -> None:
    assert shown.ask("[p.context, p.sound]") == [None, None]  # a page full of players stays light
    shown.play()
    assert shown.player.playing
    assert shown.ask("[p.context.state, p.context.sampleRate, p.sound.tracks.size]") == ["running", RATE, 5]
    lengths = shown.ask("[...p.sound.tracks.values()].map(t => t.buffer.length)")
    assert lengths == [SECONDS * RATE] * 5
    assert shown.peak() == pytest.approx(0.6, abs=0.05)  # both stems; the mixture is muted. Tones meet at their peaks
    first = shown.sync().current_seconds
    assert first > 0
    shown.mounted.wait(lambda: shown.player.current_seconds > first + 0.2)
    shown.press("Pause")
    assert not shown.player.playing
    place = shown.player.current_seconds
    assert shown.page.get_by_role("timer").inner_text() == f"{place:.2f} s of 30.00 s"
    shown.wait("p.context.state === 'suspended'")
    assert shown.sync().current_seconds == place
    shown.play()
    assert shown.ask("p.sound.position") >= place
    shown.press("Stop")
    assert (shown.player.playing, shown.player.current_seconds) == (False, 0.0)
    assert shown.page.faults == []


def test_play_right_after_pause_is_heard(shown: Shown) -> None:
    shown.play()
    # a browser that takes its time to say that sound runs
    late = "() => Promise.all([resume(), new Promise(done => setTimeout(done, 300))])"
    shown.ask(f"(() => {{ const resume = p.context.resume.bind(p.context); p.context.resume = {late}; }})()")
    shown.page.get_by_role("button", name="Pause").evaluate("button => { button.click(); button.click(); }")
    shown.wait("p.sound.run")
    assert shown.ask("p.context.state") == "running"


def test_it_ends_with_the_song_and_begins_anew(shown: Shown) -> None:
    shown.player.current_seconds = SECONDS - 0.3
    shown.sync()
    course = shown.record("playing")
    shown.press("Play")
    shown.mounted.wait(lambda: course == [True, False])
    shown.wait("p.context.state === 'suspended'")
    assert shown.player.current_seconds == pytest.approx(SECONDS)
    shown.play()
    assert shown.ask("p.sound.run.offset") == 0


def test_mute_solo_gain_and_volume_are_gains_of_nodes(shown: Shown) -> None:
    shown.play()
    page = shown.page
    assert shown.gains() == [0, 1, 1, 0, 0, 1]
    shown.press("mute low")
    assert shown.gains() == [0, 0, 1, 0, 0, 1]
    assert shown.sync().mute == ["mixture", "low"]
    shown.press("solo mixture")
    assert shown.gains() == [1, 0, 0, 0, 0, 1]
    assert shown.sync().solo == ["mixture"]
    assert shown.ask("p.lanes.lanes.map(lane => lane.dimmed)") == [False, True, True]
    shown.player.solo, shown.player.mute = [], []
    shown.player.gains_db = {"low": -20.0, "high": 6.0}
    shown.player.master_db = -6.0
    shown.sync()
    assert shown.gains() == pytest.approx([1, 0.1, 10**0.3, 0, 0, 10**-0.3], rel=1e-5)  # float32
    page.get_by_label("gain of low").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("slider", name="volume").focus()
    page.keyboard.press("Home")
    assert shown.sync().gains_db == {"low": -19.5, "high": 6.0}
    assert shown.player.master_db == -60.0
    assert shown.gains()[1::4] == pytest.approx([10 ** (-19.5 / 20), 0.001], rel=1e-5)
    page.get_by_label("gain of low").focus()
    page.keyboard.press("m")
    page.keyboard.press("s")
    assert (shown.sync().mute, shown.player.solo) == (["low"], ["low"])
    assert page.faults == []


def test_the_other_separation_is_on_the_same_clock(shown: Shown) -> None:
    shown.play()
    run = shown.ask("p.sound.run.at")
    shown.press("B")
    assert shown.gains() == [0, 0, 0, 1, 1, 1]
    assert shown.sync().side == "B"
    assert shown.ask("p.sound.run.at") == run  # nothing was started again
    shown.player.side = "A"
    shown.sync()
    assert shown.gains() == [0, 1, 1, 0, 0, 1]
    pressed = [shown.page.get_by_role("button", name=side, exact=True).get_attribute("aria-pressed") for side in "AB"]
    assert pressed == ["true", "false"]


def test_a_null_test_leaves_silence_or_what_is_wrong(shown: Shown) -> None:
    shown.play()
    shown.press("Null test")
    assert shown.gains() == [1, -1, -1, 0, 0, 1]
    assert shown.peak("p.sound.peak(0)") > 0.4
    assert shown.peak() < 1e-3  # 16 bits: each track rounds by at most 2 ** -16
    assert "the stems add up to the mixture" in shown.page.get_by_text("the stems add up").inner_text()
    assert shown.page.get_by_role("button", name="mute low").is_disabled()
    shown.player.side = "B"
    shown.sync()
    assert shown.gains() == [1, 0, 0, -1, -1, 1]
    assert shown.peak() == pytest.approx(0.1, abs=0.01)


def test_seeking_from_either_side(shown: Shown) -> None:
    page = shown.page
    lanes = page.get_by_role("group", name="Waveforms:")
    lanes.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert shown.sync().current_seconds == pytest.approx(1.1)
    page.keyboard.press("End")
    assert shown.sync().current_seconds == SECONDS
    page.keyboard.press("Home")
    assert shown.sync().current_seconds == 0
    box = lanes.bounding_box()
    left, width = shown.ask("[p.lanesAxes.frame.left, p.lanesAxes.frame.width]")
    page.mouse.click(box["x"] + left + width / 2, box["y"] + 60)
    assert shown.sync().current_seconds == pytest.approx(SECONDS / 2, abs=2 * SECONDS / width)
    page.keyboard.press("Space")  # the click has left the focus there
    shown.sync()
    shown.wait("p.sound?.run")
    assert shown.player.playing
    shown.player.current_seconds = 0.5
    shown.sync()
    assert shown.ask("p.sound.run.offset") == 0.5
    assert 0.5 <= shown.ask("p.sound.position") < SECONDS / 2
    lanes.focus()
    page.keyboard.press("Space")
    assert not shown.sync().playing
    assert page.faults == []


def test_what_is_shown_goes_on_with_the_song(shown: Shown) -> None:
    shown.player.shown, shown.player.current_seconds = [0.0, 5.0], 4.9  # a busy page paints seldom, yet within 1 s
    shown.sync()
    shown.play()
    shown.wait("p.view.x[0] > 4.9")
    low, high = shown.ask("p.view.x")
    assert high - low == pytest.approx(5.0)


def test_a_loop_comes_back_to_the_sample(shown: Shown) -> None:
    played = shown.page.evaluate("""async () => {
      const context = new OfflineAudioContext(1, 400, 8000);
      const buffer = new AudioBuffer({ length: 100, sampleRate: 8000 });
      buffer.copyToChannel(Float32Array.from({ length: 100 }, (_, index) => index), 0);
      const { StemSound } = document.querySelector('.wb').__player;
      const sound = new StemSound(context, new Map([[0, buffer]]));
      sound.play(0, [20.2 / 8000, 79.9 / 8000], 0);
      return [...(await context.startRendering()).getChannelData(0)];
    }""")
    faded_in = 64  # samples: 8 ms
    assert played[faded_in:] == [20 + index % 60 for index in range(faded_in, 400)]


def test_loops_are_set_by_buttons_drag_and_python(shown: Shown) -> None:
    page = shown.page
    shown.player.current_seconds = 1.0
    shown.sync()
    shown.press("Loop from here")
    assert shown.sync().loop_seconds == [1.0, SECONDS]
    shown.player.current_seconds = 1.5
    shown.sync()
    shown.press("Loop to here")
    assert shown.sync().loop_seconds == [1.0, 1.5]
    assert page.get_by_text("1.00 s to 1.50 s").is_visible()
    shown.play()
    shown.wait("p.context.currentTime - p.sound.run.at > 0.6")  # more than once around
    assert 1.0 <= shown.ask("p.sound.position") < 1.5
    shown.player.loop_seconds = [2.0, 2.4]
    shown.sync()
    shown.wait("p.sound.run.loop[0] === 2 && p.context.currentTime - p.sound.run.at > 0.5")
    assert 2.0 <= shown.ask("p.sound.position") < 2.4
    assert shown.sync().playing
    shown.press("No loop")
    assert shown.player.loop_seconds == []
    shown.press("Stop")
    box = page.get_by_role("group", name="Waveforms:").bounding_box()
    left, width = shown.ask("[p.lanesAxes.frame.left, p.lanesAxes.frame.width]")
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + left + 0.75 * width, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + left + 0.25 * width, box["y"] + 80, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert shown.sync().loop_seconds == pytest.approx([0.25 * SECONDS, 0.75 * SECONDS], abs=2 * SECONDS / width)
    assert (shown.player.current_seconds, shown.player.shown) == (0.0, [])  # neither sought nor moved
    assert page.faults == []


def test_python_seeks_back_to_a_place_that_it_has_read(shown: Shown) -> None:
    player = shown.player
    shown.play()
    shown.wait("p.sound.position > 0.6")
    place = shown.sync().current_seconds
    assert place > 0
    shown.wait(f"p.sound.position > {place + 2}")
    shown.sync()
    player.current_seconds = place
    shown.sync()
    shown.wait(f"p.sound.run.offset < {place + 0.01}")
    assert shown.ask("p.sound.run.offset") == pytest.approx(place, abs=1e-3)
