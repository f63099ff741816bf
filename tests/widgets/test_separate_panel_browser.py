"""The separate panel in a page: every control reaches Python, a run shows its progress, an upload arrives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from harness import mount

import workbench
from workbench.core import Audio
from workbench.widgets.separate_panel import SeparatePanel


@pytest.fixture
def song(tmp_path: Path) -> Path:
    data = torch.randn(2, 16000, generator=torch.Generator().manual_seed(0)) / 8
    return workbench.save(Audio(data, 8000), tmp_path / "song.wav")


def test_controls_reach_python_and_a_run_is_shown(page: Any, song: Path) -> None:
    panel = SeparatePanel(folder=song.parent)
    mounted = mount(page, panel)
    page.get_by_label("song in folder").select_option(str(song))
    page.get_by_label("chunk (s)").fill("0.5")
    page.get_by_label("chunk (s)").press("Enter")
    page.get_by_label("overlap (0 to 1)").fill("0.5")
    page.get_by_label("overlap (0 to 1)").press("Enter")
    page.get_by_label("chunks at a time").fill("2")
    page.get_by_label("chunks at a time").press("Enter")
    model = page.locator("select").nth(1)  # after the songs; a label's text holds its options, too
    model.focus()
    page.keyboard.press("Home")
    mounted.sync()
    assert (panel.song, panel.chunk_seconds, panel.overlap, panel.batch_size) == (str(song), 0.5, 0.5, 2)
    assert panel.model == panel.models[0][0]
    model.select_option("hpss.hpss")
    mounted.sync()
    assert "--overlap 0.5" in page.get_by_label("the same on the command line", exact=True).inner_text()
    assert page.get_by_role("button", name="Cancel").is_disabled()
    page.get_by_role("button", name="Separate", exact=True).click()
    mounted.sync()
    panel.wait(60.0)
    mounted.sync()
    assert panel.separation is not None
    assert "times real time" in page.locator(".wb-panel-progress [role=status]").inner_text()
    assert page.get_by_role("list", name="steps").locator("li").count() == len(panel.steps)
    assert page.get_by_role("button", name="Separate", exact=True).is_enabled()
    assert page.faults == []


def test_bad_values_are_said_in_the_panel(page: Any, song: Path) -> None:
    panel = SeparatePanel(song, overlap=0.25)
    mounted = mount(page, panel)
    page.get_by_label("overlap (0 to 1)").fill("much")
    page.get_by_label("overlap (0 to 1)").press("Enter")
    mounted.sync()
    assert panel.overlap == 0.25
    assert "must be a number" in page.get_by_role("alert").inner_text()
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_label("overlap (0 to 1)").fill("1")
    page.get_by_label("overlap (0 to 1)").press("Enter")
    page.get_by_role("button", name="Separate", exact=True).click()
    mounted.sync()
    panel.wait(60.0)
    mounted.sync()
    assert "overlap" in page.get_by_role("alert").inner_text()
    page.get_by_label("overlap (0 to 1)").fill("")
    page.get_by_label("overlap (0 to 1)").press("Enter")
    mounted.sync()
    assert panel.overlap is None
    assert page.faults == []


def test_an_uploaded_file_becomes_the_song(page: Any, song: Path) -> None:
    panel = SeparatePanel(folder=song.parent)
    mounted = mount(page, panel)
    page.get_by_label("upload a song").set_input_files(str(song))
    mounted.wait(lambda: panel.song).sync()
    assert Path(panel.song).read_bytes() == song.read_bytes()
    assert page.get_by_label("path of song").input_value() == panel.song
    assert page.faults == []
