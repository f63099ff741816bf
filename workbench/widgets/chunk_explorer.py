"""Where a song's chunks lie, what is in the padding around it, and what a chunk sounds like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from torch import Tensor
from traitlets import Dict, Enum, Float, Int, List, Unicode, validate

from workbench.core.audio import Audio
from workbench.core.chunk import take_batch
from workbench.core.grid import PADDING_MODES, ChunkGrid, hop_from_overlap, take_span
from workbench.errors import InvalidValue, WorkbenchError
from workbench.figures.chunks import count_lanes, draw_chunks
from workbench.figures.envelope import measure_peak
from workbench.pipeline.steps import load_song
from workbench.pipeline.trace import Trace
from workbench.widgets.base import CANVAS_KIT, WorkbenchWidget, audio_html, bytes_trait, read_module, read_style
from workbench.widgets.chunk_facts import list_chunk_facts, write_chunk_code
from workbench.widgets.errors import RefusedValueError
from workbench.widgets.levels import encode_peaks
from workbench.widgets.messages import read_choice
from workbench.widgets.sound import choose_gain, encode_track
from workbench.widgets.traits import FiniteFloat, ViewRange

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BLOCKS = 32_768  # of the song's waveform
MOST_CHUNK_BLOCKS = 4096  # of one chunk's, or of the padding on one side
DEFAULT_CHUNK_SECONDS = 2.0
SHARE_OF_SONG = 4  # a short song has about so many chunks at first
LONGEST_CHUNK_SECONDS = 600.0
MOST_CHUNKS = 200_000
SETTINGS = ("chunk_samples", "overlap", "padding_mode", "chunk", "instant_sample")


class ChunkExplorer(WorkbenchWidget):
    """A song's chunks in lanes below its waveform, with padding and final zeros as they are.

    Args:
        song: a trace, a path or audio.
        chunk_size: length of a chunk in samples; or give ``chunk_seconds``. By default a trace's, else 2 s, and of a
            short song a quarter.
        chunk_seconds: likewise in seconds.
        overlap: share of a chunk that the next one overlaps, half by default.
        padding_mode: what the song goes on with beyond its ends: ``reflect``, ``constant`` (zeros) or ``replicate``.
        traits: what else to begin with, such as ``chunk=3``.

    Attributes:
        chunk_samples: length of a chunk.
        overlap: share of a chunk; `hop_samples` follows.
        hop_samples: from one chunk to the next, ``round(chunk_samples * (1 - overlap))``.
        padding_mode: as above.
        chunk: the one that is selected, whose samples are shown and heard.
        instant_sample: a sample of the song that was clicked, negative in the padding before it.
        covering: for each chunk that contains that sample: ``chunk``, and the sample's ``place`` in it.
        facts: count, redundancy, padding and final zeros, in words.
        code: the settings as Python.
        shown: what is shown, ``[from, to]`` in seconds; empty for all.

    Raises:
        InvalidType, InvalidValue, AudioFileError: a song that is none. Settings that cannot be are in ``message``.
    """

    _esm = read_module(*CANVAS_KIT, "sound.js", "clip_sound.js", "overlap_layers.js", "chunk_explorer.js")
    _css = read_style("overlap_explorers.css")

    chunk_samples = Int(1).tag(sync=True)
    overlap = FiniteFloat(0.5).tag(sync=True)
    hop_samples = Int(1).tag(sync=True)
    padding_mode = Enum(PADDING_MODES, default_value="reflect").tag(sync=True)
    chunk = Int(0).tag(sync=True)
    instant_sample = Int(0).tag(sync=True)
    shown = ViewRange().tag(sync=True)

    # what the browser draws and says; of the last settings that could be
    sample_rate = Int(44_100).tag(sync=True)
    num_samples = Int(1).tag(sync=True)
    full_scale = Float(1.0).tag(sync=True)
    song_block = Int(1).tag(sync=True)  # samples to a block of the waveform
    covering = List(Dict()).tag(sync=True)
    facts = List(Dict()).tag(sync=True)
    code = Unicode("").tag(sync=True)
    drawn = Dict().tag(sync=True)
    song_peaks, before_peaks, after_peaks, chunk_peaks = (bytes_trait() for _ in range(4))

    def __init__(
        self,
        song: Trace | Audio[Tensor] | str | PathLike[str],
        *,
        chunk_size: int | None = None,
        chunk_seconds: float | None = None,
        overlap: float | None = None,
        padding_mode: str | None = None,
        **traits: Any,
    ) -> None:
        if chunk_size is not None and chunk_seconds is not None:
            raise InvalidValue(f"give chunk_size or chunk_seconds, not both: got {chunk_size} and {chunk_seconds}")
        self._grid: ChunkGrid | None = None
        self._serial, self._selected = 0, 0  # the chunk that was selected last of those that there are
        self._is_traced = isinstance(song, Trace)
        if isinstance(song, Trace):
            plan = song.plan
            self._song = Audio(song["conform"].output, plan.sample_rate)
            default_size, default_overlap = plan.chunk_size, 1 - plan.hop_size / plan.chunk_size
            padding_mode = padding_mode or plan.padding_mode
        else:
            self._song, default_overlap = load_song(song), 0.5
            part = -(-self._song.data.shape[-1] // SHARE_OF_SONG)
            default_size = max(2, min(round(DEFAULT_CHUNK_SECONDS * self._song.sample_rate), part))
        rate, num_samples = self._song.sample_rate, self._song.data.shape[-1]
        if chunk_seconds is not None:
            chunk_size = round(chunk_seconds * rate) if math.isfinite(chunk_seconds) else 0
        full_scale, block = measure_peak(self._song.data) or 1.0, -(-num_samples // MOST_BLOCKS)
        super().__init__(
            **{"label": "Chunk explorer", **traits},
            chunk_samples=default_size if chunk_size is None else chunk_size,
            overlap=default_overlap if overlap is None else overlap,
            padding_mode=padding_mode or "reflect",
            sample_rate=rate,
            num_samples=num_samples,
            full_scale=full_scale,
            song_block=block,
            song_peaks=encode_peaks(self._song, samples_per_block=block, full_scale=full_scale),
        )
        self.watch(self._follow, *SETTINGS)
        self.on_message(self._answer)
        try:
            with self.setting_together():
                self._place_chunks()
        except WorkbenchError as error:
            self.show_error(error, source=self._follow)

    @validate("hop_samples")
    def _check_hop(self, proposal: dict[str, Any]) -> int:
        if not self.is_setting_together:
            raise RefusedValueError("hop_samples follows chunk_samples and overlap: set one of these instead")
        return int(proposal["value"])

    @property
    def grid(self) -> ChunkGrid:
        """Where the chunks lie, with the last settings that could be.

        Raises:
            InvalidValue: there were none yet.
        """
        if self._grid is None:
            raise InvalidValue(self.message or "there are no chunks yet: set chunk_samples and overlap")
        return self._grid

    def _follow(self, change: Mapping[str, Any]) -> None:
        if self.is_setting_together:
            return
        with self.setting_together():
            if change["name"] == "chunk":
                self._select_chunk()
            elif change["name"] == "instant_sample":
                self._find_covering()
            else:
                self._place_chunks()

    def _place_chunks(self) -> None:
        longest = round(LONGEST_CHUNK_SECONDS * self.sample_rate)
        if not 1 <= self.chunk_samples <= longest:
            raise InvalidValue(f"a chunk must have from 1 to {longest} samples, got {self.chunk_samples}")
        hop_size = hop_from_overlap(self.chunk_samples, self.overlap)
        grid = ChunkGrid(self.num_samples, self.chunk_samples, hop_size)
        if grid.num_chunks > MOST_CHUNKS:
            raise InvalidValue(
                f"chunks of {grid.chunk_size} samples at a hop of {hop_size} would be {grid.num_chunks}, the explorer "
                f"shows at most {MOST_CHUNKS}: take longer chunks or less overlap"
            )
        self._grid, self.hop_samples = grid, hop_size
        self._serial += 1
        self.chunk = min(max(0, self.chunk), grid.num_chunks - 1)
        first, stop = grid.starts[0], grid.starts[0] + grid.padded_length
        self.instant_sample = min(max(first, self.instant_sample), stop - 1)
        block = max(1, -(-max(grid.padding, stop - self.num_samples) // MOST_CHUNK_BLOCKS))
        self.before_peaks = self._encode_span(first, 0, block)
        self.after_peaks = self._encode_span(self.num_samples, stop, block)
        num_channels = self._song.data.shape[0]
        self.facts = list_chunk_facts(
            grid, sample_rate=self.sample_rate, num_channels=num_channels, padding_mode=self.padding_mode
        )
        self.code = write_chunk_code(
            chunk_seconds=self.chunk_samples / self.sample_rate,
            overlap=self.overlap,
            padding_mode=self.padding_mode,
            is_traced=self._is_traced,
        )
        self._select_chunk()
        self._find_covering()
        self.drawn = {
            "serial": self._serial,
            "sample_rate": self.sample_rate,
            "num_samples": grid.num_samples,
            "chunk_size": grid.chunk_size,
            "hop_size": hop_size,
            "start": first,
            "num_chunks": grid.num_chunks,
            "padded_length": grid.padded_length,
            "num_lanes": count_lanes(grid),
            "padding_mode": self.padding_mode,
            "padding_block": block,
            "chunk_block": self._choose_chunk_block(),
        }

    def _choose_chunk_block(self) -> int:
        return -(-self.grid.chunk_size // MOST_CHUNK_BLOCKS)

    def _select_chunk(self) -> None:
        last = self.grid.num_chunks - 1
        if not 0 <= self.chunk <= last:
            raise InvalidValue(f"there are chunks 0 to {last}, got {self.chunk}")
        self._selected = self.chunk
        self.chunk_peaks = self._encode(self.take_chunk().data, self._choose_chunk_block())

    def take_chunk(self) -> Audio[Tensor]:
        """The selected chunk as a model gets it, padding included: (channel, chunk)."""
        chunks = range(self._selected, self._selected + 1)
        data = take_batch(self._song.data, self.grid, chunks, padding_mode=self.padding_mode)[0]  # (channel, chunk)
        return Audio(data, self.sample_rate)

    def _find_covering(self) -> None:
        starts = self.grid.starts
        self.covering = [
            {"chunk": index, "place": self.instant_sample - starts[index]}
            for index in self.grid.covering(self.instant_sample)
        ]

    def _encode_span(self, start: int, stop: int, block: int) -> bytes:
        if start >= stop:
            return b""
        padding, mode = self.grid.padding, self.padding_mode
        return self._encode(take_span(self._song.data, start, stop, padding=padding, padding_mode=mode), block)

    def _encode(self, data: Tensor, block: int) -> bytes:
        audio = Audio(data, self.sample_rate)
        return encode_peaks(audio, samples_per_block=block, full_scale=self.full_scale)

    def _answer(self, content: Mapping[str, Any], buffers: list[Any]) -> None:
        read_choice(content, "ask", choices=("sound",))
        track = encode_track(self.take_chunk(), gain=choose_gain([self._song]))
        self.send({"request": content.get("request")}, [track])

    def figure(self) -> Figure:
        """The song with its padding, the lanes, and the selected chunk."""
        return draw_chunks(self._song, self.grid, padding_mode=self.padding_mode, chunk=self._selected)

    def describe(self) -> str:
        """Count, sizes and redundancy."""
        return "; ".join(f"{fact['name']}: {fact['answer']} {fact['figure']}" for fact in self.facts) or self.label

    def export_html(self) -> str:
        """The picture, and the selected chunk to hear."""
        if self._grid is None:
            return super().export_html()
        track = encode_track(self.take_chunk(), gain=choose_gain([self._song]))
        return super().export_html() + audio_html(track, label=f"chunk {self._selected}")
