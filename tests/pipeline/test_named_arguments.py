from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import RATE, make_song

import workbench as wb
from workbench.core import Audio
from workbench.errors import InvalidType, InvalidValue, WorkbenchNotice
from workbench.pipeline.request import Request

CALLS = [wb.separate, wb.trace, wb.stream, wb.sweep]
ARGUMENTS = {field.name for field in dataclasses.fields(Request)}


@pytest.fixture(params=CALLS, ids=lambda call: call.__name__)
def call(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param


def test_a_misspelt_argument_gets_the_nearest_name(call: Callable[..., Any]) -> None:
    for name, nearest in [("overlaps", "overlap"), ("chunk_second", "chunk_seconds"), ("modle", "model")]:
        with pytest.raises(
            InvalidType, match=rf"{call.__name__} takes no argument '{name}'; did you mean '{nearest}'\?"
        ):
            call(make_song(), **{name: 0.5})
    with pytest.raises(InvalidType, match=r"takes no argument 'xyzzy'; there are .*model"):
        call(make_song(), xyzzy=1)


def test_what_is_no_one_song_is_refused(call: Callable[..., Any]) -> None:
    song = make_song()
    with pytest.raises(InvalidType, match=r"needs a song: a path, or wb\.Audio"):
        call(model="passthrough")
    with pytest.raises(InvalidType, match=r"of a tensor of shape .* wb\.Audio\(tensor, sample_rate\)"):
        call(song.data, RATE)
    with pytest.raises(InvalidType, match="got str as a second argument: write model="):
        call(song, "passthrough")


def test_its_signature_names_every_argument(call: Callable[..., Any]) -> None:
    parameters = inspect.signature(call).parameters
    assert set(parameters) >= ARGUMENTS
    assert all(one.kind is not one.VAR_KEYWORD for one in parameters.values())
    assert parameters["overlap"].default is None
    assert call.__doc__


def test_a_song_may_be_named(call: Callable[..., Any]) -> None:
    assert call(song=make_song(), model="passthrough") is not None


@pytest.mark.parametrize("options", [{}, {"tta": ["swap"]}])
@pytest.mark.parametrize("call", [wb.separate, wb.trace], ids=lambda call: call.__name__)
def test_integers_that_nobody_scaled_are_noticed(call: Callable[..., Any], options: dict[str, Any]) -> None:
    loud = Audio(torch.linspace(-20_000, 20_000, 2 * RATE).round().view(2, -1), RATE)
    with pytest.warns(WorkbenchNotice, match=r"whole numbers up to 20000, as 16-bit .* divide them by 32768") as seen:
        call(loud, model="passthrough", **options)
    assert len(seen) == 1
    for scale in (1 / 32_768, 1.0 + 1e-4):  # as it should be, and loud but no integers
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call(Audio(loud.data * scale, RATE), model="passthrough")


def test_notices_point_to_the_callers_line(tmp_path: Path) -> None:
    code = (
        "import torch, warnings, workbench as wb\n"
        "song = wb.Audio(torch.full((2, 4000), 1000.0), 8000)\n"
        "for call, options in [(wb.separate, {}), (wb.trace, {}), (wb.trace, {'tta': ['swap']})]:\n"
        "    with warnings.catch_warnings(record=True) as seen:\n"
        "        warnings.simplefilter('always')\n"
        "        traced = call(song, model='passthrough', **options)  # line 6\n"
        "    print(*[(one.filename == __file__, one.lineno) for one in seen])\n"
    )
    (tmp_path / "script.py").write_text(code)
    ran = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines() == ["(True, 6)"] * 3, ran


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("given", "got"),
    [
        (torch.zeros(2, 5), r"a tensor of shape \(2, 5\)"),
        (np.zeros((5, 2)), r"a numpy array of shape \(5, 2\)"),
        ((np.zeros(5), 44100), r"tuple of a numpy array of shape \(5,\), 44100"),
        ([0.5], "got list"),
    ],
)
def test_samples_without_a_rate_are_told_what_to_become(call: Callable[..., Any], given: object, got: str) -> None:
    with pytest.raises(InvalidType, match=rf"wb\.Audio\(tensor, sample_rate\).*{got}"):
        list(call(given, model="passthrough"))  # a stream begins with its first event


def test_the_home_folder_is_found_in_every_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    wb.save(make_song(), "~/song.wav")
    for name in ("part_1", "part_2"):
        wb.save(make_song(), f"~/true/{name}.wav")
    (tmp_path / "run.yaml").write_text("model_type: passthrough\n")
    assert (tmp_path / "song.wav").exists()
    song = wb.load("~/song.wav")
    options: dict[str, Any] = {"config": "~/run.yaml", "references": "~/true"}
    stems = wb.separate("~/song.wav", out="~/stems", **options)
    assert (tmp_path / "stems" / "part_1.flac").exists()
    assert torch.equal(stems.mixture.data, song.data)
    stems.save(Path("~/again"))
    assert (tmp_path / "again" / "stems.json").exists()
    assert wb.trace(Path("~/song.wav"), **options).source == str(tmp_path / "song.wav")
    assert len(wb.sweep("~/song.wav", store="~/store.jsonl", **options).table) == 1
    assert (tmp_path / "store.jsonl").exists()
    assert Request(checkpoint=Path("~/weights.pt")).checkpoint == str(tmp_path / "weights.pt")
    assert Request(checkpoint=Path("weights.pt")).checkpoint == Path("weights.pt")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap": 75.0}, r"overlap_ratio: .* less than 1, got 75\.0: did you mean 0\.75\?"),
        ({"overlap": 1.0}, r"overlap_ratio: .* less than 1, got 1\.0$"),
        ({"settings": {"chunking.overlap_ratio": 50}}, r"got 50: did you mean 0\.5\?"),
        ({"settings": {"overlap": 0.5}}, r"unknown key 'overlap'; did you mean 'chunking\.overlap_ratio'\?"),
        ({"settings": {"window": "hann"}}, r"did you mean 'chunking\.window_shape'\?"),
        ({"settings": {"n_fft": 512}}, r"did you mean 'transform\.n_fft'\?"),
        ({"settings": {"batchsize": 1}}, r"did you mean 'inference\.batch_size'\?"),
        ({"settings": {"chunkng": {}}}, r"did you mean 'chunking'\?"),
        (
            {"settings": {"model.overlap": 0.5}},
            r"no parameter model\.overlap; did you mean 'chunking\.overlap_ratio'\?",
        ),
        ({"chunk_seconds": 1e8}, r"chunk_seconds 1e\+08 .* GB of memory .* give fewer seconds"),
        ({"settings": {"model.chunk_size": 10**12}}, r"chunk_seconds .* \(model\.chunk_size 1000000000000\)"),
    ],
)
def test_a_setting_that_cannot_be_is_explained_to_who_gave_it(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        wb.separate(make_song(), model="passthrough", **options)


def test_a_song_too_loud_for_float32_is_not_blamed_on_the_weights() -> None:
    class Power(torch.nn.Module):
        stems = ("a",)

        def forward(self, audio: torch.Tensor) -> torch.Tensor:
            return audio.square().unsqueeze(1)

    with pytest.raises(
        InvalidValue, match=r"the song reaches 1e\+37, .* overflows float32 inside of Power \(chunk 0\): scale"
    ):
        wb.separate(Audio(torch.full((2, 100), 1e37), RATE), model=Power())
