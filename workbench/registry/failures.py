"""What a plugin raised, as one line of a table: class, message, and the line in the plugin's own file."""

from __future__ import annotations

MAX_MESSAGE_LENGTH = 500  # characters; a compiler's whole output may be in there


def describe_failure(error: BaseException, *, packages: set[str]) -> str:
    """Put an error into one line: its class, its message, and the line in the plugin that raised it.

    Args:
        error: what a plugin raised.
        packages: top-level packages of the plugin. The last step of the traceback within them is named, not
            one in a library it called.
    """
    message = read_message(error)
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    where = ""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{text} ({error.filename}:{error.lineno})" if str(error.filename) not in text else text
    trace = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__"))
        if module.partition(".")[0] in packages:
            where = f" ({trace.tb_frame.f_code.co_filename}:{trace.tb_lineno})"
        trace = trace.tb_next
    return text + where


def read_message(error: BaseException) -> str:
    """What an error says, in one line of bearable length in which every character shows as it is."""
    try:
        words = str(error).split()
    except Exception:  # the author's own __str__ may raise anything
        return "(its message cannot be read)"
    line = " ".join(words)
    line = "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in line)
    return line if len(line) <= MAX_MESSAGE_LENGTH else f"{line[:MAX_MESSAGE_LENGTH]} ..."
