"""A song from a file to its stems without a line of code: choose, run, watch, cancel, listen."""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
from traitlets import Bool, Int, List, Unicode, validate

from workbench.errors import InvalidValue
from workbench.io.names import expand_home
from workbench.io.read import load
from workbench.io.references import ENDINGS
from workbench.registry import find_model, models
from workbench.widgets.base import EXPORT_VARIABLE, PAGE_KIT, WorkbenchWidget, read_module, read_style
from workbench.widgets.errors import RefusedValueError
from workbench.widgets.messages import read_choice, read_part, read_place
from workbench.widgets.panel_run import CancelledError, PanelRun
from workbench.widgets.panel_settings import AS_IT_IS, PRECISIONS, PanelSettings, list_devices
from workbench.widgets.panel_upload import MOST_PARTS, Upload
from workbench.widgets.stem_player import StemPlayer
from workbench.widgets.traits import FiniteFloat

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.pipeline.separation import Separation

FIRST_MODEL = "hpss.hpss"  # which needs no weights
PROBED_SECONDS = 0.1  # of an upload, to see whether it is audio
CHOICES = ("song", "model", "checkpoint", "device", "precision", "chunk_seconds", "overlap", "window", "batch_size")


class SeparatePanel(WorkbenchWidget):
    """Everything that a separation asks for, its progress, and a player of what comes out.

    The run has a thread of its own, so that it can be cancelled; Python may also call `run`, `cancel` and `wait`.
    A cancelled run leaves the panel free at once; see `workbench.widgets.panel_run`.

    Args:
        song: path of an audio file to begin with.
        folder: whose audio files are offered; the working folder if left out.
        traits: what to begin with, such as ``model="hpss"``.

    Attributes:
        song: path of the file.
        model: its id or short name.
        checkpoint: path of the model's weights, or empty.
        device: ``auto``, ``cpu``, ``cuda:0`` ...
        precision: a key of `PRECISIONS`.
        chunk_seconds: length of a chunk, ``None`` for the model's own; likewise ``overlap`` and ``batch_size``.
        window: overlap-add window, empty for the model's own.
        running: whether a run is under way.
        done: share of the chunks that are through, from 0 to 1.
        status: in words what is going on: time left and times-real-time.
        steps: a row for each step, name, state (``running`` or ``done``) and seconds.
        memory: of the GPU, in words.
        python_code: the same run in Python; ``command`` on the command line.
        separation: what the last run gave, or ``None``.
    """

    _esm = read_module(*PAGE_KIT, "separate_panel.js")
    _css = read_style("separate_panel.css")

    label = Unicode("Separate a song").tag(sync=True)
    song = Unicode("").tag(sync=True)
    files = List(Unicode()).tag(sync=True)
    model = Unicode("").tag(sync=True)
    models = List(List(Unicode())).tag(sync=True)
    model_words = Unicode("").tag(sync=True)
    checkpoint = Unicode("").tag(sync=True)
    device = Unicode("auto").tag(sync=True)
    devices = List(List(Unicode())).tag(sync=True)
    precision = Unicode(AS_IT_IS).tag(sync=True)
    precisions = List(Unicode(), list(PRECISIONS)).tag(sync=True)
    chunk_seconds = FiniteFloat(None, allow_none=True).tag(sync=True)
    overlap = FiniteFloat(None, allow_none=True).tag(sync=True)
    window = Unicode("").tag(sync=True)
    batch_size = Int(None, allow_none=True).tag(sync=True)
    running = Bool(False).tag(sync=True)
    done = FiniteFloat(0.0).tag(sync=True)
    status = Unicode("").tag(sync=True)
    steps = List(List()).tag(sync=True)
    memory = Unicode("").tag(sync=True)
    python_code = Unicode("").tag(sync=True)
    command = Unicode("").tag(sync=True)

    _run: PanelRun | None = None  # the last one
    player: StemPlayer | None = None
    _parts: tuple[Any, ...] = ()  # what goes with it; none where it could not be made

    def __init__(self, song: str | Path = "", *, folder: str | Path = ".", **traits: Any) -> None:
        ids = [row.id for row in models()]
        first = FIRST_MODEL if FIRST_MODEL in ids else next(iter(ids), "")
        super().__init__(**{"song": str(song), "model": first, **traits})
        self.folder = Path(expand_home(folder))
        self.separation: Separation | None = None
        self.results = ipywidgets.VBox()
        self.box = ipywidgets.VBox([self, self.results])
        self._upload = Upload()
        self._parts = (self._upload, self.results, self.box)
        self.refresh()
        self.watch(self._describe, *CHOICES)
        self._describe(None)
        self.on_message(self._answer)

    @validate("model")
    def _check_model(self, proposal: dict[str, Any]) -> str:
        name = str(proposal["value"])
        if not name:
            return name
        try:
            return find_model(name).id
        except InvalidValue as error:
            raise RefusedValueError(str(error)) from error

    @validate("precision")
    def _check_precision(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in PRECISIONS:
            raise RefusedValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {proposal['value']!r}")
        return str(proposal["value"])

    def refresh(self) -> None:
        """Look again which files, models and devices there are."""
        try:
            found = sorted(file for file in self.folder.iterdir() if file.suffix.lower() in ENDINGS and file.is_file())
        except OSError as error:
            raise InvalidValue(f"cannot read the folder {self.folder}: {error.strerror}") from error
        self.files = [str(file) for file in found if not file.name.startswith(".")]
        self.models = [[row.id, f"{row.id}: {row.summary}"] for row in models()]
        self.devices = [list(row) for row in list_devices()]

    @property
    def settings(self) -> PanelSettings:
        """What is chosen now."""
        names = [name for name in CHOICES if name not in ("song", "precision")]
        arguments = {name: getattr(self, name) for name in names}
        if self.device == "auto":
            arguments["device"] = None
        return PanelSettings(self.song, arguments, self.precision)

    def run(self) -> None:
        """Begin to separate; `wait` waits for the end.

        Raises:
            InvalidValue: no song or model is chosen, or a run is under way.
        """
        if self.running:
            raise InvalidValue("a run is under way: cancel it, or wait for its end")
        options = self.settings.to_options()
        if "model" not in options:
            raise InvalidValue("no model was chosen: take one from the list")
        self.message, self.status, self.done, self.steps, self.memory = "", "loading", 0.0, [], ""
        self.running = True
        self._run = PanelRun(self.song, options, report=self._show, finish=self._finish, after=self._run)
        self._run.start()

    def cancel(self) -> None:
        """Give the panel free at once; the chunk at work is still computed, and thrown away."""
        if self._run is not None and self.running:
            self._run.cancel({"running": False, "steps": self._list_done_steps(), "status": f"cancelled; {self._rest}"})

    @property
    def _rest(self) -> str:
        is_whole = bool(self.model) and find_model(self.model).card.context == "song"
        what = "the model works on the whole song at once, which" if is_whole else "the chunk at work"
        return f"{what} is still computed to its end, and thrown away"

    def _list_done_steps(self) -> list[Any]:
        return [row for row in self.steps if row[1] == "done"]

    def wait(self, seconds: float | None = None) -> None:
        """Wait until nothing is computed any more, or so long.

        Raises:
            InvalidValue: it takes longer.
        """
        if self._run is not None:
            self._run.wait(seconds)
            if self._run.is_alive:
                raise InvalidValue(f"the run takes longer than {seconds} s: wait longer, or cancel it")

    def _show(self, changes: dict[str, Any]) -> None:
        """Take over what a run reports."""
        with self.hold_sync():
            self.assign(**changes)

    def _finish(self, outcome: Separation | Exception, notices: list[str]) -> None:
        """Take over how a run ended."""
        if isinstance(outcome, CancelledError):
            if not self.running:  # else another one has begun since
                self.status = "cancelled"
            return
        if isinstance(outcome, Exception):
            self.status, self.steps = "failed", self._list_done_steps()
            self.show_error(outcome)
        else:
            self._show_result(outcome, notices)
        self.running = False

    def _show_result(self, separation: Separation, notices: list[str]) -> None:
        assert self._run is not None  # it gave this
        seconds = self._run.seconds
        length = separation.mixture.data.shape[-1] / separation.sample_rate
        player, before = StemPlayer(separation), self.player
        self.status, self.done = f"done in {seconds:.1f} s, {length / seconds:.1f} times real time", 1.0
        self.separation, self.player = separation, player
        self.results.children = [player]
        if before is not None:
            before.close()  # with its song, which would be kept for as long as the kernel lives
        self.message = "; ".join(notices)

    def _describe(self, change: object) -> None:
        self.python_code, self.command = self.settings.to_python(), self.settings.to_command()
        if not self.model:
            self.model_words = ""
            return
        card = find_model(self.model).card
        own = "the whole song at once" if card.context == "song" else f"chunks of {card.chunk_seconds:g} s"
        own += "" if card.context == "song" else f", overlap {card.overlap:g}, window {card.window}"
        weights = "; needs a checkpoint" if card.needs_checkpoint else ""
        self.model_words = f"{own}{weights}"

    def _answer(self, content: dict[str, Any], buffers: list[Any]) -> None:
        task = read_choice(content, "do", choices=("run", "cancel", "refresh", "upload"))
        if task == "run":
            self.run()
        elif task == "cancel":
            self.cancel()
        elif task == "refresh":
            self.refresh()
        else:
            self._take_upload(content, buffers)

    def _take_upload(self, content: dict[str, Any], buffers: list[Any]) -> None:
        if len(buffers) != 1:
            raise InvalidValue(f"a part of an upload must come with one buffer, got {len(buffers)}")
        total = 1 + read_place({"parts": read_part(content, "parts", int) - 1}, "parts", count=MOST_PARTS)
        index = read_place(content, "part", count=total)
        path = self._upload.take(read_part(content, "name", str), bytes(buffers[0]), index=index, total=total)
        if path is not None:
            load(path, duration_seconds=PROBED_SECONDS)  # complains of what is no audio
            self.song = str(path)

    def close(self) -> None:
        """End the run, delete what was uploaded, and let go of the last run's stems."""
        self.cancel()
        for part in self._parts:
            part.close()
        if self.player is not None:
            self.player.close()
        super().close()

    def figure(self) -> Figure:
        """The stems of the last run.

        Raises:
            InvalidValue: there was none.
        """
        if self.player is None:
            raise InvalidValue("nothing was separated yet")
        return self.player.figure()

    def export_html(self) -> str:
        """The settings as text, and the player of the last run."""
        code = f"<pre>{html.escape(self.python_code)}</pre><pre>{html.escape(self.command)}</pre>"
        player = "" if self.player is None else self.player.export_html()
        return f"<section><h4>{html.escape(self.label)}</h4>{code}{player}</section>"

    def _repr_mimebundle_(self, **options: Any) -> Any:
        if self.comm is None or os.environ.get(EXPORT_VARIABLE):
            return super()._repr_mimebundle_(**options)
        return self.box._repr_mimebundle_(**options)
