"""A device without room for a batch: it is halved with a note, and one chunk that does not fit is one line."""

from __future__ import annotations

import json

import pytest
import soundfile
import torch

import workbench
from workbench.errors import DeviceMemoryError, WorkbenchNotice


def raise_as_a_gpu():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB\nand more lines")


def raise_as_this_cpu():
    torch.empty(2**50)


def limit_batches(most, fail):
    def run(chunk):
        if chunk.shape[0] > most:
            fail()
        return torch.stack((chunk / 2, chunk / 2), dim=1)

    return run


@pytest.fixture(params=[raise_as_a_gpu, raise_as_this_cpu])
def fail(request):
    return request.param


def test_a_batch_that_does_not_fit_is_halved_with_a_note(run_cli, write_song, register, out, fail):
    calls = register(limit_batches(2, fail))
    song = write_song()  # 11 chunks
    result = run_cli("separate", song, "-m", "made", "--batch-size", "8", "-o", out, "--json")

    assert result.status == 0
    assert [shape[0] for shape in calls.chunks[:4]] == [8, 4, 2, 2]
    notes = [f"out of memory on cpu: going on with {batch} chunk(s) at a time" for batch in (4, 2)]
    assert result.stderr == "".join(f"note: {note}\n" for note in notes)
    assert json.loads(result.stdout)["notices"] == notes
    assert soundfile.info(out / "song" / "a.flac").frames == 4000
    with pytest.warns(WorkbenchNotice, match="going on with 4 ch"), pytest.warns(WorkbenchNotice, match="with 2 ch"):
        stems = workbench.separate(song, model="made", batch_size=8)
    # float noise of overlap-add at 0.3
    torch.testing.assert_close(2 * stems["a"].data, stems.mixture.data, rtol=0, atol=1e-6)


def test_one_chunk_that_does_not_fit_says_what_would(run_cli, write_song, register, out, fail):
    register(limit_batches(0, fail))
    song = write_song()
    with pytest.raises(DeviceMemoryError, match=r"one chunk of 0\.1 s .* smaller chunk_seconds") as raised:
        workbench.separate(song, model="made")
    assert "\n" not in str(raised.value)
    result = run_cli("separate", song, "-m", "made", "-o", out)
    result.check_error("notebook.made does not fit into the memory of cpu", "chunk_seconds", "float16")
    assert not out.exists()


def test_no_room_for_the_network_itself_is_one_line(run_cli, write_song, register, out, fail):
    register(load=lambda parameters, checkpoint, device: fail())
    run_cli("separate", write_song(), "-m", "made", "-o", out).check_error("out of memory", "chunk_seconds")
