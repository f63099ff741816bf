"""Paint a mask on a song's spectrogram and hear what it does."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from traitlets import TraitError, validate

from workbench.core.audio import Audio
from workbench.errors import InvalidValue, WorkbenchError
from workbench.figures.style import LEVEL_MAP, format_count
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.trace import Trace
from workbench.widgets.base import CANVAS_KIT, audio_html, read_module, read_style
from workbench.widgets.levels import colour_table
from workbench.widgets.painted_gain import Box, PaintedGain
from workbench.widgets.painted_song import PaintedSong, describe_cells
from workbench.widgets.painter_state import STARTS, PainterState
from workbench.widgets.painting_figure import draw_painting
from workbench.widgets.painting_files import Painting, check_song, read_painting, write_painting
from workbench.widgets.sound import choose_gain, encode_track
from workbench.widgets.strokes import MOST_OVERTONES, Stroke, read_strokes

SETTINGS = ("gain", "softness", "size_seconds", "size_octaves", "others_get_rest")  # of every stroke
PAINTER_KIT = ("painted_layer.js", "painter_parts.js", "painter_hand.js")
HEARD_SECONDS = 10.0  # at most, so that the sound is there at once
SOUNDS = ("before", "after", "mixture")


class MaskPainter(PainterState):
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

    _esm = read_module(*CANVAS_KIT, "player_sound.js", *PAINTER_KIT, "mask_painter.js")
    _css = read_style("mask_painter.css")

    result: Trace | None = None

    def __init__(self, trace: object, *, stem: str | None = None, mask: SongMask | None = None, **traits: Any) -> None:
        song = self._song = PaintedSong(trace)
        self._given = None if mask is None else song.fit_mask(mask)
        self._painted: PaintedGain | None = None
        self._read: list[Stroke] = []
        strokes, position = traits.pop("strokes", []), traits.pop("position", None)
        started = {"stem": song.stem_names[0] if stem is None else stem, **traits}
        started.setdefault("start", "model" if mask is None else "given")
        started.setdefault("gain", 1.0 if started["start"] == "zeros" else 0.0)  # so that the first stroke is seen
        started.setdefault("label", f"Paint a mask of {song.plan.model_id}")
        try:
            super().__init__(**started)
        except TraitError as error:
            raise InvalidValue(str(error)) from error
        self._send_picture()
        self._begin()
        self.watch(self._on_start, "start")
        self.watch(self._on_strokes, "strokes")
        self.watch(self._on_position, "position")
        self.watch(self._on_stem, "stem")
        self.on_message(self._answer)
        try:
            self.strokes = strokes
            self.position = len(self.strokes) if position is None else position
        except TraitError as error:
            raise InvalidValue(str(error)) from error

    # What a trait takes

    @validate("stem")
    def _check_stem(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in self._song.stem_names:
            raise TraitError(f"stem must be one of {', '.join(self._song.stem_names)}, got {proposal['value']!r}")
        return str(proposal["value"])

    @validate("start")
    def _check_start(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] == "given" and self._given is None:
            raise TraitError("start 'given' needs a mask: MaskPainter(trace, mask=...), or load an .npz file")
        return str(proposal["value"])

    @validate("strokes")
    def _check_strokes(self, proposal: dict[str, Any]) -> list[dict[str, Any]]:
        try:
            return [stroke.as_dict() for stroke in read_strokes(proposal["value"], stems=self._song.stem_names)]
        except WorkbenchError as error:
            raise TraitError(str(error)) from error

    @validate("position")
    def _check_position(self, proposal: dict[str, Any]) -> int:
        if proposal["value"] > len(self.strokes):
            raise TraitError(f"position must be from 0 to the {len(self.strokes)} strokes, got {proposal['value']}")
        return int(proposal["value"])

    # Painting

    def paint(self, points: Sequence[Sequence[float]] = (), *, tool: str | None = None, **changes: Any) -> None:
        """One stroke more, with the widget's settings but for ``changes``; strokes that were undone are gone.

        Args:
            points: (second, hertz) each; two corners of a rectangle; none for ``clear`` and ``invert``.
            tool: of `workbench.widgets.strokes.Stroke`, the widget's own by default.
            changes: other fields of `Stroke`: gain, softness, stem ...

        Raises:
            InvalidValue: a stroke that cannot be.
        """
        tool = self.tool if tool is None else tool
        entry = {name: getattr(self, name) for name in (*SETTINGS, "stem")}
        entry |= {"tool": tool, "points": [list(point) for point in points]}
        entry |= {"overtones": self.overtones} if tool == "harmonic" else {}
        try:
            self.strokes = [*self.strokes[: self.position], {**entry, **changes}]
        except TraitError as error:
            raise InvalidValue(str(error)) from error

    def undo(self) -> None:
        """Take the last stroke back, if there is one."""
        self.position = max(0, self.position - 1)

    def redo(self) -> None:
        """Paint again what was last taken back."""
        self.position = min(len(self.strokes), self.position + 1)

    @property
    def mask(self) -> SongMask:
        """The mask as it is painted, of all stems; a copy, that further strokes do not change."""
        return SongMask(torch.from_numpy(self._canvas.gain.copy()), self._song.hop_samples)

    @property
    def _canvas(self) -> PaintedGain:
        assert self._painted is not None  # from the end of __init__ on
        return self._painted

    def _begin(self) -> None:
        """A new canvas, with what the strokes are laid on."""
        song = self._song
        makers: dict[str, Callable[[], np.ndarray]] = {
            "model": song.measure_model_mask,
            "ones": lambda: song.fill(1.0),
            "zeros": lambda: song.fill(0.0),
        }
        with self.working():
            start = makers[self.start]() if self.start in makers else self._given
            assert start is not None  # which the trait has checked
            self._painted = PaintedGain(start, stems=song.stem_names, plane=song.plane)
            self._canvas.show(self._read[: self.position])

    def _on_start(self, change: dict[str, Any]) -> None:
        self._begin()
        self._send_gain()

    def _on_strokes(self, change: dict[str, Any]) -> None:
        self._read = read_strokes(self.strokes, stems=self._song.stem_names)
        self.position = len(self.strokes)
        self._show()

    def _on_position(self, change: dict[str, Any]) -> None:
        self._show()

    def _on_stem(self, change: dict[str, Any]) -> None:
        self._send_gain()

    def _show(self) -> None:
        if self.position > len(self._read):
            return  # the strokes themselves are still to be told
        box = self._canvas.show(self._read[: self.position])
        if box is not None:
            self._send_gain(box)

    # What the browser gets

    def _send_picture(self) -> None:
        levels, column_seconds = self._song.measure_levels()
        self.levels, self.colours = levels.data, colour_table(LEVEL_MAP)
        self.picture = describe_cells(self._song, levels, column_seconds)
        self._list_choices()

    def _list_choices(self) -> None:
        starts = [[name, words] for name, words in STARTS.items() if name != "given" or self._given is not None]
        self.choices = {"stems": list(self._song.stem_names), "starts": starts, "most_overtones": MOST_OVERTONES}

    def _send_gain(self, box: Box | None = None) -> None:
        """The gain of the stem shown, in a box or, with what it started from, of everything, as bytes."""
        picture, canvas = self._song.picture, self._canvas
        index = self._song.stem_names.index(self.stem)
        rows, columns = picture.row_stride, picture.column_stride
        if box is None:
            place = [0, picture.num_rows, 0, picture.num_columns]
        else:
            place = [-(-box.first_row // rows), -(-box.stop_row // rows)]
            place += [-(-box.first_column // columns), -(-box.stop_column // columns)]
        shown = (slice(place[0] * rows, place[1] * rows, rows), slice(place[2] * columns, place[3] * columns, columns))
        buffers = [_to_bytes(canvas.gain[index][shown])]
        content: dict[str, Any] = {"gain": place, "stem": self.stem}
        if box is None:
            constant = {"ones": 255, "zeros": 0}.get(self.start)
            content["start"] = constant
            buffers += [_to_bytes(canvas.start[index][shown])] if constant is None else []
        self.send(content, buffers)

    def _answer(self, content: dict[str, Any], buffers: list[Any]) -> None:
        asked = content.get("ask")
        if asked == "gain":
            self._send_gain()
        elif asked == "play":
            self._play(content)
        elif asked == "apply":
            self.rerun()
        elif asked == "save":
            self.status = f"saved {self.save(self.file)}"
        elif asked == "load":
            self.load(self.file)
            self.status = f"loaded {self.file}"

    # Sound

    def find_stretch(self, from_seconds: float | None = None) -> tuple[float, float]:
        """From when to when one hears: what is shown, or 10 s of it from an instant in it (or its beginning) on."""
        start, stop = self.view[:2] or (0.0, self._song.seconds)
        start, stop = max(0.0, start), min(stop, self._song.seconds)
        if stop - start > HEARD_SECONDS:
            if from_seconds is not None and start <= from_seconds < stop:
                start = min(from_seconds, stop - HEARD_SECONDS)
            stop = start + HEARD_SECONDS
        return start, stop

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
        if which not in SOUNDS:
            raise InvalidValue(f"the sound must be one of {', '.join(SOUNDS)}, got {which!r}")
        shown = self.find_stretch()
        start = shown[0] if start_seconds is None else start_seconds
        stop = shown[1] if stop_seconds is None else stop_seconds
        if not 0 <= start < stop <= self._song.seconds + 1e-6:
            raise InvalidValue(
                f"expected a stretch within 0 to {self._song.seconds:.3f} s, got {start:g} to {stop:g} s"
            )
        index = self._song.stem_names.index(self.stem)
        if which == "mixture":
            return self._song.hear_mixture(start, stop)
        if which == "before":
            return self._song.hear_before(index, start, stop)
        return self._song.hear_after(self._canvas.gain, index, start, stop)

    def _play(self, content: dict[str, Any]) -> None:
        """Both sounds of a stretch, for the view that asked."""
        at = content.get("from")
        start, stop = self.find_stretch(float(at) if isinstance(at, int | float) and math.isfinite(at) else None)
        sounds = [self.sound(which, start_seconds=start, stop_seconds=stop) for which in ("before", "after")]
        gain = choose_gain(sounds)
        tracks = [encode_track(sound, gain=gain) for sound in sounds]
        self.send({"sound": content.get("request"), "start": start, "stop": stop, "gain": gain}, tracks)

    def rerun(self) -> Trace:
        """The whole song through the painted mask: ``trace.rerun("mask", mask=painter.mask)``, kept as `result`."""
        with self.working():
            self.result = self._song.trace.rerun("mask", mask=self.mask)
        self.status = f"applied {format_count(self.position, 'stroke')} to the whole song: painter.result has the stems"
        return self.result

    # Files

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """The strokes as ``.json``, to go on painting, or the mask itself as ``.npz``.

        Raises:
            InvalidValue: another ending.
            AudioFileError: the file exists already, or cannot be written.
        """
        painting = Painting(self._song.fingerprint, self.start, self._digest(), self.strokes[: self.position])
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
                self._on_start({})
            self.start = "given"
            return
        if painting.start not in STARTS:
            raise InvalidValue(f"{name} starts from {painting.start!r}, expected one of {', '.join(STARTS)}")
        if painting.start == "given" and painting.start_digest != self._digest("given"):
            raise InvalidValue(
                f"{name} was painted on another mask: MaskPainter(trace, mask=...) with that one, then load"
            )
        self.strokes = []
        self.start = painting.start
        self.strokes = painting.strokes

    def _digest(self, start: str | None = None) -> str | None:
        if (start or self.start) != "given" or self._given is None:
            return None
        return hashlib.blake2b(np.ascontiguousarray(self._given).tobytes(), digest_size=16).hexdigest()

    # Without a browser

    def describe(self) -> str:
        """What is painted, in words."""
        mean = float(self._canvas.gain[self._song.stem_names.index(self.stem)].mean())
        strokes = format_count(self.position, "stroke")
        start = STARTS[self.start]
        return f"The mask of {self.stem} over the song's spectrogram: {strokes} on {start}, mean gain {mean:.2f}"

    def figure(self) -> Figure:
        """The spectrogram of the mixture, veiled where the gain is small."""
        song, trace = self._song, self._song.trace
        return draw_painting(
            Audio(trace["conform"].output, song.plan.sample_rate),
            self._canvas.gain[song.stem_names.index(self.stem)],
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


def _to_bytes(gain: np.ndarray) -> bytes:
    """0 to 1 as 0 to 255."""
    return np.rint(gain * np.float32(255)).astype(np.uint8).tobytes()
