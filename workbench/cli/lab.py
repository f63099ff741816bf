"""JupyterLab on a copy of the notebooks that came with the workbench."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from workbench.cli.messages import INTERRUPTED
from workbench.errors import AudioFileError, InvalidValue, WorkbenchError
from workbench.io.staging import staged_files

FIRST = "00_tour.ipynb"
LARGEST_MESSAGE_BYTES = 512 * 2**20  # from a page to its kernel: a song; Jupyter's 10 MiB would cut the connection
STOP_SECONDS = 2.0  # less than `workbench.cli.interrupts.PATIENCE_SECONDS`


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
            with as_file(notebook) as source, staged_files([target], overwrite=False) as (draft,):
                shutil.copyfile(source, draft)
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
        f"--ServerApp.tornado_settings={{'websocket_max_message_size': {LARGEST_MESSAGE_BYTES}}}",
        # The launcher's tiles, named here too: an editable installation puts nothing where Jupyter looks.
        f"--LabApp.extra_labextensions_path={files('workbench.labextension')}",
        "--ServerApp.jpserver_extensions={'workbench.labextension': True}",
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
        process = subprocess.Popen(list_command(folder, browser=browser, port=port, further=further))
    except OSError as error:
        raise WorkbenchError(f"cannot start JupyterLab: {error}") from error
    try:
        return process.wait()
    except KeyboardInterrupt as error:
        process.terminate()  # it ends its kernels, then itself; of Ctrl-C alone it would ask whether that was meant
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        return getattr(error, "status", INTERRUPTED)  # of SIGTERM, which is raised as one
