"""Traits that hold what both sides can: numbers that JSON carries, and the part of a picture that is shown."""

from __future__ import annotations

import math
from typing import Any

from traitlets import Float, HasTraits, List, TraitError


class FiniteFloat(Float[Any, Any]):
    """A number that JSON can carry to the browser: NaN and infinity are refused."""

    def validate(self, obj: HasTraits | None, value: Any) -> float:
        """The number itself.

        Raises:
            TraitError: no number, NaN or infinity.
        """
        number = super().validate(obj, value)
        if not math.isfinite(number):
            raise TraitError(f"{self.name or 'each number'} must be a finite number, got {number}")
        return float(number)


class ViewRange(List[float]):
    """What is shown: ``[from s, to s]``, then perhaps lowest and highest Hz; empty for all."""

    def __init__(self, **options: Any) -> None:
        super().__init__(FiniteFloat(), **options)

    def validate(self, obj: Any, value: Any) -> list[float]:
        """The list itself.

        Raises:
            TraitError: other than none, two or four finite numbers, ends that are not in order, or below 0 Hz.
        """
        view: list[float] = list(super().validate(obj, value) or [])
        is_ordered = all(view[place] < view[place + 1] for place in range(0, len(view) - 1, 2))
        if len(view) not in (0, 2, 4) or not is_ordered or min(view[2:], default=0.0) < 0:
            raise TraitError(f"{self.name} must be [], [from s, to s] or [from s, to s, low Hz, high Hz], got {view}")
        return view
