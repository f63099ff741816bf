"""What the mask explorer lets one hear of a chunk, and its SDR."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import InvalidValue
from workbench.figures.raster import measure_magnitude
from workbench.metrics import sdr
from workbench.pipeline import steps
from workbench.widgets.mask_explorer_data import MaskData
from workbench.widgets.mask_explorer_pictures import MaskSettings, change_mask
from workbench.widgets.mask_explorer_words import SOUNDS


class MaskSounds:
    """Sounds of single chunks, where the song lies: without their padding, at the model's rate."""

    def __init__(self, data: MaskData) -> None:
        self.data, self.plan = data, data.plan

    def span(self, chunk: int) -> tuple[int, int]:
        """From which to which sample of the song a chunk lasts, at the model's rate, without its padding."""
        grid = self.data.trace.grid
        return max(0, grid.starts[chunk]), min(grid.num_samples, grid.starts[chunk] + grid.chunk_size)

    def take(self, which: str, settings: MaskSettings) -> Audio[Tensor]:
        """One of the sounds of `SOUNDS`.

        Raises:
            InvalidValue: another name.
        """
        check_sound(which)
        chunk = settings.chunk
        assert chunk is not None  # the song's sounds are the traces' own
        if which == "mixture":
            start, stop = self.span(chunk)
            return Audio(self.data.trace["conform"].output[:, start:stop], self.plan.sample_rate)
        before = self.data.origins[0]
        if which == "before" or (settings.origin == before and not settings.changes):
            return self.data.remember("before", (chunk, settings.stem), lambda: self._leave(before, settings))
        mask, magnitude = self._stem_mask(settings)
        changed = change_mask(mask, exponent=settings.exponent, threshold=settings.threshold, magnitude=magnitude)
        return self.apply(chunk, changed)

    def _leave(self, origin: str, settings: MaskSettings) -> Audio[Tensor]:
        """What the unchanged mask leaves."""
        assert settings.chunk is not None
        return self.apply(settings.chunk, self.data.mask(origin, settings.chunk)[settings.stem])

    def _stem_mask(self, settings: MaskSettings) -> tuple[Tensor, Tensor]:
        """The mask of one stem in all channels (freq * channel, frame, 2), and its magnitude."""
        origin, chunk, stem = settings.origin, settings.chunk, settings.stem
        assert chunk is not None

        def make() -> tuple[Tensor, Tensor]:
            mask = self.data.mask(origin, chunk)[stem]
            return mask, measure_magnitude(mask.to(torch.promote_types(mask.dtype, torch.float32)))

        return self.data.remember("stem mask", (origin, chunk, stem), make)

    def apply(self, chunk: int, mask: Float[Tensor, "rows frame 2"]) -> Audio[Tensor]:
        """What a mask leaves of a chunk, through the run's own mask step and inverse, with the level put back."""
        stages, device = self.plan.stages, self.plan.device
        with torch.no_grad():
            masked = stages.mask(mask[None, None].to(device), self.data.mixture(chunk).unsqueeze(0).to(device))
            sound = stages.inverse(masked)[0].cpu().float()  # (1, channel, chunk_size)
        sound = steps.denormalize(sound, self.data.trace["normalize"].stats, self.plan)
        start, stop = self.span(chunk)
        first = start - self.data.trace.grid.starts[chunk]
        return Audio(sound[0, :, first : first + stop - start], self.plan.sample_rate)

    def true_stem(self, chunk: int, stem: int) -> Audio[Tensor]:
        """What the reference has where a chunk lies."""
        start, stop = self.span(chunk)
        data, stats = self.data.reference_chunks.data, self.data.trace["normalize"].stats
        return Audio(data[stem, :, start:stop] * stats.std + stats.mean / len(data), self.plan.sample_rate)

    def score(self, settings: MaskSettings) -> tuple[float, float] | None:
        """SDR in dB before and after, of a chunk of a song whose true stems are there."""
        if settings.chunk is None or self.data.without_ideals:
            return None
        truth = self.true_stem(settings.chunk, settings.stem)
        return sdr(truth, self.take("before", settings)), sdr(truth, self.take("after", settings))


def check_sound(which: str) -> None:
    """Raise `InvalidValue` unless there is such a sound."""
    if which not in SOUNDS:
        raise InvalidValue(f"the sound must be one of {', '.join(SOUNDS)}, got {which!r}")


def cut_stretch(audio: Audio[Tensor], *, start_seconds: float, stretch: list[float]) -> tuple[Audio[Tensor], float]:
    """The part of a sound that begins at ``start_seconds`` within a stretch of the song, and where that begins.

    Args:
        audio: data (channel, time).
        start_seconds: where in the song it begins.
        stretch: from and to, in seconds of the song; empty for all.

    Raises:
        InvalidValue: they have nothing in common.
    """
    if not stretch:
        return audio, start_seconds
    first, last = (round((second - start_seconds) * audio.sample_rate) for second in stretch)
    first, last = max(0, first), min(audio.data.shape[-1], last)
    if first >= last:
        raise InvalidValue("nothing to hear: the stretch shown lies in the chunk's padding, beyond the song")
    return Audio(audio.data[:, first:last], audio.sample_rate), start_seconds + first / audio.sample_rate
