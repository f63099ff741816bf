from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workbench.core.stems import Rule, SubtractRule, SumRule
from workbench.errors import InvalidValue
from workbench.pipeline.rules import check_rules, parse_line, read_rules

BARE = re.compile(r'[^\s"+\-=]+')
NAMES = st.text(st.characters(exclude_characters='"', exclude_categories=["Cs"]), min_size=1, max_size=8)
SPACES = st.sampled_from(["", " ", "  ", "\t"])


def write_name(name: str, *, quoted: bool) -> str:
    return f'"{name}"' if quoted or not BARE.fullmatch(name) else name


@settings(max_examples=150)
@given(
    head=NAMES,
    terms=st.lists(NAMES, min_size=1, max_size=4),
    subtracts=st.booleans(),
    quoted=st.booleans(),
    spaces=st.lists(SPACES, min_size=12, max_size=12),
)
@example(head="a-b", terms=["c d", "e=f+g"], subtracts=True, quoted=False, spaces=[""] * 12)
def test_every_rule_can_be_written_and_read(
    head: str, terms: list[str], subtracts: bool, quoted: bool, spaces: list[str]
) -> None:
    rule: Rule
    if subtracts and len(terms) > 1:
        terms = terms[:2]
        sign, rule = "-", SubtractRule(terms[0], terms[1])
    else:
        sign, rule = "+", SumRule(tuple(terms))
    gap = iter(spaces)
    line = f"{next(gap)}{write_name(head, quoted=quoted)}{next(gap)}={next(gap)}"
    line += f"{next(gap)}{sign}{next(gap)}".join(write_name(term, quoted=quoted) for term in terms)
    assert parse_line(line + next(gap)) == (head, rule)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("instrumental = mixture - vocals", ("instrumental", SubtractRule("mixture", "vocals"))),
        ("x=a+b+c", ("x", SumRule(("a", "b", "c")))),
        ("copy = a", ("copy", SumRule(("a",)))),
        ('"lead vocals" = "all-vocals"-backing', ("lead vocals", SubtractRule("all-vocals", "backing"))),
        ("stimme_ö = gesang.1 + chœur", ("stimme_ö", SumRule(("gesang.1", "chœur")))),
    ],
)
def test_lines_read_as_they_look(line: str, expected: tuple[str, Rule]) -> None:
    assert parse_line(line) == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "expected a name at character 1"),
        ("= a - b", "expected a name at character 1"),
        ("x", "no '=' after the name"),
        ("x a = b", "no '=' after the name"),
        ("x - y = b", "no '=' after the name"),
        ("x =", "expected a name at character 4"),
        ("x == a", "expected a name at character 4"),
        ("x = a -", "expected a name at character 8"),
        ("x = - a", "expected a name at character 4"),
        ("x = a b", r"expected \+ or - at character 7"),
        ("x = a * b", r"expected \+ or - at character 7"),
        ('x = "" - b', "expected a name at character 4"),
        ('x = "a - b', "expected a name at character 4"),
        ("x = a - b - c", "more than one subtraction"),
        ("x = a + b - c", "more than one subtraction"),
    ],
)
def test_other_lines_are_refused_with_the_place(line: str, reason: str) -> None:
    with pytest.raises(InvalidValue, match=reason) as caught:
        parse_line(line)
    assert repr(line) in str(caught.value)


def test_rules_come_as_lines_or_by_name() -> None:
    expected = {"rest": SubtractRule("mixture", "a"), "both": SumRule(("a", "b"))}
    assert read_rules(["rest = mixture - a", "both = a + b"]) == expected
    assert list(read_rules(["both = a + b", "rest = mixture - a"])) == ["both", "rest"]  # their order counts
    assert read_rules({"rest": {"operation": "subtract", "stem_name": "mixture", "by_stem_name": "a"}}) == {
        "rest": expected["rest"]
    }
    assert read_rules(expected) == expected
    assert read_rules("both = a + b") == {"both": expected["both"]}
    assert read_rules(None) == {} == read_rules([])


@pytest.mark.parametrize(
    ("derive", "reason"),
    [
        (["x = a + b", "x = a - b"], "two rules give the stem 'x'"),
        (["mixture = a + b"], "reserved"),
        (["Remainder = a + b"], "reserved"),
        (['"../x" = a + b'], "'/'"),
        ({"a/b": {"operation": "sum", "stem_names": ["a"]}}, "'/'"),
        ({"x": {"operation": "times", "stem_names": ["a"]}}, "must be 'subtract' or 'sum'"),
        ({"x": {"operation": "sum", "stem_names": []}}, "is empty"),
        ({"x": {"operation": "subtract", "stem_name": "a"}}, "by_stem_name"),
    ],
)
def test_rules_that_cannot_be_are_refused(derive: list[str] | dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidValue, match=reason):
        read_rules(derive)


def test_a_rule_may_use_what_is_there_before_it() -> None:
    rules = read_rules(["x = a + b", "y = mixture - x", "z = y - a"])
    check_rules(rules, ("a", "b"))
    with pytest.raises(InvalidValue, match="'y' uses 'x', which is not there; there are mixture, a, b"):
        check_rules(read_rules(["y = mixture - x", "x = a + b"]), ("a", "b"))
    with pytest.raises(InvalidValue, match="'a' would replace a stem"):
        check_rules(read_rules(["a = mixture - b"]), ("a", "b"))
    with pytest.raises(InvalidValue, match="'y' uses 'y'"):
        check_rules(read_rules(["y = y - a"]), ("a", "b"))
