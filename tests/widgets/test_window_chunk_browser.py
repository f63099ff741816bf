from __future__ import annotations

from typing import Any

import pytest
import torch
from harness import UNGUARDED, Mounted, mount
from torch import Tensor

import workbench as wb
from workbench.core import Audio, ChunkGrid, window_sum
from workbench.registry import forget_plugin, make_window
from workbench.widgets import ChunkExplorer, WindowExplorer

RATE = 8000


def make_song(num_samples: int = 24_000, *, channels: int = 2) -> Audio[Tensor]:
    return Audio(0.2 * torch.randn(channels, num_samples, generator=torch.Generator().manual_seed(3)), RATE)


def press(mounted: Mounted, label: str, *keys: str, role: str | None = None) -> None:
    page = mounted.page
    target = page.get_by_role(role, name=label, exact=True) if role else page.get_by_label(label, exact=True)
    target.first.focus()
    for key in keys:
        page.keyboard.press(key)
    mounted.sync()


def press_control(mounted: Mounted, words: str, *keys: str) -> None:
    """Keys on the control whose label begins with these words."""
    control = mounted.page.locator("label.wb-control").filter(has_text=words).first.locator("input, select")
    control.focus()
    for key in keys:
        mounted.page.keyboard.press(key)
    mounted.sync()


def test_every_control_of_the_window_explorer_reaches_python_by_keys(page: Any) -> None:
    widget = WindowExplorer(make_song(), chunk_size=2048)
    shown = mount(page, widget)
    reached: list[str] = []
    page.expose_function("reach", lambda key: reached.append(key))
    page.evaluate("() => document.addEventListener('keydown', event => window.reach(event.key))")
    press_control(shown, "window", "ArrowDown")
    assert widget.window == "windows.hamming"
    press_control(shown, "chunk", "ArrowUp")
    assert (widget.chunk_samples, widget.hop_samples) == (2304, 1152)
    press_control(shown, "hop", "ArrowRight")  # a 64th of the chunk
    assert widget.hop_samples == 1188
    press_control(shown, "hop exactly", "ArrowDown")
    assert widget.hop_samples == 1187
    press_control(shown, "overlap", "Home")
    assert (widget.hop_samples, widget.overlap) == (2304, 0.0)
    press_control(shown, "overlap", "ArrowDown", "ArrowDown")
    assert widget.overlap == 0.5
    press_control(shown, "signal", "End")
    assert widget.signal == "noise"
    press_control(shown, "chunks added", "Home", "ArrowRight")
    assert widget.num_added == 2
    press_control(shown, "chunks added", "End")
    assert widget.num_added == -1
    press_control(shown, "well-known mistakes", "End")
    assert widget.mistake == "last_chunk_cut"
    assert page.get_by_text("fades away before its end").is_visible()
    widget.window = "tukey"
    shown.sync()
    press_control(shown, "alpha", "ArrowRight")
    assert widget.parameters == pytest.approx({"alpha": 0.505})
    assert page.get_by_text("0 is rectangular, 1 is Hann").is_visible()
    press(shown, "zoom in in time", "Enter", role="button")
    low, high = widget.shown[:2]
    grid = widget.rebuilt.grid
    assert (high - low) * RATE == pytest.approx(grid.padded_length / 2)
    press_control(shown, "hop", "ArrowLeft")
    assert widget.shown[:2] == pytest.approx([low, high])  # what is shown stays, though the whole has changed
    assert [key for key in reached if key not in ("Enter", " ")] == []
    assert page.locator(UNGUARDED).count() == 0
    assert widget.message == ""
    assert page.faults == []


def test_what_cannot_be_is_shown_and_the_picture_stays(page: Any) -> None:
    widget = WindowExplorer(make_song(), chunk_size=2048)
    shown = mount(page, widget)
    before = page.evaluate("() => document.querySelector('.wb').__explorer.now().serial")
    field = page.locator("label.wb-control").filter(has_text="hop exactly").locator("input")
    field.fill("0")
    field.press("Enter")
    shown.sync()
    assert "hop_size must be at least 1 sample, got 0" in page.get_by_role("alert").inner_text()
    assert page.evaluate("() => document.querySelector('.wb').__explorer.now().serial") == before
    field.fill("512")
    field.press("Enter")
    shown.sync()
    assert page.get_by_role("alert").inner_text() == ""
    assert page.evaluate("() => document.querySelector('.wb').__explorer.now().hop_size") == 512
    empty = mount(page, WindowExplorer(make_song(), overlap=1.0))
    assert "below 1" in page.get_by_role("alert").inner_text()
    press_control(empty, "overlap", "Home")
    assert page.get_by_role("alert").inner_text() == ""
    assert page.faults == []


def test_a_window_chosen_and_its_parameter_moved_before_python_answers(page: Any) -> None:
    widget = WindowExplorer(make_song(), chunk_size=2048, window="kaiser", parameters={"beta": 3.0})
    shown = mount(page, widget)
    choose = "label.wb-control:has-text('window') select"
    page.select_option(choose, "windows.tukey")
    slider = page.locator("label.wb-control").filter(has_text="alpha").locator("input")
    assert slider.input_value() == "0.5"  # the default, not the least
    slider.press("ArrowRight")
    shown.sync()
    assert (widget.window, widget.parameters) == ("windows.tukey", {"alpha": pytest.approx(0.505)})
    assert widget.message == ""
    serial = widget.drawn["serial"]
    page.select_option(choose, "windows.kaiser")
    shown.sync()
    assert widget.parameters == {"beta": 8.6}
    assert widget.drawn["serial"] == serial + 1  # measured once, though two traits came
    assert page.faults == []


def make_flat(length: int, *, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.full((length,), 0.5, dtype=dtype, device=device)


def test_a_window_registered_in_a_cell_appears_when_the_list_is_focused(page: Any) -> None:
    shown = mount(page, WindowExplorer(make_song(), chunk_size=2048))
    options = page.locator("option[value='notebook.flat']")
    wb.register_window(wb.WindowCard(name="flat", make=make_flat, summary="Half everywhere."))
    try:
        assert options.count() == 0
        press_control(shown, "window", "End")  # the focus asks for the list
        assert options.count() == 1
        press_control(shown, "window", "End")
        assert shown.widget.window == "notebook.flat"
        assert page.get_by_text("Half everywhere.").is_visible()
    finally:
        forget_plugin("notebook")
    assert page.faults == []


@pytest.mark.parametrize(("chunk_size", "hop_size"), [(1000, 300), (4096, 4096), (700, 699), (64, 3)])
def test_what_the_browser_sums_is_the_cores_sum(page: Any, chunk_size: int, hop_size: int) -> None:
    widget = WindowExplorer(make_song(6000), window="linear_fade:fade=0.3", chunk_size=chunk_size, hop=hop_size)
    shown = mount(page, widget)
    places = list(range(0, 6000, 37))
    summed, drawn, ranges = page.evaluate(
        """places => { const { now, sumSoFar } = document.querySelector('.wb').__explorer, grid = now();
        return [places.map(place => sumSoFar(grid.points, grid, place, grid.num_chunks - 1)),
          places.map(place => grid.pickSum(place, place)[0]), grid.pickSum(0, 5999)]; }""",
        places,
    )
    grid = ChunkGrid(6000, chunk_size, hop_size)
    expected = window_sum(grid, make_window("linear_fade:fade=0.3", length=chunk_size, dtype=torch.float64))
    assert summed == pytest.approx(expected[places].tolist(), abs=1e-5)  # float32, up to 21 windows
    assert drawn == pytest.approx(expected[places].tolist(), abs=1e-5)
    assert ranges == pytest.approx([float(expected.min()), float(expected.max())], abs=1e-5)
    assert shown.page.faults == []


def test_the_ripple_is_heard(page: Any) -> None:
    song = make_song(80_000)  # 10 s, lest it ends meanwhile
    widget = WindowExplorer(song, chunk_size=2048, mistake="hann_without_overlap", excerpt_seconds=10.0)
    shown = mount(page, widget)
    assert page.get_by_role("button", name="Play stitch_chunks").count() == 0  # it refuses
    clip = "document.querySelector('.wb').__explorer.clip"
    for name in ("the signal", "the mistake", "the difference"):
        page.get_by_role("button", name=f"Play {name}").click()
        shown.sync()
        page.wait_for_function(f"() => {clip}.position > 0.02")
        assert page.evaluate(f"() => {clip}.source.buffer.duration") == pytest.approx(10.0)
        assert page.get_by_role("button", name=f"Play {name}").get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Play the difference").click()
    assert page.evaluate(f"() => {clip}.position") is None
    shown.close()
    page.wait_for_function("() => !document.querySelector('.wb')")
    assert page.faults == []


def test_every_control_of_the_chunk_explorer_reaches_python(page: Any) -> None:
    widget = ChunkExplorer(make_song(), chunk_size=4000)
    shown = mount(page, widget)
    press_control(shown, "chunk", "ArrowUp")
    assert (widget.chunk_samples, widget.hop_samples) == (4080, 2040)
    press_control(shown, "length", "ArrowRight")
    assert widget.chunk_samples > 4080
    press_control(shown, "overlap", "ArrowRight")
    assert widget.overlap == pytest.approx(0.51)
    press_control(shown, "overlap of", "End", "ArrowUp")
    assert widget.overlap == 0.9
    press_control(shown, "overlap of", "Home", "ArrowDown", "ArrowDown")
    assert widget.overlap == 0.5
    press_control(shown, "padding", "ArrowDown")
    assert widget.padding_mode == "constant"
    press_control(shown, "selected chunk", "ArrowRight", "ArrowRight")
    assert widget.chunk == 2
    lanes = page.get_by_role("group", name="Chunks in lanes")
    lanes.focus()
    before = list(widget.shown)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    shown.sync()
    assert (widget.chunk, widget.shown) == (3, before)  # the axes did not pan
    press(shown, "next chunk", "Enter", role="button")
    press(shown, "previous chunk", "Enter", role="button")
    assert widget.chunk == 3
    press_control(shown, "instant", "ArrowUp")
    assert widget.instant_sample == 1
    assert "in chunk 0 at its sample 2176 (0.2720 s), chunk 1 at its sample 1" in (
        page.get_by_label("chunks at this instant").inner_text()
    )
    widget.overlap = 0.25
    assert shown.sync().page.get_by_role("cell", name="samples computed for each one kept").count() == 1
    assert page.get_by_text('"chunking.padding_mode": "constant"').is_visible()
    assert widget.message == ""
    assert page.faults == []


def test_a_click_tells_which_chunks_cover_it(page: Any) -> None:
    widget = ChunkExplorer(make_song(), chunk_size=4000, overlap=0.75)
    shown = mount(page, widget)
    frame = page.evaluate(
        """() => { const { left, top, width, height } = document.querySelector('.wb').__explorer.laneAxes.frame;
        return { left, top, width, height }; }"""
    )
    box = page.get_by_role("group", name="Chunks in lanes").bounding_box()
    grid = widget.grid
    page.mouse.click(box["x"] + frame["left"] + 0.5 * frame["width"], box["y"] + frame["top"] + 0.6 * frame["height"])
    shown.sync()
    middle = grid.starts[0] + grid.padded_length / 2
    assert widget.instant_sample == pytest.approx(middle, abs=grid.padded_length / frame["width"])  # a pixel
    covering = list(grid.covering(widget.instant_sample))
    assert [entry["chunk"] for entry in widget.covering] == covering
    assert len(covering) == 4
    assert widget.chunk in covering
    assert widget.chunk % 4 == 2  # the third of four lanes
    text = page.get_by_label("chunks at this instant").inner_text()
    assert all(f"chunk {index} at its sample" in text for index in covering)
    assert page.faults == []


def test_the_chunk_is_heard_and_its_settings_copied(page: Any) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown = mount(page, ChunkExplorer(make_song(160_000), chunk_size=80_000, chunk=1))  # 10 s, lest it ends meanwhile
    page.get_by_role("button", name="Hear the chunk").click()
    shown.sync()
    page.wait_for_function("() => document.querySelector('.wb').__explorer.clip.position > 0.02")
    page.get_by_role("button", name="Stop").click()
    assert page.get_by_role("button", name="Hear the chunk").is_visible()
    page.get_by_role("button", name="Copy settings as Python").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('[role=status]')].some(node => /^copied|^selected/.test(node.textContent))"
    )
    assert page.faults == []


@pytest.mark.parametrize("width", [500, 1280, 1900])
@pytest.mark.parametrize("theme", ["light", "dark", "plain"])
@pytest.mark.parametrize("make", [WindowExplorer, ChunkExplorer])
def test_nothing_is_cut_off_and_all_can_be_read(probed: Any, make: Any, theme: str, width: int) -> None:
    page = probed
    page.set_viewport_size({"width": width, "height": 900})
    settings = {"mistake": "last_chunk_cut"} if make is WindowExplorer else {"chunk": 1}
    mount(page, make(make_song(), message="a message", **settings), theme=theme)
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    edges = page.evaluate("() => [...document.querySelectorAll('.wb-axes > canvas:first-child')].map(countBorderInk)")
    assert len(edges) == (6 if make is WindowExplorer else 3)
    assert edges == [[0, 0, 0, 0]] * len(edges)
    text = ".wb h4, .wb h5, .wb button, .wb label, .wb span, .wb-readout, .wb td, .wb th, .wb code, .wb p"
    contrasts = page.evaluate("selector => measureContrasts(selector)", text)
    assert len(contrasts) > 20
    assert [entry for entry in contrasts if entry[0] < 4.5] == []
    assert page.faults == []


@pytest.mark.parametrize("data", [torch.ones(1, 1), torch.zeros(2, 900)], ids=["one sample", "silence"])
@pytest.mark.parametrize("make", [WindowExplorer, ChunkExplorer])
def test_odd_songs_are_drawn(page: Any, make: Any, data: Tensor) -> None:
    shown = mount(page, make(Audio(data, RATE), chunk_size=256))
    press_control(shown, "chunk", "ArrowUp")
    assert shown.widget.chunk_samples > 256
    assert page.get_by_role("alert").inner_text() == ""
    assert page.faults == []


def read_words(mounted: Mounted, words: str) -> tuple[str, str]:
    """What a slider whose label begins with these words says of its value, to be seen and to be read aloud."""
    node = mounted.page.locator("label.wb-control").filter(has_text=words).first
    return node.locator("output").inner_text(), node.locator("input").get_attribute("aria-valuetext")


def test_a_slider_shows_what_python_set_also_beyond_its_ends(page: Any) -> None:
    widget = WindowExplorer(make_song(), chunk_size=2000)
    shown = mount(page, widget)
    for overlap, hop in ((0.0, 2000), (0.9985, 3)):  # the slider goes by 31 samples, from 31 to 1984
        widget.overlap = overlap
        shown.sync()
        assert widget.hop_samples == hop
        assert read_words(shown, "hop") == (f"{hop} samples", f"{hop} samples")
    press_control(shown, "hop", "ArrowRight")
    assert widget.hop_samples in (31, 62)  # back within
    widget = ChunkExplorer(make_song(), chunk_size=2000, overlap=0.99)
    assert read_words(mount(page, widget), "overlap")[0] == "0.99"
