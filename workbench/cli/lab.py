"""JupyterLab on a copy of the notebooks that came with the workbench."""

from __future__ import annotations

import os
import re
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
# What may be passed on: an option's name and what its value must look like, if it has one. All else is refused, since
# JupyterLab has more names than one for what opens the server to others (its address, token and password, a config).
PASSED_ON: dict[str, str | None] = {
    "LabApp.expose_app_in_browser": r"True|False",  # to scripts on the page, for who drives it
    "allow-root": None,
    "ServerApp.port": r"\d{1,5}",
    "browser": r".+",
    "debug": None,
    "log-level": r"DEBUG|INFO|WARN|ERROR|CRITICAL|\d+",
    "no-browser": None,
    "notebook-dir": r".+",
    "port": r"\d{1,5}",
    "port-retries": r"\d+",
    "preferred-dir": r".+",
}
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
        further: arguments for JupyterLab itself, see `choose_arguments`.

    Raises:
        InvalidValue: an argument that is not passed on.
    """
    arguments = choose_arguments(further)
    names = {argument.partition("=")[0] for argument in arguments}  # Jupyter takes nothing twice
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.tornado_settings={{'websocket_max_message_size': {LARGEST_MESSAGE_BYTES}}}",
        # The launcher's tiles, named here too: an editable installation puts nothing where Jupyter looks.
        f"--LabApp.extra_labextensions_path={files('workbench.labextension')}",
        "--ServerApp.jpserver_extensions={'workbench.labextension': True}",
    ]
    if "--notebook-dir" not in names:
        command.append(f"--ServerApp.root_dir={folder.resolve()}")
        if (folder / FIRST).exists():
            command.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    if not browser:
        command.append("--no-browser")
    if port is not None and not names & {"--port", "--ServerApp.port"}:
        command.append(f"--ServerApp.port={port}")
    return [*command, *arguments]


def choose_arguments(further: Sequence[str]) -> list[str]:
    """What is passed on to JupyterLab, each as ``--name`` or ``--name=value``; ``--port 8889`` may be two words.

    Raises:
        InvalidValue: anything else than `PASSED_ON` lists, such as what would open the server to others than this
            machine's user.
    """
    chosen: list[str] = []
    words = iter(further)
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in PASSED_ON:
            listed = ", ".join(f"--{known}" for known in PASSED_ON)
            raise InvalidValue(
                f"{word!r} is not passed on to JupyterLab: the server stays on this machine, behind a token; what can "
                f"be is {listed}"
            )
        pattern = PASSED_ON[name]
        if pattern is None:
            if equals:
                raise InvalidValue(f"--{name} takes no value, got {word!r}")
            chosen.append(word)
            continue
        if not equals:
            value = next(words, "")
        if not re.fullmatch(pattern, value):
            raise InvalidValue(f"--{name} cannot be {value!r}; write it as in --{name}=VALUE")
        chosen.append(f"--{name}={value}")
    return chosen


def start_lab(folder: Path, *, browser: bool = True, port: int | None = None, further: Sequence[str] = ()) -> int:
    """Copy the notebooks and run JupyterLab until it ends; gives its exit status.

    Raises:
        InvalidValue: an argument that is not passed on, see `choose_arguments`.
        WorkbenchError: as `copy_notebooks`.
    """
    arguments = choose_arguments(further)  # before anything is written
    notebooks = copy_notebooks(folder)
    for name in notebooks.kept:
        print(f"note: {folder / name} is yours and stays as it is", file=sys.stderr)
    print(f"JupyterLab in {folder.resolve()}; end it by Ctrl-C", file=sys.stderr)
    try:
        process = subprocess.Popen(list_command(folder, browser=browser, port=port, further=arguments))
    except OSError as error:
        raise WorkbenchError(f"cannot start JupyterLab: {error}") from error
    try:
        return process.wait()
    except KeyboardInterrupt as error:
        process.terminate()  # it ends its kernels, then itself; of Ctrl-C alone it would ask whether that was meant
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        return getattr(error, "status", INTERRUPTED)  # of SIGTERM, which is raised as one
