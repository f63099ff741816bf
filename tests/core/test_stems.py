from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from core_reference import call_unchanged, noise

from workbench.core import SubtractRule, SumRule, derive_stems
from workbench.errors import InvalidType, InvalidValue

VOCALS, DRUMS, MIXTURE = (noise(2, 9, seed=seed) for seed in range(3))
STEMS = {"vocals": VOCALS, "drums": DRUMS}
REST = {"operation": "subtract", "stem_name": "mixture", "by_stem_name": "vocals"}
BOTH = {"operation": "sum", "stem_names": ["vocals", "drums"]}


@pytest.mark.parametrize(
    ("rest", "both"),
    [
        (REST, BOTH),
        (SimpleNamespace(**REST), SimpleNamespace(**BOTH)),
        (SubtractRule("mixture", "vocals"), SumRule(("vocals", "drums"))),
    ],
    ids=["mappings", "objects", "rules"],
)
def test_rules_in_order_each_on_the_stems_before_it(rest: object, both: object) -> None:
    stems = derive_stems(
        STEMS,
        MIXTURE,
        {
            "rest": rest,
            "both": both,
            "other": {"operation": "subtract", "stem_name": "rest", "by_stem_name": "drums"},
            "all": {"operation": "sum", "stem_names": ["vocals", "drums", "other", "mixture"]},
            "alone": {"operation": "sum", "stem_names": ("other",)},
        },
    )
    assert list(stems) == ["vocals", "drums", "rest", "both", "other", "all", "alone"]  # and no mixture
    assert stems["vocals"] is VOCALS
    assert torch.equal(stems["rest"], MIXTURE - VOCALS)
    assert torch.equal(stems["both"], VOCALS + DRUMS)
    assert torch.equal(stems["other"], MIXTURE - VOCALS - DRUMS)
    torch.testing.assert_close(stems["all"], 2 * MIXTURE)
    assert torch.equal(stems["alone"], stems["other"])
    assert stems["alone"] is not stems["other"]


def test_without_rules_the_stems_are_what_they_were() -> None:
    assert derive_stems(STEMS, MIXTURE, {}) == STEMS
    assert list(STEMS) == ["vocals", "drums"]


def test_nothing_given_is_written_to() -> None:
    rules = {"both": BOTH, "rest": REST, "alone": {"operation": "sum", "stem_names": ["vocals"]}}
    call_unchanged(
        lambda vocals, drums, mixture: derive_stems({"vocals": vocals, "drums": drums}, mixture, rules),
        VOCALS,
        DRUMS,
        MIXTURE,
    )
    assert list(rules) == ["both", "rest", "alone"]
    assert BOTH["stem_names"] == ["vocals", "drums"]


def test_gradients_of_derived_stems() -> None:
    vocals, mixture = VOCALS.clone().requires_grad_(), MIXTURE.clone().requires_grad_()
    derive_stems({"vocals": vocals}, mixture, {"rest": REST})["rest"].sum().backward()
    assert torch.equal(vocals.grad, -torch.ones(2, 9))
    assert torch.equal(mixture.grad, torch.ones(2, 9))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dtype_is_kept(dtype: torch.dtype) -> None:
    stems = derive_stems({"vocals": VOCALS.to(dtype)}, MIXTURE.to(dtype), {"rest": REST})
    assert stems["rest"].dtype == dtype


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("rules", "error", "message"),
    [
        ({"x": {**REST, "stem_name": "bass"}}, InvalidValue, "'x' uses 'bass'.* there are mixture, vocals, drums"),
        ({"x": {**REST, "by_stem_name": "bass"}}, InvalidValue, "'x' uses 'bass'.* there are mixture, vocals, drums"),
        ({"x": {**BOTH, "stem_names": ["vocals", "bass"]}}, InvalidValue, "'x' uses 'bass'"),
        ({"x": {**REST, "by_stem_name": "y"}, "y": REST}, InvalidValue, "'x' uses 'y'"),  # only stems before it
        ({"x": {**REST, "by_stem_name": "x"}}, InvalidValue, "'x' uses 'x'"),
        ({"vocals": REST}, InvalidValue, "'vocals' would replace a stem; there are already mixture, vocals, drums"),
        ({"mixture": BOTH}, InvalidValue, "'mixture' would replace a stem"),
        ({"x": {"operation": "divide"}}, InvalidValue, "operation of the rule 'x' must be 'subtract' or 'sum'"),
        ({"x": {}}, InvalidValue, "'x' has no 'operation'"),
        ({"x": {"operation": "subtract", "stem_name": "mixture"}}, InvalidValue, "'x' has no 'by_stem_name'"),
        ({"x": {"operation": "sum"}}, InvalidValue, "'x' has no 'stem_names'"),
        ({"x": {**BOTH, "stem_names": []}}, InvalidValue, "'x' is empty"),
        ({"x": SumRule(())}, InvalidValue, "'x' is empty"),
        ({"x": {**BOTH, "stem_names": "vocals"}}, InvalidType, "'x' must be a list of names, got 'vocals'"),
        (
            {"x": SimpleNamespace(operation="sum", stem_names="vocals")},
            InvalidType,
            "'x' must be a list of names, got 'vocals'",
        ),
        ({"x": {**BOTH, "stem_names": ["vocals", 1]}}, InvalidType, "'x' must be a list of names"),
        ({"x": {**BOTH, "stem_names": 3}}, InvalidType, "'x' must be a list of names, got 3"),
        ({"x": {**REST, "stem_name": 1}}, InvalidType, "stem_name of the rule 'x' must be a stem's name, got 1"),
        ({"x": "mixture - vocals"}, InvalidType, "'x' must be a mapping or an object with 'operation'"),
        ({"x": SimpleNamespace(operation="sum")}, InvalidType, "an object with 'stem_names'"),
        ({"x": None}, InvalidType, "'x' must be a mapping or an object"),
    ],
)
def test_rules_that_cannot_be(rules: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        derive_stems(STEMS, MIXTURE, rules)


@pytest.mark.parametrize("shape", [(2, 8), (1, 9), (9,), (1, 2, 9)])
def test_shapes_that_differ_are_an_error_even_where_they_would_broadcast(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValue, match=r"stem 'drums' is .* and the mixture .*: they must have one shape"):
        derive_stems({**STEMS, "drums": torch.zeros(shape)}, MIXTURE, {})


def test_no_stem_may_be_called_mixture() -> None:
    with pytest.raises(InvalidValue, match="may not be called 'mixture'"):
        derive_stems({"mixture": MIXTURE}, MIXTURE, {})
