"""Reference and estimate as samples that belong together, whatever they came in."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from workbench.core.audio import Audio, check_channels_first
from workbench.errors import InvalidType, InvalidValue

Signal: TypeAlias = Tensor | np.ndarray | Audio[Any]

BLOCK_SAMPLES = 2**18  # of each channel that are widened at a time: 2 MiB, however long the song


def pair_channels(
    reference: Signal, estimate: Signal
) -> tuple[Shaped[Tensor, "channel time"], Shaped[Tensor, "channel time"]]:
    """Both signals as `read_channels` gives them, once they are known to belong together.

    Raises:
        InvalidValue: shapes or sample rates differ, or as for `read_channels`.
        InvalidType: as for `read_channels`.
    """
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
    return _view_channels(target), _view_channels(guess)


def read_channels(role: str, signal: object) -> Shaped[Tensor, "channel time"]:
    """A signal with one row a channel; one axis alone is one channel.

    Shapes:
        (..., time) -> (channel, time), in the dtype it came in: `iterate_blocks` widens it piece by piece.

    Raises:
        InvalidValue: no samples, one that is NaN or infinite, or what looks like (time, channel).
        InvalidType: not a signal of real numbers.
    """
    return _view_channels(read_samples(role, signal))


def read_samples(role: str, signal: object) -> Tensor:
    """The samples of a signal on the CPU, without its gradient and in a dtype of torch; raises as `read_channels`."""
    data = signal.data if isinstance(signal, Audio) else signal
    if isinstance(data, np.ndarray) and data.dtype.kind in "iuf":
        # torch looks at memory that it may write to, in a dtype of its own and with strides that go forward
        goes_forward = min(data.strides, default=0) >= 0
        is_shared = goes_forward and data.flags.writeable and data.dtype in (np.float32, np.float64)
        samples = torch.from_numpy(data if is_shared else data.astype(np.float64))
    elif isinstance(data, Tensor) and not (data.is_complex() or data.dtype == torch.bool):
        samples = data.detach().cpu()
    else:
        got = f"{type(data).__name__} of {data.dtype}" if hasattr(data, "dtype") else type(data).__name__
        raise InvalidType(f"{role} must be a tensor, numpy array or Audio of real numbers, got {got}")
    if samples.numel() == 0:
        raise InvalidValue(f"{role} must have at least one sample, got shape {tuple(samples.shape)}")
    check_channels_first(samples.shape, role=role)
    # a NaN becomes both least and greatest, and no array of truth values as long as the song is made
    if samples.is_floating_point() and not all(math.isfinite(float(end)) for end in torch.aminmax(samples)):
        where = tuple(torch.nonzero(~torch.isfinite(samples))[0].tolist())
        raise InvalidValue(
            f"{role} must hold finite numbers, got {samples[where].item()} at index {where}; "
            "find out where it comes from before scoring"
        )
    return samples


def iterate_blocks(
    target: Shaped[Tensor, "channel time"],
    guess: Shaped[Tensor, "channel time"],
    *,
    block_samples: int = BLOCK_SAMPLES,
) -> Iterator[tuple[Float[Tensor, "channel block"], Float[Tensor, "channel block"]]]:
    """Both signals in float64, a block of time after the other; the last may be shorter."""
    blocks = zip(target.split(block_samples, dim=-1), guess.split(block_samples, dim=-1), strict=True)
    return ((one.double(), other.double()) for one, other in blocks)


def _view_channels(samples: Tensor) -> Shaped[Tensor, "channel time"]:
    return samples.reshape(-1, samples.shape[-1] if samples.ndim else 1)


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
