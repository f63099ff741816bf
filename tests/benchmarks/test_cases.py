"""The benchmarks measure ways that give the same result; run here on little audio, without a clock."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from cases import CASES

ALTERNATIVES = [(case, way) for case, ways in CASES.items() for way in ways if way != "workbench"]


@pytest.mark.parametrize(("case", "way"), ALTERNATIVES)
def test_all_ways_give_the_same_result(case: str, way: str) -> None:
    if way == "splifft" and importlib.util.find_spec("splifft") is None:
        pytest.skip("splifft is not installed: python -m pip install --no-deps splifft==0.0.9 einops annotated-types")
    with torch.no_grad():
        ours, theirs = CASES[case]["workbench"](0.5)(), CASES[case][way](0.5)()
    assert ours.shape == theirs.shape
    # both add the same float32 products in another order; masks of up to sqrt(2) raise the level of the `mask` case
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=2e-5)
