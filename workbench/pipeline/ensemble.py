"""What an ensemble is: several models, or one model with several settings, and how their stems are combined.

Light: it may be made before torch is loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from workbench.errors import InvalidType, InvalidValue

if TYPE_CHECKING:
    from torch import nn

    from workbench.registry.cards import ModelCard

# How stems are combined, see `workbench.pipeline.combine`.
METHODS = ("mean", "median", "min_magnitude", "max_magnitude", "complex_median")

Numbers = Sequence[float | int]
Weights = Numbers | Mapping[str, Numbers] | None

# What a member may say of itself; the rest of `separate`'s arguments is the call's.
MEMBER_ARGUMENTS = (
    *("name", "model", "checkpoint", "config", "settings", "device", "chunk_seconds", "overlap", "window"),
    *("batch_size", "tta", "shifts", "shift_seed"),
)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Several models whose stems are combined, for ``ensemble=`` of `workbench.separate`.

    >>> Ensemble(["hpss", {"model": "hpss", "chunk_seconds": 2.0, "name": "short"}], weights=[2, 1])

    Args:
        members: each a model (name, card or module) or a mapping of ``separate``'s own arguments out of
            `MEMBER_ARGUMENTS`, beside them a ``name``. What the call itself gives applies to each member that does
            not say otherwise.
        method: ``mean`` or ``median``, sample by sample; ``min_magnitude`` or ``max_magnitude``, in each
            time-frequency bin the value of the member with the least or greatest magnitude; ``complex_median``, in
            each bin the median of real and of imaginary parts.
        weights: of the members in the ``mean``, or stem -> weights; they are scaled to sum to 1.

    Raises:
        InvalidType, InvalidValue: no members, an unknown method, or weights that do not fit.
    """

    members: Sequence[str | ModelCard | nn.Module | Mapping[str, object]]
    _: KW_ONLY
    method: str = "mean"
    weights: Weights = None

    def __post_init__(self) -> None:
        if isinstance(self.members, str | Mapping) or not isinstance(self.members, Sequence):
            raise InvalidType(
                f"members must be a list of models or of mappings of arguments, got {type(self.members).__name__}"
            )
        if not self.members:
            raise InvalidValue("an ensemble must have at least one member, got none")
        for index, member in enumerate(self.members):
            if isinstance(member, Mapping):
                check_member(member, label=f"member {index + 1} of the ensemble")
        object.__setattr__(self, "members", tuple(self.members))  # the caller's list may change
        check_method(self.method)
        check_weights(self.weights, method=self.method, num_members=len(self.members))


def check_member(member: Mapping[str, object], *, label: str) -> None:
    """Raise `InvalidValue` where a member says what it cannot."""
    from workbench.pipeline.validation import name_nearest

    for key in member:
        if key in ("stems", "derive", "ensemble", "progress", "out", "references"):
            raise InvalidValue(f"{label}: {key} is of the whole ensemble: give it beside ensemble=, not in a member")
        if key not in MEMBER_ARGUMENTS:
            raise InvalidValue(f"{label}: unknown argument {key!r}; {name_nearest(str(key), list(MEMBER_ARGUMENTS))}")
    name = member.get("name")
    if name is not None and not isinstance(name, str):
        raise InvalidType(f"{label}: name must be text, got {name!r}")
    if isinstance(name, str) and not name.strip():
        raise InvalidValue(f"{label}: name must not be empty")


def check_method(method: object) -> None:
    """Raise `InvalidValue` for a method that there is not."""
    if method not in METHODS:
        raise InvalidValue(f"the method of an ensemble must be one of {', '.join(METHODS)}, got {method!r}")


def check_weights(weights: object, *, method: str, num_members: int) -> None:
    """Raise `InvalidValue` or `InvalidType` where weights do not fit method and members."""
    if weights is None:
        return
    if method != "mean":
        raise InvalidValue(f"weights are of the method 'mean', got method {method!r}: leave one of them out")
    for stem, listed in weights.items() if isinstance(weights, Mapping) else [(None, weights)]:
        label = "weights" if stem is None else f"weights of {stem}"
        if isinstance(listed, str) or not isinstance(listed, Sequence):
            raise InvalidType(f"{label} must be a list of numbers, one a member, got {listed!r}")
        if any(isinstance(weight, bool) or not isinstance(weight, int | float) for weight in listed):
            raise InvalidType(f"{label} must be a list of numbers, one a member, got {listed!r}")
        if len(listed) != num_members:
            raise InvalidValue(f"{label} must be one number a member: got {len(listed)} for {num_members} members")
        if not all(0 <= weight <= sys.float_info.max for weight in listed) or not any(listed):
            raise InvalidValue(f"{label} must be finite, at least 0 and not all 0, got {list(listed)!r}")


def check_stem_weights(weights: object, *, stem_names: Sequence[str]) -> None:
    """Raise `InvalidValue` where there are weights of a stem that the members do not share."""
    for name in weights if isinstance(weights, Mapping) else ():
        if name not in stem_names:
            raise InvalidValue(f"there are weights of a stem {name!r}; the members share {', '.join(stem_names)}")
