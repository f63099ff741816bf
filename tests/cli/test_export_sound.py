"""The sound of an exported page: exact while there is little of it, Opus where there is much, and told then."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from workbench.cli import export
from workbench.io import load

RATE = 44100
RunCli = Callable[..., object]
SOUNDS = """
import numpy, soundfile, torch
import workbench as wb
from workbench.display import Player
time = torch.arange(2 * 44100) / 44100
tone = wb.Audio(0.5 * torch.sin(2 * torch.pi * 440 * time).expand(2, -1), 44100)
Player({"one": tone, "the same": tone})
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook whose page plays a tone of 2 s, twice."""
    cell = {
        "cell_type": "code",
        "id": "sounds",
        "metadata": {},
        "source": SOUNDS,
        "outputs": [],
        "execution_count": None,
    }
    title = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# Sounds"}
    path = tmp_path / "sounds.ipynb"
    path.write_text(json.dumps({"cells": [title, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    return path


def list_sounds(page: Path) -> list[tuple[str, bytes]]:
    found = re.findall(r"data:audio/(\w+);base64,([^\"']+)", page.read_text(encoding="utf-8"))
    return [(kind, base64.b64decode(data)) for kind, data in found]


def test_little_sound_stays_exact(tmp_path: Path, run_cli: RunCli, notebook: Path) -> None:
    page = tmp_path / "page.html"
    outcome = run_cli("export", notebook, "-o", page)
    assert (outcome.status, outcome.stderr) == (0, "")
    sounds = list_sounds(page)
    assert [kind for kind, _ in sounds] == ["flac", "flac"]
    samples, rate = soundfile.read(io.BytesIO(sounds[0][1]), dtype="float32")
    assert (samples.shape, rate) == ((2 * RATE, 2), RATE)
    assert "Sound on this page" not in page.read_text(encoding="utf-8")


def test_much_sound_becomes_opus_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_cli: RunCli, notebook: Path
) -> None:
    monkeypatch.setattr(export, "EXACT_BYTES", 1000)
    page = tmp_path / "page.html"
    outcome = run_cli("export", notebook, "-o", page)
    assert outcome.status == 0, outcome
    assert outcome.stderr.startswith(f"note: {notebook}: its sound would take ")
    assert "Opus at 128 kbit/s, for listening; --exact-sound keeps it as it is" in outcome.stderr
    assert "Sound on this page is Opus at 128 kbit/s, for listening" in page.read_text(encoding="utf-8")

    sounds = list_sounds(page)
    assert [kind for kind, _ in sounds] == ["webm", "webm"]
    assert sounds[0] == sounds[1]
    assert len(sounds[0][1]) < 2 * 16_000 * 1.5  # 128 kbit/s for 2 s, and what a file begins with
    (tmp_path / "tone.webm").write_bytes(sounds[0][1])
    tone = load(tmp_path / "tone.webm")
    assert tone.data.shape[0] == 2
    assert abs(tone.data.shape[1] / tone.sample_rate - 2.0) < 0.1  # whole frames of 60 ms
    inside = tone.data[0, tone.sample_rate // 2 : tone.sample_rate].numpy()
    assert 0.48 < np.abs(inside).max() < 0.52  # the level stays: the tone's peak is 0.5


def test_exact_sound_is_kept_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_cli: RunCli, notebook: Path
) -> None:
    monkeypatch.setattr(export, "EXACT_BYTES", 1000)
    outcome = run_cli("export", notebook, "-o", tmp_path / "page.html", "--exact-sound")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert [kind for kind, _ in list_sounds(tmp_path / "page.html")] == ["flac", "flac"]
