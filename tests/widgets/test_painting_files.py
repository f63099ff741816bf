"""Painted masks on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from share_model import make_song, make_trace

from workbench.errors import AudioFileError, InvalidValue
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.trace import Trace
from workbench.widgets import MaskPainter


def ask(painter: MaskPainter, **content: Any) -> None:
    """As a button does."""
    painter._handle_custom_msg(content, [])


@pytest.fixture(scope="module")
def traced() -> Trace:
    return make_trace()


def test_save_and_load(traced: Trace, tmp_path: Path) -> None:
    painter = MaskPainter(traced, start="ones")
    painter.paint([[0.2, 500.0], [0.4, 700.0]], gain=0.1)
    painter.paint([[0.6, 900.0]], stem="soft")
    painter.paint(tool="clear")
    painter.undo()
    strokes = painter.save(tmp_path / "mine.json")
    other = MaskPainter(make_trace(), start="zeros")
    other.load(strokes)
    assert (other.start, len(other.strokes)) == ("ones", 2)
    assert torch.equal(other.mask.gain, painter.mask.gain)
    mask = painter.save(tmp_path / "mine.npz")
    other.load(mask)
    assert (other.start, other.strokes) == ("given", [])
    assert torch.equal(other.mask.gain, painter.mask.gain)
    other.paint([[0.5, 100.0]], gain=0.7)
    given = other.save(tmp_path / "given.json")
    painter.paint([[0.5, 100.0]], stem="soft")
    with pytest.raises(InvalidValue, match=r"given\.json was painted on another mask"):
        painter.load(given)
    assert len(painter.strokes) == 3
    again = MaskPainter(traced, mask=SongMask(torch.from_numpy(np.load(mask)["gain"]), 64))
    again.load(given)
    assert torch.equal(again.mask.gain, other.mask.gain)
    with pytest.raises(AudioFileError, match="exists already"):
        painter.save(strokes)
    painter.save(strokes, overwrite=True)
    painter.file = str(strokes)
    ask(painter, ask="save")
    assert "exists already" in painter.message
    ask(painter, ask="load")
    assert (painter.message, painter.status) == ("", f"loaded {strokes}")


def test_files_that_do_not_fit(traced: Trace, tmp_path: Path) -> None:
    painter = MaskPainter(traced, start="ones")
    mine = painter.save(tmp_path / "mine.json")
    mask = painter.save(tmp_path / "mine.npz")
    for song, asked, reason in (
        (make_song(0.5), {}, r"painted for another song, 1\.000 s of 8000 samples, this one is of 4000 samples"),
        (make_song(rate=16000, seconds=0.5), {}, "at 8000 Hz, this one is at 16000 Hz"),
        (make_song(seed=1), {}, "another song, 1.000 s with other samples"),
        (
            make_song(),
            {"stems": ("a", "b", "c")},
            "another run, 1.000 s with the stems loud, soft, this one .* a, b, c",
        ),
        (make_song(), {"settings": {"transform.n_fft": 512}}, "with 129 frequencies, this one is with 257"),
    ):
        other = MaskPainter(make_trace(song, **asked), start="ones")
        for path in (mine, mask):
            with pytest.raises(InvalidValue, match=reason):
                other.load(path)
        other.file = str(mine)
        ask(other, ask="load")
        assert "was painted for another" in other.message
    for name, content in (("bad.json", "{"), ("bad.npz", "no zip"), ("list.json", "[]"), ("empty.npz", "")):
        path = tmp_path / name
        path.write_text(content)
        with pytest.raises(InvalidValue, match=f"{name} holds no painted mask"):
            painter.load(path)
    np.savez(tmp_path / "plain.npz", gain=np.ones(3))
    with pytest.raises(InvalidValue, match="holds no painted mask"):
        painter.load(tmp_path / "plain.npz")
    with pytest.raises(InvalidValue, match="there is no file"):
        painter.load(tmp_path / "none.json")
    with pytest.raises(InvalidValue, match=r"a \.json file .* or \.npz .*, got 'x\.txt'"):
        painter.save(tmp_path / "x.txt")
    document = json.loads(mine.read_text())
    mine.write_text(json.dumps({**document, "version": 2}))
    with pytest.raises(InvalidValue, match="of version 2, this workbench reads 1"):
        painter.load(mine)
