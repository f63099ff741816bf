from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny_models import (
    CHUNK_SECONDS,
    RATE,
    TwoBands,
    make_gains,
    make_song,
    make_split,
)

from workbench.pipeline.events import ChunksProcessed, Event, Notice, Result, StepCompleted, StepStarted
from workbench.pipeline.separator import separate, stream
from workbench.pipeline.steps import CHUNK_STEPS, STEPS

SONG = make_song()


def test_events_come_in_order() -> None:
    card, _ = make_split("waveform", "spectrogram_mask")
    events = list(stream(SONG, model=card, batch_size=3, settings={"wiener.iterations": 1}))
    assert isinstance(events[-1], Result)
    assert sum(isinstance(event, Result) for event in events) == 1
    assert [event.step for event in events if isinstance(event, StepStarted)] == list(STEPS)
    assert [event.step for event in events if isinstance(event, StepCompleted)] == list(STEPS)
    for step in STEPS:
        begun = events.index(StepStarted(step))
        (done,) = (i for i, event in enumerate(events) if isinstance(event, StepCompleted) and event.step == step)
        assert begun < done
        # a step over the whole song ends before the next begins; those from chunk to stitch take turns
        assert (done == begun + 1) == (step not in (*CHUNK_STEPS, "stitch"))
    assert all(event.seconds >= 0 for event in events if isinstance(event, StepCompleted))
    counts = [event for event in events if isinstance(event, ChunksProcessed)]
    assert [event.done for event in counts] == [3, 6, 9, 11]
    assert {event.total for event in counts} == {11}
    lengths = [event.audio_seconds for event in counts]
    assert lengths == sorted(lengths)
    assert lengths[-1] == SONG.data.shape[-1] / RATE
    assert counts[-1].seconds_left == 0
    first, last = events.index(counts[0]), events.index(counts[-1])
    assert all(isinstance(event, ChunksProcessed) for event in events[first : last + 1])


def test_a_notice_comes_when_the_thing_happens() -> None:
    events = list(stream(make_song(channels=1), model=make_gains(channels=2)[0]))
    (notice,) = (event for event in events if isinstance(event, Notice))
    assert events[events.index(notice) - 1] == next(
        event for event in events if isinstance(event, StepCompleted) and event.step == "conform"
    )
    result = events[-1]
    assert isinstance(result, Result)
    assert result.separation.notices == (notice.message,)


def read_modes() -> tuple[object, ...]:
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_autocast_dtype("cpu"),
        torch.is_autocast_cache_enabled(),
    )


MODES: list[Callable[[], contextlib.AbstractContextManager[object]]] = [
    contextlib.nullcontext,
    torch.no_grad,
    torch.inference_mode,
    lambda: torch.autocast("cpu", dtype=torch.float16),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("abandons", [False, True])
def test_a_consumer_that_stops_midway_finds_torchs_modes_as_they_were(
    mode: Callable[[], contextlib.AbstractContextManager[object]], abandons: bool
) -> None:
    card, _ = make_split("spectrogram", "spectrogram_mask")
    asked: dict[str, Any] = {"model": card, "settings": {"inference.use_autocast_dtype": "bfloat16"}, "batch_size": 6}
    num_events = len(list(stream(SONG, **asked)))
    with mode():
        expected = read_modes()
        for num_taken in range(1, num_events + 1):
            events = stream(SONG, **asked)
            for _ in range(num_taken):
                next(events)
                assert read_modes() == expected
            if abandons:
                del events
                gc.collect(0)
            else:
                events.close()  # type: ignore[attr-defined]
            assert read_modes() == expected
    assert read_modes() == (True, False, False, torch.bfloat16, True)


def test_progress_may_be_a_function_of_every_event() -> None:
    seen: list[Event] = []
    separation = separate(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS, progress=seen.append)
    expected = list(stream(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS))
    assert [type(event) for event in seen] == [type(event) for event in expected]
    assert isinstance(seen[-1], Result)
    assert seen[-1].separation is separation
