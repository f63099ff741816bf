"""The window under check, and checks of its samples; `overlap_add` has those of its sums."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from workbench.registry.cards import WindowCard
from workbench.registry.checks.harness import Check, Subject, describe_error, fail, needing, require_card, skip
from workbench.registry.references import resolve_callable
from workbench.registry.validate import validate_window_card

LENGTHS = (1, 2, 3, 1000, 1001)
PLAIN_LENGTH = 1000
PEAK = 1 + 1e-6  # published coefficients of flat tops sum to a little more than 1


class WindowSubject(Subject):
    """A window, and what its checks share.

    Args:
        card: the window's card.

    Raises:
        InvalidType: a card of another type.
    """

    def __init__(self, card: WindowCard) -> None:
        require_card(card, WindowCard)
        super().__init__(str(card.name))
        self.card = card

    def make(
        self,
        length: int = PLAIN_LENGTH,
        *,
        dtype: torch.dtype = torch.float64,
        device: str = "cpu",
        parameters: dict[str, float] | None = None,
    ) -> Any:
        """What the plugin's own function gives, unchecked; parameters left out have their defaults."""
        make = resolve_callable(self.card.make, field=f"make of window {self.card.name!r}")
        given = {name: float(one.default) for name, one in self.card.parameters.items()} | (parameters or {})
        return make(length, dtype=dtype, device=torch.device(device), **given)


@needing()
def check_card(subject: WindowSubject) -> None:
    """Every field of the card is one that the registry takes."""
    validate_window_card(subject.card)


@needing(check_card)
def check_makes(subject: WindowSubject) -> None:
    """``make(length, *, dtype, device, **parameters)`` gives a tensor for every length from 1 on."""
    for length in LENGTHS:
        try:
            window: object = subject.make(length)
        except Exception as error:  # the author's code may raise anything
            fail(f"making {length} samples raised {describe_error(error)}: every length from 1 on must work")
        if not isinstance(window, Tensor):
            fail(f"make must give a torch tensor, got {type(window).__name__}: convert it by torch.as_tensor")


@needing(check_makes)
def check_length(subject: WindowSubject) -> None:
    """It has exactly the length asked for, on one axis."""
    for length in LENGTHS:
        shape = tuple(subject.make(length).shape)
        if shape != (length,):
            fail(f"for a length of {length} it has the shape {shape}, expected ({length},): mend make")


@needing(check_length)
def check_dtype(subject: WindowSubject) -> None:
    """It has the dtype asked for."""
    for dtype in (torch.float32, torch.float64):
        made = subject.make(dtype=dtype).dtype
        if made != dtype:
            fail(f"asked for {dtype} it gives {made}: pass dtype on, or end with .to(device=device, dtype=dtype)")


@needing(check_length)
def check_device(subject: WindowSubject) -> None:
    """It is on the device asked for; torch's ``meta`` device stands for a GPU, which need not be here."""
    try:
        device = subject.make(device="meta").device.type
    except (RuntimeError, NotImplementedError) as error:
        skip(f"it cannot be made on the meta device, where no values are: {describe_error(error)}")
    if device != "meta":
        fail(f"asked for another device it stays on {device}: pass device on, or end with .to(device=device)")


@needing(check_length, check_dtype)
def check_finite(subject: WindowSubject) -> None:
    """No NaN and no infinity at any length."""
    for length in LENGTHS:
        if not subject.make(length).isfinite().all():
            fail(f"NaN or infinity at a length of {length}: guard divisions such as n / (length - 1)")


@needing(check_finite)
def check_determinism(subject: WindowSubject) -> None:
    """The same arguments give the same bits."""
    if not torch.equal(subject.make(), subject.make()):
        fail("two calls gave different bits: a window must not be random")


@needing(check_finite)
def check_range(subject: WindowSubject) -> None:
    """Its samples reach at most 1, and not all are 0."""
    for length in LENGTHS:
        peak = float(subject.make(length).abs().max())
        if not 0 < peak <= PEAK:
            fail(f"its peak is {peak:g} at a length of {length}, expected above 0 and at most 1: scale it")


@needing(check_finite)
def check_nonnegative(subject: WindowSubject) -> None:
    """No sample is below 0, where the card says so."""
    if not subject.card.nonnegative:
        skip("the card says that it may be negative")
    for length in LENGTHS:
        lowest = float(subject.make(length).min())
        if lowest < 0:
            fail(
                f"it goes down to {lowest:g} at a length of {length}: clamp it by .clamp(min=0), "
                "or say nonnegative=False in the card"
            )


@needing(check_finite)
def check_parameters(subject: WindowSubject) -> None:
    """At both ends of each parameter's range it is as good a window as at the default."""
    ends = [
        (name, end)
        for name, one in subject.card.parameters.items()
        for end in (one.minimum, one.maximum)
        if end is not None
    ]
    if not ends:
        skip("no parameter has a range with an end")
    for name, end in ends:
        for length in LENGTHS:
            where = f"at {name}={end:g}, an end of its range, and a length of {length}"
            advice = "mend make there, or narrow the parameter's minimum and maximum"
            try:
                window = subject.make(length, parameters={name: float(end)})
            except Exception as error:  # the author's code may raise anything
                fail(f"{where} it raised {describe_error(error)}: {advice}")
            if tuple(window.shape) != (length,) or not window.isfinite().all():
                fail(f"{where} it has the shape {tuple(window.shape)}, or NaN or infinity: {advice}")
            if window.abs().max() > PEAK or (subject.card.nonnegative and window.min() < 0):
                fail(f"{where} it reaches from {window.min():g} to {window.max():g}: {advice}")


WINDOW_CHECKS: tuple[Check[WindowSubject], ...] = (
    check_card,
    check_makes,
    check_length,
    check_dtype,
    check_device,
    check_finite,
    check_determinism,
    check_range,
    check_nonnegative,
    check_parameters,
)
