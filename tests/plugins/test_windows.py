from __future__ import annotations

import pytest
import torch

from workbench.errors import InvalidValue
from workbench.registry import PluginManager
from workbench_plugins import windows

IDS = [card.name for card in windows.CARDS]
LENGTH_SAMPLES = 720  # every declared overlap gives a whole hop, and a fade of 0.1 a whole number of samples


@pytest.fixture(scope="module")
def manager() -> PluginManager:
    manager = PluginManager([], environ={})
    manager.register_plugin(windows)
    return manager


def sum_shifted(window: torch.Tensor, hop_samples: int) -> torch.Tensor:
    """One period of the sum of all copies of a window shifted by multiples of the hop, added one by one."""
    total = torch.zeros(hop_samples, dtype=window.dtype)
    for index, value in enumerate(window):
        total[index % hop_samples] += value
    return total


def test_the_entry_point_brings_them_all(manager):
    rows = {row.id for row in manager.windows()}
    assert rows == {f"windows.{name}" for name in ("hann", "hamming", "rectangular", "linear_fade", "triangle")}


@pytest.mark.parametrize("card", windows.CARDS, ids=IDS)
def test_declared_overlaps_sum_to_a_constant(manager, card):
    window = manager.make_window(card.name, length=LENGTH_SAMPLES, dtype=torch.float64)
    assert card.cola_overlaps
    for overlap in card.cola_overlaps:
        exact_hop = LENGTH_SAMPLES * (1 - overlap)
        assert exact_hop == pytest.approx(round(exact_hop))  # else the length is badly chosen
        total = sum_shifted(window, round(exact_hop))
        # sums of at most 10 values near 1 in float64
        torch.testing.assert_close(total, total.mean().expand_as(total), rtol=1e-13, atol=0)


@pytest.mark.parametrize("name", ["hann", "hamming", "linear_fade", "triangle"])
def test_an_undeclared_overlap_is_told_apart(manager, name):
    total = sum_shifted(manager.make_window(name, length=LENGTH_SAMPLES, dtype=torch.float64), 648 - 72)
    assert total.max() / total.min() > 1.05  # so that the check above can fail


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("card", windows.CARDS, ids=IDS)
def test_every_length_and_dtype_works(manager, card, length, dtype):
    window = manager.make_window(card.name, length=length, dtype=dtype)  # checks shape, dtype, sign, finiteness
    assert window.max() > 0
    exact = manager.make_window(card.name, length=length, dtype=torch.float64)
    # rounded once, at the end
    torch.testing.assert_close(window.double(), exact, rtol=torch.finfo(dtype).eps, atol=torch.finfo(dtype).tiny)


def test_hann_and_hamming_follow_their_formulas(manager):
    n = torch.arange(10, dtype=torch.float64)
    cosine = torch.cos(2 * torch.pi * n / 10)
    for name, a in (("hann", 0.5), ("hamming", 0.54)):
        window = manager.make_window(name, length=10, dtype=torch.float64)
        torch.testing.assert_close(window, a - (1 - a) * cosine, rtol=0, atol=1e-15)  # float64 rounding


@pytest.mark.parametrize("fade", [1e-6, 0.1, 0.25, 0.3, 0.5])
@pytest.mark.parametrize("length", [1, 2, 5, 8, 99, 100])
def test_linear_fade_is_symmetric_positive_and_sums_to_one_at_its_own_overlap(manager, length, fade):
    window = manager.make_window(f"linear_fade:fade={fade}", length=length, dtype=torch.float64)
    assert torch.equal(window, window.flip(0))
    assert window.min() > 0
    hop_samples = round(length * (1 - fade))
    if 2 * hop_samples >= length and hop_samples > 0:  # else three chunks overlap
        total = sum_shifted(window, hop_samples)
        torch.testing.assert_close(total, torch.ones_like(total), rtol=1e-14, atol=0)  # float64 rounding


def test_linear_fade_as_written_out(manager):
    window = manager.make_window("linear_fade:fade=0.25", length=8)
    assert window.tolist() == [0.25, 0.75, 1, 1, 1, 1, 0.75, 0.25]


@pytest.mark.parametrize("fade", ["0", "-0.1", "0.51"])
def test_linear_fade_refuses_a_fade_out_of_range(manager, fade):
    with pytest.raises(InvalidValue, match=r"fade must be 1e-06 to 0\.5"):
        manager.make_window(f"linear_fade:fade={fade}", length=8)


@pytest.mark.parametrize(
    ("length", "power", "expected"),
    [
        (1, 1, [1]),
        (2, 1, [1, 1]),
        (6, 1, [1 / 3, 2 / 3, 1, 1, 2 / 3, 1 / 3]),
        (5, 2, [1 / 9, 4 / 9, 1, 4 / 9, 1 / 9]),
        (3, 0, [1, 1, 1]),
    ],
)
def test_triangle_as_written_out(manager, length, power, expected):
    window = manager.make_window(f"triangle:power={power}", length=length, dtype=torch.float64)
    assert window.tolist() == pytest.approx(expected, rel=1e-15)
