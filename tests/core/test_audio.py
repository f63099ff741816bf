from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from workbench.core import Audio, NormalizationStats, NormalizedAudio
from workbench.errors import InvalidValue


def test_containers_hold_their_fields_by_composition() -> None:
    data = torch.zeros(2, 5)
    audio: Audio[torch.Tensor] = Audio(data=data, sample_rate=44100)
    stats = NormalizationStats(mean=0.1, std=0.2)
    normalized = NormalizedAudio(audio=audio, stats=stats)
    assert normalized.audio is audio
    assert normalized.audio.data is data
    assert normalized.stats == NormalizationStats(0.1, 0.2)
    assert [field.name for field in dataclasses.fields(Audio)] == ["data", "sample_rate"]
    assert [field.name for field in dataclasses.fields(NormalizedAudio)] == ["audio", "stats"]
    assert not issubclass(NormalizedAudio, Audio)


def test_audio_is_generic_and_compared_by_identity() -> None:
    assert Audio[torch.Tensor]
    audio = Audio(torch.zeros(2, 5), 44100)
    assert audio == audio
    assert audio != Audio(torch.zeros(2, 5), 44100)  # and not an error over the truth of a tensor
    assert len({audio, audio}) == 1


@pytest.mark.parametrize("std", [0.0, -1.0, math.nan, math.inf])
def test_spread_must_be_above_zero(std: float) -> None:
    with pytest.raises(InvalidValue, match="std must be greater than 0 and finite"):
        NormalizationStats(0.0, std)


@pytest.mark.parametrize("mean", [math.nan, -math.inf])
def test_mean_must_be_finite(mean: float) -> None:
    with pytest.raises(InvalidValue, match=f"mean must be finite, got {mean}"):
        NormalizationStats(mean, 1.0)


def test_stats_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        NormalizationStats(0.0, 1.0).std = 2.0
