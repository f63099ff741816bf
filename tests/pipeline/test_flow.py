from __future__ import annotations

import pytest
import torch
from tiny_models import CHUNK_SIZE, PAIRS, RATE, TwoBands, make_song, make_split
from torch import Tensor, nn

from workbench.core import ChunkGrid, NormalizationStats, NormalizedAudio, generate_chunks
from workbench.pipeline.flow import ChunkFlow
from workbench.pipeline.plan import Plan, make_plan
from workbench.pipeline.request import Request
from workbench.registry.cards import ModelCard

SONG = make_song()


def make_flow(model: ModelCard | nn.Module, *, mask: Tensor | None = None, **asked: object) -> ChunkFlow:
    plan: Plan = make_plan(SONG, Request(model=model, chunk_seconds=CHUNK_SIZE / RATE, **asked))  # type: ignore[arg-type]
    grid: ChunkGrid = plan.grid(SONG.data.shape[-1])
    return ChunkFlow(plan, NormalizedAudio(SONG, NormalizationStats(0.0, 1.0)), grid, mask=mask, observed=True)


def test_a_batch_goes_through_the_steps_of_its_model() -> None:
    card, network = make_split("spectrogram", "spectrogram_mask")
    flow = make_flow(card)
    stems, outputs = flow.run(range(2, 5))
    rows, frame = 2 * 65, 26  # channels times frequencies, and 1 + 800 // 32
    assert {step: tuple(values.shape) for step, values in outputs.items()} == {
        "chunk": (3, 2, 800),
        "transform": (3, rows, frame, 2),
        "model": (3, 2, rows, frame, 2),
        "mask": (3, 2, rows, frame, 2),
        "inverse": (3, 2, 2, 800),
    }
    assert stems is outputs["inverse"]
    assert set(flow.seconds) == set(outputs)
    assert all(seconds >= 0 for seconds in flow.seconds.values())
    everything = next(iter(generate_chunks(SONG.data, CHUNK_SIZE, flow.grid.hop_size, 100)))
    assert torch.equal(outputs["chunk"], everything[2:5])
    # the two stems sum to the chunk, up to the rounding of an STFT and its inverse
    assert (stems.sum(1) - outputs["chunk"]).abs().max() < 2e-6
    assert network.calls == [((3, rows, frame, 2),)]


@pytest.mark.parametrize("pair", PAIRS)
def test_a_model_may_write_into_what_it_is_given(pair: tuple[str, str]) -> None:
    before = SONG.data.clone()
    clean, clean_outputs = make_flow(make_split(*pair)[0]).run(range(5))
    stems, outputs = make_flow(make_split(*pair, overwrites=True)[0]).run(range(5))
    assert torch.equal(SONG.data, before)
    assert torch.equal(stems, clean)  # so the mask was applied to the mixture's spectrogram, not to what was left of it
    for step in outputs.keys() - {"chunk"}:
        assert torch.equal(outputs[step], clean_outputs[step]), step


@pytest.mark.parametrize("pair", PAIRS)
def test_a_model_may_write_into_what_an_earlier_run_kept(pair: tuple[str, str]) -> None:
    flow = make_flow(make_split(*pair)[0])
    clean, outputs = flow.run(range(flow.grid.num_chunks))
    again = make_flow(make_split(*pair, overwrites=True)[0])
    again.kept = {"transform": outputs["transform"].clone()} if "transform" in outputs else {}
    kept = {step: values.clone() for step, values in again.kept.items()}
    stems, _ = again.run(range(flow.grid.num_chunks))
    assert torch.equal(stems, clean)
    assert all(torch.equal(again.kept[step], kept[step]) for step in kept)


def test_what_is_kept_is_not_computed_again() -> None:
    card, network = make_split("spectrogram", "spectrogram_mask")
    flow = make_flow(card)
    _, outputs = flow.run(range(flow.grid.num_chunks))
    network.calls.clear()
    for step, computed in (
        ("inverse", set()),
        ("mask", {"inverse"}),
        ("model", {"chunk", "transform", "mask", "inverse"}),  # the mask wants the spectrogram too
        ("transform", {"model", "mask", "inverse"}),
    ):
        again = make_flow(card)
        again.kept = {step: outputs[step]}
        stems, new = again.run(range(1, 3))
        assert set(new) == computed
        assert torch.equal(stems, outputs["inverse"][1:3])
    assert len(network.calls) == 1  # for the last of them


def test_a_given_mask_stands_in_for_the_models() -> None:
    card, network = make_split("waveform", "spectrogram_mask")
    flow = make_flow(card)
    chunks = range(flow.grid.num_chunks)
    _, outputs = flow.run(chunks)
    network.calls.clear()
    mask = torch.zeros_like(outputs["model"])
    mask[:, 0, ..., 0] = 0.25
    stems, new = make_flow(card, mask=mask).run(range(3, 6))
    assert "model" not in new
    assert network.calls == []
    assert (stems[:, 0] - 0.25 * outputs["chunk"][3:6]).abs().max() < 1e-6  # rounding of the STFT and its inverse
    assert torch.equal(stems[:, 1], torch.zeros_like(stems[:, 1]))


def test_only_the_stems_asked_for_are_inverted() -> None:
    for output_type in ("spectrogram_mask", "spectrogram"):
        card, _ = make_split("spectrogram", output_type)
        both, _ = make_flow(card).run(range(3))
        soft, outputs = make_flow(card, stems=["soft"]).run(range(3))
        assert outputs["inverse"].shape == (3, 1, 2, 800)
        assert outputs["model"].shape[1] == 2  # the network's own output is left as it is
        assert torch.equal(soft[:, 0], both[:, 1])


class Failing(nn.Module):
    """Runs out of memory."""

    def forward(self, waveform: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("none left")


def test_a_batch_that_failed_is_let_go_of() -> None:
    flow = make_flow(Failing())
    with pytest.raises(torch.OutOfMemoryError):
        flow.run(range(3))
    assert flow._outputs == {}


def test_torchs_modes_are_closed_when_a_batch_is_done() -> None:
    flow = make_flow(TwoBands(), settings={"inference.use_autocast_dtype": "bfloat16"})
    with torch.enable_grad():
        stems, _ = flow.run(range(2))
        assert torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")
    assert not stems.requires_grad


def test_unobserved_only_what_is_read_twice_is_held() -> None:
    flow = make_flow(make_split("spectrogram", "spectrogram_mask")[0])
    watched, _ = flow.run(range(2, 5))
    flow.observed = False
    stems, outputs = flow.run(range(2, 5))
    assert set(outputs) == {"chunk", "transform"}
    assert torch.equal(stems, watched)
