from __future__ import annotations

import math
import textwrap

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.core.audio import Audio
from workbench.errors import InvalidType, InvalidValue
from workbench.metrics import sdr, si_sdr


def make_pair(seed: int, channels: int, samples: int, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Two signals on a grid of 1/256: their sums of squares are exact; a small ``largest`` gives zeros and twins."""
    grid = np.random.default_rng(seed).integers(-largest, largest + 1, (2, channels, samples))
    return grid[0] / 256, grid[1] / 256


PAIRS = st.builds(
    make_pair,
    seed=st.integers(0, 2**32 - 1),
    channels=st.integers(1, 3),
    samples=st.integers(1, 40),
    largest=st.sampled_from([1, 4, 512]),
)
# Float64 has 16 digits; 80 products and two logarithms lose a few of them.
ROUNDING_DB = 1e-9


def slow_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """The formula, one sample after the other."""
    signal = distortion = 0.0
    for s, guess in zip(reference.flat, estimate.flat, strict=True):
        signal += s * s
        distortion += (s - guess) ** 2
    return 10 * math.log10(signal / distortion)


def slow_si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """By the angle between the vectors: cos^2 / (1 - cos^2), the paper's other form of the same number."""
    dot = sum(a * b for a, b in zip(reference.flat, estimate.flat, strict=True))
    energies = sum(a * a for a in reference.flat) * sum(b * b for b in estimate.flat)
    return 10 * math.log10(dot * dot / (energies - dot * dot))


def test_sdr_by_hand() -> None:
    reference = torch.tensor([[1.0, 2.0], [0.0, 2.0]])  # energy 9
    estimate = torch.tensor([[1.0, 1.0], [1.0, 1.0]])  # errors 0, 1, -1, 1: energy 3
    assert sdr(reference, estimate) == pytest.approx(10 * math.log10(3), abs=ROUNDING_DB)


def test_si_sdr_by_hand() -> None:
    reference = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    estimate = torch.tensor([[3.0, 1.0], [1.0, 0.0]])  # a = 2; residual (1, -1, 1, 0); 8 / 3
    assert si_sdr(reference, estimate) == pytest.approx(10 * math.log10(8 / 3), abs=ROUNDING_DB)


def test_examples_in_the_docstrings_hold() -> None:
    for metric in (sdr, si_sdr):
        example = textwrap.dedent(metric.__doc__.split("::\n")[1].split("Args:")[0])
        assert "assert" in example
        exec(example, {"torch": torch, "sdr": sdr, "si_sdr": si_sdr})


def test_si_sdr_keeps_the_mean() -> None:
    # With the means removed the two would be equal and the score infinite.
    reference, estimate = np.array([[1.0, 2.0]]), np.array([[2.0, 3.0]])
    # a = (2 + 6) / 5; a s = (1.6, 3.2), energy 12.8; residual (-0.4, 0.2), energy 0.2
    assert si_sdr(reference, estimate) == pytest.approx(10 * math.log10(64), abs=ROUNDING_DB)


@given(PAIRS)
def test_agree_with_slow_formulas(pair: tuple[np.ndarray, np.ndarray]) -> None:
    reference, estimate = pair
    assume(reference.any() and (reference != estimate).any())
    assert sdr(reference, estimate) == pytest.approx(slow_sdr(reference, estimate), abs=ROUNDING_DB)
    dot = float((reference * estimate).sum())
    leftover = float((reference**2).sum() * (estimate**2).sum()) - dot**2
    # On this grid the slow form's sums and products are whole numbers below 2^53, so exact even for nearly
    # parallel pairs; ours rounds a, by 1e-16, which at the grid's 150 dB is 1e-8 dB.
    assume(dot != 0 and leftover > 0)
    assert si_sdr(reference, estimate) == pytest.approx(slow_si_sdr(reference, estimate), abs=1e-6)


@given(PAIRS, st.floats(1e-3, 1e3), st.sampled_from([-1, 1]))
def test_si_sdr_ignores_the_scale_of_the_estimate(pair: tuple[np.ndarray, np.ndarray], size: float, sign: int) -> None:
    reference, estimate = pair
    score = si_sdr(reference, estimate)
    assume(math.isfinite(score) and abs(score) < 150)  # beyond, rounding is all that is left
    assert si_sdr(reference, sign * size * estimate) == pytest.approx(score, abs=1e-4)


@given(PAIRS, st.floats(1e-6, 1e3), st.sampled_from([-1, 1]))
def test_sdr_of_a_gain_error_is_the_gain(pair: tuple[np.ndarray, np.ndarray], size: float, sign: int) -> None:
    reference, _ = pair
    assume(reference.any())
    gain_error = sign * size
    # s (1 + g) - s loses digits when g is small: 1e-16 / 1e-6 of its value, 1e-9 dB.
    expected = -20 * math.log10(size)
    assert sdr(reference, reference * (1 + gain_error)) == pytest.approx(expected, abs=1e-7)


@given(PAIRS)
def test_both_ignore_a_common_scale_and_order_of_samples(pair: tuple[np.ndarray, np.ndarray]) -> None:
    reference, estimate = pair
    for metric in (sdr, si_sdr):
        score = metric(reference, estimate)
        again = metric(0.5 * reference[:, ::-1], 0.5 * estimate[:, ::-1])
        assert again == pytest.approx(score, abs=1e-6, nan_ok=True) or (score > 200 and again > 200)


def test_limits() -> None:
    silence, sound = torch.zeros(2, 3), torch.tensor([[1.0, -1.0, 0.5], [0.0, 0.25, 1.0]])
    assert sdr(sound, sound) == math.inf
    assert sdr(sound, silence) == 0.0
    assert sdr(silence, sound) == -math.inf
    assert math.isnan(sdr(silence, silence))
    assert si_sdr(sound, sound) == math.inf
    assert si_sdr(sound, 0.3 * sound) > 100  # 0.3 in float32, so a is not exactly what was multiplied with
    assert si_sdr(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])) == -math.inf
    for reference, estimate in ((silence, sound), (sound, silence), (silence, silence)):
        assert math.isnan(si_sdr(reference, estimate))


@pytest.mark.parametrize("metric", [sdr, si_sdr])
def test_every_container_gives_the_same_number(metric) -> None:
    generator = torch.Generator().manual_seed(1)
    reference = torch.randn(2, 100, generator=generator)
    estimate = torch.randn(2, 100, generator=generator, requires_grad=True)
    score = metric(reference, estimate)
    assert type(score) is float
    array = estimate.detach().numpy()
    assert metric(Audio(reference, 44_100), estimate) == score
    assert metric(Audio(reference, 44_100), Audio(array, 44_100)) == score
    assert metric(reference.numpy(), array[:, ::-1][:, ::-1]) == score
    assert estimate.grad is None


def test_float32_and_integers_are_widened_before_anything_is_computed() -> None:
    # In float32 the difference of 2^24 and 1 rounds to 2^24, in int16 the square of 300 wraps.
    big = torch.tensor([[2.0**24, 0.0]])
    assert sdr(big, torch.tensor([[1.0, 0.0]])) == pytest.approx(20 * math.log10(2**24 / (2**24 - 1)), abs=1e-12)
    samples = np.array([[300, -300]], dtype=np.int16)
    assert sdr(samples, np.zeros_like(samples)) == 0.0


@pytest.mark.parametrize("metric", [sdr, si_sdr])
class TestBadInput:
    def test_shapes_that_differ(self, metric) -> None:
        with pytest.raises(InvalidValue, match=r"\(2, 5\) and \(1, 5\)"):
            metric(torch.ones(2, 5), torch.ones(1, 5))

    def test_sample_rates_that_differ(self, metric) -> None:
        with pytest.raises(InvalidValue, match="44100 and 48000 Hz"):
            metric(Audio(torch.ones(1, 5), 44_100), Audio(torch.ones(1, 5), 48_000))

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
    def test_not_finite(self, metric, bad: float) -> None:
        broken = torch.ones(2, 5)
        broken[1, 3] = bad
        with pytest.raises(InvalidValue, match=rf"estimate .* got {bad} at index \(1, 3\)"):
            metric(torch.ones(2, 5), broken)
        with pytest.raises(InvalidValue, match=r"reference .* \(1, 3\)"):
            metric(broken.numpy(), torch.ones(2, 5))

    def test_no_samples(self, metric) -> None:
        with pytest.raises(InvalidValue, match=r"at least one sample, got shape \(2, 0\)"):
            metric(torch.ones(2, 0), torch.ones(2, 0))

    def test_not_real_numbers(self, metric) -> None:
        with pytest.raises(InvalidType, match=r"reference .* got Tensor of torch.complex64"):
            metric(torch.ones(2, 5, dtype=torch.complex64), torch.ones(2, 5))
        with pytest.raises(InvalidType, match=r"estimate .* got ndarray of bool"):
            metric(torch.ones(2, 5), np.ones((2, 5), dtype=bool))
        with pytest.raises(InvalidType, match=r"estimate .* got list"):
            metric(torch.ones(1, 2), Audio([[1.0, 2.0]], 44_100))
