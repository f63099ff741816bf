"""What every metric of the table does alike: what it takes, and what it refuses."""

from __future__ import annotations

import math
import textwrap
from functools import partial

import numpy as np
import pytest
import torch
from core_reference import AllocationRecorder

from workbench.core.audio import Audio
from workbench.errors import InvalidType, InvalidValue
from workbench.metrics import METRICS, bleedless, csdr, fullness, log_wmse

MIXTURE = torch.randn(2, 300, generator=torch.Generator().manual_seed(5))
OF_A_RATE = ("csdr", "log_wmse", "bleedless", "fullness")


def get_function(name: str):
    """The metric as a function of reference and estimate alone, of 2 channels and 5 or 300 samples."""
    metric = METRICS[name]
    if not metric.needs_mixture:
        return metric.function

    def score(reference, estimate, **rest):
        samples = reference.data if isinstance(reference, Audio) else reference
        return metric.function(reference, estimate, mixture=MIXTURE[..., : samples.shape[-1]], **rest)

    return score


@pytest.fixture(params=list(METRICS))
def metric(request):
    return get_function(request.param)


@pytest.mark.parametrize("name", list(METRICS))
def test_example_in_the_docstring_holds(name) -> None:
    function = METRICS[name].function
    example = textwrap.dedent(function.__doc__.split("::\n")[1].split("Args:")[0])
    assert "assert" in example
    exec(example, {"torch": torch, name: function})


@pytest.mark.parametrize("name", list(METRICS))
def test_table_says_which_way_is_better(name) -> None:
    reference = 0.1 * MIXTURE
    noise = torch.randn(2, 300, generator=torch.Generator().manual_seed(6))
    function = get_function(name)
    near, far = (function(Audio(reference, 44_100), Audio(reference + size * noise, 44_100)) for size in (0.01, 0.5))
    assert (near > far) == METRICS[name].higher_is_better
    assert METRICS[name].summary
    assert METRICS[name].source


def test_every_container_gives_the_same_number(metric) -> None:
    generator = torch.Generator().manual_seed(1)
    reference = torch.randn(2, 300, generator=generator)
    estimate = torch.randn(2, 300, generator=generator, requires_grad=True)
    score = metric(Audio(reference, 44_100), estimate)
    assert type(score) is float
    array = estimate.detach().numpy()
    before = (reference.clone(), array.copy())
    assert metric(Audio(reference, 44_100), Audio(array, 44_100)) == score
    assert metric(reference.numpy(), Audio(array[:, ::-1][:, ::-1], 44_100)) == score
    assert estimate.grad is None
    assert torch.equal(reference, before[0])
    assert np.array_equal(array, before[1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int16, torch.uint8])
def test_every_dtype_counts_as_the_numbers_that_it_holds(metric, dtype) -> None:
    reference, estimate = (torch.arange(size).remainder(7).view(2, 300).to(dtype) for size in (600, 600))
    estimate = estimate.flip(-1).T.contiguous().T  # time is not the fastest axis
    expected = metric(Audio(reference.double(), 44_100), Audio(estimate.double().contiguous(), 44_100))
    assert metric(Audio(reference, 44_100), Audio(estimate, 44_100)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", ["read-only", "reversed", "big-endian"])
def test_arrays_that_torch_cannot_look_at(metric, kind) -> None:
    reference, estimate = 0.1 * MIXTURE.numpy(), MIXTURE.flip(-1).numpy()
    odd = {"read-only": estimate.copy(), "reversed": estimate[:, ::-1].copy()[:, ::-1], "big-endian": estimate}[kind]
    odd = odd.astype(">f4") if kind == "big-endian" else odd
    odd.flags.writeable = kind != "read-only"
    score = metric(Audio(reference, 44_100), Audio(odd, 44_100))
    assert score == pytest.approx(metric(Audio(reference, 44_100), Audio(estimate, 44_100)), rel=1e-12)


@pytest.mark.parametrize("name", ["sdr", "si_sdr", "snr", "csdr", "l1_time", "log_wmse"])
def test_a_long_song_is_never_held_twice(name) -> None:
    num_samples = 2**20
    song = torch.linspace(-1, 1, num_samples).unsqueeze(0)
    rest = {"mixture": song} if METRICS[name].needs_mixture else {}
    with AllocationRecorder() as recorder:
        METRICS[name].function(Audio(song, 44_100), Audio(0.9 * song, 44_100), **rest)
    # log-WMSE filters a whole channel in float64; its transforms, and all else, go block by block
    bytes_a_sample = 8 if name == "log_wmse" else 4
    assert max(recorder.new_bytes) <= bytes_a_sample * num_samples


@pytest.mark.parametrize("name", OF_A_RATE)
def test_sample_rate_is_taken_from_where_it_is_known(name) -> None:
    function = get_function(name)
    reference, estimate = torch.ones(2, 300), 0.5 * MIXTURE
    with pytest.raises(InvalidValue, match="pass Audio, or sample_rate="):
        function(reference, estimate)
    with pytest.raises(InvalidValue, match="one sample rate, got 8000 and 44100 Hz"):
        function(Audio(reference, 8000), estimate, sample_rate=44_100)
    with pytest.raises(InvalidValue, match="at least 1 Hz, got 0"):
        function(reference, estimate, sample_rate=0)
    assert function(reference, estimate, sample_rate=8000) == function(reference, Audio(estimate, 8000))
    assert function(reference, estimate, sample_rate=100) != function(reference, estimate, sample_rate=8000)


@pytest.mark.parametrize("function", [bleedless, csdr, fullness, partial(log_wmse, mixture=MIXTURE[:1])])
def test_one_axis_is_one_channel(function) -> None:
    rows = (0.1 * MIXTURE[:1], 0.2 * MIXTURE[:1])
    assert function(rows[0][0], rows[1][0], sample_rate=44_100) == function(*rows, sample_rate=44_100)


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

    def test_time_where_channels_belong(self, metric) -> None:
        turned = torch.ones(300, 2)
        for reference, estimate in ((turned, turned), (turned.numpy(), turned.numpy())):
            with pytest.raises(InvalidValue, match=r"reference .* 300 channels of 2 .*\(time, channel\): use \.T"):
                metric(reference, estimate)
        with pytest.raises(InvalidValue, match=r"use \.T"):
            metric(torch.ones(4, 300, 2), torch.ones(4, 300, 2))

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
