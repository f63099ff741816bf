"""Words for numbers."""

from __future__ import annotations

import math

import pytest

from workbench.figures.style import format_decibels


@pytest.mark.parametrize(
    ("decibels", "words"),
    [(-3.21, "−3.2 dB"), (0.06, "0.1 dB"), (-0.01, "0.0 dB"), (-0.0, "0.0 dB"), (-math.inf, "silent")],
)
def test_decibels_have_one_digit_and_no_minus_before_zero(decibels: float, words: str) -> None:
    assert format_decibels(decibels) == words
