"""The separate panel in JupyterLab: choose, upload, run, cancel, listen; what it shows is what Python has."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from controls import check_quiet, count_cells, run_notebook, wait_value
from lab_player import LabPlayer
from lab_widget import LabWidget
from labdriver import Lab, Notebook

import workbench as wb
from workbench.core import Audio

RATE, SECONDS = 8000, 2.0
PANEL = """
import hashlib, threading
from pathlib import Path
import torch
import workbench as wb
from workbench.widgets import SeparatePanel
began, go_on = threading.Event(), threading.Event()

class Slow(torch.nn.Module):
    def forward(self, chunk):
        began.set()
        go_on.wait(600)
        return chunk.unsqueeze(1)

wb.register_model(wb.ModelCard(
    name="slow", load=lambda parameters, checkpoint, device: Slow(), summary="waits", stems=("all",), sample_rate=None,
    channels=None, input_type="waveform", output_type="waveform", chunk_seconds=0.1,
))
panel = SeparatePanel(folder="songs")
panel
"""
CLEAR = ("ControlOrMeta+a", "Delete", "Enter")
FIELDS = (
    ("combobox", "song in folder"),
    ("textbox", "path of song"),
    ("file", "upload a song"),
    ("combobox", "model"),
    ("textbox", "checkpoint"),
    ("combobox", "device"),
    ("combobox", "precision"),
    ("textbox", "chunk (s)"),
    ("textbox", "overlap (0 to 1)"),
    ("textbox", "window"),
    ("textbox", "chunks at a time"),
)


def make_song(path: Path, *, seed: int) -> Path:
    """Noise in a file."""
    path.parent.mkdir(exist_ok=True)
    data = torch.randn(2, round(SECONDS * RATE), generator=torch.Generator().manual_seed(seed)) / 8
    return wb.save(Audio(data, RATE), path)


def test_every_control_of_the_panel(notebook: Notebook, page: Any, lab: Lab, tmp_path: Path) -> None:
    make_song(lab.root / "songs" / "first.wav", seed=0)
    run_notebook(notebook, lab, "panel.ipynb", PANEL)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown, cells = LabWidget(notebook, "panel", label="Separate a song"), count_cells(page)
    pick_songs(shown, lab.root / "songs" / "second.wav")
    choose_settings(shown)
    copy_code(shown)
    refuse_values(shown)
    run_to_the_end(shown)
    cancel_a_run(shown)
    upload_files(shown, tmp_path)
    shown.check()
    assert count_cells(page) == cells  # no key went through to the notebook
    check_quiet(notebook)


def pick_songs(shown: LabWidget, second: Path) -> None:
    """From the list, which is looked up again when asked to, and by a typed path."""
    shown.click("Separate")  # with no song yet
    shown.wait_message("no song was chosen")
    shown.press("combobox", "song in folder", "ArrowDown", song="songs/first.wav")
    make_song(second, seed=1)
    shown.click("Look again", files=["songs/first.wav", "songs/second.wav"])
    shown.choose("song in folder", "songs/second.wav", song="songs/second.wav")
    path = shown.type_in("textbox", "path of song", "songs/first.wav", song="songs/first.wav")
    assert shown.use("combobox", "song in folder").input_value() == path.input_value() == "songs/first.wav"


def choose_settings(shown: LabWidget) -> None:
    """Every setting reaches Python, and from there code and command line."""
    shown.press("combobox", "model", "Home", model=shown.read("models[0][0]"))
    shown.choose("model", "hpss.hpss", model="hpss.hpss")
    shown.wait_text(shown.read("model_words"))
    shown.type_in("textbox", "checkpoint", "weights.pt", checkpoint="weights.pt")
    shown.choose("device", "cpu", device="cpu")
    shown.press("combobox", "precision", "ArrowDown", precision="float16 where it is safe")
    shown.type_in("textbox", "chunk (s)", "0.5", chunk_seconds=0.5)
    shown.type_in("textbox", "overlap (0 to 1)", "0.25", overlap=0.25)
    shown.type_in("textbox", "window", "hann", window="hann")
    shown.type_in("textbox", "chunks at a time", "2", batch_size=2)
    words = ("weights.pt", "cpu", "float16", "0.5", "0.25", "hann", "2")
    for trait, name in {"python_code": "the same in Python", "command": "the same on the command line"}.items():
        text = shown.use("pre", name)
        shown.wait(**{trait: lambda code, text=text: code == text.inner_text() and all(word in code for word in words)})
    shown.choose("precision", "as the model has it", precision="as the model has it")
    shown.press("textbox", "checkpoint", *CLEAR, checkpoint="")
    command = "workbench separate songs/first.wav -m hpss.hpss --device cpu"
    shown.wait(command=f"{command} --chunk-seconds 0.5 --overlap 0.25 --window hann --batch-size 2")


def copy_code(shown: LabWidget) -> None:
    """What is copied is what Python has; keys on the shown code go no further."""
    for trait, name in {"python_code": "the same in Python", "command": "the same on the command line"}.items():
        text = shown.press("pre", name, "x", "a")
        assert text.evaluate("node => getComputedStyle(node).wordBreak") == "normal"  # no word is broken without need
        shown.click(f"copy {name}", group="copy")
        code = shown.read(trait)
        shown.page.wait_for_function("async text => await navigator.clipboard.readText() === text", arg=code)


def refuse_values(shown: LabWidget) -> None:
    """What is no number is said, and what cannot be is said by the run."""
    shown.type_in("textbox", "overlap (0 to 1)", "much")
    shown.wait_message("must be a number")
    shown.click("Dismiss", message="", overlap=0.25)
    shown.type_in("textbox", "overlap (0 to 1)", "1", overlap=1.0)
    shown.click("Separate", status="failed", running=False)
    shown.wait_message("overlap")
    shown.press("textbox", "overlap (0 to 1)", *CLEAR, overlap=None)


def run_to_the_end(shown: LabWidget) -> None:
    """Progress to its end, and a player of what came out, which plays."""
    shown.click("Separate", running=False, status=lambda words: "times real time" in words and "done" in words)
    shown.wait(done=1.0, message="")
    assert shown.read("separation.config == wb.separate('songs/first.wav', **panel.settings.to_options()).config")
    shown.wait_text(shown.read("status"))
    steps = shown.root.get_by_role("list", name="steps").get_by_role("listitem")
    assert steps.count() == len(shown.read("steps")) > 5
    wait_button(shown, "Separate", disabled=False)
    player = LabPlayer(shown.notebook, "panel.player")
    shown.notebook.python(f"panel.player.loop_seconds = [0.0, {SECONDS}]")  # lest it ends meanwhile
    player.click("▶ Play", group="playing", playing=True)
    player.wait(current_seconds=lambda seconds: seconds > 0.2)
    player.wait_sound("p.sound.tracks.size === 3 && p.sound.peak() > 0.1")
    shown.notebook.python("panel.player.loop_seconds = []")
    player.wait(playing=False, current_seconds=SECONDS)


def cancel_a_run(shown: LabWidget) -> None:
    """A run that waits can be cancelled, and another begun; meanwhile no setting can be changed."""
    shown.choose("model", "notebook.slow", model="notebook.slow")
    shown.press("textbox", "chunk (s)", *CLEAR, chunk_seconds=None)
    shown.click("Separate", running=True)
    wait_value(shown.notebook, "began.is_set()", True)
    wait_button(shown, "Separate", disabled=True)
    for role, name in (*FIELDS, ("button", "Separate")):
        assert shown.use(role, name).is_disabled(), name
    shown.click("Cancel")
    shown.notebook.python("go_on.set()")
    shown.wait(status="cancelled", running=False, message="")
    wait_button(shown, "Cancel", disabled=True)
    shown.choose("model", "hpss.hpss", model="hpss.hpss")
    shown.click("Separate", running=False, status=lambda words: "done" in words)


def wait_button(shown: LabWidget, name: str, *, disabled: bool) -> None:
    """Until the page, too, knows whether a button can be pressed."""
    shown.root.get_by_role("button", name=name, exact=True, disabled=disabled).wait_for()


def upload_files(shown: LabWidget, folder: Path) -> None:
    """A song arrives as it is; a file that is none is refused, after which the panel goes on."""
    song, notes = make_song(folder / "mine.wav", seed=2), folder / "notes.wav"
    notes.write_text("no sound at all")
    field = shown.use("file", "upload a song")
    field.set_input_files(str(song))
    shown.wait(song=lambda path: Path(path).name == "mine.wav")
    digest = hashlib.sha256(song.read_bytes()).hexdigest()
    wait_value(shown.notebook, "hashlib.sha256(Path(panel.song).read_bytes()).hexdigest()", digest)
    field.set_input_files(str(notes))
    shown.wait_message("notes.wav")
    assert Path(shown.read("song")).name == "mine.wav"
    shown.click("Dismiss", message="")
    shown.click("Separate", running=False, status=lambda words: "done" in words)
    shown.wait(**{"separation.mixture.data.shape[-1]": round(SECONDS * RATE)})
    shown.type_in("textbox", "path of song", str(notes), song=str(notes))
    shown.click("Separate", running=False, status="failed")
    shown.wait_message("notes.wav")
