"""``workbench new-plugin``: write a package, and say how to go on."""

from __future__ import annotations

from pathlib import Path

from workbench.cli.messages import make_line, print_note
from workbench.scaffold.new_plugin import write_plugin


def print_new_plugin(name: str, *, parent: Path) -> None:
    """Write a new plugin's package, print its folder, and note what to do next.

    Raises:
        WorkbenchError: as `write_plugin`.
    """
    written = write_plugin(name, parent=parent)
    names = written.names
    if names.distribution != name:
        print_note(f"named {names.distribution}, which is how package installers spell {name}")
    print(make_line(written.folder))
    print_note(
        f"go on there with: python -m pip install -e '.[test]' && workbench check {names.module} && python -m pytest "
        "(README.md says what to change where)"
    )
