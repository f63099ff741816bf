"""What the tests in a browser share: Chromium, a JupyterLab with our extension, a page, a notebook."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that labdriver is found in every import mode of pytest

from labdriver import Lab, Notebook

ROOT = Path(__file__).parents[2]
FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"


@pytest.fixture(scope="module")  # an open sync Playwright keeps a loop running, on which later asyncio.run would fail
def browser() -> Iterator[Any]:
    """Chromium, once a module."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    path = os.environ.get("WB_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium in PATH, nor in WB_CHROMIUM")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=path, headless=True, args=FLAGS.split())
        yield chromium
        chromium.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Let fixtures know how the test went."""
    report: Any = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


FAILED = pytest.StashKey[bool]()


def name_failure(request: Any) -> list[str]:
    """The fault of a request that failed; none of one that was given up because its page was left meanwhile."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"failed {request.url}: {request.failure}"]


@pytest.fixture
def new_page(
    browser: Any, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Any]]:
    """Make pages, 1280 pixels wide unless said otherwise; what one logs as an error or fails to fetch is in ``faults``.

    Of a test that fails, each page is photographed into pytest's temporary folder, and its faults are printed.
    """
    pages: list[Any] = []

    def make(**options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 1000}} | options))
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.faults = []
        page.on("console", lambda message: page.faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.on("requestfailed", lambda request: page.faults.extend(name_failure(request)))
        pages.append(page)
        return page

    yield make
    for page in pages:
        if request.node.stash.get(FAILED, False):
            path = tmp_path_factory.mktemp("screenshots") / "page.png"
            page.screenshot(path=path)
            print(f"screenshot {path}\nfaults {page.faults}")
        page.context.close()


@pytest.fixture
def page(new_page: Callable[..., Any]) -> Any:
    """A page of 1280 pixels."""
    return new_page()


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment's folder that pip installed the workbench into, from a copy so that no litter stays here.

    Its Python modules are not used; JupyterLab finds in it what an installation gives to Jupyter.
    """
    folder = tmp_path_factory.mktemp("installed")
    for name in ("workbench", "plugins", "notebooks"):
        shutil.copytree(ROOT / name, folder / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, folder / "source" / name)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    command += ["--disable-pip-version-check", "--no-compile", "--target", str(folder / "prefix")]  # uninstalls nothing
    done = subprocess.run([*command, str(folder / "source")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "prefix"


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, prefix: Path) -> Iterator[Lab]:
    """JupyterLab on a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder / "root", ignore=shutil.ignore_patterns("__pycache__"))
    with Lab(folder / "root", folder / "home", prefix=prefix) as lab:
        yield lab


@pytest.fixture
def notebook(page: Any, lab: Lab) -> Iterator[Notebook]:
    """A notebook to be opened; its kernel ends with the test."""
    yield Notebook(page, lab)
    lab.stop_kernels()
