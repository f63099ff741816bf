"""Any window at any hop: its shifted copies, what they sum to, and what is heard of a sum that is no constant."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from traitlets import validate

from workbench.core.audio import Audio
from workbench.core.grid import ChunkGrid
from workbench.errors import InvalidValue, WorkbenchError
from workbench.figures.envelope import measure_peak
from workbench.figures.style import HIGHLIGHT_COLOR, STEM_COLORS
from workbench.figures.windows import draw_windows
from workbench.pipeline.steps import load_song
from workbench.pipeline.trace import Trace
from workbench.registry import find_window, make_window
from workbench.registry.lookup import shorten_id
from workbench.widgets.base import (
    CANVAS_KIT,
    audio_html,
    bytes_list_trait,
    bytes_trait,
    read_module,
    read_style,
)
from workbench.widgets.errors import RefusedValueError
from workbench.widgets.levels import encode_peaks
from workbench.widgets.messages import read_choice
from workbench.widgets.overlap_measures import (
    Rebuilt,
    Verdict,
    encode_error,
    encode_normalized,
    encode_period,
    encode_ranges,
    encode_window,
    rebuild,
    sum_period,
)
from workbench.widgets.overlap_mistakes import MISTAKES
from workbench.widgets.sound import choose_gain, encode_track
from workbench.widgets.window_facts import TRACK_TITLES, facts_html, list_facts, list_windows
from workbench.widgets.window_signals import (
    SIGNALS,
    TraceSettings,
    choose_chunk_size,
    choose_excerpt,
    make_signal,
    read_trace,
    take_excerpt,
)
from workbench.widgets.window_state import SETTINGS, WindowState

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULT_RATE = 44_100
MOST_CHUNKS = 5000  # so that a hop of few samples does not keep the kernel for minutes
SAMPLES_PER_BLOCK = 64  # of waveforms, fewer of a short signal
LEAST_BLOCKS = 500  # so that the last one, which may not be full, is not seen to reach beyond the signal's end


class WindowExplorer(WindowState):
    """Windows laid over one another, their sum, COLA and NOLA, and a real signal cut and put together again.

    Args:
        song: what is cut, a path or audio; noise by default. Of a long one an excerpt is taken.
        window: an overlap-add window such as ``"hann"`` or ``"tukey:alpha=0.3"``.
        chunk_size: length of a chunk in samples, by default about 0.37 s.
        hop: samples from one chunk to the next; or give ``overlap``.
        overlap: share of a chunk that the next one overlaps, half by default.
        trace: a run, whose song, chunks and window are taken where they are not given.
        excerpt_seconds: how much of the song is taken, by default 3 s or four chunks.
        traits: what else to begin with, such as ``mistake="divide_by_count"``.

    Attributes:
        window: its full id, such as ``"windows.hann"``; set to a name or to text with parameters.
        parameters: of the window, by name.
        chunk_samples: length of a chunk.
        hop_samples: from one chunk to the next; `overlap` follows it, and it follows `overlap` and `chunk_samples`.
        overlap: ``1 - hop_samples / chunk_samples``, as set or as it comes of the hop.
        mistake: a key of `workbench.widgets.overlap_mistakes.MISTAKES`, or empty; sets window and overlap.
        signal: ``"song"``, ``"tone"`` or ``"noise"``.
        start_seconds: where in the song the excerpt begins.
        num_added: how many chunks the running sum has so far; -1 for all.
        shown: what is shown of the excerpt, ``[from, to]`` in seconds; empty for all.

    Raises:
        InvalidType, InvalidValue, AudioFileError: a song that is none. Settings that cannot be are in ``message``.
    """

    _esm = read_module(*CANVAS_KIT, "sound.js", "clip_sound.js", "overlap_layers.js", "window_explorer.js")
    _css = read_style("overlap_explorers.css")

    window_points, sum_points = bytes_trait(), bytes_trait()
    normalized_points, mistake_gain = bytes_trait(), bytes_trait()
    errors, peaks = bytes_list_trait(), bytes_list_trait()  # of stitched, plain, mistake; peaks of the signal first

    def __init__(
        self,
        song: Audio[Tensor] | str | PathLike[str] | None = None,
        *,
        window: str | None = None,
        chunk_size: int | None = None,
        hop: int | None = None,
        overlap: float | None = None,
        trace: Trace | None = None,
        excerpt_seconds: float | None = None,
        **traits: Any,
    ) -> None:
        preset = MISTAKES.get(traits.get("mistake", ""))
        self._rebuilt: Rebuilt | None = None
        self._serial, self._signal_chosen = 0, ("", 0.0)
        if hop is not None and overlap is not None:
            raise InvalidValue(f"give hop or overlap, not both: got hop={hop} and overlap={overlap}")
        given = TraceSettings() if trace is None else read_trace(trace)
        self._song = given.song if song is None else load_song(song)
        self._rate = DEFAULT_RATE if self._song is None else self._song.sample_rate
        if chunk_size is None:
            chunk_size = given.chunk_size or choose_chunk_size(self._rate)
        self._excerpt_samples = choose_excerpt(chunk_size, sample_rate=self._rate, seconds=excerpt_seconds)
        if hop is None and overlap is None and preset is None:
            hop = given.hop_size
        super().__init__(
            **{"label": "Window explorer", "signal": "noise" if self._song is None else "song", **traits},
            known_mistakes=[
                {"key": key, "title": one.title, "wrong": one.wrong, "heard": one.heard}
                for key, one in MISTAKES.items()
            ],
            known_windows=list_windows(),
            signals=[name for name in SIGNALS if name != "song" or self._song is not None],
            chunk_samples=chunk_size,
            window=window or (preset.window if preset else given.window) or "hann",
            overlap=(preset.overlap if preset else 0.5) if overlap is None else overlap,
        )
        self.watch(self._follow, *SETTINGS)
        self.on_message(self._answer)
        try:
            with self.setting_together():
                for name in ("window", "overlap"):
                    self._adapt(name)
                if hop is not None:
                    self.assign(hop_samples=hop)
                    self._adapt("hop_samples")
                if "parameters" in traits:
                    self.assign(parameters=traits["parameters"])
                    self._adapt("parameters")
                self._measure()
            self.message = given.notice
        except WorkbenchError as error:
            self.show_error(error, source=self._follow)

    @validate("num_added")
    def _check_added(self, proposal: dict[str, Any]) -> int:
        most = proposal["value"] if self._rebuilt is None else self._rebuilt.grid.num_chunks
        if proposal["value"] > most:
            raise RefusedValueError(f"num_added must be from 0 to {most}, or -1 for all, got {proposal['value']}")
        return int(proposal["value"])

    @property
    def rebuilt(self) -> Rebuilt:
        """The signal, cut and put together again, with all figures, of the last settings that could be.

        Raises:
            InvalidValue: there were none yet.
        """
        if self._rebuilt is None:
            raise InvalidValue(self.message or "nothing was measured yet: set a window, a chunk and a hop that can be")
        return self._rebuilt

    @property
    def verdict(self) -> Verdict:
        """COLA and NOLA of the window at this hop."""
        return self.rebuilt.verdict

    def _measure(self) -> None:
        signal = self._find_signal()
        grid = ChunkGrid(signal.data.shape[-1], self._check_chunk(), self.hop_samples)
        if grid.num_chunks > MOST_CHUNKS:
            raise InvalidValue(
                f"a hop of {grid.hop_size} samples takes {grid.num_chunks} chunks for this signal, "
                f"more than {MOST_CHUNKS}: take a larger hop, or a shorter excerpt_seconds"
            )
        spec = self.window
        if self.parameters:
            spec += ":" + ",".join(f"{name}={value!r}" for name, value in self.parameters.items())
        window = make_window(spec, length=grid.chunk_size, dtype=torch.float64)
        self._card = find_window(self.window).card
        mistake = MISTAKES.get(self.mistake)
        self._show(rebuild(signal, grid, window, mistake=mistake.make if mistake else None))

    def _find_signal(self) -> Audio[Tensor]:
        """The signal that is chosen; it stays while only windows change."""
        chosen = (self.signal, self.start_seconds)
        if chosen != self._signal_chosen:
            self._signal, self._signal_chosen = self._take_signal(), chosen
        return self._signal

    def _take_signal(self) -> Audio[Tensor]:
        if self.signal != "song":
            self.latest_start_seconds = 0.0
            return make_signal(self.signal, num_samples=self._excerpt_samples, sample_rate=self._rate)
        if self._song is None:
            raise InvalidValue("there is no song here: give one to WindowExplorer, or take noise or tone")
        self.latest_start_seconds = max(0, self._song.data.shape[-1] - self._excerpt_samples) / self._rate
        return take_excerpt(self._song, start_seconds=self.start_seconds, num_samples=self._excerpt_samples)

    def _show(self, rebuilt: Rebuilt) -> None:
        """All that the browser draws, and which of the traits that are set belong together."""
        self._rebuilt = rebuilt
        self._serial += 1
        grid, made = rebuilt.grid, (rebuilt.stitched, rebuilt.plain, rebuilt.mistaken)
        self.window_points = encode_window(rebuilt.window)
        self.sum_points = encode_period(sum_period(rebuilt.window, grid.hop_size))
        self.normalized_points = encode_normalized(rebuilt.window, grid.hop_size)
        gain = rebuilt.mistake_gain
        self.mistake_gain = b"" if gain is None else encode_ranges(gain.unsqueeze(0))
        self.errors = [encode_error(rebuilt, one) for one in made]
        tracks = [rebuilt.signal.data, *made]
        full_scale = max(measure_peak(data) for data in tracks if data is not None) or 1.0
        self.peaks = [self._encode_peaks(data, full_scale) for data in tracks]
        self.facts = list_facts(rebuilt, MISTAKES.get(self.mistake))
        self.num_added = -1 if self.num_added >= grid.num_chunks else self.num_added
        verdict = rebuilt.verdict
        self.drawn = {
            "serial": self._serial,
            "sample_rate": self._rate,
            "num_samples": grid.num_samples,
            "chunk_size": grid.chunk_size,
            "hop_size": grid.hop_size,
            "start": grid.starts[0],
            "num_chunks": grid.num_chunks,
            "padded_length": grid.padded_length,
            "mean": verdict.mean,
            "least": verdict.least,
            "most": verdict.most,
            "refused": rebuilt.refusal,
            "block": self._choose_block(),
            "full_scale": full_scale,
            "tracks": list(self.tracks),
        }

    def _choose_block(self) -> int:
        return max(1, min(SAMPLES_PER_BLOCK, self.rebuilt.grid.num_samples // LEAST_BLOCKS))

    def _encode_peaks(self, data: Tensor | None, full_scale: float) -> bytes:
        if data is None:
            return b""
        return encode_peaks(Audio(data, self._rate), samples_per_block=self._choose_block(), full_scale=full_scale)

    @property
    def tracks(self) -> dict[str, Audio[Tensor]]:
        """What there is to hear: the signal, what came of it in each way, and what is wrong with the last of them."""
        rebuilt = self.rebuilt
        found = (rebuilt.signal.data, rebuilt.stitched, rebuilt.plain, rebuilt.mistaken, rebuilt.difference)
        pairs = zip(TRACK_TITLES, found, strict=True)
        return {name: Audio(data, self._rate) for name, data in pairs if data is not None}

    def _answer(self, content: Mapping[str, Any], buffers: list[Any]) -> None:
        if read_choice(content, "ask", choices=("windows", "sound")) == "windows":
            self.refresh_windows()
        else:
            tracks, name = self.tracks, read_choice(content, "track", choices=list(TRACK_TITLES))
            if name not in tracks:
                raise InvalidValue(f"there is nothing to hear as {TRACK_TITLES[name]} with these settings")
            gain = choose_gain(tracks.values())  # one for all, so that they can be compared
            self.send({"request": content.get("request")}, [encode_track(tracks[name], gain=gain)])

    def figure(self) -> Figure:
        """Windows, their sum, and what was put together with them."""
        rebuilt = self.rebuilt
        made = {
            "stitch_chunks": rebuilt.stitched,
            "without normalization": rebuilt.plain,
            "the mistake": rebuilt.mistaken,
        }
        return draw_windows(
            rebuilt.grid,
            rebuilt.window.float(),
            sample_rate=self._rate,
            name=shorten_id(self.window),
            stems={name: data for name, data in made.items() if data is not None},
            colors=dict(zip(made, (STEM_COLORS[2], STEM_COLORS[1], HIGHLIGHT_COLOR), strict=True)),
        )

    def describe(self) -> str:
        """The window, its hop, and the verdict."""
        facts = [f"{fact['name']}: {fact['answer']}" for fact in self.facts]
        return "; ".join([f"{shorten_id(self.window)} at an overlap of {self.overlap:.3g}", *facts])

    def export_html(self) -> str:
        """The picture, the verdict as a table, and everything there is to hear."""
        if self._rebuilt is None:
            return super().export_html()
        tracks = self.tracks
        gain = choose_gain(tracks.values())
        sounds = [audio_html(encode_track(one, gain=gain), label=TRACK_TITLES[name]) for name, one in tracks.items()]
        return f"{super().export_html()}{facts_html(self.facts)}{''.join(sounds)}"
