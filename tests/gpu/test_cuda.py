"""The same path on a CUDA device as on a CPU. The CPU is the reference: its results are checked by the other tests."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from workbench.core import Audio
from workbench.errors import WorkbenchNotice
from workbench.pipeline.separator import separate, stream
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.trace import Trace, trace

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and torch sees none here")

RATE = 22050
# Both devices compute in float32 (no TF32 in FFTs or elementwise kernels), in another order of summation; medians pick
# samples and round nothing. What differs is the rounding of an STFT of values below 1 and its inverse.
TOLERANCE = 2e-5
ASKED: dict[str, Any] = {"model": "hpss", "chunk_seconds": 0.5, "derive": ["rest = mixture - harmonic"]}


@pytest.fixture(scope="module")
def song() -> Audio[torch.Tensor]:
    time = torch.arange(2 * RATE) / RATE
    data = 0.3 * torch.sin(2 * torch.pi * torch.tensor([[440.0], [660.0]]) * time)
    data[:, :: RATE // 4] += 0.5
    noise = torch.randn(data.shape, generator=torch.Generator().manual_seed(0))
    return Audio(data + 0.02 * noise, RATE)


def assert_close(one: Any, other: Any) -> None:
    assert list(one) == list(other)
    for name in one:
        assert one[name].data.device.type == "cpu"
        assert (one[name].data - other[name].data).abs().max() < TOLERANCE, name


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 3, "overlap": 0.5},
        {"settings": {"normalization.enabled": True, "chunking.padding_mode": "constant"}},
        {"config": {"audio_io": {"target_sample_rate": 16000, "force_channels": 1}}},
        {"settings": {"model.margin_harmonic": 2.0}, "stems": ["residual"]},
    ],
)
@pytest.mark.filterwarnings("ignore::workbench.errors.WorkbenchNotice")
def test_separate_agrees_with_the_cpu(song: Audio[torch.Tensor], options: dict[str, Any]) -> None:
    assert_close(separate(song, device="cuda", **ASKED, **options), separate(song, device="cpu", **ASKED, **options))


def test_auto_takes_the_gpu_with_more_chunks_at_a_time(song: Audio[torch.Tensor]) -> None:
    traced = trace(song, **ASKED)
    assert traced.plan.device.type == "cuda"
    assert traced.plan.batch_size == 4
    assert traced["model"].device.type == "cuda"


@pytest.fixture(scope="module")
def traces(song: Audio[torch.Tensor]) -> tuple[Trace, Trace]:
    return trace(song, device="cuda", **ASKED), trace(song, device="cpu", **ASKED)


def test_trace_agrees_with_separate_and_with_the_cpu(song: Audio[torch.Tensor], traces: tuple[Trace, Trace]) -> None:
    gpu, cpu = traces
    for name, stem in separate(song, device="cuda", **ASKED).items():
        assert torch.equal(stem.data, gpu.stems[name].data)
    assert_close(gpu.stems, cpu.stems)
    for name in gpu:
        given, expected = gpu[name].output, cpu[name].output
        if isinstance(given, torch.Tensor):
            assert given.device.type == "cpu"  # what is kept does not fill the GPU
            scale = max(1.0, float(expected.abs().max()))
            # a mask is the quotient of two medians: where both are tiny it moves with their last bits
            error = (given - expected).abs()
            assert float(error.mean() if name == "model" else error.max()) < TOLERANCE * scale, name


@pytest.mark.parametrize(
    ("step", "changes"),
    [
        ("normalize", {"enabled": True}),
        ("chunk", {"overlap": 0.5}),
        ("model", {"power": 1.0}),
        ("stitch", {"window": "hamming"}),
        ("derive", {"derive": ["sum = harmonic + percussive"]}),
        ("mask", {"mask": SongMask(torch.rand(2, 1025, 30, generator=torch.Generator().manual_seed(1)), 1470)}),
    ],
)
def test_rerun_agrees_with_the_cpu(traces: tuple[Trace, Trace], step: str, changes: dict[str, Any]) -> None:
    gpu, cpu = (traced.rerun(step, **changes) for traced in traces)
    assert gpu.plan.device.type == "cuda"
    assert_close(gpu.stems, cpu.stems)


def test_the_gpu_is_left_as_it_was(song: Audio[torch.Tensor]) -> None:
    separate(song, device="cuda", **ASKED)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    events = stream(song, device="cuda", **ASKED)
    for _ in range(12):
        next(events)
    events.close()  # type: ignore[attr-defined]
    separate(song, device="cuda", **ASKED)
    assert torch.cuda.memory_allocated() <= before
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cuda")


class Greedy(torch.nn.Module):
    """Asks the GPU for more than there is, for each chunk beyond the second."""

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        if waveform.shape[0] > 2:
            torch.empty(torch.cuda.get_device_properties(0).total_memory + 1, dtype=torch.uint8, device="cuda")
        return waveform.unsqueeze(1)  # (batch, 1, channel, time)


def test_a_batch_that_does_not_fit_is_halved(song: Audio[torch.Tensor]) -> None:
    with pytest.warns(WorkbenchNotice, match="out of memory on cuda.*: going on with 2 chunk"):
        separation = separate(song, model=Greedy(), device="cuda", chunk_seconds=0.25, batch_size=4)
    assert (separation["output"].data - song.data).abs().max() < 1e-6  # overlap-add rounds


@pytest.mark.parametrize(
    "options",
    [
        {"model": "center"},
        {"model": "nmf"},
        {"model": "repet_sim"},
        {"model": "oracle"},
        {"model": "hpss", "settings": {"wiener.iterations": 1}},
        {"model": "hpss", "tta": ["swap", "polarity"], "shifts": 2},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_models_and_options_agree_with_the_cpu(song: Audio[torch.Tensor], options: dict[str, Any]) -> None:
    low = Audio(song.data.cumsum(dim=-1) * 0.01, RATE)
    references = {"low": low, "high": Audio(song.data - low.data, RATE)} if options["model"] == "oracle" else None
    gpu, cpu = (separate(song, device=device, references=references, **options) for device in ("cuda", "cpu"))
    assert list(gpu) == list(cpu)
    for name, stem in gpu.items():
        # iterations and quotients of tiny values drift apart in single samples; the error as a whole stays small
        error = (stem.data - cpu[name].data).square().mean().sqrt()
        assert float(error) < 1e-3 * float(cpu[name].data.square().mean().sqrt() + 1e-3), name
