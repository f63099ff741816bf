"""The sliding median against its definition and scipy's filter, by both ways, all to the bit."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter

import workbench_plugins.sliding_median as module
from workbench.errors import InvalidType, InvalidValue
from workbench_plugins.sliding_median import median_by_insertion, median_by_sorting, sliding_median

WAYS = {"insertion": median_by_insertion, "sorting": median_by_sorting}


def filter_by_definition(x: torch.Tensor, *, size: int) -> torch.Tensor:
    edges = [(0, 0)] * (x.ndim - 1) + [(size // 2, size - 1 - size // 2)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x.numpy(), edges, mode="symmetric"), size, axis=-1)
    return torch.from_numpy(np.sort(windows, axis=-1)[..., size // 2])


def filter_with_scipy(x: torch.Tensor, *, size: int) -> torch.Tensor:
    window = (1,) * (x.ndim - 1) + (size,)
    return torch.from_numpy(median_filter(x.numpy(), size=window, mode="reflect"))


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=50)
@given(
    shape=st.lists(st.integers(1, 40), max_size=2),
    n=st.integers(1, 80),
    size=st.integers(1, 70),
    num_levels=st.sampled_from([2, 5, 10**6]),  # few levels make ties
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 2**31),
)
def test_equals_definition_and_scipy_for_any_shape_and_size(
    way: str, shape: list[int], n: int, size: int, num_levels: int, dtype: torch.dtype, seed: int
) -> None:
    x = torch.randint(num_levels, (*shape, n), generator=torch.Generator().manual_seed(seed)).to(dtype)
    x -= num_levels // 2
    result = WAYS[way](x, size=size)
    assert result.dtype == dtype
    assert torch.equal(result, filter_by_definition(x, size=size))
    # scipy 1.17 itself goes wrong where half a window is 4 times the axis, and in places on a single axis.
    if x.ndim > 1 and size // 2 < 4 * n:
        assert torch.equal(result, filter_with_scipy(x, size=size))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [4, 31])
def test_any_strides_are_read_where_they_lie(way: str, size: int) -> None:
    base = torch.randn(2, 50, 3, 70, generator=torch.Generator().manual_seed(0))
    before = base.clone()
    for view in (
        base.movedim(1, -1),
        base[0].transpose(0, 2),
        base[:, 0, 0, ::3],
        base[..., 1:2].expand(2, 50, 3, 40),
    ):
        assert torch.equal(WAYS[way](view, size=size), filter_with_scipy(view.contiguous(), size=size))
    assert torch.equal(base, before)


def test_transposed_input_keeps_its_strides() -> None:
    x = torch.randn(2, 40, 90).transpose(1, 2)
    assert median_by_insertion(x, size=5).stride() == x.stride()


def test_infinities_have_a_rank() -> None:
    x = torch.randn(40, 60, generator=torch.Generator().manual_seed(1))
    x[::2, 10:30] = torch.inf
    x[::3, 40:50] = -torch.inf
    expected = filter_with_scipy(x, size=7)
    assert expected.isinf().any()
    assert torch.equal(median_by_insertion(x, size=7), expected)
    assert torch.equal(median_by_sorting(x, size=7), expected)


def test_number_of_threads_and_concurrent_calls_change_nothing() -> None:
    x = torch.randn(3, 200, 100, generator=torch.Generator().manual_seed(2))
    expected = filter_with_scipy(x, size=9)
    threads_before = torch.get_num_threads()
    try:
        for num_threads in (1, 2, 7):
            torch.set_num_threads(num_threads)
            assert torch.equal(sliding_median(x, size=9), expected)
    finally:
        torch.set_num_threads(threads_before)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: sliding_median(x, size=9), range(16)))
    assert all(torch.equal(result, expected) for result in results)


@pytest.mark.parametrize("bound", [1, 2_000, 50_000])
def test_sorting_in_blocks_stays_under_its_bound(bound: int, monkeypatch: pytest.MonkeyPatch) -> None:
    size, window_bytes = 5, 5 * (4 + 4 + 8)
    blocks = []
    find_columns = module._median_columns

    def watch(block: torch.Tensor, *, source: torch.Tensor, size: int) -> torch.Tensor:
        columns: torch.Tensor = find_columns(block, source=source, size=size)
        blocks.append(columns.numel() * window_bytes)
        return columns

    monkeypatch.setattr(module, "_median_columns", watch)
    monkeypatch.setattr(module, "BLOCK_BYTES", bound)
    x = torch.randn(7, 64, generator=torch.Generator().manual_seed(3))
    assert torch.equal(median_by_sorting(x, size=size), filter_with_scipy(x, size=size))
    assert len(blocks) > 1 or bound == 50_000
    assert max(blocks) <= max(bound, window_bytes)
    assert sum(blocks) == x.numel() * window_bytes


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_exact(dtype: torch.dtype) -> None:
    x = torch.randn(5, 50, generator=torch.Generator().manual_seed(4)).to(dtype)
    result = sliding_median(x, size=6)
    assert result.dtype == dtype
    assert torch.equal(result.float(), filter_with_scipy(x.float(), size=6))


def test_gradient_goes_to_the_median_sample() -> None:
    x = torch.tensor([5.0, 1.0, 9.0, 2.0], requires_grad=True)
    result = sliding_median(x, size=3)  # of 5 5 1, 5 1 9, 1 9 2, 9 2 2
    assert result.tolist() == [5.0, 5.0, 2.0, 2.0]
    (result * torch.tensor([1.0, 10.0, 100.0, 1000.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [11.0, 0.0, 0.0, 1100.0]


def test_gradient_is_right_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", 1_000)
    x = torch.randn(3, 2, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(5), requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: sliding_median(x, size=6), x)


def test_a_leaf_under_no_grad_takes_the_compiled_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(module, "median_by_sorting")
    x = torch.randn(4, 9, requires_grad=True)
    with torch.no_grad():
        assert torch.equal(sliding_median(x, size=3), filter_with_scipy(x.detach(), size=3))


@pytest.mark.parametrize("shape", [(0, 5), (2, 0, 5), (3, 0, 2, 5)])
def test_no_rows_give_no_rows(shape: tuple[int, ...]) -> None:
    assert median_by_insertion(torch.zeros(shape), size=3).shape == shape
    assert median_by_sorting(torch.zeros(shape), size=3).shape == shape


def test_refuses_what_has_no_median() -> None:
    with pytest.raises(InvalidValue, match="at least 1 sample, got 0"):
        sliding_median(torch.zeros(3), size=0)
    with pytest.raises(InvalidValue, match=r"at least 1 sample, got shape \(2, 0\)"):
        sliding_median(torch.zeros(2, 0), size=3)
    bare = inspect.unwrap(sliding_median)  # without the check of signatures that tests run with
    with pytest.raises(InvalidType, match=r"floating-point tensor .* got torch.int64"):
        bare(torch.arange(5), size=3)
    with pytest.raises(InvalidType, match=r"shape \(\)"):
        bare(torch.tensor(1.0), size=3)
