"""The compiled median over chosen frames against sorting."""

from __future__ import annotations

import pytest
import torch

from workbench_plugins.neighbor_median import LANES, median_by_sorting, median_of_frames


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 112, 113])
@pytest.mark.parametrize("has_ties", [False, True])
def test_it_is_what_sorting_gives_to_the_bit(dtype: torch.dtype, size: int, has_ties: bool) -> None:
    generator = torch.Generator().manual_seed(size)
    frames = torch.rand(300, 2 * LANES + 5, generator=generator, dtype=dtype)
    if has_ties:
        frames = (4 * frames).round()
    neighbors = torch.randint(0, 300, (40, size), generator=generator)
    assert torch.equal(median_of_frames(frames, neighbors), median_by_sorting(frames, neighbors))
