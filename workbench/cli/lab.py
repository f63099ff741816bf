"""JupyterLab on a copy of the notebooks that came with the workbench."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from workbench.errors import AudioFileError, InvalidValue, WorkbenchError

FIRST = "00_tour.ipynb"


@dataclass(frozen=True)
class CopiedNotebooks:
    """Which notebooks were copied, and which were left because a file of that name was there."""

    copied: tuple[str, ...]
    kept: tuple[str, ...]


def copy_notebooks(folder: Path) -> CopiedNotebooks:
    """Copy the notebooks that came with the workbench into ``folder``; what is there already stays as it is.

    Raises:
        InvalidValue: ``folder`` is a file.
        AudioFileError: it cannot be made or written.
    """
    if folder.exists() and not folder.is_dir():
        raise InvalidValue(f"{folder} is a file, expected a folder for the notebooks")
    copied, kept = [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for notebook in sorted(files("workbench_notebooks").iterdir(), key=lambda entry: entry.name):
            if not notebook.name.endswith(".ipynb"):
                continue
            target = folder / notebook.name
            if os.path.lexists(target):
                kept.append(notebook.name)
                continue
            with as_file(notebook) as source:
                shutil.copyfile(source, target)
            copied.append(notebook.name)
    except OSError as error:
        raise AudioFileError(f"cannot write the notebooks into {folder}: {error.strerror or error}") from error
    return CopiedNotebooks(tuple(copied), tuple(kept))


def list_command(
    folder: Path, *, browser: bool = True, port: int | None = None, further: Sequence[str] = ()
) -> list[str]:
    """The command that starts JupyterLab in ``folder``, on the loopback interface and behind its token.

    Args:
        folder: what JupyterLab shows; it opens on the first notebook.
        browser: whether to open a browser.
        port: of the server; a free one near 8888 if left out.
        further: arguments for JupyterLab itself.
    """
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={folder.resolve()}",
    ]
    if (folder / FIRST).exists():
        command.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    if not browser:
        command.append("--no-browser")
    if port is not None:
        command.append(f"--ServerApp.port={port}")
    return [*command, *further]


def start_lab(folder: Path, *, browser: bool = True, port: int | None = None, further: Sequence[str] = ()) -> int:
    """Copy the notebooks and run JupyterLab until it ends; gives its exit status.

    Raises:
        InvalidValue: an argument that would open the server to others than this machine's user.
        WorkbenchError: as `copy_notebooks`.
    """
    for argument in further:
        if argument.lstrip("-").split("=")[0] in ("ip", "ServerApp.ip", "IdentityProvider.token", "ServerApp.token"):
            raise InvalidValue(f"{argument!r} is not for here: the server stays on this machine, behind a token")
    notebooks = copy_notebooks(folder)
    for name in notebooks.kept:
        print(f"note: {folder / name} is yours and stays as it is", file=sys.stderr)
    print(f"JupyterLab in {folder.resolve()}; end it by Ctrl-C", file=sys.stderr)
    try:
        return subprocess.call(list_command(folder, browser=browser, port=port, further=further))
    except KeyboardInterrupt:  # JupyterLab gets it too, and ends by itself
        return 130
    except OSError as error:
        raise WorkbenchError(f"cannot start JupyterLab: {error}") from error
