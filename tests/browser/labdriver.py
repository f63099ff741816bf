"""A private JupyterLab on the loopback interface, and a notebook in it, driven through a Playwright page.

``with Lab(root, home) as lab`` serves the folder ``root``; whatever Jupyter keeps about a user is below ``home``.
``notebook = Notebook(page, lab).open("00_tour.ipynb")``, then ``notebook.run_all()``, ``notebook.value("1 + 1")``.

Waiting is always Playwright's (``page.wait_for_function``): under ``time.sleep`` no event of the page comes through.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))  # those that are shipped
START_SECONDS = 300.0
SETTINGS = {  # no news, no autosave in the middle of a test, all cells in the page
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
CURRENT = "jupyterapp.shell.currentWidget"


def make_environment(
    home: Path, *, prefix: Path | None = None, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Environment variables of a Jupyter that knows nothing of this user, and finds what is installed in ``prefix``."""
    private = {
        "HOME": home,
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    if prefix is not None:
        private |= {"JUPYTER_PATH": prefix / "share" / "jupyter", "JUPYTER_CONFIG_PATH": prefix / "etc" / "jupyter"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "JPY_", "MPLBACKEND"))}
    return kept | {name: str(path) for name, path in private.items()} | dict(more or {})


class Lab:
    """JupyterLab as a process of its own, with its kernels, on a free port and behind a token."""

    def __init__(
        self,
        root: Path,
        home: Path,
        *,
        command: Sequence[str] = ("-m", "jupyterlab"),
        app: str = "LabApp",
        prefix: Path | None = None,
    ) -> None:
        """Start it and wait until it answers.

        Args:
            root: the folder that it shows.
            home: for its configuration, logs and settings.
            command: arguments of Python that start it.
            app: what Jupyter calls this application in its settings.
            prefix: an environment with extensions, beside the one that runs this.
        """
        root.mkdir(parents=True, exist_ok=True)
        overrides = home / "config" / "labconfig" / "default_setting_overrides.json"
        overrides.parent.mkdir(parents=True)
        overrides.write_text(json.dumps(SETTINGS))
        self.root, self.home, self.log = root, home, home / "lab.log"
        server = ["--no-browser", "--allow-root", f"--{app}.expose_app_in_browser=True"]
        server += ["--ServerApp.port=0", f"--IdentityProvider.token={secrets.token_hex(16)}"]
        if "workbench" not in command:  # which sees to these itself
            server += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={root}"]
        else:
            server = ["--no-browser", "--", *(item for item in server[1:] if "token" not in item)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command, *server],
                cwd=root,
                env=make_environment(home, prefix=prefix),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            described = self._wait()
        except BaseException:
            self.stop()
            raise
        self.url, self.token = described["url"].rstrip("/"), described["token"]

    def _wait(self) -> dict[str, str]:
        """What the server writes about itself once it listens: its address with the port, and its token."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            for path in (self.home / "runtime").glob("jpserver-*.json"):
                text = path.read_text()
                if text.rstrip().endswith("}"):
                    described: dict[str, str] = json.loads(text)
                    return described
            time.sleep(0.1)
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()}")

    def ask(self, path: str, *, method: str = "GET", body: object = None) -> Any:
        """The answer of the server's REST interface, such as ``lab.ask("api/kernels")``."""
        request = urllib.request.Request(
            f"{self.url}/{path}",
            method=method,
            headers={"Authorization": f"token {self.token}"},
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def stop_kernels(self) -> None:
        """End all kernels; those of pages that were closed live on otherwise."""
        for session in self.ask("api/sessions"):
            self.ask(f"api/sessions/{session['id']}", method="DELETE")

    def stop(self) -> None:
        """End the server, which ends its kernels."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(15)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


class Notebook:
    """A notebook that is open in a page."""

    def __init__(self, page: Any, lab: Lab) -> None:
        self.page, self.lab = page, lab

    def open(self, path: str, *, below: str = "lab/tree") -> Notebook:
        """Open it in a fresh workspace and wait for its kernel; ``below`` is where the application shows notebooks."""
        self.page.goto(f"{self.lab.url}/{below}/{path}?reset&token={self.lab.token}")
        return self.attach()

    def attach(self) -> Notebook:
        """Take over the notebook that the page shows, or is about to."""
        self.page.wait_for_function(f"() => window.jupyterapp && {CURRENT}?.context?.isReady", timeout=120_000)
        # JupyterLab shows nowhere what a callback, started by a message from the page, raises or prints
        self.page.evaluate(
            """() => {
                window.callbackErrors = [];
                jupyterapp.shell.currentWidget.context.sessionContext.iopubMessage.connect((_, message) => {
                    const { header, parent_header: parent, content } = message;
                    if (parent.msg_type !== "comm_msg") return;
                    if (header.msg_type === "error") window.callbackErrors.push(`${content.ename}: ${content.evalue}`);
                    if (header.msg_type === "stream" && !content.text.startsWith("No such comm:"))
                        window.callbackErrors.push(content.text);
                });
            }"""
        )
        self.wait_idle()
        return self

    def wait_idle(self, *, seconds: float = 60) -> None:
        """Wait until the kernel is connected and has nothing to do."""
        self.page.wait_for_function(
            f"() => {{ const kernel = {CURRENT}.context.sessionContext.session?.kernel;"
            " return kernel?.connectionStatus === 'connected' && kernel.status === 'idle'; }",
            timeout=seconds * 1000,
        )

    def run_all(self, *, seconds: float = 240) -> bool:
        """Run all cells; whether none of them raised."""
        self.command("notebook:run-all-cells", seconds=seconds)
        self.wait_idle(seconds=seconds)
        return bool(self.page.evaluate("() => window.commandResult === true"))

    def save(self) -> Path:
        """Save it; gives its path below the server's folder."""
        self.command("docmanager:save")
        return Path(self.page.evaluate(f"() => {CURRENT}.context.path"))

    def command(self, name: str, *, seconds: float = 60) -> None:
        """Run one of JupyterLab's commands to its end; polled, since awaiting a promise has no time limit."""
        self.page.evaluate(
            """name => {
                window.commandResult = undefined;
                jupyterapp.commands.execute(name).then(
                    value => { window.commandResult = value ?? null; },
                    error => { window.commandResult = String(error); });
            }""",
            name,
        )
        self.page.wait_for_function("() => window.commandResult !== undefined", timeout=seconds * 1000)

    def python(self, code: str) -> Any:
        """Run code in the notebook's kernel; gives what its last printed line says as JSON, None if it prints nothing.

        Raises:
            playwright.sync_api.Error: the code raised; with its traceback.
        """
        return self.page.evaluate(
            """async code => {
                const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false, stop_on_error: false });
                let printed = "", error = null;
                future.onIOPub = message => {
                    if (message.header.msg_type === "stream") printed += message.content.text;
                    if (message.header.msg_type === "error") error = message.content.traceback.join("\\n");
                };
                await future.done;
                if (error !== null) throw new Error(error);
                const lines = printed.trim().split("\\n");
                return lines[lines.length - 1] ? JSON.parse(lines[lines.length - 1]) : null;
            }""",
            code,
        )

    def value(self, expression: str) -> Any:
        """What an expression gives in the kernel, by way of JSON."""
        return self.python(f"import json as _json; print(_json.dumps({expression}))")

    def errors(self) -> list[str]:
        """The errors in the outputs, such as ``3: ValueError: ...`` for the fourth cell."""
        found: list[str] = self.page.evaluate(
            """() => [...jupyterapp.shell.currentWidget.content.model.cells].flatMap((cell, index) =>
                (cell.type === "code" ? cell.outputs.toJSON() : [])
                    .filter(output => output.output_type === "error")
                    .map(output => `${index}: ${output.ename}: ${output.evalue}`))"""
        )
        return found

    def callback_errors(self) -> list[str]:
        """What callbacks raised or printed since the notebook was opened."""
        found: list[str] = self.page.evaluate("() => window.callbackErrors")
        return found
