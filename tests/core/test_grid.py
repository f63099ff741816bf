from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from core_reference import NUMPY_MODES, lay_grid, noise
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.grid import ChunkGrid, hop_from_overlap, take_span
from workbench.errors import InvalidType, InvalidValue


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int, int]:
    chunk_size = draw(st.integers(1, 40))
    return draw(st.integers(1, 120)), chunk_size, draw(st.integers(1, chunk_size))


@given(sizes())
@settings(max_examples=200)
def test_geometry_is_that_of_a_grid_laid_by_trying(size: tuple[int, int, int]) -> None:
    num_samples, chunk_size, hop_size = size
    grid = ChunkGrid(num_samples, chunk_size, hop_size)
    padded_length, starts = lay_grid(num_samples, chunk_size, hop_size)

    assert grid.padding == chunk_size - hop_size
    assert grid.padded_length == padded_length
    assert grid.num_chunks == len(starts)
    assert list(grid.starts) == [start - grid.padding for start in starts]
    assert grid.redundancy == len(starts) * chunk_size / num_samples
    for sample in range(-grid.padding, padded_length - grid.padding):
        covering = [k for k, start in enumerate(grid.starts) if start <= sample < start + chunk_size]
        assert list(grid.covering(sample)) == covering
    for outside in (-grid.padding - 1, padded_length - grid.padding):
        with pytest.raises(InvalidValue, match=str(outside)):
            grid.covering(outside)


@given(sizes())
@settings(max_examples=100)
def test_no_sample_of_the_song_is_covered_less_than_in_an_endless_grid(size: tuple[int, int, int]) -> None:
    grid = ChunkGrid(*size)
    for sample in range(grid.num_samples):
        position = sample + grid.padding
        endless = sum(
            0 <= position - k * grid.hop_size < grid.chunk_size for k in range(-50, position // grid.hop_size + 1)
        )
        assert len(grid.covering(sample)) == endless >= 1


@given(sizes(), st.integers(1, 20))
@settings(max_examples=50)
def test_batches_go_through_all_chunks_in_order(size: tuple[int, int, int], batch_size: int) -> None:
    grid = ChunkGrid(*size)
    batches = grid.batches(batch_size)
    assert [k for batch in batches for k in batch] == list(range(grid.num_chunks))
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}
    assert 1 <= len(batches[-1]) <= batch_size
    assert grid.span(batches[0])[0] == -grid.padding
    assert grid.span(batches[-1])[1] == grid.padded_length - grid.padding


def test_grid_is_frozen_and_compared_by_value() -> None:
    grid = ChunkGrid.from_song(10, 4, 2)
    assert grid == ChunkGrid(num_samples=10, chunk_size=4, hop_size=2)
    assert hash(grid) == hash(ChunkGrid(10, 4, 2))
    with pytest.raises(dataclasses.FrozenInstanceError):
        grid.hop_size = 1


@pytest.mark.parametrize(
    ("chunk_size", "overlap", "hop_size"),
    [(352800, 0.75, 88200), (352800, 0.0, 352800), (10, 0.25, 8), (10, 0.94, 1), (7, 0.5, 4), (1, 0.3, 1)],
)  # halves round to even, as Python's round does: 10 * 0.75 = 7.5 -> 8 and 7 * 0.5 = 3.5 -> 4
def test_hop_from_overlap(chunk_size: int, overlap: float, hop_size: int) -> None:
    assert hop_from_overlap(chunk_size, overlap) == hop_size
    assert ChunkGrid.from_overlap(100, chunk_size, overlap) == ChunkGrid(100, chunk_size, hop_size)


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize("overlap", [1.0, 1.5, -0.1, float("nan")])
def test_overlap_outside_its_range_is_an_error(overlap: float) -> None:
    with pytest.raises(InvalidValue, match="overlap must be at least 0 and below 1"):
        ChunkGrid.from_overlap(100, 10, overlap)


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize("overlap", ["0.5", None, False])
def test_overlap_that_is_no_number_is_an_error(overlap: object) -> None:
    with pytest.raises(InvalidType, match=f"overlap must be a number, got {overlap!r}"):
        ChunkGrid.from_overlap(100, 10, overlap)


def test_overlap_that_leaves_no_hop_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(InvalidValue, match=r"0\.96 of a chunk of 10 samples .* lower the overlap"):
        ChunkGrid.from_overlap(100, 10, 0.96)


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        ((0, 4, 2), InvalidValue, "num_samples must be at least 1 sample, got 0"),
        ((10, 0, 0), InvalidValue, "chunk_size must be at least 1 sample, got 0"),
        ((10, 4, 0), InvalidValue, "hop_size must be at least 1 sample, got 0"),
        ((10, 4, -1), InvalidValue, "hop_size must be at least 1 sample, got -1"),
        ((10, 4, 5), InvalidValue, "hop_size must be at most chunk_size, got 5 > 4"),
        ((10, 4.0, 2), InvalidType, r"chunk_size must be a whole number of samples, got 4\.0"),
        ((True, 4, 2), InvalidType, "num_samples must be a whole number of samples, got True"),
        (("10", 4, 2), InvalidType, "num_samples must be a whole number of samples, got '10'"),
    ],
)
def test_sizes_that_cannot_be(size: tuple[object, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ChunkGrid(*size)


@pytest.mark.usefixtures("plain_types")
def test_batch_sizes_that_cannot_be() -> None:
    with pytest.raises(InvalidValue, match="batch_size must be at least 1, got 0"):
        ChunkGrid(10, 4, 2).batches(0)
    with pytest.raises(InvalidType, match=r"batch_size must be a whole number of chunks, got 2\.5"):
        ChunkGrid(10, 4, 2).batches(2.5)


@given(st.integers(1, 12), st.integers(0, 60), st.sampled_from(sorted(NUMPY_MODES)), st.data())
@settings(max_examples=150)
def test_span_is_cut_from_what_numpy_pads(
    num_samples: int, padding: int, padding_mode: str, data: st.DataObject
) -> None:
    song, zeros = noise(2, num_samples), 7
    padded = np.pad(song.numpy(), ((0, 0), (padding, padding)), mode=NUMPY_MODES[padding_mode])
    padded = np.pad(padded, ((0, 0), (zeros, zeros)))
    start = data.draw(st.integers(-padding - zeros, num_samples + padding + zeros - 1))
    stop = data.draw(st.integers(start + 1, num_samples + padding + zeros))
    taken = take_span(song, start, stop, padding=padding, padding_mode=padding_mode)
    expected = padded[:, start + padding + zeros : stop + padding + zeros]
    assert torch.equal(taken, torch.from_numpy(expected.copy()))
