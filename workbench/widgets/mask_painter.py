"""Paint a mask on a song's spectrogram and hear what it does."""

from __future__ import annotations

import math
import warnings
from os import PathLike
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor

from workbench.core.audio import Audio
from workbench.errors import WorkbenchNotice
from workbench.figures.style import LEVEL_MAP, format_count
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.trace import Trace
from workbench.widgets.base import CANVAS_KIT, audio_html, read_module, read_style
from workbench.widgets.levels import colour_table
from workbench.widgets.messages import read_choice, read_part
from workbench.widgets.painted_cells import choose_cells, describe_cells, encode_gain
from workbench.widgets.painted_gain import Box
from workbench.widgets.painted_song import PaintedSong
from workbench.widgets.painted_sounds import PaintedSounds
from workbench.widgets.painter_state import STARTS
from workbench.widgets.painter_strokes import PainterStrokes
from workbench.widgets.painting_figure import draw_painting
from workbench.widgets.painting_files import (
    Painting,
    check_song,
    check_start,
    digest_gain,
    read_painting,
    write_painting,
)
from workbench.widgets.sound import choose_gain, encode_track, encode_tracks
from workbench.widgets.strokes import MOST_OVERTONES, read_strokes

PAINTER_KIT = ("painted_layer.js", "painter_parts.js", "painter_hand.js")


class MaskPainter(PainterStrokes):
    """A song's plane of time and frequency, on which one paints how much of it goes to a stem.

    A brush is an ellipse of ``size_seconds`` by ``size_octaves`` on that plane, the same at every zoom; see
    `workbench.widgets.strokes` for what a stroke does. The first ``position`` of ``strokes`` are on the mask.

    Args:
        trace: of a model that gives masks.
        stem: which stem to paint first, the first one by default.
        mask: a `SongMask` to start from; by default the model's own mask, by its magnitude.
        traits: what else to begin with, such as ``start="zeros"``.

    Attributes:
        result: the trace that the last rerun made, or ``None``.

    Raises:
        InvalidType: no trace of a single pass, no `SongMask`.
        InvalidValue: a run without masks, a mask with other stems or frequencies, an unknown stem, a trait that cannot
            be.
    """

    _esm = read_module(*CANVAS_KIT, "sound.js", "player_sound.js", *PAINTER_KIT, "mask_painter.js")
    _css = read_style("mask_painter.css")

    result: Trace | None = None
    _sounds: PaintedSounds

    def __init__(self, trace: object, *, stem: str | None = None, mask: SongMask | None = None, **traits: Any) -> None:
        song = self._song = PaintedSong(trace)
        self._given = None if mask is None else song.fit_mask(mask)
        self._sounds = PaintedSounds(song)
        strokes, position = traits.pop("strokes", []), traits.pop("position", None)
        started = {"stem": song.stem_names[0] if stem is None else stem, **traits}
        started.setdefault("start", "model" if mask is None else "given")
        started.setdefault("gain", 1.0 if started["start"] == "zeros" else 0.0)  # so that the first stroke is seen
        started.setdefault("label", f"Paint a mask of {song.plan.model_id}")
        super().__init__(**started)
        self._send_picture()
        self._begin()
        self.watch(self._on_start, "start")
        self.watch(self._on_strokes, "strokes")
        self.watch(self._on_position, "position")
        self.watch(self._on_stem, "stem")
        self.on_message(self._answer)
        self.assign(strokes=strokes)
        self.assign(position=len(self.strokes) if position is None else position)

    # What the browser gets

    def _send_picture(self) -> None:
        levels, column_seconds = self._song.measure_levels()
        self.levels, self.colours = levels.data, colour_table(LEVEL_MAP)
        self.picture = describe_cells(self._song, levels, column_seconds)
        self._list_choices()

    def _list_choices(self) -> None:
        starts = [[name, words] for name, words in STARTS.items() if name != "given" or self._given is not None]
        self.choices = {"stems": list(self._song.stem_names), "starts": starts, "most_overtones": MOST_OVERTONES}

    def _update_gain(self, box: Box | None) -> None:
        if box is None:
            self._sounds = PaintedSounds(self._song)
        else:
            step_seconds = self._song.plane.step_seconds  # a chunk's frames lie between two of the song's
            self._sounds.forget((box.first_column - 1) * step_seconds, box.stop_column * step_seconds)
        self._send_gain(box)

    def _on_stem(self, change: object) -> None:
        self._send_gain()

    def _send_gain(self, box: Box | None = None) -> None:
        """The gain of the stem shown, in a box or, with what it started from, of everything, as bytes."""
        picture, canvas, index = self._song.picture, self._canvas, self._stem_index
        cells = choose_cells(picture, box)
        buffers = [encode_gain(canvas.gain[index], picture, cells)]
        content: dict[str, Any] = {"gain": cells, "stem": self.stem}
        if box is None:
            constant = content["start"] = {"ones": 255, "zeros": 0}.get(self.start)
            buffers += [encode_gain(canvas.start[index], picture, cells)] if constant is None else []
        self.send(content, buffers)

    def _answer(self, content: dict[str, Any], buffers: list[Any]) -> None:
        asked = read_choice(content, "ask", choices=("gain", "play", "apply", "save", "load"))
        if asked == "gain":
            self._send_gain()
        elif asked == "play":
            self._play(read_part(content, "request", str), content.get("from"))
        elif asked == "apply":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", WorkbenchNotice)  # they are among the result's notices
                self.rerun()
        elif asked == "save":
            self.status = f"saved {self.save(self.file)}"
        else:
            self.load(self.file)
            self.status = f"loaded {self.file}"

    # Sound

    def find_stretch(self, from_seconds: float | None = None) -> tuple[float, float]:
        """From when to when one hears: what is shown, or 10 s of it from an instant in it (or its beginning) on."""
        return self._sounds.choose_stretch(self.view, from_seconds)

    def sound(
        self, which: str = "after", *, start_seconds: float | None = None, stop_seconds: float | None = None
    ) -> Audio[Tensor]:
        """A stretch of the painted stem, at the model's rate.

        Args:
            which: ``before``, as the trace has it; ``after``, through the painted mask, as `rerun` will have it; or
                the ``mixture``.
            start_seconds: by default that of what is shown; see `find_stretch`.
            stop_seconds: likewise.

        Raises:
            InvalidValue: another name, or no stretch of the song.
        """
        shown = self.find_stretch()
        start = shown[0] if start_seconds is None else start_seconds
        stop = shown[1] if stop_seconds is None else stop_seconds
        return self._sounds.take(which, self._canvas.gain, self._stem_index, start, stop)

    def _play(self, request: str, at: object) -> None:
        """Both sounds of a stretch, for the view that asked."""
        start, stop = self.find_stretch(float(at) if isinstance(at, int | float) and math.isfinite(at) else None)
        sounds = [self.sound(which, start_seconds=start, stop_seconds=stop) for which in ("before", "after")]
        gain = choose_gain(sounds)
        tracks = list(encode_tracks(sounds, gain=gain))
        self.send({"request": request, "start": start, "stop": stop, "gain": gain}, tracks)

    def rerun(self) -> Trace:
        """The whole song through the painted mask: ``trace.rerun("mask", mask=painter.mask)``, kept as `result`."""
        with self.working():
            self.result = self._song.trace.rerun("mask", mask=self.mask, progress=False)
        self.status = f"applied {format_count(self.position, 'stroke')} to the whole song: painter.result has the stems"
        return self.result

    # Files

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """The strokes as ``.json``, to go on painting, or the mask itself as ``.npz``.

        Raises:
            InvalidValue: another ending.
            AudioFileError: the file exists already, or cannot be written.
        """
        digest = digest_gain(self._given) if self.start == "given" else None
        painting = Painting(self._song.fingerprint, self.start, digest, self.strokes[: self.position])
        return write_painting(path, painting, mask=self.mask, overwrite=overwrite)

    def load(self, path: str | PathLike[str]) -> None:
        """What `save` wrote: strokes take the place of those here, a mask becomes the start with no strokes on it.

        Raises:
            InvalidValue: no such file, or one of another song or another start.
        """
        painting = read_painting(path)
        name = Path(path).name
        check_song(painting.song, self._song.fingerprint, name=name)
        read_strokes(painting.strokes, stems=self._song.stem_names)  # complains before anything is changed
        if painting.mask is not None:
            given = self._song.fit_mask(painting.mask)
            self.strokes = []
            self._given = given
            self._list_choices()
            if self.start == "given":
                self._on_start()
            self.start = "given"
            return
        check_start(painting, given=self._given, starts=list(STARTS), name=name)
        self.strokes = []
        self.start = painting.start
        self.strokes = painting.strokes

    # Without a browser

    def describe(self) -> str:
        """What is painted, in words."""
        mean = float(self._canvas.gain[self._stem_index].mean())
        strokes = format_count(self.position, "stroke")
        start = STARTS[self.start]
        return f"The mask of {self.stem} over the song's spectrogram: {strokes} on {start}, mean gain {mean:.2f}"

    def figure(self) -> Figure:
        """The spectrogram of the mixture, veiled where the gain is small."""
        song, trace = self._song, self._song.trace
        return draw_painting(
            Audio(trace["conform"].output, song.plan.sample_rate),
            self._canvas.gain[self._stem_index],
            plane=song.plane,
            headline=f"painted mask of {self.stem}: {format_count(self.position, 'stroke')} on {STARTS[self.start]}",
            view=self.view,
            veil=self.veil,
            frequency=self.frequency_axis,
        )

    def export_html(self) -> str:
        """The figure, and a stretch before and after."""
        start, stop = self.find_stretch()
        sounds = {which: self.sound(which) for which in ("before", "after")}
        gain = choose_gain(sounds.values())
        players = [
            audio_html(encode_track(sound, gain=gain), label=f"{self.stem} {which}, {start:.2f} to {stop:.2f} s")
            for which, sound in sounds.items()
        ]
        return super().export_html() + "".join(players)
