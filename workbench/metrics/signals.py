"""Reference and estimate as samples that belong together, whatever they came in."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import InvalidType, InvalidValue

Signal: TypeAlias = Tensor | np.ndarray | Audio[Any]


def pair_signals(reference: Signal, estimate: Signal) -> tuple[Tensor, Tensor]:
    """Both signals in float64 on the CPU, once they are known to belong together."""
    target, guess = read_samples("reference", reference), read_samples("estimate", estimate)
    if target.shape != guess.shape:
        raise InvalidValue(
            f"reference and estimate must have the same shape, got {tuple(target.shape)} and "
            f"{tuple(guess.shape)}; trim or convert one of them first"
        )
    if isinstance(reference, Audio) and isinstance(estimate, Audio) and reference.sample_rate != estimate.sample_rate:
        raise InvalidValue(
            f"reference and estimate must have the same sample rate, got {reference.sample_rate} and "
            f"{estimate.sample_rate} Hz; resample one of them first"
        )
    return target, guess


def read_samples(role: str, signal: object) -> Tensor:
    """The samples of a signal as float64 on the CPU, without its gradient."""
    data = signal.data if isinstance(signal, Audio) else signal
    if isinstance(data, np.ndarray) and data.dtype.kind in "iuf":
        samples = torch.from_numpy(data.astype(np.float64))  # a copy: numpy's strides may be negative
    elif isinstance(data, Tensor) and not (data.is_complex() or data.dtype == torch.bool):
        samples = data.detach().cpu().to(torch.float64)  # moved first: some devices have no float64
    else:
        got = f"{type(data).__name__} of {data.dtype}" if hasattr(data, "dtype") else type(data).__name__
        raise InvalidType(f"{role} must be a tensor, numpy array or Audio of real numbers, got {got}")
    if samples.numel() == 0:
        raise InvalidValue(f"{role} must have at least one sample, got shape {tuple(samples.shape)}")
    if not torch.isfinite(samples).all():
        where = tuple(torch.nonzero(~torch.isfinite(samples))[0].tolist())
        raise InvalidValue(
            f"{role} must hold finite numbers, got {samples[where].item()} at index {where}; "
            "find out where it comes from before scoring"
        )
    return samples


def pair_channels(reference: Signal, estimate: Signal) -> tuple[Tensor, Tensor]:
    """As `pair_signals`, with one row a channel: (channel, time); one axis alone is one channel."""
    target, guess = pair_signals(reference, estimate)
    time = target.shape[-1] if target.ndim else 1
    return target.reshape(-1, time), guess.reshape(-1, time)


def find_sample_rate(*signals: Signal, given: int | None) -> int:
    """The sample rate in hertz that a metric needs which knows of frequencies.

    Args:
        signals: of which those that are `Audio` tell their rate.
        given: what the caller says, for tensors and arrays; None if nothing.

    Raises:
        InvalidValue: rates differ, none is known, or it is not above 0.
    """
    rates = [one.sample_rate for one in signals if isinstance(one, Audio)]
    rates += [] if given is None else [given]
    if not rates:
        raise InvalidValue("this metric needs to know the sample rate: pass Audio, or sample_rate= in hertz")
    if len(set(rates)) > 1:
        listed = " and ".join(str(rate) for rate in dict.fromkeys(rates))
        raise InvalidValue(f"expected one sample rate, got {listed} Hz; resample first")
    if rates[0] < 1:
        raise InvalidValue(f"sample_rate must be at least 1 Hz, got {rates[0]}")
    return rates[0]
