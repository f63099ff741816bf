"""Ctrl-C: the first stops the run in good order, a second one ends the program at once."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from workbench.cli.messages import INTERRUPTED

SHOW_CURSOR = b"\x1b[?25h"  # a progress bar hides it


@contextmanager
def ending_on_second_interrupt() -> Iterator[None]:
    """While this is open a second Ctrl-C ends the process with status 130, whatever the main thread is doing.

    Python's own handlers run in the main thread, between two of its bytecodes, and so never while that hangs in a
    library. The interpreter does write each signal's number to a file descriptor at once: a thread reads it there.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=_count_interrupts, args=(reader,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writer.close()  # the thread reads the end and returns
        thread.join()
        reader.close()


def _count_interrupts(reader: socket.socket) -> None:
    count = 0
    while received := reader.recv(1):
        count += received[0] == signal.SIGINT
        if count == 2:
            if os.isatty(2):
                os.write(2, SHOW_CURSOR)
            os.write(2, b"error: interrupted twice, ended at once\n")
            os._exit(INTERRUPTED)
