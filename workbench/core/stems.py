"""Derive further stems from separated ones: differences and sums, on denormalized audio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from workbench.errors import InvalidType, InvalidValue

MIXTURE = "mixture"


@dataclass(frozen=True)
class SubtractRule:
    """``stem_name - by_stem_name``."""

    stem_name: str
    by_stem_name: str
    operation: str = field(default="subtract", init=False)


@dataclass(frozen=True)
class SumRule:
    """The sum of ``stem_names``."""

    stem_names: tuple[str, ...]
    operation: str = field(default="sum", init=False)


Rule = SubtractRule | SumRule


def derive_stems(
    separated_stems: Mapping[str, Tensor], mixture_input: Tensor, stem_rules: Mapping[str, object]
) -> dict[str, Tensor]:
    """Apply ``stem_rules`` in order; each may use the stems before it and the name ``mixture``.

    Example: with the rules ``{"rest": {"operation": "subtract", "stem_name": "mixture", "by_stem_name":
    "vocals"}}``, the stems ``{"vocals": v}`` of the mixture m become ``{"vocals": v, "rest": m - v}``.

    Args:
        separated_stems: name -> tensor, all of one shape.
        mixture_input: the mixture, of that same shape.
        stem_rules: name of the new stem -> its rule, a mapping or an object with the same attributes:
            ``{"operation": "subtract", "stem_name": a, "by_stem_name": b}`` or
            ``{"operation": "sum", "stem_names": [...]}``.

    Returns:
        The separated and the derived stems, without the mixture.

    Shapes:
        (channel, time) each, or any other shape that they share.

    Raises:
        InvalidValue: a name that is not there, a rule that would replace a stem or lacks a part, shapes that
            differ.
        InvalidType: a rule that is neither a mapping nor an object with the attributes of one.
    """
    known: dict[str, Tensor] = {MIXTURE: mixture_input}
    for name, stem in separated_stems.items():
        if name == MIXTURE:
            raise InvalidValue("a stem may not be called 'mixture': the name is reserved for the song itself")
        if stem.shape != mixture_input.shape:
            raise InvalidValue(
                f"stem {name!r} is {tuple(stem.shape)} and the mixture {tuple(mixture_input.shape)}: "
                "they must have one shape"
            )
        known[name] = stem
    for name, given in stem_rules.items():
        if name in known:
            raise InvalidValue(f"the rule {name!r} would replace a stem; there are already {', '.join(known)}")
        rule = parse_rule(name, given)
        terms = [_find(known, term, name) for term in rule_terms(rule)]
        known[name] = terms[0] - terms[1] if isinstance(rule, SubtractRule) else sum_stems(terms)
    del known[MIXTURE]
    return known


def sum_stems(stems: Sequence[Tensor]) -> Tensor:
    """The sum of ``stems``, in order, without changing any of them."""
    total = stems[0].clone()
    for stem in stems[1:]:
        total = total + stem
    return total


def rule_terms(rule: Rule) -> tuple[str, ...]:
    """The names that a rule uses, in order."""
    return (rule.stem_name, rule.by_stem_name) if isinstance(rule, SubtractRule) else rule.stem_names


def parse_rule(name: str, given: object) -> Rule:
    """A rule from a mapping, or from an object with the same attributes."""
    operation = _read(name, given, "operation")
    if operation == "subtract":
        return SubtractRule(_read_name(name, given, "stem_name"), _read_name(name, given, "by_stem_name"))
    if operation == "sum":
        names = _read(name, given, "stem_names")
        if isinstance(names, str) or not isinstance(names, Sequence) or not all(isinstance(n, str) for n in names):
            raise InvalidType(f"stem_names of the rule {name!r} must be a list of names, got {names!r}")
        if not names:
            raise InvalidValue(f"stem_names of the rule {name!r} is empty: a sum needs at least one stem")
        return SumRule(tuple(names))
    raise InvalidValue(f"operation of the rule {name!r} must be 'subtract' or 'sum', got {operation!r}")


def _read(name: str, given: object, key: str) -> object:
    if isinstance(given, Mapping):
        if key not in given:
            raise InvalidValue(f"the rule {name!r} has no {key!r}, got {dict(given)!r}")
        return given[key]
    if hasattr(given, key):
        return getattr(given, key)
    raise InvalidType(f"the rule {name!r} must be a mapping or an object with {key!r}, got {given!r}")


def _read_name(name: str, given: object, key: str) -> str:
    value = _read(name, given, key)
    if not isinstance(value, str):
        raise InvalidType(f"{key} of the rule {name!r} must be a stem's name, got {value!r}")
    return value


def _find(known: Mapping[str, Tensor], term: str, rule_name: str) -> Tensor:
    if term not in known:
        raise InvalidValue(f"the rule {rule_name!r} uses {term!r}, which is not there; there are {', '.join(known)}")
    return known[term]
