"""The widgets' Python side over a run on a GPU: what they send to the browser is what they send over one on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import workbench
from workbench.core import Audio
from workbench.pipeline.trace import Trace, trace
from workbench.widgets import SeparatePanel

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and torch sees none here")

RATE = 22050


@pytest.fixture(scope="module")
def song() -> Audio[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return Audio(torch.randn(2, 2 * RATE, generator=generator) / 8, RATE)


@pytest.fixture(scope="module")
def traces(song: Audio[Tensor]) -> tuple[Trace, Trace]:
    options: dict[str, Any] = {"model": "hpss", "chunk_seconds": 0.5, "settings": {"wiener.iterations": 1}}
    return tuple(trace(song, device=device, **options) for device in ("cuda", "cpu"))  # type: ignore[return-value]


STEPS = ("load", "conform", "chunk", "transform", "model", "mask", "wiener", "inverse", "stitch", "restore", "derive")


@pytest.mark.parametrize("step", STEPS)
def test_a_steps_widget_shows_the_same(traces: tuple[Trace, Trace], step: str) -> None:
    gpu, cpu = (traced[step].widget().get_state() for traced in traces)
    for name, value in cpu.items():
        if not isinstance(value, bytes | memoryview) or not value:
            continue
        given, expected = (np.frombuffer(bytes(data), dtype=np.uint8).astype(int) for data in (gpu[name], value))
        assert given.shape == expected.shape, name
        # levels of a byte round to the neighbour here and there, and in near-silence masks are quotients of nothing
        assert float(np.mean(np.abs(given - expected) > 1)) < 0.01, name


def test_the_whole_path_has_a_widget(traces: tuple[Trace, Trace]) -> None:
    assert traces[0].widget().get_state()


def test_the_panel_runs_on_the_gpu_and_tells_its_memory(song: Audio[Tensor], tmp_path: Any) -> None:
    path = workbench.save(song, tmp_path / "song.wav")
    panel = SeparatePanel(path, device="cuda:0", chunk_seconds=0.25)
    assert any(name == "cuda:0" and "GB free" in words for name, words in panel.devices)
    panel.run()
    panel.wait(120.0)
    assert panel.message == ""
    assert "in use on cuda:0" in panel.memory
