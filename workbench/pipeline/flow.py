"""A batch's way from chunk to stem, on demand: each step computes what it needs, unless it is already there.

This is what makes `rerun` cheap without a second implementation: a run that finds a step's output among what an
earlier run kept does not ask for the steps before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from workbench.core.audio import NormalizedAudio
from workbench.core.chunk import take_batch
from workbench.core.grid import ChunkGrid
from workbench.pipeline.plan import Plan
from workbench.pipeline.references import ReferenceChunks
from workbench.pipeline.steps import check_output, filter_stems, run_model

READ_TWICE = ("chunk", "transform")  # by the model and by the step that comes before or after it
StemMask = Tensor | Callable[[range], Tensor]


class ChunkFlow:
    """The steps chunk, transform, model, mask, wiener and inverse over batches of chunks.

    Args:
        plan: of the run.
        song: what the chunks are cut from.
        grid: where they lie.
        kept: outputs of these steps that are known already, (chunk, ...) each.
        references: the true stems, for a model that is made from them.
        mask: stands in for the model's mask: (chunk, stem, freq * channel, frame, 2), or a function of chunk indices.
        observed: whether somebody wants to see each step's output; if not, what no later step reads is let go at once.
    """

    def __init__(
        self,
        plan: Plan,
        song: NormalizedAudio,
        grid: ChunkGrid,
        *,
        kept: Mapping[str, Tensor] | None = None,
        references: ReferenceChunks | None = None,
        mask: StemMask | None = None,
        observed: bool = False,
    ) -> None:
        self.plan, self.song, self.grid = plan, song, grid
        self.kept = dict(kept or {})
        self.references = references
        self.mask = mask
        self.observed = observed
        self.seconds: dict[str, float] = {}
        self._outputs: dict[str, Tensor] = {}
        self._chunks = range(0)
        self._selected = slice(None) if len(plan.selected) == len(plan.stem_names) else list(plan.selected)

    def run(self, chunks: range) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Stems of neighbouring chunks, and the outputs of the steps on the way, all of them if observed.

        Shapes:
            (len(chunks), stem, channel, chunk_size), with the selected stems.
        """
        self._chunks, self._outputs = chunks, {}
        try:
            with torch.no_grad():  # closed again before anything is yielded to a caller
                stems = self._get("inverse" if self.plan.stages.inverts else "model")
                if not self.plan.stages.inverts:
                    stems = stems[:, self._selected]
            return stems, self._outputs
        finally:
            self._outputs = {}  # also where it failed: nothing of this batch is held on to

    def _get(self, step: str) -> Tensor:
        if step in self.kept:
            return self.kept[step][self._chunks.start : self._chunks.stop].to(self.plan.device)
        if step in self._outputs:
            return self._outputs[step]
        output: Tensor = getattr(self, f"_compute_{step}")()
        if self.observed or step in READ_TWICE:
            self._outputs[step] = output
        return output

    def _timed(self, step: str, function: Callable[..., Tensor], *inputs: object) -> Tensor:
        started = time.perf_counter()
        output = function(*inputs)
        if self.plan.device.type == "cuda":
            torch.cuda.synchronize(self.plan.device)  # or the time would be counted where it is waited for
        self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - started
        return output

    def _compute_chunk(self) -> Tensor:
        return self._timed("chunk", self._take_chunks)

    def _take_chunks(self) -> Tensor:
        view = take_batch(self.song.audio.data, self.grid, self._chunks, padding_mode=self.plan.padding_mode)
        # a copy of its own: a model that writes into its input must not change the song
        return view.to(self.plan.device, copy=True, memory_format=torch.contiguous_format)

    def _compute_transform(self) -> Tensor:
        return self._timed("transform", self.plan.stages.transform, self._get("chunk"))

    def _compute_model(self) -> Tensor:
        stages = self.plan.stages
        needs_chunk = stages.input_type != "spectrogram"
        chunk = self._get("chunk") if needs_chunk else torch.empty(0, dtype=torch.float32, device="cpu")
        # taken before the model runs, which may write into the chunk
        spectrogram = self._get("transform") if stages.transforms else None
        output = self._timed("model", self._run_model, chunk, spectrogram)
        check_output(self.plan, output, self._chunks, self._expected_shape(), song=self.song.audio.data)
        return output

    def _run_model(self, chunk: Tensor, spectrogram: Tensor | None) -> Tensor:
        if spectrogram is not None and self.plan.stages.input_type != "waveform":
            spectrogram = spectrogram.clone()  # mask, trace and reruns still read it, and the model may write into it
        references = None if self.references is None else self.references.model_input(self._chunks)
        return run_model(self.plan, chunk, spectrogram, references)

    def _expected_shape(self) -> tuple[int | None, ...]:
        stages, batch, stem = self.plan.stages, len(self._chunks), len(self.plan.stem_names)
        if stages.inverse_stft is None:
            return (batch, stem, stages.num_channels, stages.chunk_size)
        rows = stages.inverse_stft.config.num_freqs * stages.num_channels
        return (batch, stem, rows, stages.inverse_stft.num_frames, 2)

    def _compute_mask(self) -> Tensor:
        return self._timed("mask", self._apply_mask, self._get_mask(), self._get("transform"))

    def _get_mask(self) -> Tensor:
        if self.mask is None:
            return self._get("model")[:, self._selected]
        if isinstance(self.mask, Tensor):
            return self.mask[self._chunks.start : self._chunks.stop].to(self.plan.device)
        return self.mask(self._chunks).to(self.plan.device)

    def _apply_mask(self, mask: Tensor, spectrogram: Tensor) -> Tensor:
        return self.plan.stages.mask(mask, spectrogram)

    def _compute_inverse(self) -> Tensor:
        spectrograms = self._get("wiener") if self.plan.filters else self._get_masked()
        return self._timed("inverse", self.plan.stages.inverse, spectrograms)

    def _compute_wiener(self) -> Tensor:
        return self._timed("wiener", self._filter, self._get_masked(), self._get("transform"))

    def _filter(self, stems: Tensor, mixture: Tensor) -> Tensor:
        return filter_stems(self.plan, stems, mixture)

    def _get_masked(self) -> Tensor:
        """Spectrograms of the selected stems, by a mask or from the model itself."""
        return self._get("mask") if self.plan.stages.masks else self._get("model")[:, self._selected]
