from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from tiny_models import (
    CHUNK_SECONDS,
    PAIRS,
    TwoBands,
    make_song,
    make_split,
)
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from workbench.errors import DeviceMemoryError, ModelError, WorkbenchNotice
from workbench.pipeline.separator import separate
from workbench.pipeline.trace import trace

SONG = make_song()


def assert_same(one: Any, other: Any) -> None:
    """The same stems, to the bit."""
    assert list(one) == list(other)
    for name in one:
        assert torch.equal(one[name].data, other[name].data), name


class Misbehaving(nn.Module):
    """Gives the third chunk otherwise than promised."""

    stems = ("a", "b")

    def __init__(self, change: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.change, self.num_calls = change, 0

    def forward(self, waveform: Tensor) -> Any:
        self.num_calls += 1
        output = torch.stack((waveform, waveform), dim=1)
        return self.change(output) if self.num_calls == 3 else output


def put(output: Tensor, value: float) -> Tensor:
    output[0, 1, 0, 17] = value
    return output


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda output: put(output, math.nan),
            r"Misbehaving gave NaN or infinity for chunk 2, output \(1, 2, 2, 800\)",
        ),
        (lambda output: put(output, math.inf), "NaN or infinity for chunk 2"),
        (
            lambda output: output[:, :1],
            r"gave \(1, 1, 2, 800\) for chunk 2, expected \(1, 2, 2, 800\).*2 stems \(a, b\)",
        ),
        (lambda output: torch.cat((output, output), 1), r"gave \(1, 4, 2, 800\) for chunk 2"),
        (lambda output: output[..., :-1], r"gave \(1, 2, 2, 799\)"),
        (lambda output: output[:, :, :1], r"gave \(1, 2, 1, 800\)"),
        (lambda output: output.transpose(0, 1), r"gave \(2, 1, 2, 800\)"),
        (lambda output: output[0], r"gave \(2, 2, 800\)"),
        (lambda output: (output,), "must give a tensor, got tuple"),
        (lambda output: output.numpy(), "must give a tensor, got ndarray"),
        (lambda output: output.to(torch.complex64), r"gave torch\.complex64"),
    ],
)
def test_a_model_that_gives_something_else_is_named(change: Callable[[Tensor], Any], reason: str) -> None:
    with pytest.raises(ModelError, match=reason) as caught:
        separate(SONG, model=Misbehaving(change), chunk_seconds=CHUNK_SECONDS)
    assert "Misbehaving" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mask_of_another_shape_would_broadcast_and_is_refused() -> None:
    card, network = make_split("spectrogram", "spectrogram_mask")
    network.forward = lambda *_: torch.ones(1, 2, 130, 1, 2)  # type: ignore[method-assign]
    with pytest.raises(ModelError, match=r"split gave \(1, 2, 130, 1, 2\) for chunk 0, expected \(1, 2, 130, 26, 2\)"):
        separate(SONG, model=card)


def test_an_error_of_the_models_own_comes_through() -> None:
    def fail(output: Tensor) -> Tensor:
        raise KeyError("its own")

    with pytest.raises(KeyError, match="its own"):
        separate(SONG, model=Misbehaving(fail), chunk_seconds=CHUNK_SECONDS)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("pair", PAIRS)
def test_a_model_that_writes_into_its_input_changes_nothing_else(pair: tuple[str, str]) -> None:
    before = SONG.data.clone()
    separation = separate(SONG, model=make_split(*pair, overwrites=True)[0], batch_size=2)
    assert torch.equal(SONG.data, before)
    assert_same(separation, separate(SONG, model=make_split(*pair)[0], batch_size=2))


def test_a_module_is_heard_in_eval_mode_and_left_in_training() -> None:
    class Dropping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, waveform: Tensor) -> Tensor:
            return self.drop(waveform).unsqueeze(1)  # type: ignore[no-any-return]

    module = Dropping().train()
    separation = separate(SONG, model=module, chunk_seconds=CHUNK_SECONDS)
    assert (separation["output"].data - SONG.data).abs().max() < 1e-6  # nothing was dropped
    assert module.training
    assert module.drop.training


class Hungry(TwoBands):
    """Fits only so many chunks into memory."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def forward(self, waveform: Tensor) -> Tensor:
        output = super().forward(waveform)
        if waveform.shape[0] > self.most:
            raise torch.OutOfMemoryError(f"{waveform.shape[0]} chunks are too many")
        return output


@pytest.mark.parametrize(("most", "sizes"), [(1, [11, 5, 2, *[1] * 11]), (2, [11, 5, *[2] * 5, 1]), (5, [11, 5, 5, 1])])
def test_out_of_memory_halves_the_batch_and_goes_on(most: int, sizes: list[int]) -> None:
    network = Hungry(most)
    with pytest.warns(WorkbenchNotice, match=r"out of memory on cpu: going on with \d+ chunk"):
        separation = separate(SONG, model=network, chunk_seconds=CHUNK_SECONDS, batch_size=64)
    assert [shape[0] for shape in network.calls] == sizes  # the song has 11 chunks, so 64 means 11
    assert len(separation.notices) == sum(size > most for size in sizes)
    expected = separate(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS)
    for name in expected:
        assert (separation[name].data - expected[name].data).abs().max() < 1e-6  # rounding in batches


def test_out_of_memory_with_one_chunk_says_what_would_fit() -> None:
    with (
        pytest.warns(WorkbenchNotice),
        pytest.raises(
            DeviceMemoryError, match=r"Hungry does not fit .*cpu with one chunk of 0\.1 s.*smaller chunk_sec"
        ),
    ):
        separate(SONG, model=Hungry(0), chunk_seconds=CHUNK_SECONDS, batch_size=2)


def test_a_trace_after_a_halved_batch_is_complete() -> None:
    with pytest.warns(WorkbenchNotice, match="going on with"):
        halved = trace(SONG, model=Hungry(2), chunk_seconds=CHUNK_SECONDS, batch_size=8)
    assert torch.equal(
        halved["model"].output, trace(SONG, model=TwoBands(), chunk_seconds=CHUNK_SECONDS)["model"].output
    )


class Watched(nn.Module):
    """Counts how many of its earlier inputs and outputs are still in memory at each call."""

    stems = ("a", "b")

    def __init__(self) -> None:
        super().__init__()
        self.storages: list[StorageWeakRef] = []
        self.alive: list[int] = []

    def forward(self, waveform: Tensor) -> Tensor:
        self.alive.append(sum(not storage.expired() for storage in self.storages))
        output = torch.stack((waveform, waveform), dim=1)
        self.storages += [StorageWeakRef(value.untyped_storage()) for value in (waveform, output)]
        return output


@pytest.mark.parametrize("observed", [False, True])
def test_nothing_is_collected_on_the_way(observed: bool) -> None:
    network = Watched()
    song = make_song(3.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WorkbenchNotice)
        if observed:
            trace(song, model=network, chunk_seconds=CHUNK_SECONDS, memory_budget_bytes=0)
        else:
            separate(song, model=network, chunk_seconds=CHUNK_SECONDS)
    assert len(network.alive) == 61
    # when a batch is computed, all but its own input (not counted yet) is gone
    assert max(network.alive) == 0
    assert all(storage.expired() for storage in network.storages)
