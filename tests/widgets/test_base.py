from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
from typing import Any

import pytest
from matplotlib.figure import Figure
from traitlets import Float, Int, TraitError, observe

from workbench import widgets
from workbench.errors import InvalidValue
from workbench.widgets import WorkbenchWidget, bytes_list_trait, bytes_trait, read_module, shows_errors
from workbench.widgets.base import CANVAS_KIT, EXPORT_VARIABLE, audio_html


class Divider(WorkbenchWidget):
    """Divides 12 by its divisor."""

    divisor = Int(1).tag(sync=True)
    limit = Float(1.0).tag(sync=True)
    data = bytes_trait()
    parts = bytes_list_trait()
    quotient = 0

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.watch(self._divide, "divisor")
        self.on_message(lambda content, buffers: self._divide({"new": content["divisor"]}))

    def _divide(self, change: dict[str, int]) -> None:
        if change["new"] < 0:
            raise InvalidValue(f"divisor must be above 0,\ngot {change['new']}")
        self.quotient = 12 // change["new"]

    @observe("limit")
    @shows_errors
    def _on_limit(self, change: dict[str, float]) -> None:
        if change["new"] > 10:
            raise InvalidValue("limit must be at most 10")

    def figure(self) -> Figure:
        if self.divisor == 9:
            raise InvalidValue("nothing to draw for <9>")
        return Figure(figsize=(2, 1))


def test_an_error_of_ours_is_one_line_in_the_widget_and_goes_when_all_is_well() -> None:
    widget = Divider()
    widget.divisor = -2
    assert widget.message == "divisor must be above 0, got -2"
    widget.limit = 2.0  # another handler that ends well takes nothing away
    assert widget.message
    widget.divisor = 3
    assert (widget.message, widget.quotient) == ("", 4)


def test_any_other_error_is_named_as_a_fault_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    widget = Divider()
    widget.log.propagate = True
    with caplog.at_level(logging.ERROR, logger=widget.log.name):
        widget.divisor = 0
    assert widget.message.startswith("ZeroDivisionError: integer division or modulo by zero (a fault of the workbench")
    assert "Traceback" in caplog.text
    widget.message = "a notice of something else"
    widget._handle_custom_msg({"divisor": 0}, [])
    assert widget.message.startswith("ZeroDivisionError")


def test_observers_are_decorated_too_also_while_the_widget_is_made() -> None:
    assert Divider(limit=11.0).message == "limit must be at most 10"


def test_what_a_trait_refuses_is_shown_when_it_comes_from_the_browser_and_raised_in_python() -> None:
    widget = Divider()
    widget.set_state({"divisor": "three"})
    assert widget.divisor == 1
    assert "expected an int" in widget.message
    widget.set_state({"divisor": 4})
    assert (widget.message, widget.quotient) == ("", 3)
    with pytest.raises(TraitError):
        widget.divisor = "three"


def test_bytes_from_the_browser_are_taken() -> None:
    widget = Divider()
    widget.set_state({"data": memoryview(b"abc"), "parts": [memoryview(b"d"), memoryview(b"")]})
    assert (widget.data, widget.parts) == (b"abc", [b"d", b""])


def test_busy_ends_with_an_error_too() -> None:
    widget = Divider()
    seen: list[bool] = []
    widget.observe(lambda change: seen.append(change["new"]), "busy")
    with pytest.raises(ValueError, match="x"), widget.working():
        raise ValueError("x")
    assert seen == [True, False]


def test_a_live_view_or_in_an_export_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    widget = Divider(label="Divider & <more>")
    live, _ = widget._repr_mimebundle_()
    assert live["text/plain"] == "<Divider: Divider & <more>>"
    assert live["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    monkeypatch.setenv(EXPORT_VARIABLE, "1")
    bundle, _ = widget._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    page = bundle["text/html"]
    assert "<h4>Divider &amp; &lt;more&gt;</h4>" in page
    assert re.search(r'<img [^>]*alt="Divider &amp; &lt;more&gt;" src="data:image/png;base64,iVBOR', page)
    assert "<button" not in page
    assert "<script" not in page
    widget.divisor = 9
    assert "<p>nothing to draw for &lt;9&gt;</p>" in widget.export_html()


def test_sound_for_an_export_has_a_name() -> None:
    assert 'aria-label="drums &amp; bass" src="data:audio/flac;base64,ZkxhQw=="' in audio_html(
        b"fLaC", label="drums & bass"
    )


def test_a_module_is_its_files_without_anything_from_elsewhere() -> None:
    module = read_module(*CANVAS_KIT, "base.js")
    assert module.count("export default") == 1
    assert module.rstrip().endswith("export default { render };")
    assert not re.search(r"^\s*import |https?:", module, re.MULTILINE)
    names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", module, re.MULTILINE)
    assert len(names) == len(set(names))
    with pytest.raises(FileNotFoundError):
        read_module("no_such_file.js")


def test_names_are_loaded_on_use() -> None:
    code = "import sys, workbench.widgets as w; print(sorted({'torch', 'numpy', 'ipywidgets'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert widgets.__all__ == sorted(widgets.__all__)
    assert set(widgets._HOME) == set(widgets.__all__)
    assert all(getattr(widgets, name) is not None for name in widgets.__all__)


def test_messages_that_come_on_two_threads_are_worked_on_one_after_the_other() -> None:
    widget, entered, go_on, quotients = Divider(), threading.Event(), threading.Event(), []

    def note(change: dict[str, int]) -> None:
        if change["new"] == 2:
            entered.set()
            assert go_on.wait(10)
        quotients.append((change["new"], widget.divisor))

    widget.watch(note, "divisor")
    first = threading.Thread(target=widget.set_state, args=({"divisor": 2},))
    first.start()
    assert entered.wait(10)
    seconds = [threading.Thread(target=widget.set_state, args=({"divisor": 3},))]
    seconds.append(threading.Thread(target=widget._handle_custom_msg, args=({"divisor": 4}, [])))
    for second in seconds:
        second.start()
        second.join(0.1)
        assert second.is_alive()  # waits for its turn
    go_on.set()
    for thread in (first, *seconds):
        thread.join(10)
    assert quotients == [(2, 2), (3, 3)]
    assert widget.message == ""


def test_a_closed_widget_is_a_line_of_text() -> None:
    widget = Divider(label="Divider")
    widget.close()
    data, _ = widget._repr_mimebundle_()  # type: ignore[misc]
    assert list(data) == ["text/plain"]
    assert "closed" in data["text/plain"]
