"""A run's masks, chunk by chunk: look at them, compare them with ideal ones, change them and hear what that does."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.mask import IDEAL_MASKS
from workbench.errors import WorkbenchNotice
from workbench.figures.raster import measure_power
from workbench.figures.step_chunks import find_channel, find_loudest_chunk
from workbench.figures.style import PHASE_MAP, format_decibels
from workbench.metrics import sdr
from workbench.pipeline.trace import Trace
from workbench.widgets.base import CANVAS_KIT, audio_html, read_module, read_style
from workbench.widgets.levels import DIVERGING_MAP, colour_table, encode_values
from workbench.widgets.mask_explorer_data import MaskData
from workbench.widgets.mask_explorer_pictures import (
    FLOOR_DB,
    LEAST_DECIBELS,
    MOST_DECIBELS,
    TOP_DB,
    MaskLayers,
    MaskSettings,
    MixtureLayer,
    change_magnitude,
    change_mask,
    draw_mask_panels,
    encode_mask,
    encode_power,
    mask_table,
    phase_table,
    subtract_levels,
    subtract_masks,
)
from workbench.widgets.mask_explorer_sounds import MaskSounds, check_sound, cut_stretch
from workbench.widgets.mask_explorer_traits import LEVEL_MAPS, MaskExplorerTraits
from workbench.widgets.mask_explorer_words import (
    SOUNDS,
    describe_limits,
    describe_panels,
    describe_score,
    list_choices,
)
from workbench.widgets.messages import read_choice
from workbench.widgets.sound import choose_gain, encode_track

QUICK = ("against", "exponent", "threshold", "show_difference")  # to change these needs no other chunk


class MaskExplorer(MaskExplorerTraits):
    """Mixture, mask (magnitude and phase) and result side by side, of a stem and channel in a chunk or in the song.

    Args:
        trace: of a model that gives masks.
        references: the true stems by name, for ideal masks and SDR; by default those that the trace was given.
        traits: what to begin with, such as ``stem="vocals"``; by default the loudest chunk and channel.

    Attributes:
        result: the trace that "apply to the song" made last, or ``None``.
        sdr_before: SDR of the stem in this chunk with the mask that was applied in the run, in dB, or ``None``.
        sdr_after: likewise with the mask as it is shown.

    Raises:
        InvalidValue: a run without masks, or references that do not go with the song.
        InvalidType: no trace of a single pass.
    """

    _esm = read_module(*CANVAS_KIT, "sound.js", "mask_explorer_panels.js", "mask_explorer.js")
    _css = read_style("mask_explorer.css")

    sdr_before: float | None = None
    sdr_after: float | None = None
    result: Trace | None = None

    def __init__(self, trace: object, *, references: Mapping[str, Audio[Tensor]] | None = None, **traits: Any) -> None:
        data = self._data = MaskData(trace, references)
        self._sounds = MaskSounds(data)
        self._origins = (*data.origins, *(() if data.without_ideals else IDEAL_MASKS))
        self._applied: tuple[object, ...] = ()  # the settings that `result` was made with
        started = {"stem": data.stem_names[0], "origin": data.origins[0], **traits}
        started.setdefault("chunk", find_loudest_chunk(data.trace))
        started.setdefault("channel", find_channel(data.trace, None))
        started.setdefault("label", f"Masks of {data.plan.model_id}")
        super().__init__(
            **started,
            choices=list_choices(data, self._origins),
            notice=describe_limits(data),
            tables={name: list(colour_table(name)) for name in LEVEL_MAPS},
            phase_colours=phase_table(PHASE_MAP),
            difference_colours=colour_table(DIVERGING_MAP),
        )
        self._refresh()
        self.watch(self._refresh, "stem", "channel", "chunk", "origin", *QUICK)
        self.on_message(self._answer)

    # Pictures

    @property
    def _settings(self) -> MaskSettings:
        place = self._data.stem_names.index(self.stem)
        return MaskSettings(self.origin, self.chunk, self.channel, place, self.exponent, self.threshold)

    def _refresh(self, change: dict[str, Any] | None = None) -> None:
        """Make the pictures anew; what stays the same is not sent again. The SDR is measured after they were sent."""
        is_quick = change is not None and change["name"] in QUICK
        with nullcontext() if is_quick else self.working():
            self._show_pictures(is_elsewhere=change is not None and change["name"] == "chunk")
            score = self._sounds.score(self._settings)
            self.sdr_before, self.sdr_after = (None, None) if score is None else score
            self.score = describe_score(self.stem, score)

    def _show_pictures(self, *, is_elsewhere: bool) -> None:
        data, settings = self._data, self._settings
        mixture, layers = MixtureLayer.of(data, settings), MaskLayers.of(data, settings)
        magnitude = change_magnitude(layers.magnitude, exponent=self.exponent, threshold=self.threshold)
        result = mixture.power * magnitude.square()
        low, high, unit = (LEAST_DECIBELS, MOST_DECIBELS, "dB") if self.show_difference == "result" else (-1.0, 1.0, "")
        difference = b""
        if self.show_difference == "mask":
            ideal = data.pick_ideal(self.against, settings.chunk, settings.channel, settings.stem)
            difference = encode_values(subtract_masks(magnitude, ideal), low=low, high=high).data
        elif self.show_difference == "result":
            truth = measure_power(data.pick_true_stem(settings.chunk, settings.channel, settings.stem))
            louder = subtract_levels(result, truth, reference=mixture.reference)
            difference = encode_values(louder, low=low, high=high).data
        columns, (num_rows, num_columns) = data.columns(self.chunk), magnitude.shape
        with self.hold_sync():  # all in one message, `picture` being what the browser waits for
            if is_elsewhere:
                self.view = []
            self.mixture_levels = mixture.levels
            self.mask_levels, mask_high = encode_mask(magnitude)
            self.mask_colours = mask_table(mask_high)
            self.phase_levels = layers.encode_phase(magnitude)
            self.result_levels = encode_power(result, reference=mixture.reference)
            self.difference_levels = difference
            self.picture = {
                "serial": self.picture.get("serial", 0) + 1,
                "rows": num_rows,
                "columns": num_columns,
                "start_seconds": columns.start_seconds,
                "step_seconds": columns.step_seconds,
                "step_hertz": data.plan.sample_rate / data.frames.stft.n_fft,
                "span_seconds": list(data.frames.span_seconds(self.chunk)),
                "mask_high": mask_high,
                "difference": [low, high, unit],
                "levels": [FLOOR_DB, TOP_DB],
                "titles": self._describe_panels(layers, magnitude, columns.stride),
            }

    def _describe_panels(self, layers: MaskLayers, magnitude: Tensor, stride: int) -> dict[str, str]:
        return describe_panels(
            self._settings,
            magnitude,
            has_phase=layers.has_phase(magnitude),
            difference=self.show_difference,
            against=self.against,
            stride=stride,
        )

    # Sound

    def sound(self, which: str) -> Audio[Tensor]:
        """What the buttons play: of the chunk shown (or the song), cut to the stretch shown if ``hear_shown``.

        Args:
            which: ``mixture``; ``before``, the stem by the mask that was applied in the run; or ``after``, by the mask
                as it is shown.

        Raises:
            InvalidValue: another name, or a stretch where the song has nothing.
        """
        return self._cut(self._take_sound(which))[0]

    def _take_sound(self, which: str) -> Audio[Tensor]:
        check_sound(which)
        if self.chunk is not None:
            return self._sounds.take(which, self._settings)
        trace = self._data.trace
        if which == "mixture":
            return trace.song
        if which == "after":
            trace = self._apply()
        return Audio(trace["restore"].output[self._settings.stem], trace.song.sample_rate)

    def _cut(self, audio: Audio[Tensor]) -> tuple[Audio[Tensor], float]:
        """What is to be heard of a sound, and where in the song that begins."""
        start = 0 if self.chunk is None else self._sounds.span(self.chunk)[0]
        stretch = self.view[:2] if self.hear_shown else []
        return cut_stretch(audio, start_seconds=start / self._data.plan.sample_rate, stretch=stretch)

    def _answer(self, content: dict[str, Any], buffers: list[Any]) -> None:
        which = read_choice(content, "ask", choices=("apply", *SOUNDS))
        with self.working():
            if which == "apply":
                self._apply()
                return
            audio = self._take_sound(which)
            # one gain for what is compared; of the song it would take a rerun to know how loud it becomes
            compared = [audio] if self.chunk is None else [self._take_sound(name) for name in SOUNDS]
            gain = choose_gain(compared)
            cut, start_seconds = self._cut(audio)
            words = f"{SOUNDS[which]}, {cut.data.shape[-1] / cut.sample_rate:.2f} s"
            if gain < 1:
                words += f", {format_decibels(20 * math.log10(gain))} so that nothing clips"
            answer = {"sound": which, "start_seconds": start_seconds, "words": words}
            self.send(answer, [encode_track(cut, gain=gain)])

    # The song

    @property
    def mask(self) -> Tensor:
        """The mask as it is shown, of all stems and chunks, as ``trace.rerun("mask", mask=...)`` takes it.

        Shapes:
            (chunk, stem, freq * channel, frame, 2)

        Raises:
            InvalidValue: of the model's masks only a summary was kept.
        """
        whole = self._data.whole_mask(self.origin)
        return change_mask(whole, exponent=self.exponent, threshold=self.threshold)

    def rerun(self) -> Trace:
        """The run with this mask for all stems and chunks: ``trace.rerun("mask", mask=widget.mask)``."""
        return self._data.trace.rerun("mask", mask=self.mask, progress=False)

    def _apply(self) -> Trace:
        """Rerun, unless that was just done; the new trace is then ``result``."""
        applied = (self.origin, self.exponent, self.threshold)
        if self.result is None or self._applied != applied:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", WorkbenchNotice)  # they are among the result's notices
                self.result = self.rerun()
            self._applied = applied
        self.status = f"Applied to all stems and chunks of the song; the new trace is widget.result. {self._compare()}"
        return self.result

    def _compare(self) -> str:
        """SDR of the shown stem over the song."""
        if self._data.without_ideals or self.result is None:
            return ""
        truth, place = self._data.references[self.stem], self._settings.stem
        before, after = (
            sdr(truth, Audio(trace["restore"].output[place], truth.sample_rate))
            for trace in (self._data.trace, self.result)
        )
        return describe_score(self.stem, (before, after), where="over the song")

    # Exports

    def figure(self) -> Figure:
        """The same four panels."""
        settings, layers = self._settings, MaskLayers.of(self._data, self._settings)
        magnitude = change_magnitude(layers.magnitude, exponent=self.exponent, threshold=self.threshold)
        titles = self._describe_panels(layers, magnitude, 1)
        return draw_mask_panels(self._data, settings, frequency=self.frequency_axis, titles=titles)

    def describe(self) -> str:
        """A sentence in place of the picture."""
        where = "the song" if self.chunk is None else f"chunk {self.chunk}"
        return f"{self.label}: mixture, mask and result of {self.stem} in {where}. {self.score}".strip()

    def export_html(self) -> str:
        """The picture and what the chunk sounds like; in place of a whole song its loudest chunk."""
        chunk = find_loudest_chunk(self._data.trace) if self.chunk is None else self.chunk
        settings = replace(self._settings, chunk=chunk)
        sounds = {which: self._sounds.take(which, settings) for which in SOUNDS}
        gain = choose_gain(sounds.values())
        players = "".join(
            audio_html(encode_track(audio, gain=gain), label=f"{self.stem}, chunk {chunk}: {SOUNDS[which]}")
            for which, audio in sounds.items()
        )
        return f"{super().export_html()}{players}"
