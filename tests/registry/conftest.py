from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

WritePlugin = Callable[..., EntryPoint]

HEAD = "from workbench.registry import ModelCard, Parameter, WindowCard, hookimpl\n"


@pytest.fixture
def write_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WritePlugin]:
    """Write a module and a distribution around it; gives its entry point, as if it were installed.

    Below a first line of imports, the text of the module begins at line 2.
    """
    monkeypatch.syspath_prepend(tmp_path)
    modules = set()

    def write(name: str, text: str, *, distribution: str | None = None) -> EntryPoint:
        distribution = distribution or f"dist-{name}"
        module = f"made_for_test_{distribution}_{name}".replace("-", "_").replace(".", "_")
        modules.add(module)
        (tmp_path / f"{module}.py").write_text(HEAD + text)
        site = tmp_path / distribution
        info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[workbench]\n{name} = {module}\n")
        (found,) = distributions(path=[str(site)])
        (entry_point,) = found.entry_points
        return entry_point

    yield write
    for module in modules:
        sys.modules.pop(module, None)


def window_text(name: str, *, hook: str = "register_windows") -> str:
    """A plugin that registers one window."""
    return (
        "@hookimpl\n"
        f"def {hook}(register):\n"
        f"    register(WindowCard(name={name!r}, make='some.module:make', summary='For a test.'))\n"
    )
