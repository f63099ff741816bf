"""Plugins that fail: the rest works, and ``workbench plugins`` shows which and why."""

from __future__ import annotations

import json

import pytest

HEAD = "from workbench.registry import ModelCard, WindowCard, hookimpl\n"
HOOK = HEAD + "@hookimpl\ndef register_windows(register):\n    "
GOOD = HOOK + "register(WindowCard(name='fine', make='some:make', summary='For a test.'))\n"

BAD = {
    "broken": ("raise OSError('no\\nlibrary')\n", ["OSError: no library", "broken.py:1"]),
    "quitter": ("import sys\nsys.exit(3)\n", ["SystemExit"]),
    "syntax": ("def register_windows(:\n", ["SyntaxError"]),
    "hooked": (HOOK + "raise KeyError('gone')\n", ["KeyError", "hooked.py:4"]),
    "half": (GOOD + "    raise RuntimeError('after the first')\n", ["after the first"]),
    "unsafe": (
        HEAD + "@hookimpl\ndef register_models(register):\n    register(ModelCard(name='m', load='some:load',"
        " summary='For a test.', stems=('../x',), sample_rate=None, channels=None, input_type='waveform',"
        " output_type='waveform'))\n",
        ["'../x'", "stem"],
    ),
    "misspelt": (
        HEAD + "@hookimpl\ndef register_window(register):\n    pass\n",
        ["register_window", "register_windows"],
    ),
    "hpss": (GOOD, ["'hpss' is taken by stem-workbench"]),
}


@pytest.fixture
def folders(write_plugin):
    """One folder for each bad plugin, and one for a good one."""
    return [
        *(write_plugin(name, text) for name, (text, _) in BAD.items()),
        write_plugin("good", GOOD),
    ]


def check_rows(rows: list[dict[str, str | list[str]]]) -> None:
    by_origin = {str(row["origin"]): row for row in rows}
    for name, (_, parts) in BAD.items():
        row = by_origin[f"dist_{name} 1.0"]
        assert (row["name"], row["status"], row["gave"]) == (name, "failed", [])
        assert "\n" not in row["error"]
        for part in parts:
            assert part in row["error"]
    assert by_origin["dist_good 1.0"]["gave"] == ["good.fine"]
    assert {str(row["name"]) for row in rows if row["status"] == "ok"} >= {"good", "hpss", "passthrough", "windows"}


def test_command_line_shows_which_failed_and_goes_on(run_process, write_song, folders, out):
    listed = run_process("plugins", "--json", python_path=folders)
    assert (listed.status, listed.stderr) == (0, "")
    check_rows(json.loads(listed.stdout))

    text = run_process("windows", python_path=folders)
    assert (text.status, text.stderr) == (0, "")
    assert "good.fine" in text.stdout
    assert "half.fine" not in text.stdout
    assert "failed, so not listed here: plugin broken, half" in text.stdout


def test_rest_works_beside_failed_plugins(run_process, write_song, folders, out):
    song = write_song()
    done = run_process("separate", song, "-m", "passthrough", "-o", out, python_path=folders)
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.startswith(str(out / "song"))


def test_python_shows_the_same(run_process, folders):
    code = (
        "import dataclasses, json, workbench; "
        "print(json.dumps([dataclasses.asdict(row) for row in workbench.plugins()])); "
        "print('good.fine' in [row.id for row in workbench.windows()])"
    )
    result = run_process(program=("-c", code), python_path=folders)
    assert (result.status, result.stderr) == (0, "")
    rows, found = result.stdout.splitlines()
    check_rows(json.loads(rows))
    assert found == "True"


def test_asking_for_what_a_failed_plugin_had_says_so(run_process, write_plugin, write_song, out):
    folder = write_plugin("broken", BAD["broken"][0])
    song = write_song()
    result = run_process("separate", song, "-m", "broken.model", "-o", out, python_path=[folder])
    result.check_error("broken.model", "'broken' failed", "workbench plugins")
