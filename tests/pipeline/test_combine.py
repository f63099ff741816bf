from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from workbench.core import InverseStft, Stft
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline import combine
from workbench.pipeline.combine import STFT, combine_stems, median, pick_magnitude
from workbench.pipeline.ensemble import METHODS, check_weights

NAMES = ("a", "b")


def make_members(count: int, num_samples: int = 3001, seed: int = 0) -> list[Tensor]:
    """The same two stereo stems, somewhat different in each."""
    generator = torch.Generator().manual_seed(seed)
    base = torch.randn(2, 2, num_samples, generator=generator)
    return [base + 0.5 * torch.randn(2, 2, num_samples, generator=generator) for _ in range(count)]


def combine_by_hand(members: Sequence[Tensor], choose: Callable[[np.ndarray], np.ndarray]) -> Tensor:
    """``choose`` gets complex (member, row, frame) of one stem."""
    num_samples = members[0].shape[-1]
    stems = []
    for index in range(2):
        bins = torch.cat([Stft(STFT)(stems[index][None]) for stems in members])  # (member, freq * channel, frame, 2)
        chosen = torch.from_numpy(choose(torch.view_as_complex(bins.contiguous()).numpy()))
        stems.append(InverseStft(STFT, num_samples)(torch.view_as_real(chosen)[None])[0])
    return torch.stack(stems)


def pick_by_hand(which: Callable[..., np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    return lambda bins: np.take_along_axis(bins, which(np.abs(bins), axis=0)[None], axis=0)[0]


def median_by_hand(bins: np.ndarray) -> np.ndarray:
    return (np.median(bins.real, axis=0) + 1j * np.median(bins.imag, axis=0)).astype(np.complex64)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_methods_are_what_numpy_makes_of_them(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    members = make_members(count)
    stacked = np.stack([stems.numpy() for stems in members])
    in_one_go = combine_stems(members, stem_names=NAMES, method="median")
    assert np.array_equal(in_one_go.numpy(), np.median(stacked, axis=0))
    monkeypatch.setattr(combine, "VALUES_AT_ONCE", 1000)
    assert torch.equal(combine_stems(members, stem_names=NAMES, method="median"), in_one_go)
    mean = combine_stems(members, stem_names=NAMES)
    # at most `count` float32 additions of values below 8: each rounds by at most 2**-22
    assert np.abs(mean.numpy() - stacked.astype(np.float64).mean(axis=0)).max() < count * 2**-22
    expected = {
        "complex_median": median_by_hand,
        "min_magnitude": pick_by_hand(np.argmin),
        "max_magnitude": pick_by_hand(np.argmax),
    }
    for method, choose in expected.items():
        got = combine_stems(members, stem_names=NAMES, method=method)
        # the channels are transformed one by one or together: an FFT of 2048 float32 values rounds to some 1e-6
        assert (got - combine_by_hand(members, choose)).abs().max() < 2e-5, method


def test_the_median_of_an_even_number_is_the_mean_of_the_middle_two() -> None:
    values = [torch.tensor([value]) for value in (9.0, 1.0, 2.0, 4.0)]
    assert float(median(values)) == 3.0
    assert float(torch.stack(values).median()) == 2.0  # which is why it is not used


def test_complex_median_takes_real_and_imaginary_parts_apart() -> None:
    bins = [torch.tensor([[1.0, 9.0]]), torch.tensor([[2.0, 3.0]]), torch.tensor([[7.0, -5.0]])]
    assert torch.equal(median(bins), torch.tensor([[2.0, 3.0]]))
    bins[1] = torch.tensor([[2.0, -9.0]])
    assert torch.equal(median(bins), torch.tensor([[2.0, -5.0]]))  # which is none of the three


@pytest.mark.parametrize("greatest", [False, True])
def test_picked_bins_bound_those_of_every_member(greatest: bool) -> None:
    spectrograms = [Stft(STFT)(stems[0][None]) for stems in make_members(4)]
    magnitudes = torch.stack([torch.linalg.vector_norm(bins, dim=-1) for bins in spectrograms])
    picked = pick_magnitude(spectrograms, greatest=greatest)
    bound = magnitudes.amax(0) if greatest else magnitudes.amin(0)
    assert torch.equal(torch.linalg.vector_norm(picked, dim=-1), bound)
    among = torch.stack([(bins == picked).all(dim=-1) for bins in spectrograms]).any(dim=0)
    assert bool(among.all())  # values of members, phase and all


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("num_samples", [1, 2, 511, 2049])
def test_lengths_are_exact_and_equal_members_come_back(method: str, num_samples: int) -> None:
    [stems] = make_members(1, num_samples)
    got = combine_stems([stems, stems.clone(), stems.clone()], stem_names=NAMES, method=method)
    assert got.shape == stems.shape
    assert (got - stems).abs().max() < 1e-5  # thirds of a sum, or a transform and back, in float32
    assert combine_stems([stems], stem_names=NAMES, method=method) is stems  # of a single member to the bit


def test_weights_are_scaled_and_may_differ_by_stem(plain_types: None) -> None:
    one, other = make_members(2)
    for weights in ([3, 1], [0.75, 0.25]):
        got = combine_stems([one, other], stem_names=NAMES, weights=weights)
        assert (got - (0.75 * one + 0.25 * other)).abs().max() < 1e-6  # two float32 roundings of values below 4
    got = combine_stems([one, other], stem_names=NAMES, weights={"b": [0, 2]})
    assert torch.equal(got[1], other[1])
    assert torch.equal(got[0], combine_stems([one, other], stem_names=NAMES)[0])


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"method": "average"}, InvalidValue, "one of mean, median.*got 'average'"),
        (
            {"method": "median", "weights": [1, 1]},
            InvalidValue,
            "weights are of the method 'mean', got method 'median'",
        ),
        ({"weights": [1, 1, 1]}, InvalidValue, "got 3 for 2 members"),
        ({"weights": [1, -1]}, InvalidValue, "at least 0 and not all 0"),
        ({"weights": [0, 0.0]}, InvalidValue, "not all 0"),
        ({"weights": [1, float("nan")]}, InvalidValue, "finite"),
        ({"weights": [1, float("inf")]}, InvalidValue, "finite"),
        ({"weights": [1, "2"]}, InvalidType, "list of numbers"),
        ({"weights": [1, True]}, InvalidType, "list of numbers"),
        ({"weights": {"a": 1}}, InvalidType, "weights of a must be a list"),
        ({"weights": {"c": [1, 1]}}, InvalidValue, "weights of a stem 'c'; the members share a, b"),
    ],
)
def test_what_cannot_be_says_so(asked: dict[str, Any], error: type[Exception], message: str, plain_types: None) -> None:
    with pytest.raises(error, match=message) as caught:
        combine_stems(make_members(2, 10), stem_names=NAMES, **asked)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scale", [1e308, 1.0, 5e-324])
def test_weights_of_any_finite_size_give_the_weighted_mean(scale):
    members = [torch.full((1, 1, 8), value) for value in (1.0, 2.0, 6.0)]
    combined = combine_stems(members, stem_names=["a"], weights=[scale, scale, 0.0])
    torch.testing.assert_close(combined, torch.full((1, 1, 8), 1.5))
    combined = combine_stems(members, stem_names=["a"], weights={"a": [1.7e308, 1.7e308, 1.7e308]})
    torch.testing.assert_close(combined, torch.full((1, 1, 8), 3.0))


def test_a_weight_beyond_what_a_float_holds_is_refused():
    with pytest.raises(InvalidValue, match="finite"):
        check_weights([1, 10**400], method="mean", num_members=2)
