"""How a mask that was painted on a song sounds: stretches of a stem before and after, through the run's own steps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.stitch import normalized_window
from workbench.errors import InvalidValue
from workbench.pipeline import steps
from workbench.pipeline.song_mask import SongMask
from workbench.widgets.masked_run import transform_chunk
from workbench.widgets.painted_song import PaintedSong

HEARD_SECONDS = 10.0  # at most, so that the sound is there at once
SOUNDS = ("before", "after", "mixture")


@dataclass(frozen=True, eq=False)
class HeardStem:
    """What was made of a stem's chunks, as long as nobody paints on them.

    Args:
        gain: of the painter (stem, freq, frame), in which strokes change it.
        stem: which one.
        mask: of that gain, which it shares the memory of.
        chunks: by index, (channel, time).
    """

    gain: np.ndarray
    stem: int
    mask: SongMask
    chunks: dict[int, Tensor] = field(default_factory=dict)


class PaintedSounds:
    """Stretches of a painted song's stems, at the model's rate."""

    def __init__(self, song: PaintedSong) -> None:
        self.song, self.trace, self.plan = song, song.trace, song.plan
        self._heard: HeardStem | None = None

    def forget(self, start_seconds: float, stop_seconds: float) -> None:
        """To be told where gains have changed: chunks there are made anew when they are heard again."""
        if self._heard is None:
            return
        rate, grid = self.plan.sample_rate, self.trace.grid
        for index in list(self._heard.chunks):
            start = grid.starts[index] / rate
            if start <= stop_seconds and start + grid.chunk_size / rate >= start_seconds:
                del self._heard.chunks[index]

    def choose_stretch(self, view: list[float], from_seconds: float | None = None) -> tuple[float, float]:
        """From when to when one hears of what is shown: all, or 10 s from an instant in it (or its beginning) on."""
        start, stop = view[:2] or (0.0, self.song.seconds)
        if start >= self.song.seconds or stop <= 0:  # beyond the song, where a page shows the nearest part of it
            span = min(stop - start, self.song.seconds)
            start = 0.0 if stop <= 0 else self.song.seconds - span
            stop = start + span
        start, stop = max(0.0, start), min(stop, self.song.seconds)
        if stop - start > HEARD_SECONDS:
            if from_seconds is not None and start <= from_seconds < stop:
                start = min(from_seconds, stop - HEARD_SECONDS)
            stop = start + HEARD_SECONDS
        return start, stop

    def take(self, which: str, gain: np.ndarray, stem: int, start_seconds: float, stop_seconds: float) -> Audio[Tensor]:
        """One of `SOUNDS` of a stem, with a gain (stem, freq, frame) on the song's frames.

        Raises:
            InvalidValue: another name, or no stretch of the song.
        """
        if which not in SOUNDS:
            raise InvalidValue(f"the sound must be one of {', '.join(SOUNDS)}, got {which!r}")
        if not 0 <= start_seconds < stop_seconds <= self.song.seconds + 1e-6:
            raise InvalidValue(
                f"expected a stretch within 0 to {self.song.seconds:.3f} s, got {start_seconds:g} to {stop_seconds:g} s"
            )
        if which == "mixture":
            return self.hear_mixture(start_seconds, stop_seconds)
        if which == "before":
            return self.hear_before(stem, start_seconds, stop_seconds)
        return self.hear_after(gain, stem, start_seconds, stop_seconds)

    def hear_before(self, stem: int, start_seconds: float, stop_seconds: float) -> Audio[Tensor]:
        """A stretch of a stem as the trace has it, at the model's rate."""
        first, stop = self._find_samples(start_seconds, stop_seconds)
        return Audio(self.trace["denormalize"].output[stem, :, first:stop], self.plan.sample_rate)

    def hear_mixture(self, start_seconds: float, stop_seconds: float) -> Audio[Tensor]:
        """A stretch of the mixture, likewise."""
        first, stop = self._find_samples(start_seconds, stop_seconds)
        return Audio(self.trace["conform"].output[:, first:stop], self.plan.sample_rate)

    def hear_after(self, gain: np.ndarray, stem: int, start_seconds: float, stop_seconds: float) -> Audio[Tensor]:
        """What a gain (stem, freq, frame) leaves of a stretch: what a rerun gives there, from its chunks alone.

        They go through the run's own steps: transform (or what was kept of it), mask, Wiener filter if the run has
        one, inverse and overlap-add.
        """
        plan, grid = self.plan, self.trace.grid
        first, stop = self._find_samples(start_seconds, stop_seconds)
        heard = self._make_chunks(gain, stem, range(grid.covering(first).start, grid.covering(stop - 1).stop))
        weights = normalized_window(grid, plan.window)
        sound = torch.zeros(plan.num_channels, stop - first, dtype=torch.float32, device="cpu")
        for index, stem_sound in heard.items():
            start = grid.starts[index]
            part = slice(max(start, first), min(start + grid.chunk_size, stop))
            inside = slice(part.start - start, part.stop - start)
            sound[:, part.start - first : part.stop - first].addcmul_(stem_sound[:, inside], weights[inside])
        leveled = steps.denormalize(sound.unsqueeze(0), self.trace["normalize"].stats, plan)
        return Audio(leveled[0], plan.sample_rate)

    def _make_chunks(self, gain: np.ndarray, stem: int, chunks: range) -> dict[int, Tensor]:
        """The chunks of a stem, those that were not kept made anew; kept are these alone."""
        heard = self._heard
        if heard is None or heard.gain is not gain or heard.stem != stem:
            stems = slice(None) if self.plan.filters else slice(stem, stem + 1)  # only the filter needs the others
            heard = HeardStem(gain, stem, SongMask(torch.from_numpy(gain[stems]), self.song.hop_samples))
        place = stem if self.plan.filters else 0
        kept = heard.chunks
        made = {index: kept[index] if index in kept else self._mask_chunk(heard.mask, index, place) for index in chunks}
        self._heard = replace(heard, chunks=made)
        return made

    def _mask_chunk(self, mask: SongMask, index: int, stem: int) -> Tensor:
        """One chunk of one stem: (channel, time)."""
        plan, chunks = self.plan, range(index, index + 1)
        sampled = mask.sample_chunks(chunks, plan=plan, grid=self.trace.grid, song_rate=self.song.sample_rate)
        with torch.no_grad():
            mixture = self._take_spectrogram(index)
            masked = plan.stages.mask(sampled.to(plan.device), mixture)
            if plan.filters:
                masked = steps.filter_stems(plan, masked, mixture)
            return plan.stages.inverse(masked)[0, stem].cpu()

    def _take_spectrogram(self, chunk: int) -> Tensor:
        """Of the mixture, (1, freq * channel, frame, 2)."""
        kept = self.trace["transform"]
        spectrogram = cast(Tensor, kept.output[chunk]) if kept.is_kept else transform_chunk(self.trace, chunk)
        return spectrogram.unsqueeze(0).to(self.plan.device)

    def _find_samples(self, start_seconds: float, stop_seconds: float) -> tuple[int, int]:
        """At the model's rate, within the song and at least one."""
        num_samples, rate = self.trace.grid.num_samples, self.plan.sample_rate
        first = min(max(0, round(start_seconds * rate)), num_samples - 1)
        return first, min(max(first + 1, round(stop_seconds * rate)), num_samples)
