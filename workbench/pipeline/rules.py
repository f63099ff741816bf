"""Derived stems in one line: ``"instrumental = mixture - vocals"``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from workbench.core.stems import MIXTURE, Rule, SubtractRule, SumRule, parse_rule, rule_terms
from workbench.errors import InvalidType, InvalidValue
from workbench.registry.names import validate_stem_name

TERM = re.compile(r'\s*(?:"([^"]+)"|([^\s"+\-=]+))\s*')
SIGN = re.compile(r"[+-]")


def read_rules(derive: Mapping[str, object] | Sequence[str] | str | None) -> dict[str, Rule]:
    """Rules by the name of their stem, from a mapping of rules or from lines.

    Raises:
        InvalidValue: a line that is no rule, a name given twice, a reserved or unsafe name.
        InvalidType: neither a mapping nor lines.
    """
    if derive is None:
        return {}
    if isinstance(derive, str):
        derive = [derive]
    if isinstance(derive, Mapping):
        rules = {name: parse_rule(name, given) for name, given in derive.items()}
    else:
        rules = {}
        if not isinstance(derive, Iterable):
            raise InvalidType(f"derive must be rules by name, or lines, got {type(derive).__name__}")
        for line in derive:
            if not isinstance(line, str):
                raise InvalidType(f"a rule must be a line such as 'rest = mixture - vocals', got {line!r}")
            name, rule = parse_line(line)
            if name in rules:
                raise InvalidValue(f"two rules give the stem {name!r}")
            rules[name] = rule
    for name in rules:
        validate_stem_name(name)
    return rules


def parse_line(line: str) -> tuple[str, Rule]:
    """``NAME = TERM + TERM ...`` or ``NAME = TERM - TERM``; names with spaces or hyphens in double quotes.

    >>> parse_line("instrumental = mixture - vocals")
    ('instrumental', SubtractRule(stem_name='mixture', by_stem_name='vocals', operation='subtract'))

    Raises:
        InvalidValue: anything else; several subtractions are written as several rules.
    """
    example = "write NAME = TERM + TERM or NAME = TERM - TERM, names with spaces or hyphens in double quotes"
    head, position = _read_term(line, 0, example)
    if position >= len(line) or line[position] != "=":
        raise InvalidValue(f"no '=' after the name in the rule {line!r}: {example}")
    terms, signs = [], []
    term, position = _read_term(line, position + 1, example)
    terms.append(term)
    while position < len(line):
        sign = SIGN.match(line, position)
        if sign is None:
            raise InvalidValue(f"expected + or - at character {position + 1} of the rule {line!r}: {example}")
        signs.append(sign.group())
        term, position = _read_term(line, sign.end(), example)
        terms.append(term)
    if "-" not in signs:
        return head, SumRule(tuple(terms))
    if signs == ["-"]:
        return head, SubtractRule(terms[0], terms[1])
    raise InvalidValue(
        f"the rule {line!r} mixes more than one subtraction: write it as several rules, each a sum or one subtraction"
    )


def check_rules(rules: Mapping[str, Rule], stem_names: Sequence[str]) -> None:
    """Raise `InvalidValue` where a rule uses a name that is not there yet, or would replace a stem."""
    known = [MIXTURE, *stem_names]
    for name, rule in rules.items():
        if name in known:
            raise InvalidValue(f"the rule {name!r} would replace a stem; there are already {', '.join(known)}")
        for term in rule_terms(rule):
            if term not in known:
                raise InvalidValue(f"the rule {name!r} uses {term!r}, which is not there; there are {', '.join(known)}")
        known.append(name)


def _read_term(line: str, position: int, example: str) -> tuple[str, int]:
    match = TERM.match(line, position)
    if match is None:
        raise InvalidValue(f"expected a name at character {position + 1} of the rule {line!r}: {example}")
    return match.group(1) or match.group(2), match.end()
