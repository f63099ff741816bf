from __future__ import annotations

import dataclasses
from typing import get_args

import pytest
from tiny_models import TwoBands, make_song

from workbench.pipeline.events import ChunksProcessed, Event, Notice, PassStarted, Result, StepCompleted, StepStarted
from workbench.pipeline.separator import stream


def test_events_are_frozen() -> None:
    result = list(stream(make_song(0.1), model=TwoBands(), chunk_seconds=0.1))[-1]
    assert isinstance(result, Result)
    events: list[Event] = [
        PassStarted("swap", 2, 3),
        StepStarted("load"),
        StepCompleted("load", 0.1),
        ChunksProcessed(1, 2, 0.1, 0.2),
        Notice("x"),
        result,
    ]
    assert {type(event) for event in events} == set(get_args(Event))
    for event in events:
        for field in dataclasses.fields(event):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(event, field.name, None)


def test_time_left_is_the_speed_so_far() -> None:
    assert ChunksProcessed(done=2, total=8, seconds=3.0, audio_seconds=1.0).seconds_left == 9.0
    assert ChunksProcessed(done=8, total=8, seconds=3.0, audio_seconds=1.0).seconds_left == 0.0
