from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from workbench.core import Audio
from workbench.errors import InvalidValue
from workbench.pipeline.alterations import Alteration, average, draw_delays, list_alterations

SHIFTS: dict[str, Any] = {"shifts": 3, "shift_seed": 0, "max_shift_seconds": 0.5}
RATE = 100


def test_a_song_is_altered_as_it_says_and_comes_back_exactly() -> None:
    song = Audio(torch.arange(1.0, 11.0).view(2, 5), RATE)
    left, right = song.data
    zeros = torch.zeros(2)
    expected = {
        Alteration(): torch.stack([left, right]),
        Alteration(swap=True): torch.stack([right, left]),
        Alteration(polarity=True): torch.stack([-left, -right]),
        Alteration(delay_samples=1, room_samples=3): torch.stack(
            [torch.cat([zeros[:1], side, zeros]) for side in (left, right)]
        ),
        Alteration(swap=True, delay_samples=3, room_samples=3): torch.stack(
            [torch.cat([torch.zeros(3), side]) for side in (right, left)]
        ),
    }
    for alteration, data in expected.items():
        altered = alteration.apply(song)
        assert torch.equal(altered.data, data), alteration
        assert altered.sample_rate == RATE
        stems = torch.stack([altered.data, 2 * altered.data])
        assert torch.equal(alteration.undo(stems), torch.stack([song.data, 2 * song.data])), alteration
    assert torch.equal(song.data, torch.arange(1.0, 11.0).view(2, 5))
    mono = Audio(torch.ones(1, 4), RATE)  # a true stem may be mono
    assert torch.equal(Alteration(swap=True).apply(mono).data, mono.data)


@pytest.mark.parametrize("num_channels", [1, 6])
def test_swap_needs_left_and_right(num_channels: int) -> None:
    song = Audio(torch.ones(num_channels, 4), RATE)
    with pytest.raises(InvalidValue, match=f"swap.*{num_channels} channel.*leave out swap"):
        Alteration(swap=True).check(song)
    Alteration(polarity=True, delay_samples=1, room_samples=2).check(song)


def test_passes_are_every_shift_with_every_augmentation() -> None:
    assert list_alterations({}, sample_rate=RATE) == {"as it is": Alteration()}
    assert list_alterations({"tta": ("polarity", "swap")}, sample_rate=RATE) == {
        "as it is": Alteration(),
        "polarity": Alteration(polarity=True),
        "swap": Alteration(swap=True),
    }
    both = list_alterations({"tta": ("swap",), **SHIFTS}, sample_rate=RATE)
    assert list(both) == [f"shift {index}{name}" for index in (1, 2, 3) for name in ("", ", swap")]
    for index in (1, 2, 3):
        plain, swapped = both[f"shift {index}"], both[f"shift {index}, swap"]
        assert (plain.swap, swapped.swap) == (False, True)
        assert plain.delay_samples == swapped.delay_samples
    assert {alteration.room_samples for alteration in both.values()} == {50}


def test_delays_come_from_the_seed_alone(plain_types: None) -> None:  # which would themselves draw at random
    before = (torch.get_rng_state(), random.getstate())
    delays = draw_delays(5, seed=3, room_samples=1000)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    torch.manual_seed(7)
    random.seed(7)
    assert draw_delays(5, seed=3, room_samples=1000) == delays
    assert draw_delays(5, seed=4, room_samples=1000) != delays
    assert draw_delays(2, seed=3, room_samples=1000) == delays[:2]
    # written down once: they must be the same on every machine and in every version of Python
    assert draw_delays(4, seed=0, room_samples=22050) == [18619, 16712, 9273, 5709]
    many = draw_delays(2000, seed=0, room_samples=4)
    assert set(many) == {0, 1, 2, 3}
    assert draw_delays(3, seed=0, room_samples=1) == [0, 0, 0]


def test_average_is_the_mean_and_of_one_the_very_same() -> None:
    values = [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]), torch.tensor([5.0, 9.0])]
    mean = None
    for index, value in enumerate(values):
        mean = average(mean, value, index=index, total=3)
    assert torch.equal(mean, torch.tensor([3.0, 5.0]))
    assert torch.equal(values[0], torch.tensor([1.0, 2.0]))
    assert average(None, values[0], index=0, total=1) is values[0]
