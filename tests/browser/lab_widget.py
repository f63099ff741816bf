"""A widget in JupyterLab: its controls are operated in the page as a user does, its traits are read in the kernel.

``explorer = LabWidget(notebook, "explorer", label="Chunk explorer")`` for a widget that the notebook has under that
name. ``explorer.press("slider", "overlap", "ArrowRight", overlap=0.51)`` presses keys on a control and waits until the
trait is as expected; `click`, `slide`, `choose` and `type_in` likewise; ``explorer.check()`` fails at the end if there
is a control that was not driven.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from controls import Controls, find_widget, wait_value
from labdriver import Notebook

TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
# Every sound that is started from now on: its clock, and of its buffer the seconds and the level (root mean square).
LISTEN = """() => {
    if (window.heard) return;
    window.heard = [];
    const { start } = AudioBufferSourceNode.prototype;
    AudioBufferSourceNode.prototype.start = function (...given) {
        const { buffer, context } = this, channels = [...Array(buffer.numberOfChannels).keys()];
        const squares = channels.map(channel =>
            buffer.getChannelData(channel).reduce((sum, sample) => sum + sample ** 2, 0));
        const level = Math.sqrt(squares.reduce((a, b) => a + b) / channels.length / buffer.length);
        window.heard.push({ context, from: context.currentTime, seconds: buffer.duration, level });
        return start.apply(this, given);
    };
}"""
TAKE_HEARD = "() => window.heard.splice(0).map(({ seconds, level }) => [seconds, level])"


class LabWidget(Controls):
    """One widget of a notebook.

    Args:
        notebook: that was run.
        variable: the widget's name there.
        label: its title.
        right: width in CSS pixels of what is to the right of a picture's plot: 78 where there is a bar of colours.
    """

    def __init__(self, notebook: Notebook, variable: str, *, label: str, right: int = 14) -> None:
        super().__init__(find_widget(notebook.page, label))
        self.notebook, self.page, self.variable, self.right = notebook, notebook.page, variable, right

    # Traits

    def read(self, expression: str) -> Any:
        """A trait, or what an expression after the widget's name and a point gives."""
        return self.notebook.value(f"{self.variable}.{expression}")

    def wait(self, **traits: Any) -> None:
        """Wait until traits are as expected: equal to a value, or true for a function."""
        for name, expected in traits.items():
            wait_value(self.notebook, f"{self.variable}.{name}", expected)

    def settle(self) -> None:
        """Until what the page has to say was sent and the kernel is idle.

        A callback may still run then, since ipykernel gives those of widgets a thread beside the cells; what it leads
        to is to be waited for.
        """
        self.page.evaluate(TWO_FRAMES)
        self.notebook.value("None")
        self.notebook.wait_idle()
        self.page.evaluate(TWO_FRAMES)

    # Controls

    def press(self, role: str, name: str | re.Pattern[str], *pressed: str, group: str = "", **traits: Any) -> Any:
        """Keys on a control."""
        control = self.use(role, name, group=group)
        control.focus()
        for key in pressed:
            self.page.keyboard.press(key)
        self.wait(**traits)
        return control

    def click(self, name: str | re.Pattern[str], *, role: str = "button", group: str = "", **traits: Any) -> Any:
        """A click on a button or a box."""
        control = self.use(role, name, group=group)
        control.click()
        self.wait(**traits)
        return control

    def type_in(self, role: str, name: str, text: str, *, group: str = "", **traits: Any) -> Any:
        """Text typed into a field, and Enter."""
        control = self.use(role, name, group=group)
        control.click()
        control.press("ControlOrMeta+a")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
        self.wait(**traits)
        return control

    def choose(self, name: str, value: str, *, group: str = "", **traits: Any) -> Any:
        """An entry of a list, as the mouse picks it."""
        control = self.use("combobox", name, group=group)
        control.select_option(value)
        self.wait(**traits)
        return control

    def slide(self, name: str | re.Pattern[str], part: float, *, group: str = "", **traits: Any) -> Any:
        """A slider's knob dragged to a part of the way, from wherever it is."""
        control = self.use("slider", name, group=group)
        control.scroll_into_view_if_needed()
        box = control.bounding_box()
        middle = box["y"] + box["height"] / 2
        self.page.mouse.move(box["x"] + 0.5 * box["width"], middle)
        self.page.mouse.down()
        self.page.mouse.move(box["x"] + part * box["width"], middle, steps=3)
        self.page.mouse.up()
        self.wait(**traits)
        return control

    # Pictures

    def picture(self, name: str) -> Any:
        """A canvas that takes keys."""
        return self.use("group", name)

    def place(self, name: str, across: float, up: float) -> tuple[float, float]:
        """Where on the page a point of a picture's plot is, given in parts of its width and height."""
        host = self.picture(name)
        host.scroll_into_view_if_needed()
        box = host.bounding_box()
        wide, high = box["width"] - 64 - self.right, box["height"] - 8 - 40
        return box["x"] + 64 + across * wide, box["y"] + 8 + (1 - up) * high

    def drag(self, name: str, *points: tuple[float, float]) -> None:
        """Drag over a picture through points of its plot."""
        self.page.mouse.move(*self.place(name, *points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.place(name, *point), steps=4)
        self.page.mouse.up()

    def wheel(self, name: str, across: float, up: float, delta: float, *, key: str) -> None:
        """Turn the wheel over a point of a picture's plot, with a key held down."""
        self.page.mouse.move(*self.place(name, across, up))
        self.page.keyboard.down(key)
        self.page.mouse.wheel(0, delta)
        self.page.keyboard.up(key)

    # What is said

    def message(self) -> str:
        """What the widget's message bar says."""
        return str(self.root.get_by_role("alert").inner_text())

    def wait_message(self, words: str) -> None:
        """Wait until the message bar says this among others; nothing at all for ''."""
        self.wait_page(
            "([node, words]) => { const said = node.querySelector('[role=alert]').textContent;"
            " return words ? said.includes(words) : !said; }",
            words,
        )

    def wait_page(self, script: str, *given: Any) -> None:
        """Wait until a function of ``[root, *given]`` in the page is true."""
        self.page.wait_for_function(script, arg=[self.root.element_handle(), *given])

    def wait_text(self, words: str | re.Pattern[str]) -> None:
        """Wait until the widget has this text somewhere in sight."""
        self.root.get_by_text(words).filter(visible=True).first.wait_for()

    # Sound

    def hear(self, name: str | re.Pattern[str], *, group: str = "", count: int = 1) -> list[list[float]]:
        """Click on a button and wait until it sounds; gives seconds and root mean square of each track that began."""
        self.page.evaluate(LISTEN)
        self.page.evaluate(TAKE_HEARD)
        self.click(name, group=group)
        self.page.wait_for_function(
            "count => window.heard.length >= count"
            " && window.heard.every(({ context, from }) => context.currentTime > from)",
            arg=count,
        )
        heard: list[list[float]] = self.page.evaluate(TAKE_HEARD)
        return heard


def within(low: float, high: float) -> Callable[[Any], bool]:
    """A number in a range, for `LabWidget.wait`."""
    return lambda value: low <= value <= high
