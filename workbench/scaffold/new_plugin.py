"""Writing a new plugin: a copy of `plugin-template` in which the names are replaced."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from workbench.errors import AudioFileError
from workbench.scaffold.names import PluginNames, derive_names

# What the template, which is a whole package by itself, is called.
TEMPLATE_NAMES = PluginNames(distribution="my-separator", module="my_separator")
# Named one by one, since tools leave their caches in any folder.
TEMPLATE_FILES = (
    "README.md",
    "pyproject.toml",
    "src/my_separator/__init__.py",
    "src/my_separator/cards.py",
    "src/my_separator/network.py",
    "src/my_separator/window.py",
    "tests/test_my_separator.py",
)


@dataclass(frozen=True)
class NewPlugin:
    """A plugin that was written: its names, and the folder of its package."""

    names: PluginNames
    folder: Path


def write_plugin(name: str, *, parent: str | os.PathLike[str] = ".") -> NewPlugin:
    """Write a package that installs and passes its tests as it is, one model and one window in it.

    The files are written into a hidden folder beside the final one and moved there at once, so that the final
    folder has either all of them or does not exist.

    Args:
        name: of the package, such as ``"my-separator"``; its module is then ``my_separator``.
        parent: the folder in which the package's folder is made; made too if it is missing.

    Raises:
        InvalidType, InvalidValue: a name that cannot be or is taken, see `derive_names`.
        AudioFileError: the package's folder is there and not empty, or cannot be written.
    """
    names = derive_names(name)
    folder = Path(parent) / names.distribution
    contents = fill_template(names)
    try:
        _check_free(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = folder.with_name(f".{secrets.token_hex(6)}.part")
        try:
            for path, text in contents:
                target = staging / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8", newline="\n")
            os.replace(staging, folder)  # an empty folder may be replaced; one that was filled meanwhile may not
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise AudioFileError(
            f"cannot write the package {folder}: {error.strerror or error}; choose another folder (-o)"
        ) from error
    return NewPlugin(names, folder)


def fill_template(names: PluginNames) -> list[tuple[str, str]]:
    """Give path and text of each file of a new package, the template's names replaced in both."""

    def fill(text: str) -> str:
        text = text.replace(TEMPLATE_NAMES.distribution, names.distribution)
        return text.replace(TEMPLATE_NAMES.module, names.module)

    template = files("workbench.scaffold") / "plugin-template"
    return [(fill(path), fill(template.joinpath(path).read_text(encoding="utf-8"))) for path in TEMPLATE_FILES]


def _check_free(folder: Path) -> None:
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise AudioFileError(f"{folder} exists and is not a folder: choose another name, or another folder for it")
    if any(folder.iterdir()):
        raise AudioFileError(f"{folder} exists and is not empty: choose another name, or another folder for it")
