from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from workbench.figures.envelope import measure_envelope, measure_levels, to_decibels


@pytest.mark.parametrize("num_samples", [1, 999, 1000, 1001, 25_000, 1_234_567])
def test_no_peak_is_lost_and_columns_are_few(num_samples):
    signal = torch.zeros(2, num_samples)
    signal[1, -1] = 0.5
    signal[0, num_samples // 2] -= 0.75
    envelope = measure_envelope(signal, sample_rate=1000, start_seconds=3.0, num_columns=1000)
    assert len(envelope.low) == len(envelope.high) == len(envelope.seconds) <= 1000
    assert float(envelope.low.min()) == float(signal.min())
    assert float(envelope.high.max()) == max(0.0, float(signal.max()))
    assert envelope.peak == float(signal.abs().max())
    assert (np.diff(envelope.seconds) > 0).all()
    assert envelope.seconds[0] >= 3.0
    assert envelope.seconds[-1] <= 3.0 + (num_samples - 1) / 1000


def test_few_samples_stay_as_they_are():
    signal = torch.tensor([[0.1, -0.2, 0.3]], dtype=torch.float64)
    envelope = measure_envelope(signal, sample_rate=2)
    np.testing.assert_array_equal(envelope.high, signal[0])
    np.testing.assert_array_equal(envelope.low, signal[0])
    np.testing.assert_array_equal(envelope.seconds, [0.0, 0.5, 1.0])


def test_levels_of_blocks():
    signal = torch.cat((torch.full((2, 500), 0.1), torch.zeros(2, 500)), dim=1)
    seconds, levels = measure_levels(signal, sample_rate=100, num_blocks=10, floor_decibels=-120.0)
    np.testing.assert_allclose(levels, [-20.0] * 5 + [-120.0] * 5, atol=1e-5)  # 0.1 in float32
    np.testing.assert_allclose(seconds, 0.495 + np.arange(10))


def test_silence_is_minus_infinity_without_a_warning():
    assert to_decibels(0.0) == to_decibels(0.0, reference=0.0) == to_decibels(1.0, reference=0.0) == -math.inf
    assert to_decibels(0.1) == pytest.approx(-20.0)
