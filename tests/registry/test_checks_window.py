"""Every check of a window passes for the windows in the box, and catches the one window that breaks its promise."""

from __future__ import annotations

import pytest
import torch

from workbench.errors import InvalidType
from workbench.registry import Parameter, WindowCard, find_window, windows
from workbench.registry.checks import CheckError, check_window, list_window_checks
from workbench.registry.checks.harness import require_card

POWER = {"power": Parameter(1.0, minimum=0.0, maximum=4.0)}


def make_sine(length, *, dtype, device, power=2.0, offset=0.5):
    """A sine to a power, half a sample off the ends; its square, hann, is the default."""
    phase = (torch.arange(length, dtype=torch.float64) + offset) / length
    return torch.sin(torch.pi * phase).clamp(min=0).pow(power).to(dtype=dtype, device=device)


def make_card(make=make_sine, **fields):
    return WindowCard(**({"name": "made", "make": make, "summary": "For a test."} | fields))


@pytest.mark.parametrize(
    ("subject", "check"),
    [
        pair
        for row in windows()
        if row.origin.startswith("stem-workbench")
        for pair in list_window_checks(find_window(row.id).card)
    ],
)
def test_windows_in_the_box(subject, check):
    check(subject)


def test_a_window_that_claims_what_it_keeps_passes_every_check():
    card = make_card(
        lambda length, *, dtype, device, power: make_sine(length, dtype=dtype, device=device, power=2 * power),
        parameters=POWER,
        cola_overlaps=(0.5, 2 / 3, 0.75),
        cola_square_overlaps=(0.75,),
    )
    report = check_window(card)
    assert {one.outcome for one in report.results} == {"passed"}, report


# One promise broken at a time.


def make_fixed_dtype(length, *, dtype, device):
    return make_sine(length, dtype=torch.float32, device=device)


def make_fixed_device(length, *, dtype, device):
    return make_sine(length, dtype=dtype, device="cpu")


def make_one_longer(length, *, dtype, device):
    return make_sine(length + length % 2, dtype=dtype, device=device)


def make_list(length, *, dtype, device):
    return [1.0] * length


def make_no_single_sample(length, *, dtype, device):
    return torch.full((length,), 1 / (length // 2), dtype=dtype, device=device)


def make_nan_at_one(length, *, dtype, device):
    position = torch.arange(length, dtype=dtype, device=device) / torch.tensor(length - 1, dtype=dtype, device=device)
    return 0.5 + 0.5 * position


def make_random(length, *, dtype, device):
    return 0.5 + 0.1 * torch.rand(length, dtype=dtype, device=device)


def make_loud(length, *, dtype, device):
    return 3 * make_sine(length, dtype=dtype, device=device)


def make_dipping(length, *, dtype, device):
    return (1.01 * make_sine(length, dtype=dtype, device=device) - 0.01).clamp(max=1)


def make_narrow(length, *, dtype, device):
    position = torch.arange(length, dtype=dtype, device=device)
    return (position < max(1, length // 10)).to(dtype)


def make_symmetric(length, *, dtype, device):
    return torch.hamming_window(length, periodic=False, dtype=torch.float64).to(dtype=dtype, device=device)


def make_parabola(length, *, dtype, device):
    x = 2 * (torch.arange(length, dtype=dtype, device=device) + 0.5) / length - 1
    return 1 - x.square()


def make_inverse_power(length, *, dtype, device, power):
    """Not a number at the low end of the range, where 0 is divided by 0."""
    return make_sine(length, dtype=dtype, device=device) * (torch.tensor(power) / power)


def make_refusing(length, *, dtype, device, power):
    if power > 3:
        raise ValueError("power is too high")
    return make_sine(length, dtype=dtype, device=device)


BROKEN = [
    ("card", ["summary of window 'made'", "one line"], make_sine, {"summary": ""}),
    ("makes", ["got list", "torch.as_tensor"], make_list, {}),
    ("makes", ["making 1 samples raised ZeroDivisionError"], make_no_single_sample, {}),
    ("makes", ["no_such_module"], "no_such_module:make", {}),
    ("length", ["(2,), expected (1,)"], make_one_longer, {}),
    ("dtype", ["asked for torch.float64 it gives torch.float32"], make_fixed_dtype, {}),
    ("device", ["it stays on cpu"], make_fixed_device, {}),
    ("finite", ["at a length of 1", "length - 1"], make_nan_at_one, {}),
    ("determinism", ["must not be random"], make_random, {}),
    ("range", ["peak is 3", "scale it"], make_loud, {}),
    ("nonnegative", ["goes down to -0.0", "nonnegative=False"], make_dipping, {}),
    ("parameters", ["power=0", "NaN", "narrow the parameter"], make_inverse_power, {"parameters": POWER}),
    ("parameters", ["power=4", "ValueError: power is too high"], make_refusing, {"parameters": POWER}),
    ("nola", ["overlap of 0.75", "sum to 0"], make_narrow, {}),
    ("periodic", ["symmetric", "length + 1"], make_symmetric, {"cola_overlaps": (0.5,)}),
    ("cola", ["overlap of 0.5 ", "varies", "out of cola_overlaps"], make_parabola, {"cola_overlaps": (0.5,)}),
    ("cola_square", ["out of cola_square_overlaps"], make_sine, {"cola_square_overlaps": (0.75, 0.5)}),
]


@pytest.mark.parametrize(("name", "parts", "make", "fields"), BROKEN)
def test_a_broken_window_is_caught_by_its_check_alone(name, parts, make, fields):
    report = check_window(make_card(make, **fields))
    assert [one.check for one in report.failures] == [name], report
    for part in parts:
        assert part in report.failures[0].message, report


def test_a_window_may_be_negative_where_its_card_says_so():
    results = {one.check: one for one in check_window(make_card(make_dipping, nonnegative=False)).results}
    assert results["nonnegative"].outcome == "skipped"
    assert "the card says that it may be negative" in results["nonnegative"].message


def test_every_check_is_caught_by_some_broken_window():
    assert {name for name, *_ in BROKEN} == {check.name for _, check in list_window_checks(make_card())}


def test_called_by_itself_a_check_raises_what_it_found():
    checks = {check.name: (subject, check) for subject, check in list_window_checks(make_card(make_loud))}
    subject, check = checks["range"]
    with pytest.raises(CheckError, match=r"^made, range: its peak is 3"):
        check(subject)


def test_only_a_card_is_checked():
    with pytest.raises(InvalidType, match=r"expected a WindowCard, got str: find_window\('hann'\).card gives it"):
        require_card("hann", WindowCard)
