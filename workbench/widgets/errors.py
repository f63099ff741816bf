"""Errors of callbacks, shown where the user looks: JupyterLab itself shows them nowhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from traitlets import TraitError

from workbench.errors import InvalidValue, WorkbenchError

if TYPE_CHECKING:
    from workbench.widgets.base import WorkbenchWidget


class RefusedValueError(InvalidValue, TraitError):
    """A value that a trait cannot have; traitlets puts the old one back only for errors of its own."""


def describe_error(error: Exception) -> str:
    """One line for the widget's message bar."""
    text = " ".join(str(error).split())
    if is_expected(error):
        return text
    return f"{type(error).__name__}: {text} (a fault of the workbench; details in the log)"


def is_expected(error: Exception) -> bool:
    """Whether it was raised for the user: a `WorkbenchError`, or a value that a trait does not take."""
    return isinstance(error, WorkbenchError | TraitError)


def guard(widget: WorkbenchWidget, handler: Callable[..., Any]) -> Callable[..., None]:
    """``handler`` with its errors shown in ``widget``'s message bar instead of raised.

    A message that it left is taken away once it ends well.
    """

    @wraps(handler)
    def run(*arguments: Any) -> None:
        try:
            handler(*arguments)
        except Exception as error:
            widget.show_error(error, source=handler)
        else:
            widget.clear_error(source=handler)

    return run


def shows_errors(method: Callable[..., Any]) -> Callable[..., None]:
    """Decorate a method of a `WorkbenchWidget` that the browser starts: an observer, a button's or message's handler.

    ``@observe("hop") @shows_errors def _on_hop(self, change)``; a `WorkbenchError` becomes its one line in ``message``,
    any other exception a note that it is the workbench's fault, with its traceback in the log.
    """

    @wraps(method)
    def run(self: WorkbenchWidget, *arguments: Any) -> None:
        try:
            method(self, *arguments)
        except Exception as error:
            self.show_error(error, source=method)
        else:
            self.clear_error(source=method)

    return run
