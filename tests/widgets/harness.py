"""A widget in a blank page: its module and style as they are, on a stand-in for Jupyter's model; about 0.5 s a test.

``mounted = mount(page, widget)`` renders it. What the browser saves waits there until ``mounted.sync()``, which hands
it to the Python widget as a kernel would, and brings back what Python changed or sent.
"""

from __future__ import annotations

import base64
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

WAIT_SECONDS = 120.0
RENDER = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

# What a key may be pressed on whose shortcuts JupyterLab would take.
UNGUARDED = ":is(button, input, select, [tabindex]):not([data-lm-suppress-shortcuts=true])"
# JupyterLab's own values of the variables that the style sheet follows.
THEMES = {
    "plain": ("", ""),
    "light": (
        'data-jp-theme-light="true"',
        "--jp-layout-color0: white; --jp-layout-color2: #eee; --jp-content-font-color1: rgba(0, 0, 0, 0.87);",
    ),
    "dark": (
        'data-jp-theme-light="false"',
        "--jp-layout-color0: #111; --jp-layout-color2: #424242; --jp-content-font-color1: white;",
    ),
}


class Mounted:
    """A widget that is shown in a page."""

    def __init__(self, page: Any, widget: Any) -> None:
        self.page, self.widget = page, widget
        self.root = page.locator(".wb").first
        self._changed: deque[str] = deque()  # to which other threads may add meanwhile
        self._sent: list[tuple[Any, Any]] = []
        widget.observe(lambda change: self._changed.append(change["name"]))
        widget.send = lambda content, buffers=None: self._sent.append((content, buffers or []))

    def value(self, trait: str) -> Any:
        """A trait as the browser has it."""
        return self.page.evaluate("name => window.wb.model.get(name)", trait)

    def sync(self) -> Mounted:
        """Carry everything both ways until neither side has anything left; waits two frames each time, for `saveSoon`.

        What Python changed before goes first, as a kernel sends it at once.
        """
        self._tell()
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            self.frames()
            received = self.page.evaluate("() => window.wb.take()")
            for message in received:
                if "content" in message:
                    buffers = [memoryview(base64.b64decode(buffer)) for buffer in message["buffers"]]
                    self.widget._handle_custom_msg(message["content"], buffers)
                else:
                    binary = {name: memoryview(base64.b64decode(text)) for name, text in message["binary"].items()}
                    self.widget.set_state({**message["plain"], **binary})
                    self._changed.extend([*message["plain"], *binary])  # what was refused goes back
            if not (self._tell() or received):
                return self
        raise AssertionError("browser and Python keep answering each other")

    def _tell(self) -> bool:
        """Give the page what Python changed and sent; whether there was anything."""
        changed = {self._changed.popleft() for _ in range(len(self._changed))}
        names = changed & set(self.widget.keys)
        self.page.evaluate("given => window.wb.give(...given)", split_state(self.widget.get_state(list(names))))
        sent, self._sent = self._sent, []
        for content, buffers in sent:
            given = [content, [encode(buffer) for buffer in buffers]]
            self.page.evaluate("given => window.wb.hear(...given)", given)
        return bool(names or sent)

    def wait(self, is_met: Callable[[], object]) -> Mounted:
        """Carry everything both ways until this holds, for what the page does in its own time."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not is_met():
            assert time.monotonic() < deadline, "what was waited for did not come"
            self.sync()
        return self

    def frames(self, count: int = 2) -> None:
        """Wait until so many frames were painted."""
        wait = "new Promise(requestAnimationFrame)"
        self.page.evaluate(f"async count => {{ for (let frame = 0; frame < count; frame++) await {wait}; }}", count)

    def close(self) -> None:
        """Take the view away, as Jupyter does when its cell runs again."""
        self.page.evaluate("() => { for (const close of window.wb.closers.splice(0)) close?.(); }")


def mount(page: Any, widget: Any, *, theme: str = "light") -> Mounted:
    """Render a widget into a blank page, as in JupyterLab's ``light`` or ``dark`` theme, or in a ``plain`` page."""
    attributes, variables = THEMES[theme]
    page.set_content(
        f"<!doctype html><html lang=en><title>harness</title><body {attributes} style='margin: 12px; {variables} "
        "background: var(--jp-layout-color0, Canvas); color-scheme: light dark'><main></main></body></html>"
    )
    state = {name: value for name, value in widget.get_state().items() if not name.startswith("_") and name != "layout"}
    page.evaluate(RENDER, [widget._esm, widget._css, *split_state(state)])
    mounted = Mounted(page, widget)
    mounted.frames()
    return mounted


def split_state(state: dict[str, Any]) -> list[dict[str, Any]]:
    """Traits that are JSON, and those that are bytes or lists of bytes, in base64."""
    plain, binary = {}, {}
    for name, value in state.items():
        if isinstance(value, bytes | memoryview):
            binary[name] = encode(value)
        elif isinstance(value, list) and value and isinstance(value[0], bytes | memoryview):
            binary[name] = [encode(item) for item in value]
        else:
            plain[name] = value
    return [plain, binary]


def encode(data: bytes | memoryview) -> str:
    return base64.b64encode(bytes(data)).decode("ascii")
