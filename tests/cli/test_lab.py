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
from workbench.cli.app import run
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


OPENING = [
    f"{dashes}{name}{value}"
    for dashes in ("--", "-")
    for name, values in {
        **{
            f"{section}.{trait}": ("=", "=0.0.0.0", "")
            for section in ("ServerApp", "NotebookApp", "LabApp", "JupyterApp", "IdentityProvider", "ExtensionApp")
            for trait in ("ip", "token", "password", "allow_remote_access", "config_file", "open_browser", "root_dir")
        },
        **dict.fromkeys(("ip", "token", "config", "sock", "f", "gateway-url", "y"), ("", "=", "=0.0.0.0", "=x")),
        "IdentityProvider.identity_provider_class": ("=jupyter_server.auth.identity.LegacyIdentityProvider",),
        "ServerApp.allow_unauthenticated_access": ("=True",),
        "ServerApp.disable_check_xsrf": ("=True",),
        "ServerApp.tornado_settings": ("={}",),
        "ServerApp.jpserver_extensions": ("={'other': True}",),
        "PasswordIdentityProvider.hashed_password": ("=",),
        "Application.log_level": ("=10",),
        "no-browser": ("=1",),
        "allow-root": ("=", "=--ip=0.0.0.0"),
        "port": ("=a", "=", "=1 --ip=0.0.0.0", "=1\n"),
        "log-level": ("=LOUD",),
        "allow-roo": ("",),
        "Allow-Root": ("",),
        "": ("", "="),
    }.items()
    for value in values
]


@pytest.mark.parametrize("argument", [*OPENING, "notes.ipynb", "ip=0.0.0.0", "", "+--ip=0.0.0.0"])
def test_the_server_is_not_opened_to_others(tmp_path: Path, argument: str) -> None:
    for further in ([argument], ["--allow-root", argument], [argument, "0.0.0.0"]):
        with pytest.raises(InvalidValue, match=r"stays on this machine|takes no value|cannot be") as caught:
            start_lab(tmp_path / "here", further=further)
        assert "\n" not in str(caught.value).replace("\\n", "")
    with pytest.raises(InvalidValue):
        list_command(tmp_path, further=[argument])
    assert not (tmp_path / "here").exists()


@pytest.mark.parametrize(
    ("further", "passed"),
    [
        (["--allow-root"], ["--allow-root"]),
        (["--port", "8889", "--no-browser"], ["--port=8889", "--no-browser"]),
        (["--browser=firefox -P lab %s"], ["--browser=firefox -P lab %s"]),
        (["--log-level", "DEBUG", "--debug"], ["--log-level=DEBUG", "--debug"]),
    ],
)
def test_what_is_harmless_is_passed_on(tmp_path: Path, further: list[str], passed: list[str]) -> None:
    command = list_command(tmp_path, further=further)
    assert command[-len(passed) :] == passed
    assert [word for word in command if "port" in word and "import" not in word] == [
        word for word in passed if "port" in word
    ]


def test_nothing_is_passed_on_twice(tmp_path: Path) -> None:
    copy_notebooks(tmp_path)
    command = list_command(tmp_path, port=9999, further=["--port=8889", "--notebook-dir=/music"])
    assert [word for word in command if "port=" in word] == ["--port=8889"]
    assert not [word for word in command if "root_dir" in word or "default_url" in word]


@pytest.mark.parametrize(
    ("words", "folder", "further"),
    [
        (["--", "--allow-root"], "workbench-notebooks", ["--allow-root"]),
        (["--", "--port", "8889"], "workbench-notebooks", ["--port", "8889"]),
        (["mine", "--", "--allow-root"], "mine", ["--allow-root"]),
        (["mine", "--port", "8889"], "mine", []),
        ([], "workbench-notebooks", []),
    ],
)
def test_what_comes_after_two_dashes_is_no_folder(
    monkeypatch: pytest.MonkeyPatch, words: list[str], folder: str, further: list[str]
) -> None:
    started: list[tuple[Path, list[str]]] = []

    def start(folder: Path, *, browser: bool, port: int | None, further: list[str]) -> int:
        started.append((folder, further))
        return 0

    monkeypatch.setattr(lab, "start_lab", start)
    assert run(["lab", *words]) == 0
    assert started == [(Path(folder), further)]


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
