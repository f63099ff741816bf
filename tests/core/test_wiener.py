from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from core_reference import call_unchanged, noise
from torch import Tensor

import workbench as wb
from workbench.core import InverseStft, Stft, StftConfig, add_residual, initial_stems, wiener, wiener_filter
from workbench.errors import InvalidType, InvalidValue

GOLDEN = Path(__file__).parents[1] / "golden"
FREQS, FRAMES = 5, 12


def make_song(
    num_channels: int, *, batch: int = 1, num_stems: int = 3, level: float = 3.0, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Estimates of stems, off by some 50 %, and the mixture of the true ones; every matrix is well conditioned."""
    true = level * noise(batch, num_stems, FREQS * num_channels, FRAMES, 2)
    estimates = true * (1 + 0.5 * noise(*true.shape[:-1], 1, seed=1))
    return estimates.to(dtype), true.sum(1).to(dtype)


def filter_by_loops(
    stems: Tensor,
    mixture: Tensor,
    *,
    num_channels: int,
    iterations: int,
    eps: float = 1e-10,
    scale_factor: float = 10.0,
) -> Tensor:
    """The formulas for one batch item, bin by bin in complex128."""
    _, num_stems, rows, frames, _ = stems.shape
    freqs = rows // num_channels
    y = torch.view_as_complex(stems[0].double().contiguous()).numpy().reshape(num_stems, freqs, num_channels, frames)
    x = torch.view_as_complex(mixture[0].double().contiguous()).numpy().reshape(freqs, num_channels, frames)
    scale = max(1.0, np.abs(x).max() / scale_factor)
    x, y = x / scale, y / scale
    for _ in range(iterations):
        refined = np.zeros_like(y)
        for f in range(freqs):
            power = np.zeros((num_stems, frames))
            spatial = np.zeros((num_stems, num_channels, num_channels), dtype=complex)
            for j in range(num_stems):
                for t in range(frames):
                    power[j, t] = np.mean(np.abs(y[j, f, :, t]) ** 2)
                    spatial[j] += np.outer(y[j, f, :, t], y[j, f, :, t].conj())
                spatial[j] /= eps + power[j].sum()
            for t in range(frames):
                covariance = np.sqrt(eps) * np.eye(num_channels) + sum(
                    power[j, t] * spatial[j] for j in range(num_stems)
                )
                for j in range(num_stems):
                    gain = power[j, t] * spatial[j] @ np.linalg.inv(covariance)
                    refined[j, f, :, t] = gain @ x[f, :, t]
        y = refined
    return torch.view_as_real(torch.from_numpy(y * scale)).reshape(1, num_stems, rows, frames, 2)


def measure_difference(value: Tensor, expected: Tensor) -> float:
    """The largest difference, of the expected peak."""
    assert value.shape == expected.shape
    return float((value.double() - expected).abs().max() / expected.abs().max())


# ---- agreement


@pytest.mark.parametrize("iterations", [0, 1, 2, 3])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("softmask", [False, True])
@pytest.mark.parametrize("num_channels", [1, 2, 3])
def test_agrees_with_open_unmix(num_channels: int, softmask: bool, residual: bool, iterations: int) -> None:
    with np.load(GOLDEN / "open_unmix_wiener.npz") as vectors:
        magnitudes = torch.from_numpy(vectors[f"magnitudes_{num_channels}"])
        mixture = torch.from_numpy(vectors[f"mixture_{num_channels}"])
        expected = torch.from_numpy(vectors[f"{num_channels}_{softmask:d}_{residual:d}_{iterations}"])
    # roundings, magnified by the matrices' condition, which few frames and stems make as bad as 1e4
    for dtype, tolerance in ((torch.float64, 1e-11), (torch.float32, 1e-4)):
        heard = mixture.to(dtype)
        stems = initial_stems(magnitudes.to(dtype), heard, softmask=softmask)
        stems = add_residual(stems, heard) if residual else stems
        stems = wiener_filter(stems, heard, num_channels=num_channels, iterations=iterations)
        assert stems.dtype == dtype
        assert measure_difference(stems, expected) < tolerance


def test_open_unmix_still_gives_the_golden_vectors() -> None:
    for name in ("openunmix", "norbert"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed; the vectors were made with it")
    subprocess.run([sys.executable, GOLDEN / "make_open_unmix_wiener.py"], check=True)


@pytest.mark.parametrize("iterations", [1, 2])
@pytest.mark.parametrize("num_channels", [1, 2, 3, 5])
def test_is_the_formulas_bin_by_bin(num_channels: int, iterations: int) -> None:
    for level, eps, scale_factor in ((3.0, 1e-10, 10.0), (30.0, 1e-4, 5.0), (0.01, 1e-10, 10.0)):
        stems, mixture = make_song(num_channels, level=level)
        settings = {"num_channels": num_channels, "iterations": iterations, "eps": eps, "scale_factor": scale_factor}
        refined = call_unchanged(lambda *given: wiener_filter(*given, **settings), stems, mixture)  # noqa: B023
        expected = filter_by_loops(stems, mixture, **settings)
        assert measure_difference(refined, expected) < 1e-11  # roundings, times conditions of up to 1e3


def test_pieces_of_time_are_filtered_one_by_one() -> None:
    stems, mixture = make_song(2, level=10.0)
    mixture[:, :, 5:10] *= 0.1  # a quieter piece, with a scale of its own
    refined = wiener_filter(stems, mixture, num_channels=2, window_frames=5)
    pieces = [slice(0, 5), slice(5, 10), slice(10, 12)]
    alone = [wiener_filter(stems[:, :, :, piece], mixture[:, :, piece], num_channels=2) for piece in pieces]
    assert torch.equal(refined, torch.cat(alone, dim=3))
    assert torch.equal(
        wiener_filter(stems, mixture, num_channels=2, window_frames=FRAMES),
        wiener_filter(stems, mixture, num_channels=2),
    )


def test_blocks_of_frequencies_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    stems, mixture = make_song(2)
    whole = wiener_filter(stems, mixture, num_channels=2, iterations=2)
    for freqs in (0, 2):  # one frequency at a time, and 2 of 5
        monkeypatch.setattr(wiener, "BLOCK_VALUES", freqs * stems[:, :, :2, :, 0].numel())
        assert measure_difference(wiener_filter(stems, mixture, num_channels=2, iterations=2), whole) < 1e-14


def test_a_batch_gives_what_each_item_gives_alone() -> None:
    stems, mixture = make_song(2, batch=3, dtype=torch.float32)
    stems, mixture = (
        value * torch.tensor([0.1, 1.0, 50.0]).view(-1, *[1] * (value.ndim - 1)) for value in (stems, mixture)
    )
    refined = wiener_filter(stems, mixture, num_channels=2, iterations=2)
    for item in range(3):
        one = slice(item, item + 1)
        assert torch.equal(refined[one], wiener_filter(stems[one], mixture[one], num_channels=2, iterations=2))


# ---- what the filter is for


def test_stems_sum_to_the_mixture() -> None:
    for num_channels in (1, 2, 3):
        stems, mixture = make_song(num_channels)
        for iterations in (1, 2, 3):
            refined = wiener_filter(stems, mixture, num_channels=num_channels, iterations=iterations)
            # the regularization of 1e-5 beside covariances whose least eigenvalues are some 0.1
            assert measure_difference(refined.sum(1), mixture) < 1e-4
        assert measure_difference(stems.sum(1), mixture) > 0.1


def test_one_stem_becomes_the_mixture() -> None:
    stems, mixture = make_song(2, num_stems=1)
    assert measure_difference(wiener_filter(stems, mixture, num_channels=2)[:, 0], mixture) < 1e-4


def test_one_frame() -> None:
    stems, mixture = make_song(2, num_stems=4)
    stems, mixture = stems[:, :, :, :1], mixture[:, :, :1]
    settings = {"num_channels": 2, "iterations": 2}
    expected = filter_by_loops(stems, mixture, **settings)
    assert measure_difference(wiener_filter(stems, mixture, **settings), expected) < 1e-10


def test_no_iterations_give_the_stems_as_they_are() -> None:
    stems, mixture = make_song(2)
    assert torch.equal(wiener_filter(stems, mixture, num_channels=2, iterations=0), stems)


def test_leaky_stems_of_the_demo_song_get_cleaner() -> None:
    config, length = StftConfig(2048, 512, 2048), 2 * 44100
    song = wb.demo_song()
    mixture = song.pop("mixture").data[:, -length:]
    true = torch.stack([stem.data[:, -length:] for stem in song.values()])  # (stem, channel, time)
    heard = Stft(config)(mixture[None])
    magnitudes = torch.linalg.vector_norm(Stft(config)(true), dim=-1)  # (stem, freq * channel, frame)
    leaky = magnitudes + 0.3 * magnitudes.sum(0)
    stems = initial_stems(leaky[None], heard, softmask=True)
    inverse = InverseStft(config, length)

    def measure_sdr(iterations: int) -> float:
        estimates = inverse(wiener_filter(stems, heard, num_channels=2, iterations=iterations))[0]
        return float(np.mean([wb.metrics.sdr(*pair) for pair in zip(true, estimates, strict=True)]))

    before, once, twice = (measure_sdr(iterations) for iterations in range(3))
    # measured: 3.9, 7.0 and 7.8 dB, on the whole song 4.0, 7.2 and 8.4
    assert once > before + 2
    assert twice > once


# ---- numbers that are hard on it


def test_silence_stays_silence() -> None:
    stems, mixture = torch.zeros(1, 3, 2 * FREQS, FRAMES, 2), torch.zeros(1, 2 * FREQS, FRAMES, 2)
    stems.requires_grad_()
    refined = wiener_filter(stems, mixture, num_channels=2, iterations=2)
    assert not refined.any()
    (gradient,) = torch.autograd.grad(refined.sum(), stems)
    assert gradient.isfinite().all()
    # a model that hears something in silence, and one that hears nothing in a song
    loud, song = make_song(2, dtype=torch.float32)
    assert not wiener_filter(loud, mixture, num_channels=2).any()
    assert not wiener_filter(torch.zeros_like(loud), song, num_channels=2).any()


def test_a_silent_channel_stays_silent() -> None:
    stems, mixture = make_song(2, dtype=torch.float32)
    stems[:, :, 1::2], mixture[:, 1::2] = 0, 0
    refined = wiener_filter(stems, mixture, num_channels=2, iterations=2)
    assert refined.isfinite().all()
    assert not refined[:, :, 1::2].any()
    assert refined[:, :, ::2].any()


@pytest.mark.parametrize(("spread", "tolerance"), [(0.0, 1e-6), (1e-4, 1e-3)])
def test_loud_channels_that_are_alike_are_within_float32(spread: float, tolerance: float) -> None:
    # by adjugate and determinant float32 is wrong by 5e-2 here, where the channels' powers are 1e7 times sqrt(eps)
    left = 30 * noise(1, 3, FREQS, 1, FRAMES, 2, dtype=torch.float64)
    right = left + 30 * spread * noise(*left.shape, seed=1, dtype=torch.float64)
    true = torch.cat((left, right), dim=3).flatten(2, 3)  # (batch, stem, freq * channel, frame, 2)
    stems, mixture = initial_stems(torch.linalg.vector_norm(true, dim=-1), true.sum(1)), true.sum(1)
    exact = wiener_filter(stems, mixture, num_channels=2)
    refined = wiener_filter(stems.float(), mixture.float(), num_channels=2)
    assert float((refined - exact).norm() / exact.norm()) < tolerance


@pytest.mark.parametrize("num_channels", [2, 6])
def test_channels_that_are_one_leave_no_pivot_below_the_floor(num_channels: int) -> None:
    # of the second pivot nothing is left but rounding: below 0 or near it, without the floor, NaN or wrong by tenths
    mixture = (10 * noise(1, 64, 50, 2)).repeat_interleave(num_channels, dim=1)
    stems = torch.stack([0.7 * mixture, 0.3 * mixture], dim=1)
    refined = wiener_filter(stems, mixture, num_channels=num_channels, iterations=2)
    exact = wiener_filter(stems.double(), mixture.double(), num_channels=num_channels, iterations=2)
    # a few roundings of float32, of values up to 30
    torch.testing.assert_close(refined.double(), exact, rtol=0, atol=2e-5)


def test_loud_stems_scale_with_their_level() -> None:
    stems, mixture = make_song(2, level=20.0, dtype=torch.float32)
    refined = wiener_filter(stems, mixture, num_channels=2)
    assert torch.equal(wiener_filter(8 * stems, 8 * mixture, num_channels=2), 8 * refined)  # powers of 2: no rounding


# ---- dtypes, devices, gradients


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    stems, mixture = make_song(2, level=1e3, dtype=dtype)  # their powers are beyond float16
    refined = wiener_filter(stems, mixture, num_channels=2)
    assert refined.dtype == dtype
    assert torch.equal(refined, wiener_filter(stems.float(), mixture.float(), num_channels=2).to(dtype))
    magnitudes = torch.linalg.vector_norm(stems.float(), dim=-1).to(dtype)
    assert add_residual(initial_stems(magnitudes, mixture), mixture).dtype == dtype


def test_autocast_takes_no_precision() -> None:
    stems, mixture = make_song(3, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = wiener_filter(stems, mixture, num_channels=3)
    assert torch.equal(cast, wiener_filter(stems, mixture, num_channels=3))


def test_how_it_lies_in_memory_does_not_matter() -> None:
    stems, mixture = make_song(2)
    apart = [value.movedim(-1, 0).contiguous().movedim(0, -1) for value in (stems, mixture)]
    refined = call_unchanged(lambda *given: wiener_filter(*given, num_channels=2), *apart)
    assert torch.equal(refined, wiener_filter(stems, mixture, num_channels=2))


def test_result_is_on_the_device_of_its_arguments() -> None:
    stems, mixture = (torch.empty(shape, device="meta") for shape in ((1, 2, 6, 4, 2), (1, 6, 4, 2)))
    assert wiener_filter(stems, mixture, num_channels=3).device.type == "meta"
    assert initial_stems(stems[..., 0], mixture).device.type == "meta"


@pytest.mark.parametrize("num_channels", [1, 2, 3])
def test_gradients_of_the_filter(num_channels: int) -> None:
    stems, mixture = make_song(num_channels, num_stems=2)
    for level in (0.1, 10.0):  # without and with scaling
        given = [(level * value[..., :num_channels, :3, :]).requires_grad_() for value in (stems, mixture)]
        # pieces of 2 frames and of 1, where only a large eps keeps difference quotients of 3 channels good
        settings = {"num_channels": num_channels, "iterations": 2, "window_frames": 2, "eps": 1e-4}
        assert torch.autograd.gradcheck(lambda *values: wiener_filter(*values, **settings), given, fast_mode=True)  # noqa: B023


@pytest.mark.parametrize("softmask", [False, True])
def test_gradients_of_the_initial_stems(softmask: bool) -> None:
    magnitudes, mixture = make_song(1)[0].square().sum(-1)[:, :, :2, :2], make_song(1)[1][:, :2, :2]
    given = [magnitudes.requires_grad_(), mixture.requires_grad_()]
    assert torch.autograd.gradcheck(lambda *values: initial_stems(*values, softmask=softmask), given)


# ---- what comes before the filter


def test_initial_stems_have_the_magnitudes_and_the_phase_of_the_mixture() -> None:
    magnitudes, mixture = noise(1, 3, 4, 5).abs(), noise(1, 4, 5, 2, seed=1)
    mixture[0, 0, 0] = 0.0  # silence has phase 0
    mixture[0, 0, 1] = torch.tensor([-1e-30, 0.0])  # its power is 0 in float32
    stems = call_unchanged(initial_stems, magnitudes, mixture)
    angle = torch.atan2(mixture[..., 1], mixture[..., 0]).unsqueeze(1)
    expected = torch.stack((magnitudes * angle.cos(), magnitudes * angle.sin()), dim=-1)
    torch.testing.assert_close(stems, expected, rtol=0, atol=2e-6)  # roundings, and those of the angle
    given = mixture.requires_grad_()
    (gradient,) = torch.autograd.grad(initial_stems(magnitudes, given)[0, :, 0, 0].sum(), given)
    assert gradient.isfinite().all()


def test_softmask_shares_the_mixture_out() -> None:
    magnitudes, mixture = noise(1, 3, 4, 5).abs(), noise(1, 4, 5, 2, seed=1)
    magnitudes[0, :, 0, 0] = 0.0  # nobody claims it
    stems = initial_stems(magnitudes, mixture, softmask=True)
    assert not stems[0, :, 0, 0].any()
    shared = stems.sum(1)
    torch.testing.assert_close(shared[0, 1:], mixture[0, 1:], rtol=1e-5, atol=0)  # 1e-10 and three roundings


def test_residual_is_what_the_stems_leave() -> None:
    stems, mixture = make_song(2)
    whole = call_unchanged(add_residual, stems, mixture)
    assert torch.equal(whole[:, :-1], stems)
    torch.testing.assert_close(whole.sum(1), mixture, rtol=0, atol=1e-13)  # float64, numbers of about 10


# ---- bad input


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"iterations": -1}, InvalidValue, "iterations must be at least 0, got -1"),
        ({"iterations": 1.5}, InvalidType, "iterations must be a whole number, got 1.5"),
        ({"iterations": True}, InvalidType, "iterations must be a whole number, got True"),
        ({"window_frames": 0}, InvalidValue, "window_frames must be at least 1, got 0"),
        ({"num_channels": 0}, InvalidValue, "num_channels must be at least 1, got 0"),
        ({"num_channels": 4}, InvalidValue, "10 rows do not hold 4 channels"),
        ({"scale_factor": 0.0}, InvalidValue, "scale_factor must be a positive number, got 0.0"),
        ({"eps": float("nan")}, InvalidValue, "eps must be a positive number, got nan"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], error: type[Exception], message: str) -> None:
    stems, mixture = make_song(2)
    with pytest.raises(error, match=message) as caught:
        wiener_filter(stems, mixture, **{"num_channels": 2, **settings})
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("stems", "mixture", "message"),
    [
        ((1, 3, 4, 5), (1, 4, 5), r"got \(1, 3, 4, 5\) and \(1, 4, 5\)"),
        ((1, 3, 4, 5, 2), (1, 4, 6, 2), r"got \(1, 3, 4, 5, 2\) and \(1, 4, 6, 2\)"),
        ((2, 3, 4, 5, 2), (1, 4, 5, 2), r"got \(2, 3, 4, 5, 2\) and \(1, 4, 5, 2\)"),
        ((1, 3, 4, 5, 3), (1, 4, 5, 3), r"got \(1, 3, 4, 5, 3\) and"),
        ((1, 0, 4, 5, 2), (1, 4, 5, 2), r"at least 1 stem, row and frame, got \(1, 0, 4, 5, 2\)"),
        ((1, 3, 4, 0, 2), (1, 4, 0, 2), r"at least 1 stem, row and frame, got \(1, 3, 4, 0, 2\)"),
    ],
)
def test_shapes_that_do_not_belong_together(stems: tuple[int, ...], mixture: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        wiener_filter(torch.zeros(stems), torch.zeros(mixture), num_channels=2)
    with pytest.raises(InvalidValue, match=message):
        add_residual(torch.zeros(stems), torch.zeros(mixture))


@pytest.mark.usefixtures("plain_types")
def test_magnitudes_of_another_mixture() -> None:
    with pytest.raises(InvalidValue, match=r"got \(1, 3, 4, 5\) and \(1, 4, 6, 2\)"):
        initial_stems(torch.zeros(1, 3, 4, 5), torch.zeros(1, 4, 6, 2))
