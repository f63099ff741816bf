"""A file that comes from the browser in parts, since one message may not hold it."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePosixPath, PureWindowsPath

from workbench.errors import InvalidValue

MOST_PARTS = 1024  # of 4 MB each, see separate_panel.js: a websocket of Jupyter's server takes 10 MB at once


class Upload:
    """Puts parts together, in order, in a folder that goes away with it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="workbench-upload-")
        self._draft: Path | None = None
        self._next = 0

    def take(self, name: str, part: bytes, *, index: int, total: int) -> Path | None:
        """Take the ``index``-th part of ``total``, from 0; gives the file's path once it is whole.

        Raises:
            InvalidValue: a name without any letters, or a part out of turn.
        """
        plain = PureWindowsPath(PurePosixPath(name).name).name  # whatever system the browser runs on
        if not plain.strip(" ."):
            raise InvalidValue(f"the uploaded file must have a name, got {name!r}")
        folder = Path(self._folder.name)
        if index == 0:
            self._draft, self._next = folder / f"{plain}.part", 0
            self._draft.write_bytes(b"")
        if self._draft is None or index != self._next or self._draft.name != f"{plain}.part":
            raise InvalidValue(f"part {index + 1} of {name} came out of turn: upload the file again")
        with self._draft.open("ab") as file:
            file.write(part)
        self._next += 1
        if self._next < total:
            return None
        whole = folder / plain
        self._draft.replace(whole)
        self._draft = None
        return whole

    def close(self) -> None:
        """Delete the folder."""
        self._folder.cleanup()
