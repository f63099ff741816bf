"""What all tests share: settings of the checkers, one thread for small things, pages in a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import jaxtyping
import pytest
from hypothesis import HealthCheck, settings

if "PYTEST_XDIST_WORKER" in os.environ:  # before anything loads torch; the processes that tests start inherit it
    for library in ("OMP", "MKL", "OPENBLAS"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")

FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-sync"
FAILED = pytest.StashKey[bool]()

# a busy machine is no failure
settings.register_profile("workbench", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("workbench")


@pytest.fixture
def plain_types() -> Iterator[None]:
    """Calls as they are outside pytest: no checks of signatures, so that our own errors are what is seen."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="module")
def single_thread() -> Iterator[None]:
    """One thread: small things are done sooner by one than by several that wait for each other and for the machine."""
    import torch  # here, so that tests without it start at once

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


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
        page.set_default_timeout(120_000)
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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--all``."""
    parser.addoption("--all", action="store_true", help="run the exhaustive tests too, as CI does")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked as exhaustive, unless all is asked for: of the notebooks, all but the tour."""
    for item in items:
        if item.path.suffix == ".ipynb" and item.path.stem != "00_tour":
            item.add_marker("exhaustive")
    if config.getoption("--all"):
        return
    left_out = [item for item in items if item.get_closest_marker("exhaustive")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]
