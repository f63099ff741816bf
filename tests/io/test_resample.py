"""Lengths to the sample, quality of a sine there and back."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import InvalidType, InvalidValue
from workbench.io.resample import count_resampled, resample

RATES = st.sampled_from([8000, 11025, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 192000])


@given(from_rate=RATES, to_rate=RATES, num_samples=st.integers(1, 3000))
def test_length_is_the_nearest_and_comes_back_exactly(from_rate, to_rate, num_samples):
    audio = torch.zeros(1, num_samples)
    there = resample(audio, from_rate=from_rate, to_rate=to_rate)
    assert abs(there.shape[1] - num_samples * to_rate / from_rate) <= 0.5 or there.shape[1] == 1
    back = resample(there, from_rate=to_rate, to_rate=from_rate, num_samples=num_samples)
    assert back.shape == (1, num_samples)


def make_sine(*, frequency: float, sample_rate: int, seconds: float) -> torch.Tensor:
    time = torch.arange(round(seconds * sample_rate), dtype=torch.float64) / sample_rate
    return torch.sin(2 * torch.pi * frequency * time)[None].float()  # (1, time)


def measure_snr(reference: torch.Tensor, estimate: torch.Tensor) -> float:
    inner = slice(4000, -4000)  # the sine's sudden beginning and end are no sine
    signal, error = reference[:, inner].double(), (reference - estimate)[:, inner].double()
    return float(10 * torch.log10(signal.square().sum() / error.square().sum()))


@pytest.mark.parametrize(
    # float32 rounds at about -150 dB; measured 148 dB. soxr lets the level sink towards the end of the band,
    # by at most 0.01 dB: measured 102 and 100 dB at 15 kHz, 76 and 74 dB at 18 kHz, where nothing else is wrong.
    ("frequency", "least_snr"),
    [(440.0, 140), (5000.0, 140), (15000.0, 95), (18000.0, 70)],
)
def test_sine_there_and_back_keeps_its_samples(frequency, least_snr):
    sine = make_sine(frequency=frequency, sample_rate=44100, seconds=1.0)
    there = resample(sine, from_rate=44100, to_rate=48000)
    # The way there by itself too: an error in phase or level could cancel on the way back.
    assert measure_snr(make_sine(frequency=frequency, sample_rate=48000, seconds=1.0), there) > least_snr
    back = resample(there, from_rate=48000, to_rate=44100, num_samples=sine.shape[1])
    assert measure_snr(sine, back) > least_snr


@pytest.mark.parametrize(("from_rate", "to_rate"), [(44100, 48000), (48000, 44100), (96000, 22050)])
def test_samples_are_those_of_soxr(from_rate, to_rate):
    audio = torch.randn(3, 5001, generator=torch.Generator().manual_seed(0))
    expected = soxr.resample(audio.T.numpy(), from_rate, to_rate, quality="VHQ").T
    got = resample(audio, from_rate=from_rate, to_rate=to_rate)
    assert got.is_contiguous()
    np.testing.assert_array_equal(got.numpy(), expected)


def test_what_is_asked_beyond_the_end_is_what_follows_when_silence_comes_next():
    audio = torch.ones(1, 400)
    followed_by_silence = torch.cat([audio, torch.zeros(1, 1)], dim=1)
    longest = resample(audio, from_rate=8000, to_rate=192000, num_samples=401 * 24)
    assert torch.equal(longest, resample(followed_by_silence, from_rate=8000, to_rate=192000))
    assert longest[0, 400 * 24 :].abs().max() > 0.1  # the filter's own ringing, no zeros put there


def test_one_sample_works_both_ways():
    audio = torch.tensor([[0.5]])
    down = resample(audio, from_rate=192000, to_rate=8000)
    assert down.shape == (1, 1)
    assert resample(down, from_rate=8000, to_rate=192000, num_samples=1).shape == (1, 1)


def test_same_rate_changes_nothing_and_the_argument_is_never_written():
    audio = torch.randn(2, 100)
    before = audio.clone()
    assert resample(audio, from_rate=44100, to_rate=44100) is audio
    resample(audio, from_rate=44100, to_rate=48000)
    assert torch.equal(audio, before)


def test_float64_stays_and_a_graph_is_left():
    audio = torch.randn(2, 100, dtype=torch.float64, requires_grad=True)
    result = resample(audio, from_rate=44100, to_rate=48000)
    assert result.dtype == torch.float64
    assert not result.requires_grad


@pytest.mark.parametrize(
    ("audio", "arguments", "message"),
    [
        (torch.zeros(1, 0), {"from_rate": 44100, "to_rate": 48000}, "0 samples"),
        (torch.zeros(1, 9), {"from_rate": 0, "to_rate": 48000}, "from_rate must be at least 1 Hz, got 0"),
        (torch.zeros(1, 9), {"from_rate": 44100, "to_rate": -1}, "to_rate must be at least 1 Hz, got -1"),
        (torch.zeros(1, 441), {"from_rate": 44100, "to_rate": 48000, "num_samples": 483}, "become 480"),
        (torch.zeros(1, 441), {"from_rate": 44100, "to_rate": 48000, "num_samples": 477}, "become 480"),
    ],
)
def test_values_that_cannot_be_are_refused(audio, arguments, message):
    with pytest.raises(InvalidValue, match=message):
        resample(audio, **arguments)


def test_half_precision_is_refused_by_name():
    with pytest.raises(InvalidType, match="float16"):
        resample(torch.zeros(1, 9, dtype=torch.float16), from_rate=44100, to_rate=48000)


def test_counting_is_exact_where_floating_point_would_not_be():
    hours = 10**15 + 1  # beyond 2^53 once multiplied
    assert count_resampled(hours, from_rate=3, to_rate=3) == hours
    assert count_resampled(1, from_rate=2, to_rate=1) == 1
    assert count_resampled(3, from_rate=2, to_rate=1) == 2
