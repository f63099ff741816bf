"""Signals in the middle: what hangs is ended in time, and nothing half-written has a final name, nor stays at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import soundfile

from workbench.cli.interrupts import ENDING, Terminated, ending_on_second_interrupt

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals to a process are sent otherwise on Windows")

MODEL = """
from workbench.registry import ModelCard, hookimpl

@hookimpl
def register_models(register):
    register(ModelCard(name="slow", load=load, summary="For a test.", stems=("a", "b"), sample_rate=None, channels=None,
                       input_type="waveform", output_type="waveform", chunk_seconds=1.0))

def load(parameters, checkpoint, device):
    import sys
    import time

    import torch

    class Slow(torch.nn.Module):
        def forward(self, chunk):
            {body}
            return torch.stack((chunk, chunk), dim=1)

    return Slow()
"""
# past the command, which sends what models print to standard error
TELLS = "print('begun', file=sys.__stdout__, flush=True)"
# One call into LAPACK that takes minutes and never looks at signals. That it began is told by another thread, once half
# a second has been computed since: however busy the machine is, the main one is within that call by then.
COMPUTES = f"""
            import threading

            def tell(begun):
                while time.process_time() - begun < 0.5:
                    time.sleep(0.01)
                {TELLS}

            torch.set_num_threads(1)
            x = torch.randn(5000, 5000)
            threading.Thread(target=tell, args=(time.process_time(),), daemon=True).start()
            torch.linalg.svd(x)
"""
# saves until the middle of the second of two files
WRITES = """
import sys, time
from workbench.cli import main
from workbench.io import encode

calls, quantize = [], encode.quantize

def stop_in_the_middle(frames, *, bits):
    calls.append(bits)
    if len(calls) == 6:
        print("begun", file=sys.__stdout__, flush=True)
        time.sleep(600)
    return quantize(frames, bits=bits)

encode.quantize = stop_in_the_middle
main(sys.argv[1:])
"""


def begin(command, environment):
    """Start a process and wait until it is where it says ``begun``."""
    process = subprocess.Popen(
        [sys.executable, *map(str, command)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a test run in the background may have it ignored, which is inherited
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    watchdog = threading.Timer(300, process.kill)
    watchdog.daemon = True
    watchdog.start()
    assert process.stdout.readline() == "begun\n", process.communicate()
    return process, watchdog


def end(process, watchdog, *signals):
    """Send signals, half a second apart; gives exit status and standard error."""
    try:
        for index, number in enumerate(signals):
            time.sleep(0.5 if index else 0.1)
            process.send_signal(number)
        stderr = process.communicate()[1]
        return process.returncode, stderr
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("body", "signals", "status", "line"),
    [
        (COMPUTES, [signal.SIGINT] * 2, 130, "error: interrupted twice, ended at once\n"),
        (COMPUTES, [signal.SIGTERM], 143, "error: ended, though the run did not stop\n"),
        (f"{TELLS}; time.sleep(600)", [signal.SIGTERM], 143, "error: ended by SIGTERM\n"),
    ],
    ids=["ctrl_c_twice_in_lapack", "sigterm_in_lapack", "sigterm"],
)
def test_a_model_that_hangs_is_ended(write_plugin, write_song, make_environment, out, body, signals, status, line):
    environment = make_environment([write_plugin("slow", MODEL.format(body=body))])
    command = ["-m", "workbench", "separate", write_song(), "-m", "slow", "-o", out, "--json"]
    process, watchdog = begin(command, environment)
    returned, stderr = end(process, watchdog, *signals)  # long before the model would end by itself
    assert (returned, stderr) == (status, line)
    assert not out.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ended_while_writing(run_cli, write_song, make_environment, out, number):
    first, song = write_song("first.wav", samples=100), write_song(samples=200_000)  # the song in blocks of 65536
    assert run_cli("separate", first, "-m", "passthrough", "-o", out).status == 0
    finished = {path.name: path.read_bytes() for path in (out / "first").iterdir()}

    arguments = ["separate", song, "-m", "passthrough", "-o", out]
    process, watchdog = begin(["-c", WRITES, *arguments], make_environment())
    parts = [path.name for path in (out / "song").iterdir()]
    assert len(parts) == 3  # two stems and stems.json: it was in the middle
    assert all(name.startswith(".") and name.endswith(".part") for name in parts)
    returned, stderr = end(process, watchdog, number)

    left = {path.name for path in (out / "song").iterdir()} if (out / "song").exists() else set()
    if number == signal.SIGKILL:
        assert returned == -signal.SIGKILL
        assert left == set(parts)  # hidden; nobody could remove them, and none has a final name
    else:
        line = "interrupted" if number == signal.SIGINT else "ended by SIGTERM"
        assert (returned, stderr) == (128 + number, f"error: {line}\n")
        assert left == set()
    assert {path.name: path.read_bytes() for path in (out / "first").iterdir()} == finished

    if number == signal.SIGKILL:  # nothing stands in the way of the next run
        assert run_cli(*arguments).status == 0
        assert soundfile.info(out / "song" / "part_2.flac").frames == 200_000


def ask_to_end():
    with ending_on_second_interrupt():
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)


def test_handlers_are_put_back_and_what_is_ignored_stays_ignored():
    before = {number: signal.getsignal(number) for number in ENDING}
    try:
        for number in ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        with pytest.raises(Terminated, match="ended by SIGTERM"):
            ask_to_end()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
