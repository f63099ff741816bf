"""The stems of an ensemble's members made into one set: means, medians, the least or greatest magnitude."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.settings import StftConfig
from workbench.core.spectrum import InverseStft, Stft
from workbench.pipeline.ensemble import Numbers, Weights, check_method, check_stem_weights, check_weights

STFT = StftConfig()  # of the methods that work on time-frequency bins: 2048 samples a frame, 512 from one to the next
VALUES_AT_ONCE = 2**20  # of each member; a median sorts, which takes several times the room of what it sorts


def combine_stems(
    members: Sequence[Float[Tensor, "stem channel time"]],
    *,
    stem_names: Sequence[str],
    method: str = "mean",
    weights: Weights = None,
) -> Float[Tensor, "stem channel time"]:
    """One set of stems out of those of several members; of a single member they come back as they are.

    Args:
        members: the same stems from each.
        stem_names: what they are called.
        method: ``mean`` or ``median``, sample by sample; ``min_magnitude`` or ``max_magnitude``, for each bin and
            channel the value of the member whose magnitude is least or greatest; ``complex_median``, for each bin and
            channel the median of the real parts and that of the imaginary parts. Bins are those of `STFT`.
        weights: of the members in the mean, or stem -> weights; equal where left out. They are scaled to sum to 1.

    Raises:
        InvalidValue, InvalidType: an unknown method, or weights that do not fit.
    """
    check_method(method)
    check_weights(weights, method=method, num_members=len(members))
    check_stem_weights(weights, stem_names=stem_names)
    if len(members) == 1:
        return members[0]
    combined = torch.empty_like(members[0], memory_format=torch.contiguous_format)
    for index, name in enumerate(stem_names):
        waveforms = [stems[index] for stems in members]
        if method == "mean":
            combined[index] = mean(waveforms, weights.get(name) if isinstance(weights, Mapping) else weights)
        elif method == "median":
            combined[index] = median(waveforms)
        else:
            combined[index] = combine_bins(waveforms, BIN_METHODS[method])
    return combined


def mean(values: Sequence[Tensor], weights: Numbers | None = None) -> Tensor:
    """The mean over members, weighted by ``weights`` scaled to sum to 1."""
    shares = [1.0] * len(values) if weights is None else [float(weight) for weight in weights]
    largest = max(shares)
    shares = [share / largest for share in shares]  # so that no sum of finite weights overflows
    total = sum(shares)
    summed = values[0] * (shares[0] / total)
    for value, share in zip(values[1:], shares[1:], strict=True):
        summed.add_(value, alpha=share / total)
    return summed


def median(values: Sequence[Tensor]) -> Tensor:
    """The median over members of each value; of an even number the mean of the two in the middle.

    ``torch.median`` gives the lower of the two instead.
    """
    low, high = (len(values) - 1) // 2, len(values) // 2
    result = torch.empty_like(values[0], memory_format=torch.contiguous_format)
    flat = result.view(-1)
    rows = [value.reshape(-1) for value in values]
    for start in range(0, flat.numel(), VALUES_AT_ONCE):
        block = slice(start, start + VALUES_AT_ONCE)
        ordered = torch.stack([row[block] for row in rows]).sort(dim=0).values  # (member, value)
        flat[block] = (ordered[low] + ordered[high]) / 2
    return result


def pick_magnitude(spectrograms: Sequence[Tensor], *, greatest: bool) -> Tensor:
    """For each bin the complex value with the least or greatest magnitude, the first member's among equals."""
    chosen = spectrograms[0]
    magnitude = torch.linalg.vector_norm(chosen, dim=-1)
    for candidate in spectrograms[1:]:
        other = torch.linalg.vector_norm(candidate, dim=-1)
        wins = other > magnitude if greatest else other < magnitude
        chosen = torch.where(wins.unsqueeze(-1), candidate, chosen)
        magnitude = torch.where(wins, other, magnitude)
    return chosen


# On spectrograms whose last axis is (real, imaginary), a median of all values is one of either part by itself.
BIN_METHODS: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    "min_magnitude": lambda spectrograms: pick_magnitude(spectrograms, greatest=False),
    "max_magnitude": lambda spectrograms: pick_magnitude(spectrograms, greatest=True),
    "complex_median": median,
}


def combine_bins(
    waveforms: Sequence[Float[Tensor, "channel time"]], choose: Callable[[Sequence[Tensor]], Tensor]
) -> Float[Tensor, "channel time"]:
    """Waveforms combined bin by bin of their spectrograms over the whole song, one channel at a time.

    Args:
        waveforms: of the members.
        choose: spectrograms (1, freq, frame, 2) of the members -> one of that shape.
    """
    num_channels, num_samples = waveforms[0].shape
    forward, inverse = Stft(STFT), InverseStft(STFT, num_samples)
    channels = []
    for channel in range(num_channels):
        spectrograms = [forward(waveform[None, channel : channel + 1]) for waveform in waveforms]
        channels.append(inverse(choose(spectrograms))[0])  # (1, time)
    return torch.cat(channels)
