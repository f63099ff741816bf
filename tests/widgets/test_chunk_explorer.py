from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor
from traitlets import TraitError

import workbench as wb
from workbench.core import Audio, ChunkGrid
from workbench.core.chunk import generate_chunks
from workbench.core.grid import PADDING_MODES
from workbench.errors import InvalidType, InvalidValue
from workbench.widgets import ChunkExplorer

RATE = 8000


def make_song(num_samples: int = 10_000, *, channels: int = 2) -> Audio[Tensor]:
    return Audio(0.2 * torch.randn(channels, num_samples, generator=torch.Generator().manual_seed(2)), RATE)


def read_peaks(data: bytes) -> np.ndarray:
    return np.frombuffer(data, "<i2").reshape(-1, 2)


def expect_peaks(data: Tensor, *, full_scale: float) -> np.ndarray:
    """Least and greatest value of each sample over the channels, as int16."""
    pairs = torch.stack((data.amin(dim=0), data.amax(dim=0)), dim=-1).double()
    return (pairs * 32767 / full_scale).round().numpy()


@pytest.mark.parametrize(("num_samples", "size", "overlap"), [(10_000, 1000, 0.5), (10_001, 999, 0.7), (5, 64, 0.25)])
def test_what_is_shown_is_the_cores_grid(num_samples: int, size: int, overlap: float) -> None:
    explorer = ChunkExplorer(make_song(num_samples), chunk_size=size, overlap=overlap)
    grid = ChunkGrid.from_overlap(num_samples, size, overlap)
    assert explorer.grid == grid
    assert explorer.hop_samples == grid.hop_size
    drawn = explorer.drawn
    assert (drawn["start"], drawn["num_chunks"], drawn["padded_length"]) == (
        grid.starts[0],
        grid.num_chunks,
        grid.padded_length,
    )
    facts = {fact["name"]: fact["answer"] for fact in explorer.facts}
    assert facts["chunks"] == str(grid.num_chunks)
    assert facts["redundancy"] == f"{grid.redundancy:.4g}"
    zeros = grid.padded_length - num_samples - 2 * grid.padding
    assert facts["final zeros"].startswith(f"{zeros} sample")
    for sample in (grid.starts[0], 0, num_samples // 2, num_samples - 1, grid.starts[-1] + size - 1):
        explorer.instant_sample = sample
        assert [entry["chunk"] for entry in explorer.covering] == list(grid.covering(sample))
        assert all(entry["place"] == sample - grid.starts[entry["chunk"]] for entry in explorer.covering)
    assert explorer.message == ""


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_padding_holds_what_the_core_puts_there(mode: str) -> None:
    song = make_song(1030)
    explorer = ChunkExplorer(song, chunk_size=200, overlap=0.5, padding_mode=mode)
    chunks = torch.cat(list(generate_chunks(song.data, 200, 100, 4, padding_mode=mode)))
    scale = float(song.data.abs().max())
    assert explorer.full_scale == pytest.approx(scale)
    first = read_peaks(explorer.before_peaks)  # (padding, 2), one sample a block
    assert np.abs(first - expect_peaks(chunks[0, :, :100], full_scale=scale)).max() <= 1  # rounding of float32
    after = read_peaks(explorer.after_peaks)
    last = explorer.grid.num_chunks - 1
    inside = 1030 - explorer.grid.starts[last]  # of the last chunk, what is still song
    expected = expect_peaks(chunks[last, :, max(0, inside) :], full_scale=scale)
    assert np.abs(after[-len(expected) :] - expected).max() <= 1
    for index in (0, 3, last):
        explorer.chunk = index
        assert torch.equal(explorer.take_chunk().data, chunks[index])
        shown = read_peaks(explorer.chunk_peaks)
        assert np.abs(shown - expect_peaks(chunks[index], full_scale=scale)).max() <= 1
    assert explorer.describe().count(mode) == 1


@pytest.mark.parametrize(
    ("trait", "value", "words"),
    [
        ("overlap", 1.0, "below 1, got 1.0"),
        ("overlap", -0.1, "at least 0"),
        ("chunk_samples", 0, "from 1 to"),
        ("chunk_samples", 10**12, "from 1 to"),
        ("chunk", 99_999, "there are chunks 0 to"),
        ("instant_sample", 10**7, "sample must be from"),
    ],
)
def test_what_cannot_be_is_a_message_and_the_last_picture_stays(trait: str, value: Any, words: str) -> None:
    explorer = ChunkExplorer(make_song(), chunk_size=1000)
    before, good = explorer.drawn, getattr(explorer, trait)
    setattr(explorer, trait, value)
    assert words in explorer.message
    assert explorer.drawn == before
    setattr(explorer, trait, good)
    assert explorer.message == ""
    with pytest.raises(TraitError, match="overlap must be a finite number, got nan"):
        explorer.overlap = math.nan  # which JSON could not carry


def test_selection_stays_within_other_chunks() -> None:
    explorer = ChunkExplorer(make_song(), chunk_size=500, chunk=30)
    assert explorer.chunk == 30
    explorer.chunk_samples = 4000
    assert explorer.chunk == explorer.grid.num_chunks - 1
    explorer.instant_sample = -2000
    explorer.overlap = 0.0
    assert explorer.instant_sample == 0


@pytest.mark.parametrize(
    "data",
    [torch.ones(1, 1), torch.zeros(2, 900), torch.full((1, 900), 0.5), torch.ones(6, 300)],
    ids=["one sample", "silence", "constant mono", "six channels"],
)
def test_odd_songs_work(data: Tensor) -> None:
    explorer = ChunkExplorer(Audio(data, RATE))
    assert explorer.message == ""
    assert explorer.take_chunk().data.shape == (data.shape[0], explorer.chunk_samples)
    page = explorer.export_html()
    assert page.count("<img") == 1
    assert page.count("<audio") == 1


@pytest.mark.usefixtures("plain_types")
def test_what_is_no_song_or_no_setting_is_an_error() -> None:
    with pytest.raises(InvalidType, match="a song must be a path or"):
        ChunkExplorer(torch.ones(2, 9))  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="give chunk_size or chunk_seconds"):
        ChunkExplorer(make_song(), chunk_size=4, chunk_seconds=1.0)
    explorer = ChunkExplorer(make_song(), overlap=1.0)
    assert "below 1" in explorer.message
    with pytest.raises(InvalidValue, match="below 1"):
        explorer.figure()
    assert "below 1" in explorer.export_html()
    explorer.overlap = 0.5
    assert explorer.message == ""


def test_a_run_brings_its_chunks_and_the_code_leads_back() -> None:
    song = make_song(16_000)
    trace = wb.trace(
        song, model="passthrough", chunk_seconds=0.5, overlap=0.3, settings={"chunking.padding_mode": "constant"}
    )
    explorer = ChunkExplorer(trace)
    assert explorer.grid == trace.grid
    assert explorer.padding_mode == "constant"
    explorer.overlap, explorer.padding_mode, explorer.chunk_samples = 0.25, "replicate", 3000
    rerun = eval(explorer.code, {"trace": trace})
    assert rerun.grid == explorer.grid
    assert rerun.plan.padding_mode == "replicate"
    alone = ChunkExplorer(song, chunk_seconds=0.4, overlap=2 / 3)
    done = eval(alone.code.replace('"hpss"', '"passthrough"'), {"wb": wb, "song": song})
    assert done.config.chunking.overlap_ratio == 2 / 3
    assert done.config.chunking.padding_mode == "reflect"
    assert done.config.model.chunk_size == alone.chunk_samples == 3200


def test_the_chunk_is_sent_as_sound() -> None:
    explorer = ChunkExplorer(make_song(), chunk_size=1000, chunk=2)
    sent: list[tuple[Any, Any]] = []
    explorer.send = lambda content, buffers=None: sent.append((content, buffers))
    explorer._handle_custom_msg({"ask": "sound", "track": "chunk", "request": "7"}, [])
    ((content, buffers),) = sent
    assert content == {"request": "7"}
    samples, rate = soundfile.read(io.BytesIO(buffers[0]))
    assert rate == RATE
    expected = explorer.take_chunk().data / max(1.0, float(make_song().data.abs().max()))
    assert np.abs(samples.T - expected.numpy()).max() < 2 / 32767


def test_a_long_song_is_few_bytes() -> None:
    explorer = ChunkExplorer(Audio(torch.zeros(1, 5 * 60 * RATE), RATE), chunk_seconds=8.0)
    sizes = [len(value) for value in explorer.get_state().values() if isinstance(value, bytes)]
    assert len(sizes) >= 4
    assert sum(sizes) < 250_000
