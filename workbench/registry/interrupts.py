"""Telling the user's Ctrl-C from a plugin that raises `KeyboardInterrupt` by itself."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def watching_interrupts() -> Iterator[list[int]]:
    """Give a list that gets a number for each SIGINT inside; the handler that was there is called as ever.

    Python calls handlers in the main thread alone, so that elsewhere the list stays empty, as it does where
    SIGINT is ignored or handled by other than Python.
    """
    arrived: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield arrived
        return
    handle = before

    def note(number: int, frame: FrameType | None) -> None:
        arrived.append(number)
        handle(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield arrived
    finally:
        if signal.getsignal(signal.SIGINT) is note:  # else the code inside has set one of its own
            signal.signal(signal.SIGINT, before)
