from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from workbench.cli import lab
from workbench.cli.lab import copy_notebooks, list_command, start_lab
from workbench.errors import InvalidValue


def test_notebooks_are_copied_and_edits_stay(tmp_path: Path) -> None:
    first = copy_notebooks(tmp_path / "here")
    assert "00_tour.ipynb" in first.copied
    assert first.kept == ()
    edited = tmp_path / "here" / "00_tour.ipynb"
    edited.write_text("mine")
    again = copy_notebooks(tmp_path / "here")
    assert again.copied == ()
    assert again.kept == first.copied
    assert edited.read_text() == "mine"


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("a file")
    with pytest.raises(InvalidValue, match="expected a folder"):
        copy_notebooks(tmp_path / "here")


@pytest.mark.parametrize("argument", ["--ip=0.0.0.0", "--ServerApp.ip=0.0.0.0", "--IdentityProvider.token="])
def test_the_server_is_not_opened_to_others(tmp_path: Path, argument: str) -> None:
    with pytest.raises(InvalidValue, match="stays on this machine"):
        start_lab(tmp_path / "here", further=[argument])
    assert not (tmp_path / "here").exists()


def test_the_command_names_loopback_and_the_first_notebook(tmp_path: Path) -> None:
    copy_notebooks(tmp_path)
    command = list_command(tmp_path, browser=False, port=9999, further=["--allow-root"])
    assert "--ServerApp.ip=127.0.0.1" in command
    assert f"--ServerApp.root_dir={tmp_path.resolve()}" in command
    assert "--LabApp.default_url=/lab/tree/00_tour.ipynb" in command
    assert command[-3:] == ["--no-browser", "--ServerApp.port=9999", "--allow-root"]


def test_an_interrupt_ends_jupyterlab_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = "import time; time.sleep(60)"
    monkeypatch.setattr(lab, "list_command", lambda folder, **options: [sys.executable, "-c", sleeper])
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def wait(self, timeout: float | None = None) -> int:
            if self not in started:  # Ctrl-C while JupyterLab runs
                started.append(self)
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    assert start_lab(tmp_path / "here") == 130
    assert started[0].returncode == -signal.SIGTERM


def read_server(runtime: Path) -> dict[str, str] | None:
    """What the server wrote about itself, once it did."""
    for path in runtime.glob("jpserver-*.json"):
        text = path.read_text()
        if text.endswith("}"):
            server: dict[str, str] = json.loads(text)
            return server
    return None


def test_jupyterlab_serves_the_notebooks_to_who_has_the_token(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    home = {"HOME": tmp_path, "JUPYTER_CONFIG_DIR": tmp_path / "config", "JUPYTER_DATA_DIR": tmp_path / "data"}
    environment = os.environ | {name: str(path) for name, path in home.items()} | {"JUPYTER_RUNTIME_DIR": str(runtime)}
    command = [sys.executable, "-m", "workbench", "lab", str(tmp_path / "notebooks"), "--no-browser"]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(
            [*command, "--", "--allow-root", "--ServerApp.port=0"],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        server = None
        for _ in range(3000):
            server = read_server(runtime)
            if server is not None or process.poll() is not None:
                break
            time.sleep(0.1)
        assert server is not None, (tmp_path / "log").read_text()
        assert server["url"].startswith("http://127.0.0.1:")
        address = f"{server['url']}stem-workbench/notebooks"
        with urllib.request.urlopen(f"{address}?token={server['token']}", timeout=30) as answer:
            assert json.load(answer)[0]["name"] == "00_tour.ipynb"
        with urllib.request.urlopen(f"{address}/00_tour.ipynb?token={server['token']}", timeout=30) as answer:
            assert json.load(answer)["nbformat"] == 4
        for path in ("", "/00_tour.ipynb"):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(address + path, timeout=30)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{address}/__init__.py?token={server['token']}", timeout=30)
        address = f"{server['url']}api/contents/00_tour.ipynb?content=0"
        with urllib.request.urlopen(f"{address}&token={server['token']}", timeout=30) as answer:
            assert json.load(answer)["type"] == "notebook"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address, timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(120)
