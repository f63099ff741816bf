from __future__ import annotations

import jaxtyping
import pytest
import torch
from core_reference import AllocationRecorder, call_unchanged, noise, pad_and_cut
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core import ChunkGrid, generate_chunks
from workbench.errors import InvalidType, InvalidValue

PADDING_MODES = ("reflect", "constant", "replicate")


@given(st.integers(1, 100), st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.sampled_from(PADDING_MODES))
@settings(max_examples=200)
def test_batches_are_the_windows_of_the_padded_song(
    num_samples: int, chunk_size: int, hop_size: int, batch_size: int, padding_mode: str
) -> None:
    hop_size = min(hop_size, chunk_size)
    song = noise(2, num_samples)
    batches = list(generate_chunks(song, chunk_size, hop_size, batch_size, padding_mode=padding_mode))
    assert {batch.shape[0] for batch in batches[:-1]} <= {batch_size}
    assert 1 <= batches[-1].shape[0] <= batch_size
    assert torch.equal(torch.cat(batches), pad_and_cut(song, chunk_size, hop_size, padding_mode))


def test_padding_is_reflection_unless_said_otherwise() -> None:
    song = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]])
    (batch,) = generate_chunks(song, 4, 2, 100)
    assert batch.tolist() == [[[3, 2, 1, 2]], [[1, 2, 3, 4]], [[3, 4, 5, 4]], [[5, 4, 3, 0]]]


@pytest.mark.parametrize("padding_mode", PADDING_MODES)
@pytest.mark.parametrize("num_samples", [1, 2, 5])
def test_songs_shorter_than_the_padding(num_samples: int, padding_mode: str) -> None:
    song = noise(1, num_samples)
    chunks = torch.cat(list(generate_chunks(song, 32, 4, 3, padding_mode=padding_mode)))
    assert torch.equal(chunks, pad_and_cut(song, 32, 4, padding_mode))


def test_batches_inside_the_song_are_views_and_the_others_are_not() -> None:
    song = noise(2, 400)
    grid = ChunkGrid(400, 32, 8)
    num_views = 0
    for chunks, batch in zip(grid.batches(4), generate_chunks(song, 32, 8, 4), strict=True):
        start, stop = grid.span(chunks)
        inside = start >= 0 and stop <= 400
        assert (batch.untyped_storage().data_ptr() == song.untyped_storage().data_ptr()) == inside
        num_views += inside
    assert num_views == len(grid.batches(4)) - 3  # one batch reaches before the song, two beyond its end


def test_nothing_as_long_as_the_song_is_allocated() -> None:
    song = noise(2, 100_000)
    with AllocationRecorder() as recorder:
        num_batches = sum(1 for _ in generate_chunks(song, 512, 128, 4))
    assert num_batches > 190
    span_samples = 3 * 128 + 512  # of one batch
    assert max(recorder.new_bytes) <= 8 * 2 * span_samples  # 8 bytes: positions are whole numbers of 64 bits


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("padding_mode", PADDING_MODES)
def test_dtype_is_kept(dtype: torch.dtype, padding_mode: str) -> None:
    song = noise(2, 50, dtype=dtype)
    chunks = torch.cat(list(generate_chunks(song, 16, 4, 3, padding_mode=padding_mode)))
    assert chunks.dtype == dtype
    assert torch.equal(chunks, pad_and_cut(song, 16, 4, padding_mode))


def test_song_is_not_written_to_and_may_lie_anyhow_in_memory() -> None:
    song = noise(50, 2).T  # time is not the fastest axis
    chunks = call_unchanged(lambda given: torch.cat(list(generate_chunks(given, 16, 4, 3))), song)
    assert torch.equal(chunks, pad_and_cut(song.contiguous(), 16, 4, "reflect"))


@pytest.mark.parametrize("padding_mode", PADDING_MODES)
def test_gradient_of_a_sample_is_how_often_it_was_used(padding_mode: str) -> None:
    song = noise(1, 12, dtype=torch.float64).requires_grad_()
    sum(batch.sum() for batch in generate_chunks(song, 8, 2, 3, padding_mode=padding_mode)).backward()
    places = torch.arange(1.0, 13.0).unsqueeze(0)  # 0 stands for zeros
    used = pad_and_cut(places, 8, 2, padding_mode).long().flatten().bincount(minlength=13)[1:]
    assert torch.equal(song.grad, used.double().unsqueeze(0))


def test_chunks_stay_on_the_device_of_the_song() -> None:
    batches = list(generate_chunks(torch.empty(2, 100, device="meta"), 16, 4, 3))
    assert {batch.device.type for batch in batches} == {"meta"}


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [
        ((2, 0), (4, 2, 1), "at least 1 channel and 1 sample"),
        ((0, 9), (4, 2, 1), "at least 1 channel and 1 sample"),
        ((9,), (4, 2, 1), r"audio must be \(channel, time\), got 1 axes: \(9,\)"),
        ((1, 2, 9), (4, 2, 1), r"audio must be \(channel, time\), got 3 axes: \(1, 2, 9\)"),
        ((2, 9), (0, 0, 1), "chunk_size must be at least 1"),
        ((2, 9), (4, 0, 1), "hop_size must be at least 1"),
        ((2, 9), (4, 5, 1), "hop_size must be at most chunk_size"),
        ((2, 9), (4, 2, 0), "batch_size must be at least 1"),
    ],
)
def test_what_cannot_be_cut_is_an_error_at_the_call(
    shape: tuple[int, ...], arguments: tuple[int, int, int], message: str
) -> None:
    with pytest.raises(InvalidValue, match=message):
        generate_chunks(torch.zeros(shape), *arguments)  # no next()


@pytest.mark.usefixtures("plain_types")
def test_sizes_that_are_no_whole_numbers_are_an_error_at_the_call() -> None:
    for arguments in ((4.0, 2, 1), (4, 2.0, 1), (4, 2, 1.0)):
        with pytest.raises(InvalidType, match="must be a whole number"):
            generate_chunks(torch.zeros(2, 9), *arguments)


@pytest.mark.parametrize("hop_size", [2, 4])  # with padding and without
def test_unknown_padding_mode_is_an_error_that_names_the_known(hop_size: int) -> None:
    with pytest.raises(InvalidValue, match="one of reflect, constant, replicate, got 'circular'"):
        generate_chunks(torch.zeros(2, 9), 4, hop_size, 1, padding_mode="circular")


def test_shapes_in_signatures_are_checked_under_pytest() -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        generate_chunks(torch.zeros(1, 2, 9), 4, 2, 1)
