"""Songs without stems, silence, mono and a trace of summaries, in players, rules and steps in JupyterLab."""

from __future__ import annotations

import re
from typing import Any

from controls import check_quiet, run_notebook
from lab_player import LabPlayer
from lab_widget import LabWidget
from labdriver import Lab, Notebook

SONGS = """
import torch
import workbench as wb
from workbench.core import Audio
from workbench.widgets import DerivedStems, StemPlayer, TraceView
noise = 0.1 * torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
silence, mono, song = Audio(0 * noise, 8000), Audio(noise[:1], 8000), Audio(noise, 8000)
silent = wb.trace(silence, model="hpss", chunk_seconds=0.25)
summary = wb.trace(song, model="hpss", chunk_seconds=0.25, memory_budget_bytes=0)
"""
PLAYERS = (
    "silent_player = StemPlayer({'mixture': silence, 'stem': silence}, label='Silence'); silent_player",
    "lone_player = StemPlayer(mono, label='A mono song alone'); lone_player",
    "faulty_player = StemPlayer(song, label='A player of a faulty kernel'); faulty_player",
)
STEMS = (
    "no_stems = DerivedStems({'mixture': song}, label='Rules without stems'); no_stems",
    "silent_rules = DerivedStems(silent, label='Rules of silence'); silent_rules",
)
STEPS = (
    "silent_view = TraceView(silent, label='Steps of silence'); silent_view",
    "summary_view = TraceView(summary, label='Steps of summaries'); summary_view",
)


def test_bad_songs(notebook: Notebook, page: Any, lab: Lab) -> None:
    run_notebook(notebook, lab, "bad.ipynb", SONGS, *PLAYERS, *STEMS, *STEPS)
    play_odd_songs(notebook)
    refuse_sound(LabPlayer(notebook, "faulty_player", label="A player of a faulty kernel"))
    derive_from_nothing(notebook)
    for name in ("silent", "summary"):
        label = "Steps of silence" if name == "silent" else "Steps of summaries"
        open_steps(LabWidget(notebook, f"{name}_view", label=label), is_kept=name == "silent")
    check_quiet(notebook)


def play_odd_songs(notebook: Notebook) -> None:
    """Silence, and a mono song without stems, play to their ends; what needs stems cannot be pressed."""
    silent = LabPlayer(notebook, "silent_player", label="Silence")
    alone = LabPlayer(notebook, "lone_player", label="A mono song alone")
    for shown in (silent, alone):
        shown.click("▶ Play", group="playing")
        shown.wait(current_seconds=0.5, playing=False)
        shown.choose("spectrogram of", "mixture", spectrogram_stem="mixture")
        shown.use("group", "Spectrogram").wait_for()
        shown.wait(message="")
    assert alone.use("button", "Null test").is_disabled()
    silent.click("Null test", null_result="the stems add up to the mixture exactly")


def refuse_sound(shown: LabPlayer) -> None:
    """A kernel that cannot give the sound: a message, and a player that plays as soon as it can."""
    shown.notebook.python(
        "from unittest import mock\n"
        "from workbench.errors import InvalidValue\n"
        "from workbench.widgets import sound\n"
        "fault = mock.patch.object(sound, 'encode_track', side_effect=InvalidValue('no room'))\n"
        "fault.start()"
    )
    shown.click("▶ Play", group="playing", message="no room")
    shown.wait(playing=False)
    shown.click("Dismiss", message="")
    shown.notebook.python("fault.stop()")
    shown.click("▶ Play", group="playing", current_seconds=0.5)
    shown.wait(playing=False)


def derive_from_nothing(notebook: Notebook) -> None:
    """Without stems a rule is refused with a reason; of silence one is as silent as the rest."""
    bare = LabWidget(notebook, "no_stems", label="Rules without stems")
    bare.wait_text("There are no stems to derive others from")
    bare.use("textbox", "name of the new stem", group="new rule").fill("rest")
    bare.click("Add rule", group="new rule")
    bare.wait_message("difference")
    bare.click("Dismiss", message="", rules=[])
    bare.click("mixture", group="hear")
    bare.wait_page("([root]) => root.querySelector('audio').currentTime > 0.1")
    silent = LabWidget(notebook, "silent_rules", label="Rules of silence")
    silent.type_in("textbox", "name of the new stem", "rest", group="new rule", rules=["rest = mixture - harmonic"])
    silent.click("hear rest")
    silent.wait_page("([root]) => root.querySelector('audio').currentTime > 0.1")
    silent.wait(message="", **{"residual['words']": lambda words: "nan" not in words})


def open_steps(shown: LabWidget, *, is_kept: bool) -> None:
    """Every step opens; one of which only a summary was kept says so."""
    if not is_kept:
        shown.wait_text("summary")
        cards = shown.root.locator(".wb-step")  # that word beside a step's name must not stick out
        assert cards.evaluate_all("cards => cards.every(card => card.scrollWidth <= card.clientWidth)")
    for step in shown.read("strip.steps"):
        shown.click(re.compile(f"{step['name']} .*"), selected=step["name"], **{"opened is not None": True})
        shown.wait(**{"strip.message": "", "strip.busy": False})
    shown.click(re.compile("inverse .*"), selected="inverse", **{"opened is not None": True})
    words = "Of inverse only a summary was kept"
    shown.wait(**{"opened.notice": lambda notice: ("" if is_kept else words) in notice})
    if not is_kept:
        shown.page.get_by_text(words).first.wait_for()
