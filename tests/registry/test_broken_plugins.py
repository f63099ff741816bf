"""A broken plugin of every kind, as an installed package brings it: the rest works, and each says why it failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from broken_kinds import ENTRY_POINTS, FAILING, GOOD, LOADS, WORKING, model_text

from workbench.errors import InvalidValue
from workbench.registry import ModelCard, PluginManager, WindowCard

ROOT = Path(__file__).parents[2]


def write_package(folder: Path, name: str, text: str, *, entry_points: str | bytes, metadata: str | None = "") -> Path:
    """A module and its metadata, as if installed in a folder of its own for PYTHONPATH."""
    place = folder / name.replace(" ", "_")
    distribution = f"dist_{name.lower().split('.')[0].split()[0]}"
    info = place / f"{distribution}-1.0.dist-info"
    info.mkdir(parents=True)
    (place / f"{distribution}.py").write_text(text)
    if metadata is not None:
        metadata = metadata or f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        (info / "METADATA").write_text(metadata)
    lines = entry_points if isinstance(entry_points, bytes) else f"[workbench]\n{entry_points}\n".encode()
    (info / "entry_points.txt").write_bytes(lines)
    return place


def start(folders: Sequence[Path], *arguments: str) -> subprocess.Popen[str]:
    """Python with these packages installed."""
    paths = [*map(str, folders), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, *arguments]
    return subprocess.Popen(
        command,
        cwd=folders[0],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a test run in the background may have it ignored, which is inherited
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run(folders: Sequence[Path], *arguments: str, status: int = 0) -> tuple[str, str]:
    """Standard output and standard error of Python with these packages installed."""
    process = start(folders, *arguments)
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == status, stdout + stderr
    return stdout, stderr


ASK = """
import json, sys, workbench.registry as registry
said = {}
for name in json.loads(sys.argv[1]):
    try:
        registry.find_window(f"{name}.fine")
    except Exception as error:
        said[name] = f"{type(error).__name__}: {error}"
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A package of every kind, and good ones among them, all installed together."""
    folder = tmp_path_factory.mktemp("installed")
    texts = {name: text for name, (text, _) in {**FAILING, **WORKING}.items()}
    packages = {name: (text, f"{name} = dist_{name}") for name, text in texts.items()}
    packages |= {name: (GOOD, lines) for name, (lines, _) in ENTRY_POINTS.items()}
    return [write_package(folder, name, text, entry_points=lines) for name, (text, lines) in packages.items()]


@pytest.fixture(scope="module")
def listed(folders: list[Path]) -> tuple[list[dict[str, Any]], str]:
    """What ``workbench plugins --json`` prints, on standard output (valid JSON, status 0) and standard error."""
    stdout, stderr = run(folders, "-m", "workbench", "plugins", "--json")
    return json.loads(stdout), stderr


@pytest.fixture(scope="module")
def asked(folders: list[Path]) -> dict[str, str]:
    """What is said to who asks for a window of each of the packages."""
    return json.loads(run(folders, "-c", ASK, json.dumps([*FAILING, *ENTRY_POINTS, *WORKING]))[0])


@pytest.mark.parametrize("kind", [*FAILING, *ENTRY_POINTS])
def test_a_broken_plugin_is_listed_with_the_reason_in_one_line(listed, asked, kind):
    _, parts = {**FAILING, **ENTRY_POINTS}[kind]
    row = next(row for row in listed[0] if row["name"] == kind and row["status"] == "failed")
    assert row["gave"] == []
    assert row["error"].isprintable()  # so that it is one line
    assert len(row["error"]) < 1000
    for part in parts:
        assert part in row["error"]
    if kind == "same":  # the first of the two has the name, and works
        assert kind not in asked
    else:
        assert asked[kind].startswith("InvalidValue: no window is called")
        if kind != "windows":  # one of ours, which works
            assert f"plugin '{kind}' failed: see `workbench plugins`" in asked[kind] or "." in kind


@pytest.mark.parametrize("kind", WORKING)
def test_the_others_work(listed, asked, kind):
    rows, stderr = listed
    (row,) = (row for row in rows if row["name"] == kind)
    assert (row["status"], row["gave"], row["error"]) == ("ok", [f"{kind}.fine"], "")
    assert kind not in asked
    assert WORKING[kind][1] in stderr


def test_nothing_else_is_said_and_ours_are_all_there(listed):
    rows, stderr = listed
    assert sorted(stderr.splitlines()) == sorted("".join(text for _, text in WORKING.values()).splitlines())
    names = {row["name"] for row in rows if row["origin"].startswith("stem-workbench ")}
    assert names >= {"windows", "passthrough", "hpss"}
    assert {row["status"] for row in rows if row["name"] in names - {"windows"}} == {"ok"}
    assert [row["status"] for row in rows if row["name"] == "windows"] == ["ok", "failed"]


UNREADABLE = {
    "no_equals": (b"[workbench]\nbroken\n", "TypeError"),
    "no_text": (b"[workbench]\n\xff = \xff\n", "UnicodeDecodeError"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_entry_points_that_cannot_be_read_are_their_package_s_loss_alone(tmp_path, kind):
    lines, error = UNREADABLE[kind]
    packages = [write_package(tmp_path, kind, GOOD, entry_points=lines)]
    packages.append(write_package(tmp_path, "good", GOOD, entry_points="good = dist_good"))
    rows = json.loads(run(packages, "-m", "workbench", "plugins", "--json")[0])
    (row,) = (row for row in rows if row["status"] == "failed")
    assert (row["name"], row["origin"]) == (f"dist_{kind}", f"dist_{kind} 1.0")
    assert row["error"].startswith(f"its entry_points.txt cannot be read: {error}: ")
    assert {row["name"] for row in rows} >= {"good", "hpss", "windows"}


def test_packages_without_name_or_version_are_listed_all_the_same(tmp_path):
    packages = [
        write_package(tmp_path, "bare", GOOD, entry_points="bare = dist_bare", metadata=None),
        write_package(tmp_path, "old", GOOD, entry_points="old = dist_old", metadata="Name: dist_old\n"),
    ]
    rows = {row["name"]: row for row in json.loads(run(packages, "-m", "workbench", "plugins", "--json")[0])}
    assert (rows["bare"]["origin"], rows["bare"]["status"]) == ("unnamed package of dist_bare without version", "ok")
    assert (rows["old"]["origin"], rows["old"]["status"]) == ("dist_old without version", "ok")


SLOW = "import sys, time\nprint('begun', file=sys.stderr, flush=True)\n"
SLOW_PLUGINS = {
    "slow": SLOW + "time.sleep(600)\n",
    "stubborn": SLOW + "try:\n    time.sleep(600)\nexcept BaseException:\n    raise ImportError('no library')\n",
}


@pytest.mark.parametrize("kind", SLOW_PLUGINS)
def test_ctrl_c_is_the_user_s_and_ends_the_command(tmp_path, kind):
    package = write_package(tmp_path, kind, SLOW_PLUGINS[kind], entry_points=f"{kind} = dist_{kind}")
    process = start([package], "-m", "workbench", "plugins")
    assert process.stderr is not None
    assert process.stderr.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=300)
    assert (process.returncode, stdout, stderr) == (130, "", "error: interrupted\n")


@pytest.fixture
def interruptible():
    """Ctrl-C as Python starts with it; a test run in the background may have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_after_ctrl_c_a_notebook_may_ask_again(write_plugin, monkeypatch):
    monkeypatch.setattr(sys, "interrupting", True, raising=False)
    text = "import os, signal, sys\nif sys.interrupting:\n    os.kill(os.getpid(), signal.SIGINT)\n"
    handler = signal.getsignal(signal.SIGINT)
    manager = PluginManager([write_plugin("mine", text + GOOD)], environ={})
    with pytest.raises(KeyboardInterrupt):
        manager.plugins()
    assert signal.getsignal(signal.SIGINT) is handler
    monkeypatch.setattr(sys, "interrupting", False)
    assert [row.gave for row in manager.plugins()] == [("mine.fine",)]


def test_plugins_load_in_a_thread(write_plugin):
    entry_points = [write_plugin("bad", "raise KeyboardInterrupt"), write_plugin("good", GOOD)]
    manager = PluginManager(entry_points, environ={})
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(row.status for row in manager.plugins()))
    thread.start()
    thread.join(timeout=300)
    assert found == ["failed", "ok"]


def test_a_panic_in_a_plugin_given_by_hand_is_an_error_of_ours():
    class Plugin:
        @property
        def register_windows(self):
            raise GeneratorExit

    with pytest.raises(Exception, match="plugin 'mine' failed: GeneratorExit"):
        PluginManager([], environ={}).register_plugin(Plugin(), name="mine")


def test_names_in_the_box_stay_what_they_are(write_plugin):
    ours = write_plugin("windows", GOOD.replace("fine", "hann"), distribution="stem-workbench")
    theirs = write_plugin("other", GOOD.replace("fine", "hann"))
    manager = PluginManager([theirs, ours], environ={})
    assert manager.find_window("hann").id == "windows.hann"
    assert manager.find_window("other.hann").id == "other.hann"
    assert [row.id for row in manager.windows()] == ["windows.hann", "other.hann"]
    assert [(row.name, row.status, row.error) for row in manager.plugins()] == [
        ("windows", "ok", ""),
        ("other", "ok", "say other.hann in full: the short name means windows.hann"),
    ]
    outsiders = [theirs, write_plugin("fourth", GOOD.replace("fine", "hann"))]
    with pytest.raises(InvalidValue, match=r"ambiguous: it may be fourth\.hann, other\.hann"):
        PluginManager(outsiders, environ={}).find_window("hann")


def test_a_name_of_the_box_given_in_a_notebook_too_is_ambiguous(write_plugin):
    ours = write_plugin("windows", GOOD.replace("fine", "hann"), distribution="stem-workbench")
    manager = PluginManager([ours], environ={})
    manager.register_window(WindowCard("hann", make="a:b", summary="For a test."))
    with pytest.raises(InvalidValue, match=r"ambiguous: it may be windows\.hann, notebook\.hann"):
        manager.find_window("hann")
    assert [row.error for row in manager.plugins()] == ["", ""]


def test_stems_that_fail_later_do_not_stop_the_listing():
    manager = PluginManager([], environ={})
    works = [True]
    fields = {"sample_rate": None, "channels": None, "input_type": "waveform", "output_type": "waveform"}
    stems = lambda parameters: ["a"] if works else 1 / 0  # noqa: E731
    manager.register_model(ModelCard("late", load="a:b", summary="For a test.", stems=stems, **fields))
    manager.register_model(ModelCard("fine", load="a:b", summary="For a test.", stems=["a"], **fields))
    works.clear()
    late, fine = manager.models()
    assert (late.stems, fine.stems, fine.status) == ((), ("a",), "ok")
    assert late.status == "failed: stems of model 'late' raised ZeroDivisionError: division by zero"


USE = """
import json, sys, torch, workbench
from workbench.registry import find_model
from workbench.registry.checks import check_model
song = workbench.Audio(0.1 * torch.ones(2, 1000), 8000)
said = {}
for kind in json.loads(sys.argv[1]):
    try:
        raised = str(workbench.separate(song, model=f"{kind}.m"))
    except Exception as error:
        raised = f"{type(error).__name__}: {error}"
    said[kind] = raised, [one.message for one in check_model(find_model(f"{kind}.m").card).failures]
assert len(workbench.separate(song, model="passthrough")) == 2
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, list[str]]]:
    """What a separation with each of the models raises, and what the conformance kit says of it."""
    folder = tmp_path_factory.mktemp("loads")
    packages = []
    for kind, (load, text, _, _) in LOADS.items():
        packages.append(write_package(folder, kind, model_text(load=repr(load)), entry_points=f"{kind} = dist_{kind}"))
        (packages[-1] / f"net_{kind}.py").write_text(text)
    return json.loads(run(packages, "-c", USE, json.dumps([*LOADS]))[0])


@pytest.mark.parametrize("kind", LOADS)
def test_a_model_that_does_not_load_says_so_when_it_is_used(used, kind):
    _, _, parts, advice = LOADS[kind]
    raised, failures = used[kind]
    for part in parts:
        assert part in raised
    assert len(failures) == 1  # the checks that need a network are skipped, and do not repeat it
    for part in advice or parts[1:]:
        assert part in failures[0]


def test_what_a_broken_removal_left_hides_no_plugin(tmp_path):
    package = write_package(tmp_path, "good", GOOD, entry_points="good = dist_good")
    (tmp_path / "stale" / "dist_good-0.9.dist-info").mkdir(parents=True)
    rows = json.loads(run([tmp_path / "stale", package], "-m", "workbench", "plugins", "--json")[0])
    assert [row["status"] for row in rows if row["name"] == "good"] == ["ok"]


def test_a_byte_order_mark_is_named(tmp_path):
    package = write_package(tmp_path, "marked", GOOD, entry_points=b"\xef\xbb\xbf[workbench]\nmarked = dist_marked\n")
    rows = json.loads(run([package], "-m", "workbench", "plugins", "--json")[0])
    (row,) = (row for row in rows if row["name"] == "dist_marked")
    assert "begins with a byte-order mark: save it as UTF-8 without one" in row["error"]


@pytest.mark.parametrize("group", ["workbenches", "workbnech", "stem_workbench", "workbench.plugins"])
def test_a_group_that_is_nearly_ours_is_named(tmp_path, group):
    lines = f"[{group}]\nmine = dist_near\n[console_scripts]\nworkbench-mine = dist_near:main\n"
    package = write_package(tmp_path, "near", GOOD, entry_points=lines.encode())
    rows = json.loads(run([package], "-m", "workbench", "plugins", "--json")[0])
    (row,) = (row for row in rows if row["name"] == "dist_near")
    assert f"the group '{group}', expected [project.entry-points.workbench] in pyproject.toml" in row["error"]


def test_an_entry_point_to_a_module_that_is_not_there_points_to_pyproject(tmp_path):
    package = write_package(tmp_path, "lost", GOOD, entry_points="lost = dist_lots")
    rows = json.loads(run([package], "-m", "workbench", "plugins", "--json")[0])
    (row,) = (row for row in rows if row["name"] == "lost")
    assert "does [project.entry-points.workbench] in pyproject.toml name it as it is called" in row["error"]
