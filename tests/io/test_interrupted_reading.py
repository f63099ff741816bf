"""What is raised while a song is read is raised again, and no song ends early without a word."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from audio_files import make_noise, write_any

from workbench.errors import AudioFileError
from workbench.io.opening import open_source
from workbench.io.read import load

LENGTH = 700_001
NAMES = ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.m4a", "a.opus", "a.webm"]


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("songs")
    samples = make_noise(num_samples=LENGTH)
    for name in NAMES:
        write_any(folder / name, samples)
    return folder


def load_with_interrupt(path: Path, seconds: float) -> int | None:
    """Length of the song, None if it was interrupted. The alarm stands for Ctrl-C: it strikes between two bytecodes."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        length = load(path).data.shape[-1]
        signal.setitimer(signal.ITIMER_REAL, 0)
        return length
    except KeyboardInterrupt:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer that sends a signal")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("num_moments", [6, pytest.param(60, marks=pytest.mark.exhaustive)])
def test_an_interrupt_at_any_moment_is_raised_or_the_song_is_whole(songs, name, num_moments, capfd):
    started = time.perf_counter()
    whole = load(songs / name).data.shape[-1]
    seconds = time.perf_counter() - started
    moments = random.Random(0)
    outcomes = [load_with_interrupt(songs / name, moments.uniform(1e-4, seconds)) for _ in range(num_moments)]
    assert set(outcomes) <= {whole, None}
    assert None in outcomes
    assert capfd.readouterr().err == ""  # where libraries print an exception that they drop


PRELOAD = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* Reading beyond the share FAIL_AT of a file whose inode stands in FAIL_INODES is an error of the disk. */
ssize_t read(int fd, void *buffer, size_t count) {
    static ssize_t (*real)(int, void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "read");
    struct stat about;
    char inode[40];
    const char *inodes = getenv("FAIL_INODES");
    if (inodes && fstat(fd, &about) == 0 && snprintf(inode, 40, ",%llu,", (unsigned long long)about.st_ino)
            && strstr(inodes, inode)) {
        off_t position = lseek(fd, 0, SEEK_CUR), limit = atof(getenv("FAIL_AT")) * about.st_size;
        if (position >= limit) { errno = EIO; return -1; }
        if (position + (off_t)count > limit) count = limit - position;
    }
    return real(fd, buffer, count);
}
"""
SCRIPT = """
import sys
from workbench.errors import AudioFileError
from workbench.io.read import load
for path in sys.argv[1:]:
    try:
        print("length", load(path).data.shape[-1])
    except AudioFileError as error:
        print("refused", error)
"""


@pytest.fixture(scope="module")
def failing_disk(tmp_path_factory) -> Path:
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler on Linux, to put an error of the disk below the libraries")
    folder = tmp_path_factory.mktemp("disk")
    (folder / "fail.c").write_text(PRELOAD)
    library = folder / "fail.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, folder / "fail.c", "-ldl"], check=True)
    return library


@pytest.mark.parametrize("share", [0.6, *(pytest.param(at, marks=pytest.mark.exhaustive) for at in (0.01, 0.3, 0.9))])
def test_an_error_of_the_disk_is_an_error(songs, failing_disk, share):
    paths = [songs / name for name in NAMES]
    inodes = "".join(f",{path.stat().st_ino}," for path in paths)
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, *paths],
        env={**os.environ, "LD_PRELOAD": str(failing_disk), "FAIL_INODES": inodes, "FAIL_AT": str(share)},
        capture_output=True,
        text=True,
        check=True,
    )
    for path, line in zip(paths, run.stdout.splitlines(), strict=True):
        assert line.startswith("refused")
        assert path.name in line


@pytest.mark.parametrize("name", [name for name in NAMES if name != "a.mp3"])  # which is read before it is decoded
def test_a_file_that_becomes_shorter_while_it_is_read_is_cut_off(songs, tmp_path, name):
    for allow_truncated in (False, True):
        path = Path(shutil.copy(songs / name, tmp_path))
        source = open_source(path, allow_truncated=allow_truncated)
        blocks = source.iterate_blocks(start=0, stop=None)
        next(blocks)
        with open(path, "r+b") as file:
            file.truncate(path.stat().st_size // 2)
        if allow_truncated:
            rest = sum(block.shape[1] for block in blocks)
            assert rest < LENGTH
            assert source.cut is not None
        else:
            with pytest.raises(AudioFileError, match=r"cut off|shorter|ends after"):
                list(blocks)
        source.close()
