"""The separate panel by its traits, without a browser."""

from __future__ import annotations

import shlex
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

import workbench
from workbench.core import Audio
from workbench.widgets.panel_settings import PRECISIONS, PanelSettings
from workbench.widgets.panel_upload import Upload
from workbench.widgets.separate_panel import SeparatePanel


@pytest.fixture
def song(tmp_path: Path) -> Path:
    data = torch.randn(2, 16000, generator=torch.Generator().manual_seed(0)) / 8
    return workbench.save(Audio(data, 8000), tmp_path / "song.wav")


def make_slow_card(began: threading.Event, go_on: threading.Event, *, context: str) -> workbench.ModelCard:
    """A model that waits in each chunk until it is told to go on."""

    class Slow(nn.Module):
        def forward(self, chunk: torch.Tensor) -> torch.Tensor:
            began.set()
            assert go_on.wait(30)
            return chunk.unsqueeze(1)

    return workbench.ModelCard(
        name="slow",
        load=lambda parameters, checkpoint, device: Slow(),
        summary="waits",
        stems=("all",),
        sample_rate=None,
        channels=None,
        input_type="waveform",
        output_type="waveform",
        chunk_seconds=0.1,
        context=context,
    )


def test_a_run_gives_what_separate_gives(song: Path) -> None:
    panel = SeparatePanel(folder=song.parent, chunk_seconds=0.5, overlap=0.5)
    assert panel.files == [str(song)]
    panel.song = panel.files[0]
    panel.run()
    panel.wait(60.0)
    assert not panel.running
    assert panel.message == ""
    expected = workbench.separate(song, model="hpss", chunk_seconds=0.5, overlap=0.5)
    assert panel.separation is not None
    assert all(torch.equal(panel.separation[name].data, expected[name].data) for name in expected)
    assert panel.done == 1.0
    assert "times real time" in panel.status
    names = [row[0] for row in panel.steps]
    assert names[:3] == ["load", "conform", "normalize"]
    assert {row[1] for row in panel.steps} == {"done"}
    assert list(panel.results.children) == [panel.player]


def test_code_says_the_same(song: Path) -> None:
    panel = SeparatePanel(
        song, chunk_seconds=0.5, batch_size=2, window="hamming", precision="bfloat16 where it is safe"
    )
    scope: dict[str, object] = {}
    exec(panel.python_code, scope)
    panel.run()
    panel.wait(60.0)
    stems = scope["stems"]
    assert panel.separation is not None
    assert panel.separation.config == stems.config  # type: ignore[attr-defined]
    words = shlex.split(panel.command)
    assert words[:3] == ["workbench", "separate", str(song)]
    assert words[words.index("--set") + 1] == "inference.use_autocast_dtype=bfloat16"
    assert words[words.index("--chunk-seconds") + 1] == "0.5"


def test_a_run_can_be_cancelled_and_another_begun(song: Path) -> None:
    began, go_on = threading.Event(), threading.Event()
    workbench.register_model(make_slow_card(began, go_on, context="chunk"))
    panel = SeparatePanel(song, model="slow")
    assert panel.model == "notebook.slow"
    panel.run()
    assert began.wait(30)
    assert panel.running
    panel.cancel()
    go_on.set()
    panel.wait(60.0)
    assert (panel.status, panel.running, panel.separation, panel.message) == ("cancelled", False, None, "")
    panel.run()
    panel.wait(60.0)
    assert panel.separation is not None


@pytest.mark.parametrize(
    ("traits", "message"),
    [
        ({"song": "missing.wav"}, "missing.wav"),
        ({"song": __file__}, "not an audio file"),
        ({"overlap": 1.0}, "overlap"),
        ({"window": "hahn"}, "hann"),
        ({"checkpoint": "weights.pt"}, "weights.pt"),
    ],
)
def test_what_goes_wrong_is_a_message(song: Path, traits: dict[str, object], message: str) -> None:
    panel = SeparatePanel(**{"song": song, **traits})
    panel.run()
    panel.wait(60.0)
    assert message in panel.message
    assert (panel.status, panel.running) == ("failed", False)


def test_the_browsers_wishes(song: Path) -> None:
    panel = SeparatePanel(folder=song.parent)
    panel._handle_custom_msg({"do": "run"}, [])
    assert "no song was chosen" in panel.message
    data = song.read_bytes()
    half = len(data) // 2
    for part, piece in enumerate((data[:half], data[half:])):
        message = {"do": "upload", "name": "C:\\music\\my song.wav", "part": part, "parts": 2}
        panel._handle_custom_msg(message, [memoryview(piece)])
    assert Path(panel.song).name == "my song.wav"
    assert Path(panel.song).read_bytes() == data
    panel._handle_custom_msg({"do": "run"}, [])
    panel.wait(60.0)
    assert panel.separation is not None
    (song.parent / "other.flac").write_bytes(b"")
    panel._handle_custom_msg({"do": "refresh"}, [])
    assert [Path(file).name for file in panel.files] == ["other.flac", "song.wav"]
    uploaded = Path(panel.song)
    panel.close()
    assert not uploaded.exists()


def test_upload_refuses_what_is_out_of_turn() -> None:
    upload = Upload()
    with pytest.raises(workbench.WorkbenchError, match="out of turn"):
        upload.take("a.wav", b"", index=1, total=2)
    with pytest.raises(workbench.WorkbenchError, match="must have a name"):
        upload.take("..", b"", index=0, total=1)


def test_a_model_that_there_is_not() -> None:
    panel = SeparatePanel()
    panel.set_state({"model": "hpps"})
    assert "hpss" in panel.message
    assert panel.model == "hpss.hpss"


def test_every_precision_is_a_setting() -> None:
    for name, settings in PRECISIONS.items():
        options = PanelSettings("song.wav", {"model": "hpss"}, name).to_options()
        assert options.get("settings", {}) == settings


def test_a_model_of_the_whole_song_is_cancelled_at_once_and_the_next_run_waits_its_turn(song: Path) -> None:
    began, go_on = threading.Event(), threading.Event()
    workbench.register_model(make_slow_card(began, go_on, context="song"))
    panel = SeparatePanel(song, model="slow")
    panel.run()
    assert began.wait(30)
    panel._handle_custom_msg({"do": "cancel"}, [])
    assert not panel.running  # so that no control is frozen, though the model is still at work
    assert panel.status.startswith("cancelled; the model works on the whole song at once, which is still computed")
    assert all(state == "done" for _, state, _ in panel.steps)
    with pytest.raises(workbench.WorkbenchError, match=r"takes longer than 0\.01 s"):
        panel.wait(0.01)
    panel.model = "hpss"
    panel.run()
    assert panel.running
    waiting = panel.status
    for _ in range(3000):  # a minute; what is waited for takes no time of its own
        waiting = panel.status
        if waiting.startswith("waiting"):
            break
        threading.Event().wait(0.02)
    assert waiting == "waiting until the cancelled run has ended its chunk"
    go_on.set()
    panel.wait(60.0)
    assert (panel.running, panel.message) == (False, "")
    assert panel.status.startswith("done")
    assert panel.separation is not None
    assert list(panel.separation) == ["harmonic", "percussive"]


def test_cancelling_what_has_ended_changes_nothing(song: Path) -> None:
    panel = SeparatePanel(song, chunk_seconds=0.5)
    panel.cancel()
    assert panel.status == ""
    panel.run()
    panel.wait(60.0)
    status = panel.status
    panel.cancel()
    assert (panel.status, panel.running) == (status, False)
