"""Everything the workbench raises on purpose, under one root. This module imports nothing.

A message says what was got, what was expected and what to do, in one line: the command line
prints it as it is. Exit status 2 goes to what the user can mend, 1 to a fault of ours.
"""


class WorkbenchError(Exception):
    """The root: ``except workbench.WorkbenchError`` catches every error meant for a user."""


class InvalidValue(WorkbenchError, ValueError):
    """A value that cannot be: a hop of 0, an unknown window, a stem that does not exist."""


class InvalidType(WorkbenchError, TypeError):
    """Something of the wrong kind: a number where a name was expected."""


class AudioFileError(WorkbenchError):
    """A file that cannot be read as audio, or an output that cannot be written."""


class CheckpointError(WorkbenchError):
    """Weights that are missing, unreadable or made for another architecture."""


class ModelError(WorkbenchError):
    """A model that gave something else than it promised: NaN, another shape, fewer stems."""


class PluginError(WorkbenchError):
    """A plugin that does not keep to the contract of cards and hooks."""


class DeviceMemoryError(WorkbenchError):
    """The device ran out of memory even with one chunk at a time."""


class WorkbenchNotice(UserWarning):
    """Something the user should know though the work goes on: mono was doubled, a gain applied."""
