from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from core_reference import AllocationRecorder, call_unchanged, noise, overlap_add
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from workbench.core import ChunkGrid, OverlapAdder, generate_chunks, stitch_chunks, window_sum
from workbench.errors import InvalidValue

PADDING_MODES = ("reflect", "constant", "replicate")
# a sample is a weighted mean of at most 40 equal values: some tens of roundings of 1e-16 each
ROUNDING = 1e-13


@st.composite
def grids_and_windows(draw: st.DrawFn) -> tuple[ChunkGrid, Tensor]:
    chunk_size = draw(st.integers(2, 40))
    kind = draw(st.sampled_from(["random", "rectangular", "hann"]))
    hop_size = draw(st.integers(1, chunk_size // 2 if kind == "hann" else chunk_size))
    window = {
        "random": 0.01 + noise(chunk_size, seed=chunk_size, dtype=torch.float64).abs(),
        "rectangular": torch.ones(chunk_size, dtype=torch.float64),
        "hann": torch.hann_window(chunk_size, dtype=torch.float64),
    }[kind]
    return ChunkGrid(draw(st.integers(1, 120)), chunk_size, hop_size), window


def cut(song: Tensor, grid: ChunkGrid, batch_size: int, padding_mode: str = "reflect") -> list[Tensor]:
    """Batches of one stem."""
    batches = generate_chunks(song, grid.chunk_size, grid.hop_size, batch_size, padding_mode=padding_mode)
    return [batch.unsqueeze(1) for batch in batches]


def stitch(batches: list[Tensor], grid: ChunkGrid, window: Tensor) -> Tensor:
    num_stems = batches[0].shape[1]
    return stitch_chunks(batches, num_stems, grid.chunk_size, grid.hop_size, grid.num_samples, window=window)


def make_batches(grid: ChunkGrid, batch_size: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """What a model of 3 stems might give: chunks that do not agree where they overlap."""
    return list(noise(grid.num_chunks, 3, 2, grid.chunk_size, dtype=dtype).split(batch_size))


def push_all(adder: OverlapAdder, batches: list[Tensor]) -> list[Tensor]:
    return [*(adder.push(batch) for batch in batches), adder.close()]


@given(grids_and_windows(), st.integers(1, 9), st.sampled_from(PADDING_MODES))
@settings(max_examples=200)
def test_chunks_stitched_are_the_song(
    grid_and_window: tuple[ChunkGrid, Tensor], batch_size: int, padding_mode: str
) -> None:
    grid, window = grid_and_window
    song = noise(2, grid.num_samples, dtype=torch.float64)
    stitched = stitch(cut(song, grid, batch_size, padding_mode), grid, window)
    assert stitched.shape == (1, 2, grid.num_samples)
    torch.testing.assert_close(stitched[0], song, rtol=0, atol=ROUNDING)


@given(grids_and_windows(), st.integers(1, 9))
@settings(max_examples=20)
def test_stitching_is_the_weighted_mean_at_each_sample(
    grid_and_window: tuple[ChunkGrid, Tensor], batch_size: int
) -> None:
    grid, window = grid_and_window
    batches = make_batches(grid, batch_size, torch.float64)
    expected = overlap_add(torch.cat(batches), grid.hop_size, grid.num_samples, window)
    torch.testing.assert_close(stitch(batches, grid, window), expected, rtol=0, atol=ROUNDING)


@given(grids_and_windows(), st.integers(1, 9))
@settings(max_examples=100)
def test_adder_gives_what_stitching_gives_each_sample_as_soon_as_it_is_final(
    grid_and_window: tuple[ChunkGrid, Tensor], batch_size: int
) -> None:
    grid, window = grid_and_window
    batches = make_batches(grid, batch_size)
    adder = OverlapAdder(grid, window, num_stems=3, num_channels=2)
    final = []
    for batch in batches:
        final.append(adder.push(batch))
        # the next chunk begins at num_pushed * hop - padding: all before that is final
        next_start = adder.num_pushed * grid.hop_size - grid.padding
        assert sum(part.shape[-1] for part in final) == min(max(next_start, 0), grid.num_samples)
    assert adder.num_pushed == grid.num_chunks
    copies = [part.clone() for part in final]
    final.append(adder.close())
    assert all(map(torch.equal, final, copies)), "what is final must not change"
    # float32, the same additions in the same order
    torch.testing.assert_close(torch.cat(final, dim=-1), stitch(batches, grid, window), rtol=0, atol=1e-6)


@given(grids_and_windows())
@settings(max_examples=100)
def test_window_sum_is_the_sum_over_all_chunks(grid_and_window: tuple[ChunkGrid, Tensor]) -> None:
    grid, window = grid_and_window
    expected = torch.zeros(grid.padded_length, dtype=torch.float64)
    for start in grid.starts:
        expected[start + grid.padding :][: grid.chunk_size] += window
    expected = expected[grid.padding :][: grid.num_samples]
    torch.testing.assert_close(window_sum(grid, window), expected, rtol=0, atol=ROUNDING)


def test_window_sum_is_not_clamped() -> None:
    assert window_sum(ChunkGrid(10, 4, 4), torch.zeros(4)).tolist() == [0.0] * 10


def test_result_does_not_depend_on_how_chunks_are_batched() -> None:
    grid, window = ChunkGrid(1000, 64, 20), torch.hann_window(64)
    whole = stitch(make_batches(grid, 1000), grid, window)
    for batch_size in (1, 7):
        assert torch.equal(stitch(make_batches(grid, batch_size), grid, window), whole)


def test_a_batch_without_chunks_changes_nothing() -> None:
    grid, window = ChunkGrid(100, 16, 4), torch.hann_window(16)
    batches = make_batches(grid, 5)
    gaps = [batches[0][:0], *(given for batch in batches for given in (batch, batch[:0]))]
    assert torch.equal(stitch(gaps, grid, window), stitch(batches, grid, window))
    adders = [OverlapAdder(grid, window, num_stems=3, num_channels=2) for _ in range(2)]
    streamed = [torch.cat(push_all(adder, given), dim=-1) for adder, given in zip(adders, (gaps, batches), strict=True)]
    assert torch.equal(*streamed)


def test_chunks_beyond_the_song_are_cut_off() -> None:
    grid, window = ChunkGrid(100, 16, 4), torch.ones(16)
    batches = make_batches(grid, 5)
    more = [*batches[:-1], torch.cat([batches[-1], torch.full((2, 3, 2, 16), 1e6)]), torch.full((3, 3, 2, 16), 1e6)]
    assert torch.equal(stitch(more, grid, window), stitch(batches, grid, window))


def test_stitching_concatenates_nothing_and_allocates_one_song() -> None:
    grid, window = ChunkGrid(50_000, 1024, 256), torch.hann_window(1024)
    batches = make_batches(grid, 4)
    with AllocationRecorder() as recorder:
        stitched = stitch(batches, grid, window)
    song_bytes = stitched.numel() * 4
    assert not {"cat", "stack", "concat", "_unsafe_index_put", "col2im"} & set(recorder.operations)
    assert sorted(recorder.new_bytes)[-1] == song_bytes
    # all the rest together: the window, a few times
    assert sum(recorder.new_bytes) - song_bytes <= 16 * window.numel() * 4


def test_memory_of_the_adder_does_not_grow_with_the_song() -> None:
    largest = []
    for num_samples in (10_000, 40_000):
        grid, window = ChunkGrid(num_samples, 512, 128), torch.hann_window(512)
        batches = make_batches(grid, 4)
        with AllocationRecorder() as recorder:
            adder = OverlapAdder(grid, window, num_stems=3, num_channels=2)
            for batch in batches:
                adder.push(batch)
        largest.append(max(recorder.new_bytes))
    assert largest[0] == largest[1] <= 3 * 2 * (4 * 128 + 512) * 4  # (stem, channel, span of a batch)


def test_half_precision_chunks_are_added_in_float32() -> None:
    grid, window = ChunkGrid(500, 64, 8), torch.hann_window(64)
    for dtype in (torch.bfloat16, torch.float16):
        batches = make_batches(grid, 4, dtype)
        stitched = stitch(batches, grid, window)
        assert stitched.dtype == torch.float32
        expected = overlap_add(torch.cat(batches), 8, 500, window)
        torch.testing.assert_close(stitched.double(), expected, rtol=0, atol=1e-6)  # of values of about 1


def test_float64_chunks_lose_nothing_to_a_float32_window() -> None:
    grid, window = ChunkGrid(300, 32, 8), 0.1 + torch.hann_window(32)
    song = noise(2, 300, dtype=torch.float64)
    torch.testing.assert_close(stitch(cut(song, grid, 4), grid, window)[0], song, rtol=0, atol=ROUNDING)
    adder = OverlapAdder(grid, window, num_stems=1, num_channels=2, dtype=torch.float64)
    streamed = torch.cat(push_all(adder, cut(song, grid, 4)), dim=-1)
    torch.testing.assert_close(streamed[0], song, rtol=0, atol=ROUNDING)


def test_nothing_given_is_written_to() -> None:
    grid, window = ChunkGrid(100, 16, 4), torch.hann_window(16)
    batches = make_batches(grid, 5)
    call_unchanged(lambda *given: stitch(list(given[1:]), grid, given[0]), window, *batches)
    adder = OverlapAdder(grid, window, num_stems=3, num_channels=2)
    call_unchanged(lambda *given: push_all(adder, list(given)), *batches)


def test_gradients_from_song_to_song() -> None:
    grid = ChunkGrid(23, 8, 3)
    window = (0.5 + torch.hann_window(8, dtype=torch.float64)).requires_grad_()
    song = noise(2, 23, dtype=torch.float64).requires_grad_()

    def bend(given: Tensor, weights: Tensor, join: Callable[[list[Tensor]], Tensor]) -> Tensor:
        return join([batch**3 for batch in cut(given, grid, 2)], weights)  # not linear, so that the window matters

    def stream(batches: list[Tensor], weights: Tensor) -> Tensor:
        adder = OverlapAdder(grid, weights, num_stems=1, num_channels=2, dtype=torch.float64)
        return torch.cat(push_all(adder, batches), dim=-1)

    for join in (lambda batches, weights: stitch(batches, grid, weights), stream):
        assert torch.autograd.gradcheck(lambda given, weights, join=join: bend(given, weights, join), (song, window))


def test_result_is_on_the_device_of_the_chunks() -> None:
    grid, window = ChunkGrid(100, 16, 4), torch.ones(16)
    batches = [batch.to("meta") for batch in make_batches(grid, 5)]
    assert stitch(batches, grid, window).device.type == "meta"
    adder = OverlapAdder(grid, window, num_stems=3, num_channels=2, device="meta")
    assert {part.device.type for part in push_all(adder, batches)} == {"meta"}


DEAD = "a window that is above 0 there"


@pytest.mark.parametrize(
    ("window", "hop_size"),
    [
        (torch.hann_window(16), 16),  # begins with 0
        (torch.zeros(16), 4),
        (torch.full((16,), 9e-9), 16),  # below the clamp
        (torch.full((16,), float("nan")), 4),
        (-torch.ones(16), 4),
    ],
    ids=["hann-without-overlap", "zeros", "under-the-clamp", "nan", "negative"],
)
def test_window_that_sums_to_nothing_is_an_error(window: Tensor, hop_size: int) -> None:
    grid = ChunkGrid(100, 16, hop_size)
    batches = make_batches(grid, 5)
    says = re.compile(rf"window \(16 samples.* hop of {hop_size} samples.*use a smaller hop.*{DEAD}")
    with pytest.raises(InvalidValue, match=says):
        stitch(batches, grid, window)
    with pytest.raises(InvalidValue, match=says):
        OverlapAdder(grid, window, num_stems=3, num_channels=2)


def test_window_may_be_zero_where_the_song_is_not() -> None:
    window = torch.tensor([1.0, 1.0, 1.0, 0.0])
    song = noise(1, 3, dtype=torch.float64)
    grid = ChunkGrid(3, 4, 4)
    assert torch.equal(stitch(cut(song, grid, 1), grid, window)[0], song)
    with pytest.raises(InvalidValue, match=DEAD):
        stitch([torch.zeros(1, 1, 1, 4)], ChunkGrid(4, 4, 4), window)


def test_small_windows_work_down_to_the_clamp() -> None:
    grid, song = ChunkGrid(50, 8, 8), noise(1, 50)
    torch.testing.assert_close(stitch(cut(song, grid, 3), grid, torch.full((8,), 2e-8))[0], song)


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("batches", "arguments", "window", "message"),
    [
        ([], (3, 16, 4, 100), 16, "100 samples take 28 chunks of 16 at a hop of 4, got 0"),
        ([(27, 3, 2, 16)], (3, 16, 4, 100), 16, "100 samples take 28 chunks of 16 at a hop of 4, got 27"),
        ([(28, 2, 2, 16)], (3, 16, 4, 100), 16, r"got \(28, 2, 2, 16\)"),
        ([(28, 3, 2, 15)], (3, 16, 4, 100), 16, r"got \(28, 3, 2, 15\)"),
        ([(28, 3, 16)], (3, 16, 4, 100), 16, r"got \(28, 3, 16\)"),
        ([(20, 3, 2, 16), (8, 3, 1, 16)], (3, 16, 4, 100), 16, r"\(batch, 3, 2, 16\), got \(8, 3, 1, 16\)"),
        ([(28, 3, 2, 16)], (3, 16, 4, 100), 15, r"the chunk's 16 samples, got shape \(15,\)"),
        ([(28, 3, 2, 16)], (3, 16, 0, 100), 16, "hop_size must be at least 1"),
        ([(28, 3, 2, 16)], (3, 16, 17, 100), 16, "hop_size must be at most chunk_size"),
        ([(28, 3, 2, 16)], (3, 16, 4, 0), 16, "num_samples must be at least 1"),
    ],
)
def test_what_cannot_be_stitched(
    batches: list[tuple[int, ...]], arguments: tuple[int, int, int, int], window: int, message: str
) -> None:
    with pytest.raises(InvalidValue, match=message):
        stitch_chunks([torch.zeros(shape) for shape in batches], *arguments, window=torch.ones(window))


@pytest.mark.usefixtures("plain_types")
def test_what_cannot_be_pushed() -> None:
    grid = ChunkGrid(100, 16, 4)
    adder = OverlapAdder(grid, torch.ones(16), num_stems=3, num_channels=2)
    for shape in ((5, 2, 2, 16), (5, 3, 1, 16), (5, 3, 2, 15), (3, 2, 16)):
        with pytest.raises(InvalidValue, match=re.escape(f"(batch, 3, 2, 16), got {shape}")):
            adder.push(torch.zeros(shape))
    assert adder.num_pushed == 0
    adder.push(torch.zeros(20, 3, 2, 16))
    with pytest.raises(InvalidValue, match="the grid has 28 chunks, only 20 were pushed"):
        adder.close()
    with pytest.raises(InvalidValue, match="the grid has 28 chunks, got 29 after this batch"):
        adder.push(torch.zeros(9, 3, 2, 16))
    assert adder.num_pushed == 20
    with pytest.raises(InvalidValue, match=r"the chunk's 16 samples, got shape \(15,\)"):
        OverlapAdder(grid, torch.ones(15), num_stems=3, num_channels=2)
