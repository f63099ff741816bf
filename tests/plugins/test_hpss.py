"""hpss against librosa's, and what its stems promise."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch

from workbench.errors import CheckpointError, InvalidType, InvalidValue
from workbench.registry.cards import ModelCard
from workbench_plugins.hpss import HpssParameters, hpss_stems, register_models
from workbench_plugins.hpss_model import Hpss, load

SAMPLE_RATE = 22050


def make_model(**parameters: float) -> Hpss:
    return load(HpssParameters(**parameters), None, "cpu")  # type: ignore[arg-type]


def transform(audio: torch.Tensor, *, n_fft: int = 2048) -> torch.Tensor:
    """(channel, time) -> (1, freq·channel, frame, 2), frequency outer."""
    spectrum = torch.stft(audio, n_fft, n_fft // 4, window=torch.hann_window(n_fft), return_complex=True)
    return torch.view_as_real(spectrum.transpose(0, 1).flatten(0, 1))[None]


def to_librosa(spectrogram: torch.Tensor, *, num_freqs: int) -> np.ndarray:
    """(1, freq·channel, frame, 2) -> complex (channel, freq, frame)."""
    return torch.view_as_complex(spectrogram[0].unflatten(0, (num_freqs, -1)).transpose(0, 1).contiguous()).numpy()


@pytest.fixture(scope="module")
def mix() -> torch.Tensor:
    """A chord, clicks, a little noise and a quarter of a second of silence; 2 channels that differ."""
    time = torch.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    chord = sum(torch.sin(2 * torch.pi * hertz * time) for hertz in (220.0, 277.2, 329.6))
    clicks = torch.zeros_like(time)
    clicks[::5000] = 8.0
    noise = 0.05 * torch.randn(2, time.numel(), generator=torch.Generator().manual_seed(0))
    audio = torch.stack((chord + 0.3 * clicks, 0.4 * chord + clicks)) + noise
    audio[:, SAMPLE_RATE : SAMPLE_RATE * 5 // 4] = 0
    return audio


@pytest.fixture(scope="module")
def song() -> dict[str, torch.Tensor]:
    """Mixture, drums, bass and other of the song that stempeg carries, 6.08 s."""
    spec = importlib.util.find_spec("stempeg")
    if spec is None or spec.origin is None:
        pytest.skip("stempeg, which carries the song, is not installed")
    av = pytest.importorskip("av")
    path = next((Path(spec.origin).parent / "data").glob("*.stem.mp4"))
    streams = {}
    for index, name in enumerate(("mixture", "drums", "bass", "other")):
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=index)]
        streams[name] = torch.from_numpy(np.concatenate(frames, axis=1)).float()
    return streams


def assert_equals_librosa(spectrogram: torch.Tensor, **parameters: float) -> None:
    model = make_model(**parameters)
    settings = model.settings
    masks = model(spectrogram)
    reference = to_librosa(spectrogram, num_freqs=settings.num_freqs)
    expected = list(
        librosa.decompose.hpss(
            reference,
            kernel_size=(settings.kernel_size_harmonic, settings.kernel_size_percussive),
            power=settings.power,
            margin=(settings.margin_harmonic, settings.margin_percussive),
        )
    )
    if masks.shape[1] == 3:
        expected.append(reference - expected[0] - expected[1])
    assert masks.shape[1] == len(expected)
    assert torch.all(masks[..., 1] == 0)
    for stem, wanted in enumerate(expected):
        masked = to_librosa(spectrogram * masks[:, stem, ..., :1], num_freqs=settings.num_freqs)
        # float32 and another order of operations: the agreement that is asked for, relative to the peak
        assert np.abs(masked - wanted).max() <= 1e-5 * np.abs(reference).max()


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"power": 1.0},
        {"power": float("inf")},
        {"margin_harmonic": 2.0, "margin_percussive": 3.0},
        {"margin_harmonic": 2.0, "margin_percussive": 3.0, "power": 1.0},
        {"margin_harmonic": 2.0, "margin_percussive": 3.0, "power": float("inf")},
        {"margin_percussive": 1.5, "kernel_size_harmonic": 17, "kernel_size_percussive": 45},
        {"kernel_size_harmonic": 16, "kernel_size_percussive": 30},
        {"kernel_size_harmonic": 301},  # longer than the song, so mirrored back and forth
    ],
    ids=str,
)
def test_equals_librosa_on_a_mix_with_silence(mix: torch.Tensor, parameters: dict[str, float]) -> None:
    assert_equals_librosa(transform(mix), **parameters)


@pytest.mark.parametrize("parameters", [{}, {"margin_harmonic": 1.5, "margin_percussive": 2.0}], ids=str)
def test_equals_librosa_on_a_real_song(song: dict[str, torch.Tensor], parameters: dict[str, float]) -> None:
    assert_equals_librosa(transform(song["mixture"][:, :88200]), **parameters)


def measure_shares(masks: torch.Tensor, audio: torch.Tensor) -> list[float]:
    """Share of the energy of `audio` that each of the masks lets through."""
    spectrogram = transform(audio)
    return [float((mask * spectrogram).square().sum() / spectrogram.square().sum()) for mask in masks[0, ..., :1]]


def test_drums_of_a_real_song_go_to_percussive(song: dict[str, torch.Tensor]) -> None:
    harmonic, percussive = measure_shares(make_model()(transform(song["drums"])), song["drums"])
    assert percussive > harmonic  # measured: 0.38 and 0.32
    masks = make_model()(transform(song["mixture"]))
    shares = {name: measure_shares(masks, song[name]) for name in ("drums", "bass", "other")}
    # measured, in percussive: drums 0.29, bass 0.10, other 0.15; in harmonic: 0.35, 0.60, 0.51
    for other in ("bass", "other"):
        assert shares["drums"][1] > 1.5 * shares[other][1]
        assert shares["drums"][0] < shares[other][0] / 1.3


def test_sine_goes_to_harmonic_and_click_to_percussive() -> None:
    time = torch.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    sine = 0.5 * torch.sin(2 * torch.pi * 440 * time)[None]
    click = torch.zeros_like(sine)
    click[:, SAMPLE_RATE] = 50.0
    masks = make_model()(transform(sine + click))
    harmonic_of_sine, percussive_of_sine = (masks[0] * transform(sine)).square().sum((1, 2, 3))
    harmonic_of_click, percussive_of_click = (masks[0] * transform(click)).square().sum((1, 2, 3))
    assert harmonic_of_sine > 10 * percussive_of_sine
    assert percussive_of_click > 10 * harmonic_of_click


@pytest.mark.parametrize("margin", [1.0, 2.5])
def test_masks_sum_to_one(mix: torch.Tensor, margin: float) -> None:
    masks = make_model(margin_harmonic=margin)(transform(mix))[..., 0]
    # three float32 roundings of numbers up to 1
    torch.testing.assert_close(masks.sum(1), torch.ones_like(masks[:, 0]), rtol=0, atol=3e-7)


@pytest.mark.parametrize(("margin", "expected"), [(1.0, [0.5, 0.5]), (2.0, [0.0, 0.0, 1.0])])
def test_silence_is_shared_or_left_over(margin: float, expected: list[float]) -> None:
    masks = make_model(margin_percussive=margin)(torch.zeros(1, 1025, 4, 2))
    assert masks[0, :, 0, 0, 0].tolist() == expected
    assert torch.all(masks[..., 0] == torch.tensor(expected).view(-1, 1, 1))


def test_batch_equals_each_chunk_alone() -> None:
    spectrogram = torch.randn(3, 2 * 129, 211, 2, generator=torch.Generator().manual_seed(1))
    model = make_model(num_freqs=129, margin_harmonic=1.2)
    together = model(spectrogram)
    for index in range(3):
        assert torch.equal(together[index : index + 1], model(spectrogram[index : index + 1]))


def test_interleaved_channels_equal_each_channel_alone() -> None:
    spectrogram = torch.randn(2, 3 * 65, 40, 2, generator=torch.Generator().manual_seed(2))
    model = make_model(num_freqs=65)
    together = model(spectrogram)
    for channel in range(3):
        assert torch.equal(together[:, :, channel::3], model(spectrogram[:, channel::3]))


def test_strides_of_the_spectrogram_do_not_matter() -> None:
    stored = torch.randn(2, 30, 130, 2, generator=torch.Generator().manual_seed(3))
    before = stored.clone()
    spectrogram = stored.transpose(1, 2)  # (batch, freq·channel, frame, 2), frames far apart in memory
    model = make_model(num_freqs=65)
    assert torch.equal(model(spectrogram), model(spectrogram.contiguous()))
    assert torch.equal(stored, before)


@pytest.mark.parametrize("parameters", [{}, {"margin_harmonic": 2.0, "power": 1.0}], ids=str)
def test_gradient_is_right(parameters: dict[str, float]) -> None:
    generator = torch.Generator().manual_seed(4)
    spectrogram = torch.randn(1, 10, 6, 2, dtype=torch.float64, generator=generator, requires_grad=True)
    model = make_model(num_freqs=5, kernel_size_harmonic=5, kernel_size_percussive=3, **parameters)
    assert torch.autograd.gradcheck(model, spectrogram)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_gradient_of_silence_is_zero(power: float) -> None:
    spectrogram = torch.zeros(1, 1025, 5, 2, requires_grad=True)
    make_model(power=power)(spectrogram).sum().backward()
    assert spectrogram.grad is not None
    assert torch.all(spectrogram.grad == 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_dtypes_come_back(dtype: torch.dtype, mix: torch.Tensor) -> None:
    spectrogram = transform(mix).to(dtype)
    masks = make_model()(spectrogram)
    assert masks.dtype == dtype
    # what was computed in float32 (or, in float64, agrees with it to its precision), rounded once
    expected = make_model()(spectrogram.float()).to(dtype)
    torch.testing.assert_close(masks, expected, rtol=0, atol=1e-5 if dtype == torch.float64 else 0)
    assert masks.isfinite().all()


def test_rows_that_are_no_whole_channels_are_refused() -> None:
    with pytest.raises(InvalidValue, match=r"multiple of num_freqs=1025 .* got 2049; set hpss's num_freqs"):
        make_model()(torch.zeros(1, 2049, 4, 2))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"kernel_size_harmonic": 0}, InvalidValue, "kernel_size_harmonic must be at least 1, got 0"),
        ({"num_freqs": True}, InvalidType, "num_freqs must be a whole number, got True"),
        ({"margin_harmonic": 0.9}, InvalidValue, "margin_harmonic must be finite and at least 1, got 0.9"),
        ({"margin_percussive": float("inf")}, InvalidValue, "must be finite and at least 1, got inf"),
        ({"power": 0.0}, InvalidValue, "power must be greater than 0, got 0.0"),
        ({"power": float("nan")}, InvalidValue, "power must be greater than 0, got nan"),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(
    parameters: dict[str, float], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        HpssParameters(**parameters)  # type: ignore[arg-type]


def test_load_gives_a_module_at_rest_and_takes_no_checkpoint() -> None:
    model = load(None, None, torch.device("cpu"))
    assert not model.training
    assert model.settings == HpssParameters()
    assert list(model.parameters()) == []
    with pytest.raises(CheckpointError, match=r"takes no checkpoint, got 'weights.pt'"):
        load(HpssParameters(), "weights.pt", "cpu")


def test_card_names_what_the_module_gives() -> None:
    cards: list[ModelCard] = []
    register_models(cards.append)
    (card,) = cards
    assert card.stft is not None
    for parameters in (HpssParameters(), HpssParameters(margin_harmonic=1.1)):
        assert parameters.num_freqs == card.stft.num_freqs
        assert card.stems is hpss_stems
        stems = hpss_stems(parameters)
        assert load(parameters, None, "cpu")(torch.ones(1, 1025, 3, 2)).shape == (1, len(stems), 1025, 3, 2)
    assert hpss_stems(HpssParameters()) == ("harmonic", "percussive")
    assert hpss_stems(HpssParameters(margin_percussive=2.0)) == ("harmonic", "percussive", "residual")


def run_python(code: str) -> str:
    """Run code outside pytest, which loads more and checks types more strictly than a user's Python does."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_card_is_light() -> None:
    modules = run_python("import sys, workbench_plugins.hpss; print(*sys.modules)").split()
    assert "workbench_plugins.hpss" in modules
    assert not {"torch", "numpy", "numba", "librosa"} & set(modules)


def test_parameters_of_a_wrong_type_are_refused() -> None:
    code = """
from workbench import errors
from workbench_plugins.hpss import HpssParameters
for wrong in ({"kernel_size_percussive": 3.5}, {"margin_percussive": "2"}):
    try:
        HpssParameters(**wrong)
    except errors.InvalidType as error:
        print(error)
"""
    assert run_python(code).splitlines() == [
        "kernel_size_percussive must be a whole number, got 3.5",
        "margin_percussive must be a number, got '2'",
    ]
