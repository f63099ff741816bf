from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
import torch

from workbench.core import generate_chunks, stitch_chunks
from workbench.errors import InvalidValue
from workbench.registry import PluginManager
from workbench_plugins import windows

IDS = [card.name for card in windows.CARDS]
NAMES = ["hann", "hamming", "rectangular", "linear_fade", "triangle", "sine", "vorbis", "kbd", "tukey", "blackman"]
NAMES += ["kaiser", "gaussian", "dpss", "flattop"]
LENGTH_SAMPLES = 720  # every overlap here gives a whole hop, and a fade of 0.1 a whole number of samples
STANDARD_OVERLAPS = (0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 7 / 8)
# What counts as constant: float64 rounding of up to 16 values near 1 measured 2e-15 at most, and the smallest
# ripple of a sum that is not constant 1.1e-9 (dpss squared at 7/8).
RIPPLE = 1e-12


@pytest.fixture(scope="module")
def manager() -> PluginManager:
    manager = PluginManager([], environ={})
    manager.register_plugin(windows)
    return manager


def sum_shifted(window: torch.Tensor, hop_samples: int) -> torch.Tensor:
    """One period of the sum of all copies of a window shifted by multiples of the hop, added piece by piece."""
    total = torch.zeros(hop_samples, dtype=window.dtype)
    for start in range(0, len(window), hop_samples):
        piece = window[start : start + hop_samples]
        total[: len(piece)] += piece
    return total


def is_cola(window: torch.Tensor, *, overlap: float) -> bool:
    exact_hop = len(window) * (1 - overlap)
    assert exact_hop == pytest.approx(round(exact_hop))  # else the length is badly chosen
    total = sum_shifted(window, round(exact_hop))
    return bool(total.max() - total.min() <= RIPPLE * total.mean().abs())


def test_the_entry_point_brings_them_all(manager):
    rows = {row.id for row in manager.windows()}
    assert rows == {f"windows.{name}" for name in NAMES}


@pytest.mark.parametrize("squared", [False, True], ids=["once", "squared"])
@pytest.mark.parametrize("card", windows.CARDS, ids=IDS)
def test_overlaps_of_a_constant_sum_are_the_declared_ones(manager, card, squared):
    window = manager.make_window(card.name, length=LENGTH_SAMPLES, dtype=torch.float64)
    window = window.square() if squared else window
    declared = card.cola_square_overlaps if squared else card.cola_overlaps
    assert [overlap for overlap in declared if not is_cola(window, overlap=overlap)] == []
    found = [overlap for overlap in STANDARD_OVERLAPS if is_cola(window, overlap=overlap)]
    assert found == pytest.approx([overlap for overlap in declared if overlap in STANDARD_OVERLAPS])


@pytest.mark.parametrize("length", [8, 16, 40, 96])
@pytest.mark.parametrize("card", windows.CARDS, ids=IDS)
def test_declared_overlaps_hold_at_any_length_with_a_whole_hop(manager, card, length):
    window = manager.make_window(card.name, length=length, dtype=torch.float64)
    for shape, overlaps in ((window, card.cola_overlaps), (window.square(), card.cola_square_overlaps)):
        for overlap in overlaps:
            hop = length * (1 - overlap)
            if hop == pytest.approx(round(hop)):
                assert is_cola(shape, overlap=overlap), overlap


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


@pytest.mark.parametrize("length", [1, 2, 3, 10, 11, 720])
def test_sine_is_half_a_sine_and_its_square_a_hann_window_between_samples(manager, length):
    window = manager.make_window("sine", length=length, dtype=torch.float64)
    between = torch.arange(length, dtype=torch.float64) + 0.5
    hann = 0.5 - 0.5 * torch.cos(2 * torch.pi * between / length)
    torch.testing.assert_close(window.square(), hann, rtol=0, atol=1e-15)  # float64 rounding
    assert window.min() > 0


def test_vorbis_follows_its_formula(manager):
    window = manager.make_window("vorbis", length=4, dtype=torch.float64)
    angle = math.pi / 2 * (2 - math.sqrt(2)) / 4  # sin^2(pi / 8) is (2 - sqrt 2) / 4
    edge, middle = math.sin(angle), math.cos(angle)
    assert window.tolist() == pytest.approx([edge, middle, middle, edge], rel=1e-14)


@pytest.mark.parametrize(
    ("spec", "length"),
    [
        *((spec, length) for spec in ("sine", "vorbis") for length in (2, 6, 720)),
        *((f"kbd:alpha={alpha}", length) for alpha in (0, 4, 5, 30) for length in (1, 2, 3, 6, 7, 720, 721)),
    ],
)
def test_codec_windows_are_power_complementary(manager, spec, length):
    """Princen, Johnson and Bradley 1987; at odd lengths only kbd is made for it, with a middle of its own."""
    power = manager.make_window(spec, length=length, dtype=torch.float64).square()
    total = sum_shifted(power, (length + 1) // 2)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-13)  # a running sum of 361 values
    torch.testing.assert_close(power, power.flip(0), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_stitching_gives_the_song_back_or_refuses(manager, name):
    song = torch.randn(1, 1000, generator=torch.Generator().manual_seed(0))
    window = manager.make_window(name, length=240)
    for hop in (240, 120, 60):
        chunks = [batch[:, None] for batch in generate_chunks(song, 240, hop, 8)]  # (batch, 1, channel, chunk)
        if sum_shifted(window, hop).min() < 1e-8:
            with pytest.raises(InvalidValue, match="where nothing could be heard"):
                stitch_chunks(chunks, 1, 240, hop, 1000, window=window)
        else:
            stitched = stitch_chunks(chunks, 1, 240, hop, 1000, window=window)
            torch.testing.assert_close(stitched[0], song, rtol=0, atol=2e-6)  # float32 rounding at values up to 4


def test_flattop_goes_below_zero_and_stitching_refuses_it_where_its_sum_does(manager):
    window = manager.make_window("flattop", length=240)
    assert window.min() == pytest.approx(-0.0706, abs=1e-4)
    chunks = [batch[:, None] for batch in generate_chunks(torch.ones(1, 1000), 240, 120, 8)]
    with pytest.raises(InvalidValue, match="sums to -0"):
        stitch_chunks(chunks, 1, 240, 120, 1000, window=window)


def test_listing_windows_and_reading_their_cards_loads_nothing_heavy():
    code = (
        "import json, sys, workbench; text = str(workbench.windows()); from workbench_plugins import windows; "
        "print(json.dumps([len(windows.CARDS), [n for n in ('torch', 'scipy', 'numpy') if n in sys.modules]]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == [len(NAMES), []]
