"""Ctrl-C and SIGTERM: the first stops the run in good order; a second, or a run that does not stop, ends at once."""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from workbench.cli.messages import INTERRUPTED

SHOW_CURSOR = b"\x1b[?25h"  # a progress bar hides it
PATIENCE_SECONDS = 3.0  # for a run that was asked to end by a program, which may not ask twice
# What schedulers and service managers send, and a terminal that closes; Windows has no SIGHUP.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP came. It ends a run as Ctrl-C does, so that nothing half-written stays behind."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.status = 128 + number  # as shells count


@contextmanager
def ending_on_second_interrupt() -> Iterator[None]:
    """While this is open a second Ctrl-C ends the process with status 130, whatever the main thread is doing.

    SIGTERM and SIGHUP raise `Terminated`, and end the process a little later whatever the main thread is doing.

    Python's own handlers run in the main thread, between two of its bytecodes, and so never while that hangs in a
    library. The interpreter does write each signal's number to a file descriptor at once: a thread reads it there.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    # one that is ignored stays so: nohup does that, and background jobs may
    handlers = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in handlers.items():
        if handler == signal.SIG_DFL:
            signal.signal(number, _raise_terminated)
    thread = threading.Thread(target=_count_signals, args=(reader,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler == signal.SIG_DFL:
                signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        writer.close()  # the thread reads the end and returns
        thread.join()
        reader.close()


def _raise_terminated(number: int, frame: FrameType | None) -> None:
    raise Terminated(number)


def _count_signals(reader: socket.socket) -> None:
    interrupts, deadline, status = 0, None, INTERRUPTED
    while True:
        patience = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([reader], [], [], patience)[0]:
            _end(b"error: ended, though the run did not stop\n", status)
        received = reader.recv(1)
        if not received:
            return
        interrupts += received[0] == signal.SIGINT
        if interrupts == 2:
            _end(b"error: interrupted twice, ended at once\n", INTERRUPTED)
        if received[0] in ENDING and deadline is None:
            deadline, status = time.monotonic() + PATIENCE_SECONDS, 128 + received[0]


def _end(line: bytes, status: int) -> None:
    if os.isatty(2):
        os.write(2, SHOW_CURSOR)
    os.write(2, line)
    os._exit(status)
