"""What all widgets have in common. How one is made:

1. ``workbench/widgets/hop_view.py`` holds the class: its state is its traits (``.tag(sync=True)``), and it works
   without a browser; numbers for pictures go over once, as bytes (`bytes_trait`, `workbench.widgets.levels`)::

       class HopView(WorkbenchWidget):
           _esm = read_module(*CANVAS_KIT, "hop_view.js")  # or PAGE_KIT alone before it
           _css = read_style("hop_view.css")  # only where shared.css does not do; else leave it out
           label = Unicode("Hop").tag(sync=True)
           hop_samples = Int(512).tag(sync=True)
           levels = bytes_trait()

           def __init__(self, audio, **traits):
               super().__init__(**traits)
               self.watch(self._measure, "hop_samples")  # as observe, with errors shown in the widget
               self.on_message(self._answer)  # custom messages {"..."} from the browser, likewise

           def figure(self):  # the picture in an HTML export: what the widget shows, of its traits
               return draw_windows(...)

2. ``workbench/widgets/hop_view.js`` beside it is its own part of ONE module: the files are joined, so that none has
   imports, only the last one exports, and names at the top of a file must differ from those of the others::

       function render({ model, el }) {
         const widget = openWidget(model, el);  // root with label, message bar and busy sign
         const hop = slider({ label: "hop", min: 64, max: 4096, step: 64, unit: "samples" });
         widget.body.append(hop.node);
         widget.bind("hop_samples", hop);
         return widget.close;
       }
       export default { render };

3. Handlers that the browser starts are wrapped by `watch`, `on_message` or ``@shows_errors``: their errors appear in
   ``message``. What takes long goes into ``with self.working():``, which shows the busy sign.
4. Every instance may have several views, so that what a view alone knows (a play position, a hovered point) lives in
   JavaScript, and everything else in traits. A view's clean-up goes to ``widget.cleanup(...)``.
5. ``tests/widgets/harness.py`` mounts it in a blank page: ``mounted = mount(page, HopView(audio))``.

Under the environment variable ``WORKBENCH_EXPORT`` a displayed widget gives `export_html` instead of its live view:
its figure as a picture and whatever sound there is, without dead controls.
"""

from __future__ import annotations

import base64
import html
import io
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anywidget
from traitlets import Bool, Bytes, List, TraitError, Unicode

from workbench.errors import InvalidValue, WorkbenchError
from workbench.registry.names import suggest_nearest
from workbench.widgets.errors import RefusedValueError, describe_error, guard, is_expected

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE_KIT = ("shared.js", "controls.js")  # in this order
CANVAS_KIT = (*PAGE_KIT, "view.js", "canvas.js", "frame.js", "level_image.js", "lanes.js")  # likewise
EXPORT_VARIABLE = "WORKBENCH_EXPORT"
EXPORT_DOTS_PER_INCH = 96


def read_module(*names: str) -> str:
    """JavaScript files of this package joined to one ES module, as anywidget takes it; the last one exports."""
    return _read(names)


def read_style(*names: str) -> str:
    """``shared.css``, then the named style sheets of this package."""
    return _read(("shared.css", *names))


def _read(names: tuple[str, ...]) -> str:
    folder = files("workbench.widgets")
    return "\n".join(f"/* {name} */\n{folder.joinpath(name).read_text(encoding='utf-8')}" for name in names)


def bytes_trait() -> Bytes:
    """A synchronised trait of bytes; in JavaScript a DataView.

    What the browser sends arrives as a memoryview, which a plain ``Bytes`` trait would leave aside without a word. It
    is not echoed, so that large data does not travel back.
    """
    return Bytes().tag(sync=True, echo_update=False, from_json=lambda value, widget: bytes(value))


def bytes_list_trait() -> List[bytes]:
    """Likewise a list of bytes; in JavaScript an array of DataViews. Assign a new list to change it."""
    return List(Bytes()).tag(
        sync=True, echo_update=False, from_json=lambda value, widget: [bytes(item) for item in value]
    )


class WorkbenchWidget(anywidget.AnyWidget):
    """A widget with a message bar, a busy sign and a picture of itself for exports.

    Args:
        traits: what it begins with.

    Raises:
        InvalidValue: a trait that there is not, or a value that it cannot have.
    """

    _esm = read_module(*PAGE_KIT, "base.js")
    _css = read_style()

    label = Unicode("Workbench widget", help="The accessible name; shown as the widget's title.").tag(sync=True)
    message = Unicode("", help="An error or a notice, shown inside the widget until dismissed.").tag(sync=True)
    busy = Bool(False, help="Whether something is being computed.").tag(sync=True)

    _shown_error: tuple[object, str] = (None, "")  # what left the last error, and its words
    _is_setting_together = False

    def __init__(self, **traits: Any) -> None:
        for name in traits:
            if not self.has_trait(name):
                hint = suggest_nearest(name, self.trait_names())
                raise InvalidValue(f"{type(self).__name__} takes no argument {name!r}{hint}")
        # ipykernel hands messages of a page to threads beside the cells: one after the other, as the page sent them
        self._turn = threading.RLock()
        with _as_refused():
            super().__init__(**traits)

    def assign(self, **traits: Any) -> None:
        """Set traits one after the other.

        Raises:
            InvalidValue: a value that one cannot have, also where traitlets itself says so.
        """
        with _as_refused():
            for name, value in traits.items():
                setattr(self, name, value)

    def watch(self, handler: Callable[[Any], Any], *names: str) -> None:
        """`observe`, with errors of ``handler`` shown in the widget."""
        self.observe(guard(self, handler), names=list(names))

    def on_message(self, handler: Callable[[Any, list[Any]], Any]) -> None:
        """Call ``handler(content, buffers)`` for custom messages from the browser, its errors shown in the widget.

        The content is a mapping; `workbench.widgets.messages` reads its parts.
        """

        def take(content: object, buffers: list[Any]) -> None:
            if not isinstance(content, Mapping):
                raise InvalidValue(f"the browser sent {content!r}, expected a message with named parts")
            with self._turn, self._answering(content):
                handler(content, buffers)

        guarded = guard(self, take)
        self.on_msg(lambda widget, content, buffers: guarded(content, buffers))

    def show_error(self, error: Exception, *, source: object = None) -> None:
        """Put an error into ``message``; one that was not meant for the user goes to the log with its traceback.

        Args:
            error: what was raised.
            source: what raised it, for `clear_error`.
        """
        if not is_expected(error):
            self.log.error("error in a callback of %r", self, exc_info=error)
        self.message = describe_error(error)
        self._shown_error = source, self.message

    def clear_error(self, *, source: object) -> None:
        """Take away the message that ``source`` left last, if it is still there."""
        if source is not None and self._shown_error == (source, self.message):
            self.message = ""

    @contextmanager
    def _answering(self, content: Mapping[str, Any]) -> Iterator[None]:
        """Tell the view that asked when it gets no answer, so that it does not wait for ever."""
        try:
            yield
        except Exception as error:
            if "request" in content:
                self.send({"request": content["request"], "failed": describe_error(error)})
            raise

    @contextmanager
    def setting_together(self) -> Iterator[None]:
        """Traits that follow one another, set within, go to the browser at once.

        Handlers that set them should do nothing while `is_setting_together`.
        """
        self._is_setting_together = True
        try:
            with self.hold_sync():
                yield
        finally:
            self._is_setting_together = False

    @property
    def is_setting_together(self) -> bool:
        """Whether traits are being set by `setting_together`."""
        return self._is_setting_together

    @contextmanager
    def working(self) -> Iterator[None]:
        """The busy sign, for as long as the block runs."""
        self.busy = True
        try:
            yield
        finally:
            self.busy = False

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take over what the browser sends; what a trait refuses is shown, and the browser told what holds."""
        with self._turn:
            try:
                super().set_state(sync_data)
            except Exception as error:
                self.show_error(error, source="set_state")
                self.send_state([name for name in sync_data if name in self.keys])
            else:
                self.clear_error(source="set_state")

    def figure(self) -> Figure:
        """What the widget shows, as a picture; every widget has its own."""
        raise NotImplementedError(f"{type(self).__name__} has no figure yet")

    def describe(self) -> str:
        """A sentence in place of the picture, for those who do not see it."""
        return self.label

    def export_html(self) -> str:
        """The widget without a kernel and without JavaScript: its figure; subclasses add their sound."""
        try:
            picture = image_html(self.figure(), alt=self.describe())
        except WorkbenchError as error:
            picture = f"<p>{html.escape(str(error))}</p>"
        return f"<section><h4>{html.escape(self.label)}</h4>{picture}</section>"

    def close(self) -> None:
        """Take the widget out of all pages; displayed after that it is a line of text."""
        super().close()
        self.__dict__.pop("_repr_mimebundle_", None)  # ipywidgets puts None over the method, which IPython would call

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.label}>"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        if self.comm is None:
            return {"text/plain": f"{self!r}, closed: make it anew to see it"}, {}
        if os.environ.get(EXPORT_VARIABLE):
            return {"text/html": self.export_html(), "text/plain": repr(self)}, {}
        return super()._repr_mimebundle_(**options)


@contextmanager
def _as_refused() -> Iterator[None]:
    try:
        yield
    except TraitError as error:
        if isinstance(error, WorkbenchError):
            raise
        raise RefusedValueError(str(error)) from error


def image_html(figure: Figure, *, alt: str) -> str:
    """A figure as a PNG inside the page."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=EXPORT_DOTS_PER_INCH)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img style="max-width: 100%" alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


def audio_html(track: bytes, *, label: str) -> str:
    """Sound inside the page, from `workbench.widgets.sound.encode_track`, with the browser's own controls."""
    data = base64.b64encode(track).decode("ascii")
    return (
        f'<p>{html.escape(label)}<br><audio controls preload="metadata" aria-label="{html.escape(label)}" '
        f'src="data:audio/flac;base64,{data}"></audio></p>'
    )
