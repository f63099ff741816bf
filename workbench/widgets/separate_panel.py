"""A song from a file to its stems without a line of code: choose, run, watch, cancel, listen."""

from __future__ import annotations

import html
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
from traitlets import Bool, Float, Int, List, TraitError, Unicode, validate

from workbench.errors import InvalidValue
from workbench.io.references import ENDINGS
from workbench.pipeline.events import ChunksProcessed, Event, Notice, PassStarted, Result, StepCompleted, StepStarted
from workbench.pipeline.separator import stream
from workbench.registry import find_model, models
from workbench.widgets.base import EXPORT_VARIABLE, WorkbenchWidget, read_module, read_style
from workbench.widgets.panel_settings import AS_IT_IS, PRECISIONS, PanelSettings, list_devices, measure_memory
from workbench.widgets.panel_upload import Upload
from workbench.widgets.stem_player import StemPlayer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from workbench.pipeline.separation import Separation

FIRST_MODEL = "hpss.hpss"  # which needs no weights
UPDATE_SECONDS = 0.1  # no more often does progress go to the browser
CHOICES = ("song", "model", "checkpoint", "device", "precision", "chunk_seconds", "overlap", "window", "batch_size")


class CancelledError(InvalidValue):
    """The user ended the run."""


class SeparatePanel(WorkbenchWidget):
    """Everything that a separation asks for, its progress, and a player of what comes out.

    The run has a thread of its own, so that it can be cancelled; Python may also call `run`, `cancel` and `wait`.

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
        steps: a row for each step, name, state (``waiting``, ``running``, ``done``) and seconds.
        memory: of the GPU, in words.
        python_code: the same run in Python; ``command`` on the command line.
        separation: what the last run gave, or ``None``.
    """

    _esm = read_module("shared.js", "separate_panel.js")
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
    chunk_seconds = Float(None, allow_none=True).tag(sync=True)
    overlap = Float(None, allow_none=True).tag(sync=True)
    window = Unicode("").tag(sync=True)
    batch_size = Int(None, allow_none=True).tag(sync=True)
    running = Bool(False).tag(sync=True)
    done = Float(0.0).tag(sync=True)
    status = Unicode("").tag(sync=True)
    steps = List(List()).tag(sync=True)
    memory = Unicode("").tag(sync=True)
    python_code = Unicode("").tag(sync=True)
    command = Unicode("").tag(sync=True)

    def __init__(self, song: str | Path = "", *, folder: str | Path = ".", **traits: Any) -> None:
        ids = [row.id for row in models()]
        first = FIRST_MODEL if FIRST_MODEL in ids else next(iter(ids), "")
        super().__init__(**{"song": str(song), "model": first, **traits})
        self.folder = Path(folder)
        self.separation: Separation | None = None
        self.player: StemPlayer | None = None
        self.results = ipywidgets.VBox()
        self.box = ipywidgets.VBox([self, self.results])
        self._upload = Upload()
        self._thread: threading.Thread | None = None
        self._cancelled = threading.Event()
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
            raise TraitError(str(error)) from error

    @validate("precision")
    def _check_precision(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in PRECISIONS:
            raise TraitError(f"precision must be one of {', '.join(PRECISIONS)}, got {proposal['value']!r}")
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
        self._cancelled.clear()
        self.message, self.status, self.done, self.steps, self.memory = "", "loading", 0.0, [], ""
        self.running = True
        self._thread = threading.Thread(target=self._work, args=(self.song, options), daemon=True)
        self._thread.start()

    def cancel(self) -> None:
        """End the run before its next chunk."""
        if self.running:
            self._cancelled.set()
            self.status = "cancelling"

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the run is over, or so long.

        Raises:
            InvalidValue: it takes longer.
        """
        if self._thread is not None:
            self._thread.join(seconds)
            if self._thread.is_alive():
                raise InvalidValue(f"the run takes longer than {seconds} s: wait longer, or cancel it")

    def _work(self, song: str, options: dict[str, Any]) -> None:
        started = time.perf_counter()
        notices: list[str] = []
        try:
            separation = self._separate(song, options, notices)
        except CancelledError:
            self.status = "cancelled"
        except Exception as error:  # whatever a model raises: it is shown, and the panel can be used again
            self.status = "failed"
            self.show_error(error)
        else:
            seconds = time.perf_counter() - started
            length = separation.mixture.data.shape[-1] / separation.sample_rate
            self.status = f"done in {seconds:.1f} s, {length / seconds:.1f} times real time"
            self.done = 1.0
            self.separation = separation
            self.player = StemPlayer(separation)
            self.results.children = [self.player]
            self.message = "; ".join(notices)
        finally:
            self.running = False

    def _separate(self, song: str, options: dict[str, Any], notices: list[str]) -> Separation:
        follow = self._follow()
        events = stream(song, **options)
        try:
            for event in events:
                if self._cancelled.is_set():
                    raise CancelledError("cancelled")
                if isinstance(event, Notice):
                    notices.append(event.message)
                if isinstance(event, Result):
                    return event.separation
                follow(event)
        finally:
            events.close()  # type: ignore[attr-defined]
        raise AssertionError("a run ends with its result")

    def _follow(self) -> Callable[[Event], None]:
        """What takes events into the traits, not more often than a screen shows."""
        rows: dict[str, list[Any]] = {}
        latest, prefix = 0.0, ""

        def follow(event: Event) -> None:
            nonlocal latest, prefix
            if isinstance(event, PassStarted):
                rows.clear()
                prefix = f"pass {event.index} of {event.total} ({event.name}), "
            elif isinstance(event, StepStarted):
                rows[event.step] = [event.step, "running", None]
            elif isinstance(event, StepCompleted):
                rows[event.step] = [event.step, "done", round(event.seconds, 3)]
            elif isinstance(event, ChunksProcessed):
                if time.perf_counter() - latest < UPDATE_SECONDS and event.done < event.total:
                    return
                latest = time.perf_counter()
                speed = event.audio_seconds / event.seconds if event.seconds > 0 else 0.0
                self.done = event.done / event.total
                self.status = (
                    f"{prefix}chunk {event.done} of {event.total}, {event.seconds_left:.0f} s left, "
                    f"{speed:.1f} times real time"
                )
                self.memory = measure_memory(self._find_device())
            self.steps = [list(row) for row in rows.values()]

        return follow

    def _find_device(self) -> str:
        import torch

        if self.device == "auto":
            return "cuda:0" if torch.cuda.is_available() else "cpu"
        return self.device

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
        task = content.get("do")
        if task == "run":
            self.run()
        elif task == "cancel":
            self.cancel()
        elif task == "refresh":
            self.refresh()
        elif task == "upload":
            path = self._upload.take(
                str(content["name"]), bytes(buffers[0]), index=int(content["part"]), total=int(content["parts"])
            )
            if path is not None:
                self.song = str(path)
        else:
            raise InvalidValue(f"the panel knows run, cancel, refresh and upload, got {task!r}")

    def close(self) -> None:
        """End the run and delete what was uploaded."""
        self.cancel()
        self._upload.close()
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
        if os.environ.get(EXPORT_VARIABLE):
            return super()._repr_mimebundle_(**options)
        return self.box._repr_mimebundle_(**options)
