"""Limits on what would run for hours, files that lie, and names on cards that keep their meaning."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.core import InverseStft, Stft, StftConfig
from workbench.errors import InvalidValue
from workbench.registry import forget_plugin
from workbench.widgets.painting_files import read_painting

SONG = wb.Audio(torch.rand(2, 9000, generator=torch.Generator().manual_seed(0)) - 0.5, 8000)


def test_a_window_of_a_cell_leaves_the_default_of_cards_as_it_was():
    expected = wb.separate(SONG, model="hpss")
    wb.register_window(
        wb.WindowCard(
            name="hann",
            make=lambda length, *, dtype, device: torch.ones(length, dtype=dtype, device=device),
            summary="another",
        )
    )
    try:
        stems = wb.separate(SONG, model="hpss")
        for name in expected:
            assert torch.equal(stems[name].data, expected[name].data)
        with pytest.raises(InvalidValue, match=r"windows\.hann.*notebook\.hann|notebook\.hann.*windows\.hann"):
            wb.separate(SONG, model="hpss", window="hann")  # what its user typed may mean either
    finally:
        forget_plugin("notebook")


def test_more_shifts_than_anybody_waits_for_are_refused():
    with pytest.raises(InvalidValue, match="1000"):
        wb.separate(SONG, model="passthrough", shifts=1_000_000)


def test_a_config_of_many_megabytes_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("# nothing\n" * 200_000)
    with pytest.raises(InvalidValue, match=r"a\.yaml: has more than 1000000 bytes"):
        wb.separate(SONG, model="passthrough", config=tmp_path / "a.yaml")


def test_a_card_with_a_rate_beyond_all_audio_is_refused():
    card = wb.ModelCard(
        name="fast", load="a.b:c", summary="s", stems=("a",), sample_rate=10**9, channels=1,
        input_type="waveform", output_type="waveform",
    )  # fmt: skip
    with pytest.raises(InvalidValue, match=r"sample_rate of .* at most 1000000 Hz, got 1000000000"):
        wb.register_model(card)


def write_lying_array(path):
    with zipfile.ZipFile(path, "w") as file:
        head = "{'descr': '<f4', 'fortran_order': False, 'shape': (1125899906842624,), }".ljust(117) + "\n"
        file.writestr("about.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())


def write_broken_zip(path):
    np.savez_compressed(path, about=np.arange(10_000))
    data = bytearray(path.read_bytes())
    data[100:160] = b"\xff" * 60
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.npz", write_lying_array),
        ("a.npz", write_broken_zip),
        ("a.json", lambda path: path.write_text("[" * 100_000)),
        ("a.json", lambda path: path.write_text(json.dumps({"kind": 10**400}))),
    ],
)
def test_a_painting_that_is_damaged_or_lies_is_an_error_of_ours(tmp_path, name, write):
    write(tmp_path / name)
    with pytest.raises(InvalidValue, match="holds no painted mask"):
        read_painting(tmp_path / name)


@pytest.mark.parametrize("win_length", [512, 1024, 2048])
def test_an_inverse_that_would_be_off_by_more_than_a_thousandth_is_refused(win_length):
    signal = torch.rand(1, 1, 8 * win_length, generator=torch.Generator().manual_seed(0)) - 0.5
    for hop_length in range(win_length - 40, win_length + 1, 3):
        config = StftConfig(n_fft=win_length, win_length=win_length, hop_length=hop_length)
        try:
            inverse = InverseStft(config, signal.shape[-1])
        except InvalidValue:
            continue  # refused
        error = (inverse(Stft(config)(signal)) - signal)[..., :-hop_length]
        assert float(error.abs().max()) < 1e-3 * 0.5


@pytest.mark.parametrize("num_samples", [*range(5 * 1024 - 6, 5 * 1024 + 7), 1, 1023])
def test_songs_of_any_length_can_be_inverted_at_half_a_window(num_samples):
    InverseStft(StftConfig(n_fft=2048, win_length=2048, hop_length=1024), num_samples)
