"""``workbench export`` of every notebook: the page opens from a file, without a network or a kernel, whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from labdriver import NOTEBOOKS

CONTROLS = "button, input, select, textarea, canvas, progress, [role=slider], [role=button], .jupyter-widgets"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_an_exported_notebook_shows_and_plays(page: Any, tmp_path: Path, notebook: Path) -> None:
    out = tmp_path / "page.html"
    command = [sys.executable, "-m", "workbench", "export", str(notebook), "-o", str(out)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "needs a network" not in done.stderr
    assert "cannot be exported" not in done.stderr

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    page.goto(out.as_uri())
    assert [address for address in asked if not address.startswith(("file:", "data:", "blob:"))] == []
    assert page.locator(CONTROLS).count() == 0
    page.wait_for_function("() => [...document.images].every(image => image.complete)")
    widths = page.evaluate("() => [...document.images].map(image => image.naturalWidth)")
    assert widths
    assert min(widths) > 0
    page.wait_for_function("() => [...document.querySelectorAll('audio')].every(audio => audio.readyState > 0)")
    lengths = page.evaluate("() => [...document.querySelectorAll('audio')].map(audio => audio.duration)")
    assert all(0 < length < 600 for length in lengths)
    if notebook.name.startswith("00"):
        assert len(lengths) >= 2  # the stems that it takes the song apart into
    assert page.faults == []
