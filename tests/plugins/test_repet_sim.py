"""repet_sim against librosa's recipe for vocal separation, and what its stems promise."""

from __future__ import annotations

import subprocess
import sys

import librosa
import numpy as np
import pytest
import torch
from torch import Tensor

import workbench
from workbench.core import Audio
from workbench.errors import CheckpointError, InvalidType, InvalidValue
from workbench.registry.cards import ModelCard
from workbench_plugins import repet_sim_model
from workbench_plugins.repet_sim import RepetSimParameters, register_models
from workbench_plugins.repet_sim_model import RepetSim, load

pytestmark = pytest.mark.usefixtures("single_thread")


def make_model(**parameters: float) -> RepetSim:
    return load(RepetSimParameters(**parameters), None, "cpu")  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def song() -> Audio[Tensor]:
    """The first two seconds of the demo song."""
    mixture = workbench.demo_song()["mixture"]
    return Audio(mixture.data[:, : 2 * 44100], 44100)


@pytest.fixture(scope="module")
def spectrogram(song: Audio[Tensor]) -> Tensor:
    """(1, freq·channel, frame, 2) in double precision, two channels."""
    noise = 1e-3 * torch.randn(song.data.shape, generator=torch.Generator().manual_seed(0))  # no two frames are equal
    audio = (song.data + noise).double()
    window = torch.hann_window(1024, dtype=torch.float64)
    spectrum = torch.stft(audio, 1024, 512, window=window, return_complex=True)
    return torch.view_as_real(spectrum.transpose(0, 1).flatten(0, 1))[None]


def follow_recipe(spectrogram: Tensor, *, width: int, vocals: float, accompaniment: float, power: float) -> np.ndarray:
    """librosa's gallery example "Vocal separation", on (freq·channel, frame) magnitudes.

    ``mode="distance"`` is the one difference: without it librosa has no distances left when it is to keep the k
    nearest of those it found, and keeps any k of them. The median looks at no distance.
    """
    full = torch.view_as_complex(spectrogram[0]).abs().numpy()
    kept = librosa.decompose.nn_filter(full, aggregate=np.median, metric="cosine", width=width, mode="distance")
    repeating = np.minimum(full, kept)
    mask_accompaniment = librosa.util.softmask(repeating, accompaniment * (full - repeating), power=power)
    mask_vocals = librosa.util.softmask(full - repeating, vocals * repeating, power=power)
    return np.stack((mask_vocals, mask_accompaniment))


@pytest.mark.parametrize(
    ("width", "vocals", "accompaniment", "power"), [(43, 10.0, 2.0, 2.0), (20, 10.0, 2.0, 2.0), (5, 3.0, 1.0, 1.0)]
)
def test_equals_librosas_recipe(
    spectrogram: Tensor, monkeypatch: pytest.MonkeyPatch, width: int, vocals: float, accompaniment: float, power: float
) -> None:
    expected = follow_recipe(spectrogram, width=width, vocals=vocals, accompaniment=accompaniment, power=power)
    model = make_model(min_distance_frames=width, margin_vocals=vocals, margin_accompaniment=accompaniment, power=power)
    masks = model(spectrogram)
    # double precision in another order of operations; in single, two neighbours as near as each other may trade places
    np.testing.assert_allclose(masks[0, ..., 0].numpy(), expected, rtol=0, atol=1e-9)
    monkeypatch.setattr(repet_sim_model, "BLOCK_NUMBERS", 2**18)  # more blocks, the same frames in each sum
    torch.testing.assert_close(model(spectrogram), masks, rtol=0, atol=1e-12)


def test_a_voice_over_a_loop_comes_apart() -> None:
    generator = torch.Generator().manual_seed(1)
    bar = torch.rand(40, 10, generator=generator) + 0.1
    loop = bar.repeat(1, 8)  # (freq·channel, frame): eight times the same bar
    voice = torch.zeros(40, 80)
    voice[20:24, 33:36] = 8.0
    magnitude = torch.stack((loop + voice, torch.zeros(40, 80)), dim=-1)[None]
    masks = make_model(min_distance_frames=5, num_neighbors=5)(magnitude)[0, ..., 0]
    sung = voice > 0
    assert masks[0][sung].min() > 0.35  # 8 against 10 times the loop's up to 1.1, squared: 64 / (64 + 121)
    assert masks[1][sung].max() < 0.1
    unsung = ~voice.any(dim=0)  # a frame that is sung over finds others that are strong where the voice is
    assert masks[0][:, unsung].max() < 1e-6
    assert masks[1][:, unsung].min() > 1 - 1e-6


@pytest.mark.parametrize("kind", ["demo", "mono", "silence", "one sample"])
def test_separate_and_trace_agree(kind: str, song: Audio[Tensor]) -> None:
    data = {
        "demo": song.data[:, :44100],
        "mono": song.data[:1, :44100],
        "silence": torch.zeros(2, 44100),
        "one sample": song.data[:, 9000:9001],
    }[kind]
    # 2 s do not fit twice into 1 s: the distance is what the song allows
    stems = workbench.separate(Audio(data, 44100), model="repet_sim")
    trace = workbench.trace(Audio(data, 44100), model="repet_sim")
    assert list(stems) == ["vocals", "accompaniment"]
    for name in stems:
        assert stems[name].data.shape == data.shape
        assert torch.equal(stems[name].data, trace.stems[name].data)
    total = stems["vocals"].data + stems["accompaniment"].data + stems.remainder.data
    torch.testing.assert_close(total, data, rtol=0, atol=1e-6)  # three float32 roundings
    if kind == "silence":
        assert not any(stem.data.any() for stem in stems.values())
    if kind == "one sample":  # nothing to compare with, so all of it is what repeats
        torch.testing.assert_close(stems["accompaniment"].data, data, rtol=0, atol=1e-6)


def test_batch_equals_each_song_alone_and_dtypes_come_back(spectrogram: Tensor) -> None:
    halves = torch.cat((spectrogram[:, :200, :80], spectrogram[:, :200, 80:160]))
    before = halves.clone()
    model = make_model(min_distance_frames=10)
    together = model(halves)
    for index in range(2):
        assert torch.equal(together[index : index + 1], model(halves[index : index + 1]))
    assert torch.equal(halves, before)
    assert not together[..., 1].any()
    for dtype in (torch.float32, torch.float16):
        assert model(halves.to(dtype)).dtype == dtype
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(model(halves.float()), model(halves.float()))


def test_gradient_is_right_and_finite_in_silence() -> None:
    generator = torch.Generator().manual_seed(2)
    spectrogram = torch.randn(1, 4, 12, 2, dtype=torch.float64, generator=generator, requires_grad=True)
    assert torch.autograd.gradcheck(make_model(min_distance_frames=2), spectrogram)
    silence = torch.zeros(1, 4, 12, 2, requires_grad=True)
    make_model(min_distance_frames=2)(silence).sum().backward()
    assert silence.grad is not None
    assert torch.all(silence.grad == 0)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"min_distance_frames": 0}, InvalidValue, "min_distance_frames must be at least 1, got 0"),
        ({"num_neighbors": -1}, InvalidValue, "num_neighbors must be at least 0, got -1"),
        ({"num_neighbors": True}, InvalidType, "num_neighbors must be a whole number, got True"),
        ({"margin_vocals": 0.0}, InvalidValue, "margin_vocals must be finite and greater than 0, got 0.0"),
        ({"power": float("inf")}, InvalidValue, "power must be finite and greater than 0, got inf"),
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused(
    parameters: dict[str, float], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        RepetSimParameters(**parameters)  # type: ignore[arg-type]


def test_card_and_load() -> None:
    cards: list[ModelCard] = []
    register_models(cards.append)
    (card,) = cards
    assert card.context == "song"
    model = load(None, None, torch.device("cpu"))
    assert not model.training
    assert model.settings == RepetSimParameters()
    with pytest.raises(CheckpointError, match=r"takes no checkpoint, got 'weights.pt'"):
        load(None, "weights.pt", "cpu")


def test_card_is_light() -> None:
    code = "import sys, workbench_plugins.repet_sim; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "workbench_plugins.repet_sim" in modules
    assert not {"torch", "numpy", "librosa"} & set(modules)
