"""log-WMSE: the logarithm of a frequency-weighted error, which also has a meaning where the reference is silent."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from workbench.core.grid import take_span
from workbench.errors import InvalidValue
from workbench.io.resample import resample
from workbench.metrics.signals import Signal, find_sample_rate, pair_channels, read_channels

FILTER_RATE = 44_100
FILTER_TRANSFORM = 8192
FILTER_TAPS = 4000
BLOCK_TRANSFORM = 2**16  # of a block that is filtered; a whole song's transform would take gigabytes
# Errors below this, relative to the weighted mixture's RMS, are taken for inaudible.
TOLERANCE = 10.0 ** (-68.0 / 20.0)
EPSILON = 1e-8
SCALE = -4.0


def log_wmse(reference: Signal, estimate: Signal, *, mixture: Signal, sample_rate: int | None = None) -> float:
    """log-WMSE, -4 ln(mean d^2 + 1e-8), where d is the error, weighted by frequency and relative to the mixture.

    I. Jordal (Nomono), "log-wmse-audio-quality", 2023, whose definition (version 0.2) this is, per channel: with F
    the weighting filter of `make_weighting_filter` and r the RMS of F(mixture), d = F(s_hat - s) / r; samples of d
    below -68 dB become 0; the channels' results are averaged. All at 44.1 kHz; other rates are resampled.
    (torch-log-wmse 1.0, C. Landschoot's version for training, dropped that threshold, so that it differs where
    errors are as small.) ::

        x = torch.rand(1, 44100) - 0.5
        assert round(log_wmse(0 * x, 0.1 * x, mixture=x, sample_rate=44100), 2) == 18.42  # 4 ln 100

    Args:
        reference: the true stem, a tensor, a numpy array or an `Audio`.
        estimate: what was separated, of the same shape (and sample rate, if both are `Audio`).
        mixture: what it was separated from, of the same shape; it gives the scale.
        sample_rate: in hertz; may be left out if any of the three is an `Audio`.

    Shapes:
        reference, estimate, mixture: the same, (..., time), usually (channel, time).

    Returns:
        Higher is better, at most -4 ln 1e-8 = 73.68, for no audible error. A silent reference is nothing special. In
        a channel where the mixture is silent, 73.68 if the estimate equals the reference, as both should then, and
        else ``-inf``, the limit (the original gives 73.68 to anything there).

    Raises:
        InvalidValue: shapes or sample rates differ or no rate is known, there are no samples, or one is NaN or
            infinite.
        InvalidType: not a signal of real numbers.
    """
    target, guess = pair_channels(reference, estimate)
    scale = read_channels("mixture", mixture)
    if scale.shape != target.shape:
        raise InvalidValue(
            f"mixture must have the shape of the reference, got {tuple(scale.shape)} and {tuple(target.shape)}; "
            "trim or convert one of them first"
        )
    rate = find_sample_rate(reference, estimate, mixture, given=sample_rate)
    channels = zip(target.split(1), guess.split(1), scale.split(1), strict=True)  # (1, time) each
    scores = []
    for one, other, whole in channels:
        # Filter and resampling are linear, so the error takes the place of both signals.
        pair = (other.double() - one.double(), whole.double())
        error, heard = (resample(signal, from_rate=rate, to_rate=FILTER_RATE)[0] for signal in pair)
        scores.append(_score_channel(error, heard))
    return sum(scores) / len(scores)


@cache
def make_weighting_filter() -> Float[Tensor, " tap"]:
    """The filter of log-WMSE at 44.1 kHz, like the ear less sensitive to low and very high frequencies.

    The magnitude of four filters in a row, without their phase, as the authors of log-WMSE chose them (inspired, they
    say, by Fenton & Lee, 2017): a high shelf (1500 Hz, 5 dB, Q 1/sqrt 2) and a peak (500 Hz, 2.5 dB, Q 1.5/sqrt 2)
    of Bristow-Johnson's "Audio EQ Cookbook", a Butterworth high-pass (120 Hz, second order) and a Butterworth
    low-pass (10 kHz, first order, run both ways and so squared). Agrees with their published taps to 1e-8, the
    rounding of float32.

    Shapes:
        (4000,); tap 1999 is time 0.
    """
    num_bins = FILTER_TRANSFORM // 2 + 1
    # The published taps sample the response at pi k / 4097 and invert it as if that were pi k / 4096: all
    # frequencies are 0.024 % higher than named. Kept, since the numbers are theirs.
    angle = math.pi * torch.arange(num_bins, dtype=torch.float64) / num_bins
    magnitude = (
        _respond(angle, *_design_high_shelf(1500.0, gain_db=5.0, q=math.sqrt(0.5)))
        * _respond(angle, *_design_peak(500.0, gain_db=2.5, q=1.5 * math.sqrt(0.5)))
        * _respond_high_pass(angle, 120.0)
        * _respond_low_pass(angle, 10_000.0).square()
    )
    centred: Tensor = torch.fft.fftshift(torch.fft.irfft(magnitude, FILTER_TRANSFORM))
    middle = FILTER_TRANSFORM // 2 + 1
    return centred[middle - FILTER_TAPS // 2 : middle + FILTER_TAPS // 2]


def _design_high_shelf(hz: float, *, gain_db: float, q: float) -> tuple[list[float], list[float]]:
    """Coefficients b, a of the cookbook's high shelf."""
    a, w = 10.0 ** (gain_db / 40.0), 2.0 * math.pi * hz / FILTER_RATE
    cosine, root = math.cos(w), math.sqrt(a) * math.sin(w) / q
    up, down = a + 1.0, a - 1.0
    numerator = [a * (up + down * cosine + root), -2.0 * a * (down + up * cosine), a * (up + down * cosine - root)]
    return numerator, [up - down * cosine + root, 2.0 * (down - up * cosine), up - down * cosine - root]


def _design_peak(hz: float, *, gain_db: float, q: float) -> tuple[list[float], list[float]]:
    """Coefficients b, a of the cookbook's peaking filter."""
    a, w = 10.0 ** (gain_db / 40.0), 2.0 * math.pi * hz / FILTER_RATE
    cosine, alpha = math.cos(w), math.sin(w) / (2.0 * q)
    return [1.0 + alpha * a, -2.0 * cosine, 1.0 - alpha * a], [1.0 + alpha / a, -2.0 * cosine, 1.0 - alpha / a]


def _respond(angle: Float[Tensor, " bin"], numerator: list[float], denominator: list[float]) -> Float[Tensor, " bin"]:
    """Magnitude of a filter with these coefficients, at angles in radians a sample."""
    over, under = _evaluate(numerator, angle), _evaluate(denominator, angle)
    return over.abs() / under.abs()


def _evaluate(coefficients: list[float], angle: Float[Tensor, " bin"]) -> Complex[Tensor, " bin"]:
    unit = torch.ones_like(angle)
    terms = [size * torch.polar(unit, -power * angle) for power, size in enumerate(coefficients)]
    return torch.stack(terms).sum(dim=0)


def _respond_high_pass(angle: Float[Tensor, " bin"], hz: float) -> Float[Tensor, " bin"]:
    """Magnitude of a second-order digital Butterworth high-pass (bilinear transform); 0 at 0 Hz."""
    ratio = torch.tan(angle / 2.0) / math.tan(math.pi * hz / FILTER_RATE)
    return ratio.square() / torch.sqrt(1.0 + ratio**4)


def _respond_low_pass(angle: Float[Tensor, " bin"], hz: float) -> Float[Tensor, " bin"]:
    """Magnitude of a first-order digital Butterworth low-pass (bilinear transform)."""
    ratio = torch.tan(angle / 2.0) / math.tan(math.pi * hz / FILTER_RATE)
    return 1.0 / torch.sqrt(1.0 + ratio.square())


def _iterate_weighted(samples: Float[Tensor, " time"]) -> Iterator[Float[Tensor, " block"]]:
    """The signal through the filter, without delay, block by block (overlap-save); zeros beyond both ends.

    Each block is filtered with the samples around it that the taps reach; of the circular convolution that the
    transform gives, what wrapped around is left out.
    """
    before, after = FILTER_TAPS // 2, FILTER_TAPS // 2 - 1
    block_samples = BLOCK_TRANSFORM - before - after
    response = torch.fft.rfft(make_weighting_filter(), BLOCK_TRANSFORM)
    length = samples.shape[-1]
    for start in range(0, length, block_samples):
        stop = min(start + block_samples, length)
        span = take_span(samples, start - before, stop + after, padding=0, padding_mode="constant")
        filtered = torch.fft.irfft(torch.fft.rfft(span, BLOCK_TRANSFORM) * response, BLOCK_TRANSFORM)
        yield filtered[before + after : before + after + stop - start]


def _score_channel(error: Float[Tensor, " time"], mixture: Float[Tensor, " time"]) -> float:
    if not error.any():
        return SCALE * math.log(EPSILON)
    length = error.shape[-1]
    level = math.sqrt(sum(float(block.square().sum()) for block in _iterate_weighted(mixture)) / length)
    if level == 0.0:
        return -math.inf
    total = 0.0
    for block in _iterate_weighted(error):
        relative = block / level
        total += float(relative[relative.abs() >= TOLERANCE].square().sum())
    return SCALE * math.log(total / length + EPSILON)
