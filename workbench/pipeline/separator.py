"""The one run behind `separate`, `stream`, `trace` and `rerun`."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, Unpack, cast, runtime_checkable

import torch
from torch import Tensor, nn

from workbench.core.audio import Audio, NormalizedAudio
from workbench.core.grid import ChunkGrid
from workbench.core.stitch import OverlapAdder
from workbench.errors import DeviceMemoryError, WorkbenchNotice
from workbench.io.names import expand_home
from workbench.pipeline import steps
from workbench.pipeline.config import RunConfig
from workbench.pipeline.ensemble import Ensemble
from workbench.pipeline.events import ChunksProcessed, Event, Notice, Result, StepCompleted, StepStarted
from workbench.pipeline.flow import ChunkFlow, StemMask
from workbench.pipeline.named_arguments import takes_song
from workbench.pipeline.network import NetworkKeeper
from workbench.pipeline.out_of_memory import is_out_of_memory
from workbench.pipeline.outputs import check_files, name_files
from workbench.pipeline.plan import Plan, make_plan
from workbench.pipeline.references import ReferenceChunks, check_references, prepare_references
from workbench.pipeline.request import Request, RunOptions
from workbench.pipeline.separation import Separation
from workbench.pipeline.song_mask import SongMask
from workbench.registry.cards import ModelCard

Song = Audio[Tensor] | str | PathLike[str]


@runtime_checkable
class Observer(Protocol):
    """Sees what flows between the steps. It must not change it."""

    def see_plan(self, plan: Plan, grid: ChunkGrid) -> None:
        """Before the first chunk."""

    def see_step(self, step: str, output: object, seconds: float) -> None:
        """A step over the whole song: load, conform, normalize, stitch, denormalize, restore, derive."""

    def see_chunks(self, chunks: range, outputs: Mapping[str, Tensor]) -> None:
        """What the steps from chunk to inverse gave for neighbouring chunks, on the run's device."""


@dataclass(eq=False)
class Run:
    """One separation of one song.

    Args:
        song: what is separated.
        request: how.
        observer: sees what flows, if given.
        plan: decided before, for a rerun.
        networks: whose network may serve again, and which keeps this one's.
        known: outputs of steps that need not run again, by step.
        mask: stands in for the model's mask, batch by batch; ``given_mask`` is what it was made from.
    """

    song: Song
    request: Request
    observer: Observer | None = None
    plan: Plan | None = None
    networks: NetworkKeeper | None = None
    known: Mapping[str, Any] = field(default_factory=dict)
    mask: StemMask | None = None
    given_mask: Tensor | SongMask | None = None
    notices: list[str] = field(default_factory=list)

    def events(self) -> Iterator[Event]:
        """Run, and report on the way; the last event is a `Result`.

        No torch mode is left open while the caller has the turn, so that one that stops midway finds grad and
        autocast as they were.
        """
        song = yield from self._step("load", lambda: steps.load_song(self.song))
        for message in steps.note_load(song):
            yield self._notice(message)
        if self.plan is None:
            self.plan = make_plan(song, self.request, networks=self.networks)
        plan = self.plan
        true_stems = check_references(self.request.true_stems, song)
        conformed = yield from self._step("conform", lambda: steps.conform(song, plan))
        for message in steps.note_conform(song, plan):
            yield self._notice(message)
        normalized = yield from self._step("normalize", lambda: steps.normalize(conformed, plan))
        grid = plan.grid(conformed.data.shape[-1])
        if self.observer is not None:
            self.observer.see_plan(plan, grid)
        references = None
        if plan.card.needs_references:
            references = prepare_references(true_stems, plan, normalized.stats, grid)
        stitched = yield from self._stitch(plan, normalized, grid, references)
        denormalized = yield from self._step("denormalize", lambda: steps.denormalize(stitched, normalized.stats, plan))
        restored = yield from self._step("restore", lambda: steps.restore(denormalized, song, plan))
        named = yield from self._step("derive", lambda: steps.derive(restored, song, plan))
        source = None if isinstance(self.song, Audio) else self.song
        yield Result(Separation.from_run(named, song, restored, plan, self.notices, source=source))

    def _step(self, step: str, compute: Callable[[], Any]) -> Generator[Event, None, Any]:
        yield StepStarted(step)
        started = time.perf_counter()
        with torch.no_grad():
            output = self.known[step] if step in self.known else compute()
        seconds = time.perf_counter() - started
        if self.observer is not None:
            self.observer.see_step(step, output, seconds)
        yield StepCompleted(step, seconds)
        return output

    def _stitch(
        self, plan: Plan, song: NormalizedAudio, grid: ChunkGrid, references: ReferenceChunks | None
    ) -> Generator[Event, None, Tensor]:
        """The steps from chunk to stitch, batch by batch; nothing is kept but the stitched stems."""
        if "stitch" in self.known:
            return cast(Tensor, (yield from self._step("stitch", lambda: None)))
        known = {step: self.known[step] for step in steps.CHUNK_STEPS if step in self.known}
        observed = self.observer is not None
        flow = ChunkFlow(plan, song, grid, kept=known, references=references, mask=self.mask, observed=observed)
        shape = (len(plan.selected), plan.num_channels)
        stitched = torch.empty(*shape, grid.num_samples, dtype=torch.float32, device="cpu")
        adder = OverlapAdder(grid, plan.window, num_stems=shape[0], num_channels=shape[1], device=plan.device)
        begun = (*(step for step in steps.list_steps(plan) if step in steps.CHUNK_STEPS), "stitch")
        for step in begun:
            yield StepStarted(step)
        started = time.perf_counter()
        stitch_seconds, num_final, next_chunk, batch_size = 0.0, 0, 0, plan.batch_size
        while next_chunk < grid.num_chunks:
            chunks = range(next_chunk, min(next_chunk + batch_size, grid.num_chunks))
            fits = True
            try:
                stems, outputs = flow.run(chunks)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._check_halving(plan, len(chunks), error)
                fits = False
            if not fits:  # not before here, where the error no longer holds the batch, can its memory be given back
                batch_size = len(chunks) // 2
                if plan.device.type == "cuda":
                    torch.cuda.empty_cache()
                yield self._notice(f"out of memory on {plan.device}: going on with {batch_size} chunk(s) at a time")
                continue
            if self.observer is not None:
                self.observer.see_chunks(chunks, outputs)
            stitch_started = time.perf_counter()
            with torch.no_grad():
                final = adder.push(stems)
                stitched[..., num_final : num_final + final.shape[-1]] = final
            num_final += final.shape[-1]
            del stems, outputs, final
            stitch_seconds += time.perf_counter() - stitch_started
            next_chunk = chunks.stop
            seconds = time.perf_counter() - started
            yield ChunksProcessed(next_chunk, grid.num_chunks, seconds, num_final / plan.sample_rate)
        stitched[..., num_final:] = adder.close()
        flow.seconds["stitch"] = stitch_seconds
        for step in begun:
            seconds = flow.seconds.get(step, 0.0)  # 0 where what an earlier run kept served again
            if self.observer is not None:
                self.observer.see_step(step, stitched if step == "stitch" else None, seconds)
            yield StepCompleted(step, seconds)
        return stitched

    def _check_halving(self, plan: Plan, num_chunks: int, error: Exception) -> None:
        if num_chunks == 1:
            seconds = plan.chunk_size / plan.sample_rate
            raise DeviceMemoryError(
                f"{plan.model_id} does not fit into the memory of {plan.device} with one chunk of {seconds:.1f} s at a "
                "time: use a smaller chunk_seconds, inference.use_autocast_dtype=float16 for half precision, or the CPU"
            ) from error

    def _notice(self, message: str) -> Notice:
        self.notices.append(message)
        return Notice(message)


@takes_song
def separate(
    song: Song,
    *,
    model: str | ModelCard | nn.Module | None = None,
    checkpoint: str | PathLike[str] | None = None,
    config: str | PathLike[str] | Mapping[str, Any] | RunConfig | None = None,
    settings: Mapping[str, object] | None = None,
    device: str | None = None,
    chunk_seconds: float | None = None,
    overlap: float | None = None,
    window: str | Tensor | None = None,
    batch_size: int | None = None,
    stems: Sequence[str] | None = None,
    derive: Mapping[str, object] | Sequence[str] | str | None = None,
    references: Mapping[str, Audio[Tensor]] | str | PathLike[str] | None = None,
    tta: Sequence[str] | None = None,
    shifts: int | None = None,
    shift_seed: int | None = None,
    ensemble: Ensemble | None = None,
    progress: bool | Callable[[Event], None] | None = None,
    out: str | PathLike[str] | None = None,
) -> Separation:
    """Take a song apart.

    Precedence of every setting: argument > ``settings`` > ``config`` > the model's card > default.

    Args:
        song: a path, or ``Audio`` with data (channel, time).
        model: a registered name (see `workbench.models`), a ``ModelCard``, or a torch module from
            (batch, channel, time) to (batch, stem, channel, time), whose stems are named by ``stems``, an attribute of
            the module, or by ``model.output_stem_names`` in the config.
        checkpoint: path of the model's weights.
        config: a document for the whole run: a path to YAML or JSON, a mapping or a ``RunConfig``.
        settings: single settings by path, ``{"chunking.padding_mode": "constant"}``.
        device: ``auto`` (the default: a GPU where there is one), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        chunk_seconds: length of a chunk in seconds.
        overlap: share of a chunk that overlaps the next, in [0, 1).
        window: overlap-add window: a name such as ``"hann"`` or ``"linear_fade:fade=0.2"``, or a tensor of one
            chunk's length.
        batch_size: chunks that go through the model together; 1 on a CPU and 4 on a GPU unless given.
        stems: which of the model's stems to compute and return.
        derive: further stems: ``["instrumental = mixture - vocals"]``, or rules by name.
        references: the true stems, where they are known: name -> ``Audio``, a folder of files or a ``.stem.mp4``. The
            model ``oracle`` is made from them; a trace compares with them.
        tta: test-time augmentation, out of ``swap`` (left and right exchanged) and ``polarity`` (negated): a pass as it
            is and one for each, undone in the stems, which are averaged.
        shifts: so many passes with the song delayed by up to ``inference.max_shift_seconds``, undone and averaged;
            with ``tta``, each shift with each augmentation.
        shift_seed: of the delays, 0 unless given.
        ensemble: several models whose stems are combined; what else is given here applies to each of them that does
            not say otherwise.
        progress: left out, a run of more than 2 s shows a bar in a terminal or notebook; ``True`` shows it at once,
            ``False`` never, a function is called with every event.
        out: folder to save the stems in; nothing there is overwritten.

    Returns:
        The stems by name, each at the song's own rate, channels and length.

    Raises:
        WorkbenchError: see ``workbench.errors``; what is wrong with settings or song is found before any work.
    """
    request = Request(
        model,
        checkpoint,
        config,
        settings,
        device,
        chunk_seconds,
        overlap,
        window,
        batch_size,
        stems,
        derive,
        references,
        tta,
        shifts,
        shift_seed,
        ensemble,
    )
    if out is not None:
        out = expand_home(out)
        check_files([Path(out) / name for name in name_files(request)], overwrite=False)  # before any work
    separation = watch(run_events(song, request), progress, stacklevel=4)
    if out is not None:
        separation.save(out)
    return separation


@takes_song
def stream(song: Song, **options: Unpack[RunOptions]) -> Iterator[Event]:
    """Take a song apart, event by event; the last is a ``Result`` with the stems.

    Takes the same arguments as `separate`, without ``progress`` and ``out``. A consumer may stop at any event.
    """
    return run_events(song, Request(**options))


def run_events(song: Song, request: Request, *, networks: NetworkKeeper | None = None) -> Iterator[Event]:
    """The events of what a request is for: a single plain run, or several passes.

    Args:
        song: what is separated.
        request: how.
        networks: keeps the network that was loaded last, for other songs.
    """
    from workbench.pipeline.passes import make_run  # which is made of runs

    yield from make_run(song, request, networks=networks).events()


def watch(events: Iterator[Event], progress: bool | Callable[[Event], None] | None, *, stacklevel: int) -> Separation:
    """Run to the end, warn of every notice in the name of a caller so many levels up, and give the stems."""
    from workbench.progress import follow_events

    for event in follow_events(events, progress):
        if isinstance(event, Notice):
            warnings.warn(event.message, WorkbenchNotice, stacklevel=stacklevel)
        if isinstance(event, Result):
            separation = event.separation
    return separation
