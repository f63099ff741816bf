"""``workbench new-plugin``: what it writes installs, is found, passes and runs; what it refuses leaves nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
import soundfile

from workbench.errors import AudioFileError, InvalidType, InvalidValue
from workbench.scaffold.names import MAX_NAME_LENGTH, PluginNames, derive_names
from workbench.scaffold.new_plugin import fill_template, write_plugin

ROOT = Path(__file__).parents[2]
LONGEST = "long-" * (MAX_NAME_LENGTH // 5 - 1) + "names"
WRITTEN = [
    "README.md",
    "pyproject.toml",
    "src/bell_ringer/__init__.py",
    "src/bell_ringer/cards.py",
    "src/bell_ringer/network.py",
    "src/bell_ringer/window.py",
    "tests/test_bell_ringer.py",
]


def list_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@dataclass(frozen=True)
class NewEnvironment:
    """A virtual environment with the new package in it, and the package's folder."""

    python: Path
    package: Path

    def run(self, *arguments: object) -> str:
        """Run Python in the package's folder; gives its standard output."""
        command = [str(self.python), *map(str, arguments)]
        environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # those of the environment lent are not the package's
        environ["OMP_NUM_THREADS"] = "1"  # threads of tiny chunks only wait for each other
        done = subprocess.run(
            command, cwd=self.package, env=environ, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> NewEnvironment:
    """What the README of the package says: a new environment that has the workbench, and the package installed.

    The workbench and all it needs are not installed anew, which would need the network: a line in a .pth file
    lends the new environment the packages of the one that runs the tests. The plugin is installed in the new one.
    """
    folder = tmp_path_factory.mktemp("new_plugin")
    made = subprocess.run(
        [sys.executable, "-m", "workbench", "new-plugin", "bell-ringer", "-o", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (made.returncode, made.stdout) == (0, f"{folder / 'bell-ringer'}\n"), made.stderr
    venv.create(folder / "environment", with_pip=False, symlinks=True)
    python = folder / "environment" / "bin" / "python"
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site,) = (folder / "environment").glob("lib/python*/site-packages")
    # by addsitedir, so that an editable install of the workbench is found too
    (site / "lent.pth").write_text("".join(f"import site; site.addsitedir({place!r})\n" for place in sorted(lent)))
    found = NewEnvironment(python, folder / "bell-ringer")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    found.run("-m", "pip", "install", *options, "-e", ".[test]")
    assert list(site.glob("bell_ringer-*.dist-info"))
    return found


def test_the_new_package_is_listed(environment):
    rows = json.loads(environment.run("-m", "workbench", "plugins", "--json"))
    (row,) = (row for row in rows if row["name"] == "bell_ringer")
    assert (row["origin"], row["status"]) == ("bell-ringer 0.1.0", "ok")
    assert row["gave"] == ["bell_ringer.bell_ringer", "bell_ringer.power_sine"]


def test_check_finds_no_fault(environment):
    # both in one process, which imports torch once
    code = "from workbench.cli.app import run; print(*(run(['check', name]) for name in {!r}))"
    printed = environment.run("-c", code.format(["bell_ringer", "bell_ringer.power_sine"])).splitlines()
    counts = [line for line in printed if line.startswith(("model bell_ringer.", "window bell_ringer."))]
    assert len(counts) == 2
    assert all(" 0 failed" in line for line in counts)
    assert printed[-1] == "0 0"
    # nothing is left out that a plugin's author could have wished to have checked, but for what the card says
    assert {line.split()[0] for line in printed if " skipped  " in line} <= {"checkpoint", "stem_axis"}


def test_its_own_tests_pass(environment):
    printed = environment.run("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert " passed" in printed.splitlines()[-1]
    assert "failed" not in printed


def test_separate_runs_it(environment, tmp_path):
    data = 0.1 * np.random.default_rng(0).standard_normal((44100, 2))
    soundfile.write(tmp_path / "song.wav", data, 44100, subtype="FLOAT")
    options = ("--format", "wav", "--set", "model.threshold_db=1", "--window", "bell_ringer.power_sine:power=1.5")
    environment.run(
        "-m", "workbench", "separate", tmp_path / "song.wav", "-m", "bell_ringer", "-o", tmp_path / "out", *options
    )
    stems = [soundfile.read(tmp_path / "out" / "song" / f"{name}.wav")[0] for name in ("foreground", "background")]
    assert min(np.abs(stem).max() for stem in stems) > 0.01
    np.testing.assert_allclose(sum(stems), data, atol=1e-5)  # the masks sum to 1; float32 rounds on the way


@pytest.mark.parametrize("name", ["bell-ringer", "q", LONGEST])
def test_what_is_written_is_clean_under_its_own_rules_and_those_of_this_repository(tmp_path, name):
    folder = write_plugin(name, parent=tmp_path).folder
    # the repository's, but that in a plugin the workbench is somebody else's package
    rules = ("--config", str(ROOT / "pyproject.toml"), "--config", "lint.isort.known-first-party=[]")
    for command in (("check",), ("check", *rules), ("format", "--check", "--diff")):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
        done = subprocess.run(ruff, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_all_of_the_template_is_written_and_its_name_nowhere(tmp_path):
    written = write_plugin("bell-ringer", parent=tmp_path / "made" / "too")
    assert written.names == PluginNames("bell-ringer", "bell_ringer")
    assert written.folder == tmp_path / "made" / "too" / "bell-ringer"
    assert list_files(written.folder) == WRITTEN
    assert "separator" not in " ".join(path + text for path, text in fill_template(written.names)).replace("_", "-")
    # with its own names the template is what it was: so what is linted and typed here is what is written
    template = files("workbench.scaffold") / "plugin-template"
    for path, text in fill_template(PluginNames("my-separator", "my_separator")):
        assert (template / path).read_text(encoding="utf-8") == text


def test_a_name_in_another_spelling_is_taken_in_its_normal_form(run_cli, tmp_path):
    outcome = run_cli("new-plugin", "Bell_Ringer", "-o", tmp_path)
    assert (outcome.status, outcome.stdout) == (0, f"{tmp_path / 'bell-ringer'}\n")
    first, second = outcome.stderr.splitlines()
    assert first == "note: named bell-ringer, which is how package installers spell Bell_Ringer"
    assert "workbench check bell_ringer" in second


REFUSED = {
    "two words": "cannot name a package",
    "a/b": "cannot name a package",
    "../bell": "cannot name a package",
    "..": "cannot name a package",
    "a..b": "cannot name a package",
    "-bell": "cannot name a package",
    "bell-": "cannot name a package",
    "bell\n": "cannot name a package",
    "bellé": "cannot name a package",
    "": "cannot name a package",
    "bell'": "cannot name a package",
    "1bell": "cannot name a Python module",
    "Class": "cannot name a Python module",
    "nul": "cannot name a folder on every system",
    "b" * (MAX_NAME_LENGTH + 1): "at most 50 characters, got 51",
    "torch": "the package torch 2",
    "jaxtyping": "the package jaxtyping",
    "json": "a module of Python itself",
    "workbench": "a module workbench is installed",
    "Stem.Workbench": "the package stem-workbench",
    "hpss": "plugin hpss comes from stem-workbench",
    "notebook": "what a notebook registers",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_cannot_be_is_refused(run_cli, tmp_path, name):
    run_cli("new-plugin", "-o", tmp_path, "--", name).check_error(REFUSED[name])
    with pytest.raises(InvalidValue):
        write_plugin(name, parent=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_must_be_text(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # as outside of pytest, which checks signatures
    with pytest.raises(InvalidType, match="must be a string, got int"):
        derive_names(3)


def test_a_folder_with_something_in_it_stays_as_it_is(run_cli, tmp_path):
    folder = tmp_path / "bell-ringer"
    folder.mkdir()
    assert write_plugin("bell-ringer", parent=tmp_path).folder == folder  # an empty one is as good as none
    (folder / "README.md").write_text("mine")
    run_cli("new-plugin", "bell-ringer", "-o", tmp_path).check_error(str(folder), "not empty")
    assert (folder / "README.md").read_text() == "mine"
    assert os.listdir(tmp_path) == ["bell-ringer"]

    shutil.rmtree(folder)
    folder.write_text("a file")
    run_cli("new-plugin", "bell-ringer", "-o", tmp_path).check_error("is not a folder")
    folder.unlink()
    folder.symlink_to(tmp_path / "nowhere")
    run_cli("new-plugin", "bell-ringer", "-o", tmp_path).check_error("is not a folder")
    assert os.listdir(tmp_path) == ["bell-ringer"]


def test_a_folder_that_cannot_be_made(run_cli, tmp_path):
    (tmp_path / "file").write_text("mine")
    run_cli("new-plugin", "bell-ringer", "-o", tmp_path / "file").check_error("cannot write the package", "-o")
    run_cli("new-plugin", "bell-ringer", "-o", tmp_path / "file" / "deeper").check_error("cannot write the package")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("moment", ["write", "move"])
def test_what_fails_in_the_middle_leaves_nothing(tmp_path, monkeypatch, error, moment):
    def stop(*given: object, **named: object) -> None:
        raise error

    def stop_late(path: Path, *given: object, **named: object) -> None:
        path.write_bytes(b"half")
        if path.name == "network.py":
            raise error

    if moment == "write":
        monkeypatch.setattr(Path, "write_text", stop_late)
    else:
        monkeypatch.setattr(os, "replace", stop)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else AudioFileError
    with pytest.raises(expected):
        write_plugin("bell-ringer", parent=tmp_path)
    assert list(tmp_path.iterdir()) == []
