"""Figures of the steps that work chunk by chunk: transform, model, mask, wiener, inverse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import cast

import torch
from matplotlib.figure import Figure
from torch import Tensor

from workbench.core.settings import StftConfig
from workbench.figures.mask import draw_mask
from workbench.figures.raster import ChunkFrames
from workbench.figures.separated import draw_chunk_stems
from workbench.figures.spectrogram import choose_loudest_channel, draw_chunk_spectrograms
from workbench.figures.style import format_count, format_seconds, name_channel
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.trace import Trace
from workbench.pipeline.trace_step import TraceStep

ENERGY_BLOCK_SAMPLES = 1024


def draw_transform(step: TraceStep, *, chunk: int | None, channel: int | None, frequency: str) -> Figure:
    """The mixture's spectrogram as the model gets it."""
    output, frames = step.output, find_frames(step.trace)
    channel = find_channel(step.trace, channel)
    stft = frames.stft
    headline = (
        f"transform: {stft.n_fft // 2 + 1} frequencies every {stft.hop_length} samples "
        f"({1000 * stft.hop_length / frames.sample_rate:.3g} ms), {describe_part(frames, chunk, channel)}"
    )
    return draw_chunk_spectrograms(
        lambda index: cast(Tensor, output[index]),
        frames=frames,
        headline=headline,
        chunk=chunk,
        channel=channel,
        frequency=frequency,
    )


def draw_model(
    step: TraceStep,
    *,
    stems: Mapping[str, int],
    colors: Mapping[str, str],
    chunk: int | None,
    channel: int | None,
    frequency: str | None,
) -> Figure:
    """What the model itself gave: masks, spectrograms or waveforms, of all of its stems."""
    plan, output, chosen = step.trace.plan, step.output, select_places(stems.values())

    def take(index: int) -> Tensor:
        return cast(Tensor, output[index][chosen])

    if not plan.stages.inverts:
        alone = find_loudest_chunk(step.trace) if chunk is None else chunk
        return draw_chunk_stems(
            take,
            grid=step.grid,
            sample_rate=plan.sample_rate,
            stem_names=list(stems),
            chunk=alone,
            colors=colors,
            headline=f"model: {plan.model_id} gave waveforms, {format_count(len(stems), 'stem')}, not yet stitched",
        )
    frames, channel = find_frames(step.trace), find_channel(step.trace, channel)
    part = describe_part(frames, chunk, channel)
    if plan.stages.masks:
        return draw_mask(
            take,
            frames=frames,
            stem_names=list(stems),
            chunk=chunk,
            channel=channel,
            frequency=frequency or "log",
            headline=f"model: {plan.model_id} gave masks, {part}",
        )
    return draw_chunk_spectrograms(
        take,
        frames=frames,
        stem_names=list(stems),
        chunk=chunk,
        channel=channel,
        frequency=frequency or "log",
        headline=f"model: {plan.model_id} gave spectrograms, {part}",
    )


def draw_masking(
    step: TraceStep, *, stems: Mapping[str, int], chunk: int | None, channel: int | None, frequency: str
) -> Figure:
    """The masks that were applied, and where it was kept what they left of the mixture."""
    frames, channel, chosen = find_frames(step.trace), find_channel(step.trace, channel), select_places(stems.values())
    take_mask = find_mask(step.trace)
    masked = step.output if step.is_kept else None
    origin = "the model's" if step.trace.mask_override is None else "given in its place"
    headline = f"mask: {origin}, {describe_part(frames, chunk, channel)}"
    if masked is None:
        headline += "; of the masked spectrograms only a summary was kept"
    return draw_mask(
        lambda index: take_mask(index)[chosen],
        take_masked=None if masked is None else lambda index: cast(Tensor, masked[index][chosen]),
        frames=frames,
        stem_names=list(stems),
        headline=headline,
        chunk=chunk,
        channel=channel,
        frequency=frequency,
    )


def draw_filtering(
    step: TraceStep, *, stems: Mapping[str, int], chunk: int | None, channel: int | None, frequency: str
) -> Figure:
    """The stems' spectrograms after the Wiener filter."""
    output, chosen = step.output, select_places(stems.values())
    frames, channel = find_frames(step.trace), find_channel(step.trace, channel)
    iterations = format_count(int(str(step.parameters["iterations"])), "EM step")
    return draw_chunk_spectrograms(
        lambda index: cast(Tensor, output[index][chosen]),
        frames=frames,
        stem_names=list(stems),
        chunk=chunk,
        channel=channel,
        frequency=frequency,
        headline=f"wiener: {iterations}, {describe_part(frames, chunk, channel)}",
    )


def draw_inverse(step: TraceStep, *, stems: Mapping[str, int], colors: Mapping[str, str], chunk: int | None) -> Figure:
    """The chunks' stems as waveforms again."""
    output, chosen = step.output, select_places(stems.values())
    alone = find_loudest_chunk(step.trace) if chunk is None else chunk
    return draw_chunk_stems(
        lambda index: cast(Tensor, output[index][chosen]),
        grid=step.grid,
        sample_rate=step.trace.plan.sample_rate,
        stem_names=list(stems),
        chunk=alone,
        colors=colors,
        headline=f"inverse: {format_count(len(stems), 'stem')} as waveforms, chunk by chunk, not yet stitched",
    )


def find_mask(trace: Trace) -> Callable[[int], Tensor]:
    """Index of a chunk -> the mask that was applied there, (stem, freq * channel, frame, 2)."""
    override, plan = trace.mask_override, trace.plan
    if isinstance(override, SongMask):
        grid, rate = trace.grid, trace.song.sample_rate
        return lambda index: override.sample_chunks(range(index, index + 1), plan=plan, grid=grid, song_rate=rate)[0]
    if override is not None:
        return lambda index: override[index]
    output = trace["model"].output
    selected = select_places(plan.selected)
    return lambda index: cast(Tensor, output[index][selected])


def select_places(places: Iterable[int]) -> slice | list[int]:
    """Neighbouring places as a slice, which copies nothing."""
    places = list(places)
    is_range = places == list(range(places[0], places[0] + len(places)))
    return slice(places[0], places[0] + len(places)) if is_range else places


def find_frames(trace: Trace) -> ChunkFrames:
    """Where the frames of a run's spectrograms lie."""
    stages = trace.plan.stages
    transform = stages.inverse_stft if stages.stft is None else stages.stft
    assert transform is not None  # asked for only where there are spectrograms
    stft: StftConfig = transform.config
    return ChunkFrames(trace.grid, trace.plan.sample_rate, stft, trace.plan.num_channels)


def find_channel(trace: Trace, channel: int | None) -> int:
    """The channel asked for, or the loudest."""
    return choose_loudest_channel(trace["conform"].output) if channel is None else channel


def find_loudest_chunk(trace: Trace) -> int:
    """The chunk with the most energy of the song, the first of equals; its ends are taken to 1024 samples."""
    signal, grid = cast(Tensor, trace["conform"].output), trace.grid
    blocks = [part.square().sum(dtype=torch.float64) for part in signal.split(ENERGY_BLOCK_SAMPLES, dim=-1)]
    until = torch.cat((torch.zeros(1, dtype=torch.float64), torch.stack(blocks).cumsum(0)))  # (block + 1,)
    edges = torch.tensor([(start, start + grid.chunk_size) for start in grid.starts]).clamp(0, grid.num_samples)
    places = (edges + ENERGY_BLOCK_SAMPLES // 2) // ENERGY_BLOCK_SAMPLES
    energy = until[places.clamp(max=len(blocks))]  # (chunk, 2)
    return int((energy[:, 1] - energy[:, 0]).argmax())


def describe_part(frames: ChunkFrames, chunk: int | None, channel: int) -> str:
    """Which part of a run is drawn."""
    where = name_channel(channel, num_channels=frames.num_channels)
    if chunk is None:
        count = format_count(frames.grid.num_chunks, "chunk")
        return f"song from {count}{' (▾ where they change)' * (frames.grid.num_chunks > 1)}, {where}"
    start, stop = frames.span_seconds(chunk)
    return f"chunk {chunk} of {frames.grid.num_chunks} ({format_seconds(start)} to {format_seconds(stop)}), {where}"
