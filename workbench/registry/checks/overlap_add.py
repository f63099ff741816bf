"""Checks of what a window's shifted copies sum to: more than nothing (NOLA), and a constant where it says so (COLA)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from workbench.registry.checks.harness import Check, fail, needing, skip
from workbench.registry.checks.window import PLAIN_LENGTH, WindowSubject, check_finite

NOLA_OVERLAP = 0.75  # every window must do at this overlap; at smaller ones a narrow window may leave gaps
NOLA_FLOOR = 1e-8  # below it stitching refuses a window
# of the mean: float64 rounds a sum of a few cosines at 1e-16, published coefficients are given to 1e-9
COLA_TOLERANCE = 1e-6
LONGEST_SOUGHT = 4000  # samples; where length * (1 - overlap) must be a whole number
FIELDS = {1: "cola_overlaps", 2: "cola_square_overlaps"}  # by the power of the window


@needing(check_finite)
def check_nola(subject: WindowSubject) -> None:
    """Its shifted copies sum to more than nothing everywhere, at an overlap of 0.75 (NOLA)."""
    for length in (PLAIN_LENGTH, PLAIN_LENGTH + 1):
        hop = round(length * (1 - NOLA_OVERLAP))
        lowest = float(sum_shifted(subject.make(length), hop).min())
        if lowest < NOLA_FLOOR:
            fail(
                f"at an overlap of {NOLA_OVERLAP:g} and a length of {length} its shifted copies sum to {lowest:g} "
                "somewhere, where nothing could be heard: widen it"
            )


@needing(check_nola)
def check_periodic(subject: WindowSubject) -> None:
    """Where it claims constant overlap-add it is given in its periodic form, not in the symmetric one."""
    claims = list_claims(subject)
    if not claims:
        skip("the card claims no constant overlap-add")
    for overlap, power, length in claims:
        periodic = subject.make(length + 1)[:-1]  # what a symmetric form of one more sample holds
        if (
            measure_ripple(subject.make(length), overlap, power=power) > COLA_TOLERANCE
            and measure_ripple(periodic, overlap, power=power) <= COLA_TOLERANCE
        ):
            fail(
                f"it is symmetric, so that it misses constant overlap-add at {overlap:g}, where its periodic form has "
                "it: make it with length + 1 samples and leave out the last, as torch does for periodic=True"
            )


@needing(check_periodic)
def check_cola(subject: WindowSubject) -> None:
    """At each of the card's ``cola_overlaps`` its shifted copies sum to a constant."""
    check_claims(subject, power=1)


@needing(check_periodic)
def check_cola_square(subject: WindowSubject) -> None:
    """At each of the card's ``cola_square_overlaps`` its squared shifted copies sum to a constant."""
    check_claims(subject, power=2)


def check_claims(subject: WindowSubject, *, power: int) -> None:
    """Fail at the first overlap where the window to that power does not sum to a constant as claimed."""
    field = FIELDS[power]
    claims = [claim for claim in list_claims(subject) if claim[1] == power]
    if not claims:
        skip(f"the card's {field} is empty")
    for overlap, _, length in claims:
        ripple = measure_ripple(subject.make(length), overlap, power=power)
        if not ripple <= COLA_TOLERANCE:
            fail(
                f"at an overlap of {overlap:g} and a length of {length} the sum varies by {ripple:.2g} of its mean, "
                f"expected a constant: mend make, or take {overlap:g} out of {field}"
            )


def list_claims(subject: WindowSubject) -> list[tuple[float, int, int]]:
    """Overlap, power of the window, and a length at which its sum must be constant; two lengths a claim."""
    overlaps = {1: subject.card.cola_overlaps, 2: subject.card.cola_square_overlaps}
    return [
        (overlap, power, length)
        for power, claimed in overlaps.items()
        for overlap in claimed
        for length in find_lengths(overlap)
    ]


def find_lengths(overlap: float) -> list[int]:
    """The first two lengths from 1000 samples on at which the hop is a whole number.

    Example: ``find_lengths(2 / 3)`` is ``[1002, 1005]``.
    """
    hops = ((length, length * (1 - overlap)) for length in range(PLAIN_LENGTH, LONGEST_SOUGHT))
    whole = [length for length, hop in hops if math.isclose(hop, round(hop), abs_tol=1e-6)]
    if not whole:
        fail(f"no length up to {LONGEST_SOUGHT} has a whole hop at an overlap of {overlap}: write it as in 2 / 3")
    return whole[:2]


def sum_shifted(window: Tensor, hop: int) -> Tensor:
    """The sum of a window's copies, each a hop after the one before, over one period: (hop,)."""
    padded = torch.nn.functional.pad(window, (0, -window.shape[0] % hop))
    return padded.view(-1, hop).sum(dim=0)


def measure_ripple(window: Tensor, overlap: float, *, power: int) -> float:
    """How much the sum of shifted copies varies, as a share of its mean; 0 is constant overlap-add."""
    total = sum_shifted(window**power, round(window.shape[0] * (1 - overlap)))
    return float((total.max() - total.min()) / total.mean().abs())


SUM_CHECKS: tuple[Check[WindowSubject], ...] = (check_nola, check_periodic, check_cola, check_cola_square)
