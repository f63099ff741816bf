"""What only shows in a process of its own: imports, time to start, a terminal, Ctrl-C."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading

import pytest

HEAVY = ("torch", "librosa", "numpy", "pydantic")


def test_help_is_quick_and_light(run_process):
    """At most 0.5 s of a processor above a bare interpreter, or where that is slow, 12 times what it takes."""
    seconds: dict[str, float] = {}
    for _ in range(5):
        for name, program in (("bare", ("-c", "pass")), ("help", ("-m", "workbench", "--help"))):
            before = os.times()
            result = run_process(program=program)
            after = os.times()
            used = after.children_user + after.children_system - before.children_user - before.children_system
            seconds[name] = min(seconds.get(name, math.inf), used)
            assert result.status == 0
    assert seconds["help"] - seconds["bare"] <= max(0.5, 12 * seconds["bare"])

    code = "import sys; from workbench.cli import main; sys.argv[1:] = ['--help']\ntry: main()\nfinally: "
    result = run_process(program=("-c", f"{code}print([m for m in {HEAVY} if m in sys.modules])"))
    assert result.stdout.splitlines()[-1] == "[]"
    assert "Usage: workbench" in result.stdout


@pytest.mark.parametrize("command", ["models", "windows", "plugins"])
def test_listing_loads_neither_torch_nor_librosa(run_process, command):
    code = f"import sys; from workbench.cli import main; sys.argv[1:] = ['{command}']\ntry: main()\nfinally: "
    result = run_process(program=("-c", f"{code}print([m for m in {HEAVY[:3]} if m in sys.modules])"))
    assert result.stdout.splitlines()[-1] == "[]"
    assert result.stdout.splitlines()[0].split()[-1] in ("status", "origin", "error")


def test_wrong_usage_in_a_process(run_process):
    run_process("separate", "song.wav", "--overlp", "0").check_error("--overlp")


MODEL = """
from workbench.registry import ModelCard, hookimpl

@hookimpl
def register_models(register):
    register(ModelCard(name="slow", load=load, summary="For a test.", stems=("a",), sample_rate=None, channels=None,
                       input_type="waveform", output_type="waveform", chunk_seconds=0.1))

def load(parameters, checkpoint, device):
    import sys
    import time

    import torch

    class Slow(torch.nn.Module):
        def forward(self, chunk):
            {body}
            return chunk.unsqueeze(1)

    return Slow()
"""
SLEEPS = "print('begun', file=sys.__stdout__, flush=True); time.sleep(600)"
# as a library that never looks at signals would: a Ctrl-C has no effect on it
HANGS = """
            while True:
                try:
                    print('begun', file=sys.__stdout__, flush=True)
                    time.sleep(600)
                except KeyboardInterrupt:
                    pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a process are sent otherwise on Windows")
@pytest.mark.parametrize(
    ("body", "times", "line"),
    [
        (SLEEPS, 1, "error: interrupted"),
        (HANGS, 2, "error: interrupted twice, ended at once"),
    ],
    ids=["first", "second"],
)
def test_ctrl_c_ends_with_130_and_one_line(write_plugin, write_song, make_environment, out, body, times, line):
    folder = write_plugin("slow", MODEL.format(body=body))
    command = [sys.executable, "-m", "workbench", "separate", str(write_song()), "-m", "slow", "-o", str(out)]
    process = subprocess.Popen(
        command,
        env=make_environment([folder]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a test run in the background may have it ignored, which is inherited
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    watchdog = threading.Timer(300, process.kill)
    watchdog.start()
    try:
        for _ in range(times):
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n"
            process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()  # ends at all, and long before the model would
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
    assert (process.returncode, stderr) == (130, f"{line}\n")
    assert not out.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty on Windows")
def test_bar_is_drawn_in_a_terminal_and_goes_away(write_plugin, write_song, make_environment, out):
    import pty

    folder = write_plugin("slow", MODEL.format(body="time.sleep(0.02)"))
    command = [sys.executable, "-m", "workbench", "separate", "-m", "slow", "-o", str(out)]
    songs = [write_song("[red]one.wav", samples=16000), out / "missing.wav"]
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [*command, *map(str, songs)],
        env={**make_environment([folder]), "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    )
    os.close(terminal)
    drawn = b""
    try:
        while piece := os.read(master, 4096):
            drawn += piece
    except OSError:  # how Linux tells that the other end is closed
        pass
    stdout, _ = process.communicate(timeout=300)
    os.close(master)
    text = drawn.decode()
    assert "[red]one.wav chunks" in text
    assert " left, " in text
    assert "x real time" in text
    assert stdout.startswith(f"{out / '[red]one'}: a.flac (")
    assert stdout.count("\n") == 1
    after = text.rpartition("\x1b[2K")[2]  # the bar's lines are erased; the errors stay
    assert after.endswith("no such file; check the path\r\n")
