"""What a user can operate in a widget, by accessible names; each is driven by a test, or the test fails at its end.

``controls = Controls(find_widget(page, "Stem player"))``; then ``controls.use("slider", "gain of low", group="low")``
gives a control's locator and notes that it is driven, and ``controls.check()`` fails if the page has, or had, one that
was not. They are found as Playwright finds them, by role and name, so that one without its right name is not found.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from labdriver import Lab, Notebook

WAIT_SECONDS = 120.0
POLL_MILLISECONDS = 40
SAVED_BYTES = 2_000_000  # at most, of a notebook without its figures

# Every element that takes a key or a click, shown or not: [group, role, name]. The group is the nearest named one below
# the root; a canvas is a group itself, whose name goes up to its colon, where the help on its keys begins.
LIST = """root => {
    const TYPES = { range: "slider", checkbox: "checkbox", radio: "radio", number: "spinbutton", file: "file" };
    const ROLES = { BUTTON: "button", SELECT: "combobox", TEXTAREA: "textbox", A: "link" };
    const findRole = node => node.getAttribute("role") ?? (node.tagName === "INPUT" ? TYPES[node.type] ?? "textbox"
        : ROLES[node.tagName] ?? node.tagName.toLowerCase());
    const readWords = node => {
        const copy = node.cloneNode(true);
        const inner = copy.querySelectorAll("input, select, textarea, output, [aria-hidden=true]");
        inner.forEach(other => other.replaceWith(" "));
        return copy.textContent.replace(/\\s+/g, " ").trim();
    };
    const selector = "button, input, select, textarea, audio, summary, a[href], [tabindex='0']";
    return [...root.querySelectorAll(selector)].map(node => {
        const role = findRole(node), name = node.getAttribute("aria-label") ?? readWords(node.closest("label") ?? node);
        const group = node.parentElement.closest("[role=group][aria-label]");
        const isInside = group && group !== root && root.contains(group);
        return [isInside ? group.getAttribute("aria-label") : "", role, role === "group" ? name.split(":")[0] : name];
    });
}"""


class Controls:
    """The controls below a root, and which of them were driven.

    Args:
        root: locator of exactly one element, such as ``find_widget(page, "Derived stems")``.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        self._found: set[tuple[str, str, str]] = set()
        self._driven: set[tuple[str, str, str | re.Pattern[str]]] = set()

    def look(self) -> Controls:
        """Note what there is now; `use` and `check` do so as well."""
        self._found |= {(group, role, name) for group, role, name in self.root.evaluate(LIST)}
        return self

    def use(self, role: str, name: str | re.Pattern[str], *, group: str = "") -> Any:
        """The locator of a control that the test goes on to drive.

        Args:
            role: ``button``, ``slider``, ``combobox``, ``checkbox``, ``spinbutton``, ``textbox``; ``group`` for a
                canvas that takes keys; ``file``, ``audio`` and ``pre``, which have no role of their own.
            name: accessible name, whole; of a canvas up to its colon. A pattern must fit the whole name.
            group: accessible name of the group that it lies in, if any.
        """
        self._driven.add((group, role, name))
        inside = self.root.get_by_role("group", name=group, exact=True) if group else self.root
        whole = re.compile(f"^(?:{name.pattern})$") if isinstance(name, re.Pattern) else name
        if role in ("file", "audio", "pre"):
            found = inside.get_by_label(whole, exact=True)
        elif role == "group":
            found = inside.get_by_role("group", name=re.compile(f"^{re.escape(str(name))}:"))
        else:
            found = inside.get_by_role(role, name=whole, exact=True)
        found.first.wait_for(state="attached")
        self.look()
        return found

    def check(self) -> None:
        """Fail if there is a control, or was one at any look, that the test has not driven."""
        self.look()
        left = sorted(key for key in self._found if not any(fits(key, driven) for driven in self._driven))
        assert not left, f"controls without a test (group, role, name): {left}"
        gone = [driven for driven in self._driven if not any(fits(key, driven) for key in self._found)]
        assert not gone, f"driven, but under another group, role or name than in the page: {gone}"


def fits(found: tuple[str, str, str], driven: tuple[str, str, str | re.Pattern[str]]) -> bool:
    """Whether a control is one that was driven."""
    name = driven[2]
    same = bool(name.fullmatch(found[2])) if isinstance(name, re.Pattern) else name == found[2]
    return same and found[:2] == driven[:2]


def find_widget(page: Any, label: str, *, index: int = 0) -> Any:
    """The root of the widget with this title, once it is shown."""
    found = page.locator(".wb").filter(has=page.get_by_role("heading", name=label, exact=True)).nth(index)
    found.wait_for()
    return found


def wait_value(notebook: Notebook, expression: str, expected: Any, *, seconds: float = WAIT_SECONDS) -> Any:
    """What an expression gives in the kernel, once that is as expected.

    JupyterLab 4.4 and later has a kernel answer widgets in a subshell, a thread beside the one that runs code: neither
    an idle kernel nor the order of messages says that a callback is over, so that a value must be waited for.

    Args:
        notebook: that is open.
        expression: of Python, whose value JSON can hold.
        expected: to be equal to (`pytest.approx` too), or a function that says whether a value will do.
        seconds: after which it fails.
    """
    deadline = time.monotonic() + seconds
    is_met: Callable[[Any], bool] = expected if callable(expected) else lambda value: bool(value == expected)
    while not is_met(value := notebook.value(expression)):
        assert time.monotonic() < deadline, f"{expression} stayed {value!r}, expected {expected!r}"
        notebook.page.wait_for_timeout(POLL_MILLISECONDS)
    return value


def write_notebook(lab: Lab, name: str, *sources: str) -> str:
    """A notebook in the folder that JupyterLab shows, with a cell for each source; gives its name."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(metadata={"kernelspec": kernel}, cells=cells), Path(lab.root) / name)
    return name


def run_notebook(notebook: Notebook, lab: Lab, name: str, *sources: str) -> Notebook:
    """Open a notebook made of these sources and run all of it."""
    notebook.open(write_notebook(lab, name, *sources))
    finished, errors = notebook.run_all(), notebook.errors()
    assert not errors, errors
    assert finished
    return notebook


def check_quiet(notebook: Notebook) -> None:
    """Nothing red in the notebook, nothing raised by a callback, nothing that the page complains of."""
    notebook.wait_idle()
    for found in (notebook.errors(), notebook.callback_errors(), notebook.page.faults):
        assert not found, found


def drag(
    page: Any, target: Any, start: tuple[float, float], stop: tuple[float, float], *, key: str | None = None
) -> None:
    """Drag over an element, from and to places in CSS pixels from its top left corner, with a key held down or none."""
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    if key is not None:
        page.keyboard.down(key)
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + stop[0], box["y"] + stop[1], steps=5)
    page.mouse.up()
    if key is not None:
        page.keyboard.up(key)


def count_cells(page: Any) -> int:
    """How many cells the notebook has; a key that reached its shortcuts would have added or cut one."""
    count: int = page.evaluate("() => jupyterapp.shell.currentWidget.content.model.cells.length")
    return count
