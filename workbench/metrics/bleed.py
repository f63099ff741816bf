"""Bleedless and fullness: what an estimate has too much of, and what it lacks, on a mel spectrogram in decibels.

The two numbers of MVSep's leaderboards. Their definition, as published in the validation code of
Music-Source-Separation-Training (function ``bleed_full``; R. Solovyev and contributors, 2024), and kept here
number for number:

- magnitudes of an STFT, periodic Hann window of 4096 samples, hop 1024, zeros beyond both ends;
- 512 mel bands from 0 Hz to half the sample rate, on Slaney's scale, each of unit area (librosa's default);
- decibels, 20 log10 max(m, 1e-10), and nothing more than 80 dB below the signal's own loudest point;
- d = decibels of the estimate - decibels of the reference, over all channels, bands and frames;
- bleedless = 100 / (1 + mean of the positive d), fullness = 100 / (1 - mean of the negative d); 100 if there are none.

Their code takes every file for 44.1 kHz; here the bands follow the true rate, which at 44.1 kHz is the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from workbench.metrics.magnitudes import BLOCK_FRAMES, iterate_magnitudes
from workbench.metrics.signals import Signal, find_sample_rate, pair_channels

WINDOW_SAMPLES = 4096
HOP_SAMPLES = 1024
MEL_BANDS = 512
FLOOR = 1e-10
RANGE_DB = 80.0

# Slaney's mel scale: linear up to 1 kHz, at 200/3 Hz a mel, then 27 mels for each factor of 6.4.
LINEAR_HZ_PER_MEL = 200.0 / 3.0
CORNER_HZ = 1000.0
CORNER_MEL = CORNER_HZ / LINEAR_HZ_PER_MEL
LOG_STEP = math.log(6.4) / 27.0


def bleedless(reference: Signal, estimate: Signal, *, sample_rate: int | None = None) -> float:
    """How little an estimate has that the reference has not: 100 / (1 + mean excess in dB).

    The definition and its source stand at the head of this module. Levels count: an estimate that is 1 dB too loud
    everywhere scores 50. Look at it beside `fullness`: silence never bleeds. ::

        s = torch.randn(1, 44100).double()
        assert round(bleedless(s, 10 ** (1 / 20) * s, sample_rate=44100), 6) == 50
        assert bleedless(s, 0 * s, sample_rate=44100) == 100

    Args:
        reference: the true stem, a tensor, a numpy array or an `Audio`.
        estimate: what was separated, of the same shape (and sample rate, if both are `Audio`).
        sample_rate: in hertz; may be left out if either is an `Audio`.

    Shapes:
        reference, estimate: the same, (..., time), usually (channel, time).

    Returns:
        From above 0 to 100, which is no excess at all. A silent reference stands at -200 dB everywhere (the
        decibels of 1e-10), so that anything heard scores about 0.5 and silence 100.

    Raises:
        InvalidValue: shapes or sample rates differ or no rate is known, there are no samples, or one is NaN or
            infinite.
        InvalidType: not a signal of real numbers.
    """
    return _score(reference, estimate, sample_rate, lambda target, guess: guess - target)


def fullness(reference: Signal, estimate: Signal, *, sample_rate: int | None = None) -> float:
    """How little an estimate lacks of what the reference has: 100 / (1 + mean lack in dB).

    The definition and its source stand at the head of this module. Look at it beside `bleedless`: the mixture
    itself is fairly full. ::

        s = torch.randn(1, 44100).double()
        assert round(fullness(s, 10 ** (-1 / 20) * s, sample_rate=44100), 6) == 50

    Args:
        reference: the true stem, a tensor, a numpy array or an `Audio`.
        estimate: what was separated, of the same shape (and sample rate, if both are `Audio`).
        sample_rate: in hertz; may be left out if either is an `Audio`.

    Shapes:
        reference, estimate: the same, (..., time), usually (channel, time).

    Returns:
        From above 0 to 100, which is no lack at all. A silent reference has nothing that could be lacked: 100. A
        silent estimate of something heard scores about 0.5.

    Raises:
        InvalidValue: shapes or sample rates differ or no rate is known, there are no samples, or one is NaN or
            infinite.
        InvalidType: not a signal of real numbers.
    """
    return _score(reference, estimate, sample_rate, lambda target, guess: target - guess)


def make_mel_bands(sample_rate: int) -> Float[Tensor, "mel freq"]:
    """Triangles on Slaney's mel scale, each of unit area in hertz (Slaney, "Auditory Toolbox", 1998).

    Low bands are narrower than a bin at 44.1 kHz, and those that fall between two bins stay empty.
    """
    top = _mel_of_hz(sample_rate / 2)
    edges = _hz_of_mel(torch.linspace(0.0, top, MEL_BANDS + 2, dtype=torch.float64))
    bins = torch.arange(WINDOW_SAMPLES // 2 + 1, dtype=torch.float64) * sample_rate / WINDOW_SAMPLES
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return torch.minimum(rising, falling).clamp(min=0.0) * 2.0 / (high - low)


def _mel_of_hz(hz: float) -> float:
    if hz < CORNER_HZ:
        return hz / LINEAR_HZ_PER_MEL
    return CORNER_MEL + math.log(hz / CORNER_HZ) / LOG_STEP


def _hz_of_mel(mel: Float[Tensor, " edge"]) -> Float[Tensor, " edge"]:
    above = CORNER_HZ * torch.exp((mel - CORNER_MEL) * LOG_STEP)
    return torch.where(mel < CORNER_MEL, mel * LINEAR_HZ_PER_MEL, above)


def _score(
    reference: Signal, estimate: Signal, sample_rate: int | None, subtract: Callable[[Tensor, Tensor], Tensor]
) -> float:
    """100 / (1 + mean of what is above 0 in the difference of the levels, reference first)."""
    pair = pair_channels(reference, estimate)
    bands = make_mel_bands(find_sample_rate(reference, estimate, given=sample_rate))
    target, guess = (_measure_levels(one, bands) for one in pair)
    total, count = 0.0, 0
    # a block of frames at a time, or the differences would take as much again as the levels
    for one, other in zip(target.split(BLOCK_FRAMES, dim=-1), guess.split(BLOCK_FRAMES, dim=-1), strict=True):
        difference = subtract(one, other)
        above = difference[difference > 0]
        total, count = total + float(above.sum()), count + above.numel()
    return 100.0 / (1.0 + total / count) if count else 100.0


def _measure_levels(
    samples: Shaped[Tensor, "channel time"], bands: Float[Tensor, "mel freq"]
) -> Float[Tensor, "channel mel frame"]:
    """Decibels of the mel bands, not below the signal's own range."""
    blocks = iterate_magnitudes(samples, window_samples=WINDOW_SAMPLES, hop_samples=HOP_SAMPLES)
    levels = torch.cat([20.0 * (bands @ block).clamp(min=FLOOR).log10() for block in blocks], dim=-1)
    return levels.clamp_(min=float(levels.max()) - RANGE_DB)
