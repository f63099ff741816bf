"""Measure ourselves against named alternatives and print a table of ratios: `python tests/benchmarks/run.py [OUT.md]`.

Ways take turns, each in a process of its own, so that a noisy machine treats them alike; every number is the best of
its turns. Ratios within one run are what counts.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import torch

HERE = Path(__file__).parent
SECONDS = {"stitch": 240, "path": 240, "mask": 8, "hpss": 8}
TITLES = {
    "stitch": "stitch_chunks: 240 s stereo, 4 stems, chunk 352800, overlap 0.75",
    "path": "whole path chunk -> identity -> stitch of that song",
    "mask": "STFT -> complex mask of 4 stems -> inverse: batch 2 of 8 s stereo",
    "hpss": "harmonic/percussive masks and their product: 8 s stereo, kernels of 31",
}
TURNS, REPEATS = 3, 3
START_UPS = {
    "python -c pass": ["-c", "pass"],
    "import workbench": ["-c", "import workbench"],
    "workbench --help": ["-m", "workbench", "--help"],
}


def run_way(case: str, way: str) -> dict[str, float]:
    """One way in a process of its own."""
    command = [sys.executable, str(HERE / "cases.py"), case, way, str(SECONDS[case]), str(REPEATS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case} / {way} failed:\n{done.stderr}")
    numbers: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return numbers


def list_ways(case: str, ways: list[str]) -> list[str]:
    """The ways that can be measured here."""
    if importlib.util.find_spec("splifft") is None:
        print(f"{case}: splifft is not installed (see cases.py), its row is left out", file=sys.stderr)
        return [way for way in ways if way != "splifft"]
    return ways


def compare(case: str, ways: list[str]) -> list[str]:
    """Lines of a table, a row a way; ratios are this way's number over ours."""
    best: dict[str, dict[str, float]] = {}
    for _ in range(TURNS):
        for way in ways:
            for key, value in run_way(case, way).items():
                numbers = best.setdefault(way, {})
                numbers[key] = min(value, numbers.get(key, value))
    ours = best["workbench"]
    lines = [f"### {TITLES[case]}", "", "| way | seconds | time / ours | MB above inputs | memory / ours |"]
    lines.append("| --- | ---: | ---: | ---: | ---: |")
    for way, numbers in best.items():
        time_ratio, memory_ratio = numbers["seconds"] / ours["seconds"], numbers["bytes"] / max(1, ours["bytes"])
        megabytes = numbers["bytes"] / 1e6
        lines.append(f"| {way} | {numbers['seconds']:.3f} | {time_ratio:.2f} | {megabytes:.0f} | {memory_ratio:.2f} |")
    return [*lines, ""]


def measure_start_up() -> list[str]:
    """Lines of a table: how long Python takes for little."""
    best = dict.fromkeys(START_UPS, float("inf"))
    for _ in range(7):
        for name, arguments in START_UPS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
            best[name] = min(best[name], time.perf_counter() - started)
    bare = best["python -c pass"]
    lines = ["### Starting up", "", "| command | seconds | above bare Python |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {seconds:.3f} | {seconds - bare:.3f} |" for name, seconds in best.items()]
    return [*lines, ""]


def main() -> None:
    sys.path.insert(0, str(HERE))
    from cases import CASES

    lines = [f"Python {platform.python_version()}, torch {torch.__version__}, {os.cpu_count()} cores, CPU only.", ""]
    for case, ways in CASES.items():
        lines += compare(case, list_ways(case, list(ways)))
    lines += measure_start_up()
    table = "\n".join(lines)
    print(table)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
