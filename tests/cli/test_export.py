"""``workbench export``: what a notebook becomes, and what stops it. How the page looks is tested in tests/browser."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.cli.export import list_loaded
from workbench.cli.export_math import draw_formula

RunCli = Callable[..., object]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
STUB = """
import os
class Stub:
    def _repr_mimebundle_(self, **options):
        if os.environ.get("WORKBENCH_EXPORT") == "1":
            return {"text/html": "<b>still picture</b>", "text/plain": "stub"}
        return {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "stub"}
Stub()
"""


@pytest.fixture
def write_notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write a notebook of code cells; those that begin with # are text."""

    def write(*sources: str, kernel: str = "python3", name: str = "lesson.ipynb") -> Path:
        cells = [
            {"cell_type": "markdown", "id": f"c{number}", "metadata": {}, "source": source}
            if source.startswith("# ")
            else {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": {},
                "source": source,
                "outputs": [{"output_type": "stream", "name": "stdout", "text": "left from before"}],
                "execution_count": 9,
            }
            for number, source in enumerate(sources)
        ]
        metadata = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
        path = tmp_path / "lessons" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
        return path

    return write


def test_a_page_holds_text_outputs_and_pictures_and_loads_nothing(
    tmp_path: Path, run_cli: RunCli, write_notebook: Callable[..., Path]
) -> None:
    notebook = write_notebook(
        "# One & two\n\n![a pixel](pixel.png) costs `$1$` or $x^2$",
        STUB,
        "import pathlib; pathlib.Path('pixel.png').exists()",
        "import ipywidgets; ipywidgets.IntSlider()",
        "from IPython.display import Javascript; Javascript('alert(1)')",
    )
    (notebook.parent / "pixel.png").write_bytes(PIXEL)
    before = notebook.read_bytes()
    outcome = run_cli("export", notebook, "-o", tmp_path / "page.html")
    assert outcome.status == 0, outcome
    assert outcome.stdout.startswith(f"{tmp_path / 'page.html'}: ")
    assert outcome.stderr == (
        f"note: {notebook}: cell 4 shows a widget that cannot be exported; its text stands there instead\n"
    )
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b>still picture</b>" in page
    assert "One &amp; two" in page
    assert base64.b64encode(PIXEL).decode() in page
    assert "True" in re.sub("<[^>]*>", "", page)  # the kernel runs in the notebook's folder
    assert "IntSlider(value=0)" in page
    assert "left from before" not in page
    assert "<code>$1$</code>" in page
    assert '<img alt="x^2"' in page
    assert not re.search(r"<script|<button|<input|cdnjs|unpkg", page)
    assert list_loaded(page) == []
    assert notebook.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lessons", "page.html"]


def test_what_a_page_loads_is_found_and_told(run_cli: RunCli, write_notebook: Callable[..., Path], out: Path) -> None:
    page = (
        "<link rel=stylesheet href=https://a.example/x.css><script src='//b.example/x.js'></script>"
        "<a href=https://c.example>a link loads nothing</a><img src=data:image/png;base64,AAAA>"
    )
    assert list_loaded(page) == ["//b.example/x.js", "https://a.example/x.css"]
    outcome = run_cli("export", write_notebook("# A\n\n![far](https://far.example/x.png)"), "-o", out)
    assert outcome.status == 0
    assert "the page loads https://far.example/x.png, so it needs a network" in outcome.stderr


@pytest.mark.parametrize(
    "tex",
    [
        r"0 \le n < L",
        r"\hat x[m] = \frac{\sum_k w[m - kH]\, y_k[m - kH]}{\sum_k w[m - kH]} .",
        "w[n] + w\\!\\left[n + \\tfrac L2\\right]\n= \\tfrac12",
        r"\min_{\hat x} \sum_t \lVert w \hat x_t - f_t \rVert^2 \ge \lvert S_j\rvert",
        r"H = L\,(1 - \text{overlap})",
    ],
)
def test_a_formula_is_drawn_into_the_page(tex: str) -> None:
    page = draw_formula(tex, block=True)
    assert html.unescape(re.findall('alt="(.*?)"', page)[0]) == " ".join(tex.split())
    picture = base64.b64decode(re.findall('base64,(.*?)"', page)[0]).decode()
    assert picture.count("<use ") >= 3  # a drawn letter each
    assert "fill: #ffffff" not in picture  # nothing behind them
    assert "text-align: center" in page
    assert "text-align" not in draw_formula(tex, block=False)


def test_fractions_are_large_where_tex_sets_them_large() -> None:
    def measure_height(tex: str, *, block: bool) -> float:
        data = re.findall('base64,(.*?)"', draw_formula(tex, block=block))[0]
        return float(re.findall('height="([0-9.]+)pt"', base64.b64decode(data).decode())[0])

    assert measure_height(r"\frac{a}{b}", block=True) > 1.2 * measure_height(r"\tfrac ab", block=True)
    assert measure_height(r"\dfrac ab", block=False) > 1.2 * measure_height(r"\frac{a}{b}", block=False)


def test_a_formula_grows_with_the_text_around_it() -> None:
    style = re.findall('style="(.*?)"', draw_formula("w^2", block=False))[0]
    assert re.fullmatch(r"display: inline; width: [\d.]+em; height: auto; vertical-align: -[\d.]+em", style)


def test_a_formula_that_cannot_be_drawn_stays_readable() -> None:
    assert draw_formula(r"a \underbrace{b}_c < d", block=False) == r"<code>a \underbrace{b}_c &lt; d</code>"


def test_a_cell_that_raises_is_named_and_nothing_is_written(
    tmp_path: Path, run_cli: RunCli, write_notebook: Callable[..., Path]
) -> None:
    (tmp_path / "page.html").write_text("before")
    notebook = write_notebook("# Text", "a = 1", "# more\n", "\na / 0\n")
    outcome = run_cli("export", notebook, "-o", tmp_path / "page.html", "--overwrite")
    outcome.check_error(str(notebook), "cell 4 (of 4, 'a / 0') raised ZeroDivisionError: division by zero")
    assert (tmp_path / "page.html").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lessons", "page.html"]


def test_a_page_that_is_there_stays_and_no_cell_runs(
    tmp_path: Path, run_cli: RunCli, write_notebook: Callable[..., Path]
) -> None:
    (tmp_path / "page.html").write_text("before")
    notebook = write_notebook("open('ran', 'w')")
    run_cli("export", notebook, "-o", tmp_path / "page.html").check_error("page.html exists already", "--overwrite")
    assert not (notebook.parent / "ran").exists()


def test_a_kernel_that_dies_is_an_error(run_cli: RunCli, write_notebook: Callable[..., Path], out: Path) -> None:
    outcome = run_cli("export", write_notebook("1", "import os; os._exit(3)"), "-o", out)
    outcome.check_error("the kernel died in cell 2")
    assert not out.exists()


def test_a_kernel_that_is_not_there_is_an_error(
    run_cli: RunCli, write_notebook: Callable[..., Path], out: Path
) -> None:
    run_cli("export", write_notebook("1", kernel="julia-9"), "-o", out).check_error("no kernel 'julia-9' is installed")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "not text"),
        (b"not json", "is not a notebook"),
        (b"[1, 2]", "is not a notebook"),
        (b'{"cells": 3, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "is not a notebook"),
    ],
)
def test_what_is_no_notebook_is_an_error(
    tmp_path: Path, run_cli: RunCli, out: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "lesson.ipynb"
    if content is not None:
        path.write_bytes(content)
    run_cli("export", path, "-o", out).check_error(str(path), said)
    assert not out.exists()


def test_an_interrupt_ends_command_and_kernel(tmp_path: Path, write_notebook: Callable[..., Path], out: Path) -> None:
    started = tmp_path / "started"
    cell = f"import os, pathlib, time; pathlib.Path({str(started)!r}).write_text(str(os.getpid())); time.sleep(600)"
    command = [sys.executable, "-m", "workbench", "export", str(write_notebook(cell)), "-o", str(out)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a test run in the background may have it ignored, which is inherited
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 300
    while not (started.exists() and started.read_text()) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=300)
    assert (process.returncode, *said) == (130, "", "error: interrupted\n")
    assert not out.exists()
    for _ in range(1000):
        try:
            os.kill(int(started.read_text()), 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the kernel lives on")
