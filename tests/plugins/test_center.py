"""center on mixes whose panning is known, and what its stems promise."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor

import workbench
from workbench.core import Audio
from workbench.errors import CheckpointError, InvalidType, InvalidValue, WorkbenchNotice
from workbench.metrics import sdr
from workbench.registry.cards import ModelCard
from workbench_plugins.center import CenterParameters, register_models
from workbench_plugins.center_model import Center, load

SAMPLE_RATE = 22050

pytestmark = pytest.mark.usefixtures("single_thread")


@pytest.fixture(scope="module")
def song() -> dict[str, Audio[Tensor]]:
    """The first three seconds of the demo song."""
    return {name: Audio(audio.data[:, : 3 * 44100], 44100) for name, audio in workbench.demo_song().items()}


def make_model(**parameters: float) -> Center:
    return load(CenterParameters(**parameters), None, "cpu")  # type: ignore[arg-type]


def make_chord(*hertz: float) -> Tensor:
    time = torch.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    tones = [torch.sin(2 * torch.pi * tone * time) for tone in hertz]
    return 0.2 * torch.stack(tones).sum(0)  # (time,)


def pan(signal: Tensor, *, left: float, right: float) -> Tensor:
    return torch.stack((left * signal, right * signal))  # (channel, time)


def make_spectrogram(*levels: tuple[complex, complex], frames: int = 3) -> Tensor:
    """One frequency a pair of (left, right), the same in all frames: (1, freq·channel, frame, 2)."""
    rows = torch.tensor(levels, dtype=torch.complex64).flatten()  # (freq·channel,)
    return torch.view_as_real(rows[None, :, None].repeat(1, 1, frames))


def test_a_centred_and_two_hard_panned_sources_come_apart() -> None:
    middle = pan(make_chord(440.0, 1320.0), left=1, right=1)
    sides = pan(make_chord(620.0, 1800.0), left=1, right=0) + pan(make_chord(880.0, 2500.0), left=0, right=1)
    stems = workbench.separate(Audio(middle + sides, SAMPLE_RATE), model="center")
    assert list(stems) == ["center", "sides"]
    # Measured: 32 dB each; what is missing is where the tones begin and end at once, and so meet in each bin.
    assert sdr(middle, stems["center"].data) > 28
    assert sdr(sides, stems["sides"].data) > 28
    assert sdr(middle, middle + sides) < 1


def test_masks_are_those_of_the_formula() -> None:
    turned = complex(torch.cos(torch.tensor(torch.pi / 3)), torch.sin(torch.tensor(torch.pi / 3)))
    spectrogram = make_spectrogram((1, 1), (1, 0), (0, 2), (1, -1), (2, 1), (1, turned), (0, 0), (1, 1j))
    model = make_model(width=0.2, exponent=2.0, smoothing_frames=1, num_freqs=8)
    center = model(spectrogram)[0, 0, 0::2, 1, 0]
    # in phase and equal: 1. One side only or in antiphase: 0. Twice as loud: 2 * 2 / 5 = 0.8 similar, one width off.
    expected = [1.0, 0.0, 0.0, 0.0, float(torch.exp(torch.tensor(-0.5))), 0.25, 0.0, 0.0]
    # exp(-0.5 / 0.2^2) of a hard-panned bin is 4e-6; all else is rounding
    torch.testing.assert_close(center, torch.tensor(expected), rtol=0, atol=5e-6)
    without_phase = make_model(exponent=0.0, smoothing_frames=1, num_freqs=8)(spectrogram)[0, 0, 0::2, 1, 0]
    assert without_phase[3] == pytest.approx(1, abs=1e-6)  # levels alone: antiphase is in the middle


def test_sides_that_are_equally_loud_but_unrelated_need_smoothing() -> None:
    noise = 0.1 * torch.randn(2, SAMPLE_RATE, generator=torch.Generator().manual_seed(0))
    levels = [
        float(workbench.separate(Audio(noise, SAMPLE_RATE), model="center", settings={"model.smoothing_frames": size})[
            "center"
        ].data.square().sum() / noise.square().sum())
        for size in (1, 7)
    ]  # fmt: skip
    assert levels[1] < 0.5 * levels[0]  # measured: 0.06 and 0.01


@pytest.mark.parametrize("kind", ["demo", "silence", "one sample"])
def test_separate_and_trace_agree_and_stems_sum_to_the_mixture(kind: str, song: dict[str, Audio[Tensor]]) -> None:
    demo = song["mixture"].data[:, :44100]
    data = {"demo": demo, "silence": torch.zeros(2, 44100), "one sample": torch.tensor([[0.5], [0.25]])}[kind]
    stems = workbench.separate(Audio(data, 44100), model="center", chunk_seconds=0.5)
    trace = workbench.trace(Audio(data, 44100), model="center", chunk_seconds=0.5)
    for name in stems:
        assert stems[name].data.shape == data.shape
        assert torch.equal(stems[name].data, trace.stems[name].data)
    total = stems["center"].data + stems["sides"].data
    torch.testing.assert_close(total, data, rtol=0, atol=1e-6)  # STFT, its inverse and overlap-add in float32
    if kind == "silence":
        assert not total.any()


def test_lead_of_the_demo_song_is_nearer_than_in_the_mixture(song: dict[str, Audio[Tensor]]) -> None:
    middle = sum(song[name].data for name in ("lead", "bass", "drums"))  # all that is panned to the middle
    assert isinstance(middle, Tensor)
    center = workbench.separate(song["mixture"], model="center")["center"].data
    assert sdr(middle, center) > sdr(middle, song["mixture"]) + 3  # measured: 10.4 against 5.7 dB
    assert sdr(song["lead"], center) > sdr(song["lead"], song["mixture"]) + 0.5  # measured: -3.9 against -5.2 dB


def test_mono_is_all_center_with_a_notice() -> None:
    mono = Audio(make_chord(440.0)[None], SAMPLE_RATE)
    with pytest.warns(WorkbenchNotice, match="mono|channel"):
        stems = workbench.separate(mono, model="center")
    # the mask of equal channels is 1 but for rounding
    torch.testing.assert_close(stems["center"].data, mono.data, rtol=0, atol=1e-5)
    assert stems["sides"].data.abs().max() < 1e-5
    with pytest.raises(InvalidValue, match=r"center needs stereo: .*2 x num_freqs=1025"):
        workbench.separate(mono, model="center", settings={"audio_io.force_channels": 1})
    with pytest.raises(InvalidValue, match=r"got 4098; give it 2 channels, and set its num_freqs"):
        make_model()(torch.zeros(1, 4098, 4, 2))


def test_masks_sum_to_one_and_keep_dtype() -> None:
    spectrogram = torch.randn(2, 130, 20, 2, generator=torch.Generator().manual_seed(1))
    before = spectrogram.clone()
    for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
        masks = make_model(num_freqs=65)(spectrogram.to(dtype))
        assert masks.dtype == dtype
        assert masks.shape == (2, 2, 130, 20, 2)
        assert not masks[..., 1].any()
        # each stem rounded once to its dtype
        tolerance = 2 * torch.finfo(dtype).eps
        torch.testing.assert_close(masks[..., 0].sum(1), torch.ones(2, 130, 20, dtype=dtype), rtol=0, atol=tolerance)
    assert torch.equal(spectrogram, before)


def test_level_does_not_matter_however_quiet() -> None:
    spectrogram = torch.randn(1, 130, 20, 2, generator=torch.Generator().manual_seed(2))
    model = make_model(num_freqs=65)
    torch.testing.assert_close(model(spectrogram * 1e-30), model(spectrogram), rtol=0, atol=1e-5)  # rounding


def test_batch_equals_each_chunk_alone() -> None:
    spectrogram = torch.randn(3, 130, 21, 2, generator=torch.Generator().manual_seed(3))
    model = make_model(num_freqs=65)
    together = model(spectrogram)
    for index in range(3):
        # vector and scalar paths of exp and pow differ in the last bit by where a number lies in memory
        torch.testing.assert_close(together[index], model(spectrogram[index : index + 1])[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("parameters", [{}, {"exponent": 0.5, "smoothing_frames": 1}], ids=str)
def test_gradient_is_right_and_finite_in_silence(parameters: dict[str, float]) -> None:
    generator = torch.Generator().manual_seed(4)
    spectrogram = torch.randn(1, 10, 6, 2, dtype=torch.float64, generator=generator)
    spectrogram[0, 0, 0] = 2  # the largest, by which all is divided: the same factor for both channels, so no gradient
    model = make_model(num_freqs=5, **parameters)
    assert torch.autograd.gradcheck(model, spectrogram.requires_grad_())
    silence = torch.zeros(1, 10, 6, 2, requires_grad=True)
    model(silence).sum().backward()
    assert silence.grad is not None
    assert torch.all(silence.grad == 0)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"width": 0.0}, InvalidValue, "width must be finite and greater than 0, got 0.0"),
        ({"width": float("nan")}, InvalidValue, "width must be finite and greater than 0, got nan"),
        ({"exponent": -1.0}, InvalidValue, "exponent must be finite and at least 0, got -1.0"),
        ({"smoothing_frames": 4}, InvalidValue, "smoothing_frames must be odd, so that it has a middle, got 4"),
        ({"smoothing_frames": True}, InvalidType, "smoothing_frames must be a whole number, got True"),
        ({"num_freqs": 0}, InvalidValue, "num_freqs must be at least 1, got 0"),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(
    parameters: dict[str, float], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        CenterParameters(**parameters)  # type: ignore[arg-type]


def test_card_and_load() -> None:
    cards: list[ModelCard] = []
    register_models(cards.append)
    (card,) = cards
    assert card.stft is not None
    assert CenterParameters().num_freqs == card.stft.num_freqs
    model = load(None, None, torch.device("cpu"))
    assert not model.training
    assert model.settings == CenterParameters()
    with pytest.raises(CheckpointError, match=r"takes no checkpoint, got 'weights.pt'"):
        load(None, "weights.pt", "cpu")


def test_card_is_light() -> None:
    code = "import sys, workbench_plugins.center; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "workbench_plugins.center" in modules
    assert not {"torch", "numpy", "librosa"} & set(modules)
