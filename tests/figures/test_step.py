"""Every step of every kind of run has a figure that can be drawn, whatever the song."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import BboxImage
from torch import nn

import workbench as wb
from workbench.core import StftConfig, window_sum
from workbench.core.audio import Audio
from workbench.errors import InvalidType, InvalidValue, WorkbenchNotice
from workbench.figures import color_stems, draw_step, draw_trace
from workbench.registry import ModelCard

RATE = 8000
SIDES = {"x": ("labelbottom", "labeltop"), "y": ("labelleft", "labelright")}
UNITS = ("(s)", "(Hz)", "(1)", "(dB", "(rad)", "(MB)", "stem")


def make_song(seconds: float = 1.5, *, channels: int = 2) -> Audio[torch.Tensor]:
    """A tone that is louder on the right and loudest near its end."""
    time = torch.arange(round(seconds * RATE)) / RATE
    tone = torch.sin(2 * torch.pi * 440 * time) * (0.1 + 0.4 * time / seconds)
    return Audio(torch.stack([tone * (1 + channel) / 2 for channel in range(channels)]), RATE)


def trace_quietly(song, **options) -> wb.Trace:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WorkbenchNotice)
        return wb.trace(song, **{"chunk_seconds": 0.5, "overlap": 0.5, **options})


def render(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=30)  # small, for speed: what could warn or fail does so at any size
    return file.getvalue()


def find_images(figure: Figure) -> list[BboxImage]:
    return [artist for axes in figure.axes for artist in axes.get_children() if isinstance(artist, BboxImage)]


def check_figure(figure: Figure) -> None:
    """What is drawn is finite, and every axis with numbers on it says in which unit they are."""
    for axes in figure.axes:
        for line in axes.lines:
            assert np.isfinite(np.asarray(line.get_data(), dtype=float)).all()
        for axis in (axes.xaxis, axes.yaxis):
            ticks = axis.get_tick_params()
            is_numbered = axes.axison and any(ticks.get(side, True) for side in SIDES[axis.axis_name])
            if is_numbered and len(axis.get_majorticklocs()):
                assert any(unit in axis.get_label_text() for unit in UNITS), (axes.get_title(loc="left"), axis)
    for image in find_images(figure):
        assert np.isfinite(image.get_array()).all()


SONGS = {
    "stereo": make_song(),
    "mono": make_song(channels=1),
    "silent": Audio(torch.zeros(2, 6000), RATE),
    "shorter than a chunk": make_song(0.2),
    "one sample": Audio(torch.full((2, 1), 0.25), RATE),
    "constant": Audio(torch.full((1, 3000), 0.25), RATE),
}


@pytest.mark.parametrize("song", SONGS.values(), ids=SONGS.keys())
@pytest.mark.parametrize("model", ["hpss", "passthrough"])
def test_every_step_of_every_song_is_drawn(model, song):
    run = trace_quietly(song, model=model, settings={"normalization.enabled": song is SONGS["mono"]})
    for name, step in run.items():
        figure = step.figure()
        check_figure(figure)
        assert figure.get_suptitle().startswith(name)
        if song in (SONGS["silent"], SONGS["one sample"]) and name in ("chunk", "transform", "mask", "model"):
            assert render(figure).startswith(b"\x89PNG"), name


def test_every_step_of_six_stems_that_were_resampled_and_mixed_down_is_drawn():
    run = trace_quietly(
        make_song(),
        model="passthrough",
        settings={"model.num_stems": 6, "audio_io.target_sample_rate": 4000, "audio_io.force_channels": 1},
        derive=['"all but $one" = mixture - part_1'],  # which must not be read as a formula
    )
    for step in run.values():
        check_figure(step.figure())
    assert len(render(run["denormalize"].figure())) > 0
    assert "8 000 Hz → 4 000 Hz, 2 → 1 channels" in run["conform"].figure().get_suptitle()
    assert "4 000 Hz → 8 000 Hz, 1 → 2 channels" in run["restore"].figure().get_suptitle()


def test_a_step_that_kept_only_a_summary_says_what_is_known():
    run = trace_quietly(make_song(), model="hpss", keep=[])
    for name in ("transform", "model", "mask", "inverse"):
        figure = run[name].figure()
        text = " ".join(one.get_text() for axes in figure.axes for one in axes.texts)
        assert " × ".join(str(length) for length in run[name].shape) in text
        assert f"RMS {run[name].summary.rms:.3g}" in text
        assert "memory_budget_bytes" in text


class ToSpectrogram(nn.Module):
    """Half of the spectrogram for each of two stems, from a spectrogram and its waveform."""

    def forward(self, spectrogram, waveform):
        return torch.stack((spectrogram / 2, spectrogram / 2), dim=1)


class ToMask(nn.Module):
    """A complex mask beyond 1, from a waveform."""

    def forward(self, waveform):
        frames = 1 + waveform.shape[-1] // 64
        mask = torch.zeros(waveform.shape[0], 1, 129 * waveform.shape[1], frames, 2)
        mask[..., 1] = 2.0
        return mask


@pytest.mark.parametrize(
    ("network", "stems", "kinds", "num_images"),
    [
        (ToSpectrogram, ["a", "b"], ("waveform_and_spectrogram", "spectrogram"), {"transform": 1, "model": 2}),
        (ToMask, ["a"], ("waveform", "spectrogram_mask"), {"transform": 1, "model": 2, "mask": 3}),
    ],
)
def test_models_of_other_kinds(network, stems, kinds, num_images):
    card = ModelCard(
        name="made-for-test",
        load=lambda parameters, checkpoint, device: network(),
        summary="For a test.",
        stems=stems,
        sample_rate=None,
        channels=None,
        input_type=kinds[0],
        output_type=kinds[1],
        stft=StftConfig(n_fft=256, hop_length=64, win_length=256),
    )
    run = trace_quietly(make_song(), model=card)
    for name, step in run.items():
        figure = step.figure()
        if name in num_images:
            assert len(find_images(figure)) == num_images[name], name


def test_a_mask_beyond_1_with_a_phase_shows_both():
    run = trace_quietly(make_song(), model="hpss")
    given = torch.zeros_like(run["mask"].mask)
    given[:, 0, ..., 1] = 3.0  # harmonic: turned by a right angle; percussive: nothing, whose phase says nothing
    rerun = run.rerun("mask", mask=given)
    magnitude, phase, _, silent_magnitude, silent_phase, _ = find_images(rerun["mask"].figure())

    assert magnitude.get_clim() == (0.0, 1.0)
    assert float(magnitude.get_array().min()) == 3.0
    over = magnitude.get_cmap().get_over()
    assert not any(np.allclose(over, magnitude.get_cmap()(level)) for level in np.linspace(0, 1, 256))
    assert phase.get_clim() == (-np.pi, np.pi)
    np.testing.assert_allclose(phase.get_array(), np.pi / 2)
    assert float(silent_magnitude.get_array().max()) == 0.0
    assert silent_phase.get_array().mask.all()


def test_a_song_mask_is_drawn_as_it_was_sampled():
    run = trace_quietly(make_song(), model="hpss", keep=[])
    gain = torch.tensor([0.25, 0.75]).view(2, 1, 1).expand(2, 1025, 4)
    figure = run.rerun("mask", mask=wb.SongMask(gain, 3000))["mask"].figure()
    harmonic, percussive = find_images(figure)[:2]  # the masked spectrograms were not kept
    np.testing.assert_allclose(harmonic.get_array(), 0.25, rtol=1e-6)
    np.testing.assert_allclose(percussive.get_array(), 0.75, rtol=1e-6)  # sampled in float32


def test_levels_are_in_decibels_of_the_maximum_over_seconds_and_hertz():
    run = trace_quietly(make_song(), model="hpss")
    figure = run["transform"].figure()
    (image,) = find_images(figure)
    levels = np.asarray(image.get_array())
    axes = figure.axes[0]
    assert levels.max() == 0.0
    assert levels.min() >= -80.0
    assert image.get_clim() == (-80.0, 0.0)
    assert axes.get_xlim() == (0.0, 1.5)
    assert axes.get_ylim()[1] == RATE / 2
    hertz = np.geomspace(*axes.get_ylim(), levels.shape[0] + 1)
    loudest = levels.max(axis=1).argmax()
    assert hertz[loudest] / 1.02 <= 440 <= hertz[loudest + 1] * 1.02  # 2 %: half a bin of 3.9 Hz, and a row of 2 %


def test_a_chunk_and_a_channel_are_the_loudest_unless_chosen():
    run = trace_quietly(make_song(), model="hpss", overlap=0.0, window="rectangular")
    assert "channel 2 of 2 (right)" in run["mask"].figure().get_suptitle()
    assert "channel 1 of 2 (left)" in run["mask"].figure(channel=0).get_suptitle()
    assert "chunk 1 of 3 (0.500 s to 1.000 s)" in run["transform"].figure(chunk=1).get_suptitle()
    assert run["transform"].figure(chunk=1).axes[0].get_xlim() == (0.5, 1.0)
    assert any("chunk 2 as the model" in axes.get_title(loc="left") for axes in run["chunk"].figure().axes)
    only = run["mask"].figure(stem="percussive")
    assert len(find_images(only)) == 2
    assert run["transform"].figure(frequency="linear").axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(
    ("step", "options", "error", "message"),
    [
        ("load", {"chunk": 0}, InvalidValue, "has no chunk to choose; these have: chunk, transform, model, mask"),
        ("mask", {"chunk": 99}, InvalidValue, "chunk must be from 0 to"),
        ("mask", {"chunk": True}, InvalidType, "chunk must be a whole number, got True"),
        ("mask", {"channel": 2}, InvalidValue, "channel must be from 0 to 1, got 2"),
        ("derive", {"stem": "vocals"}, InvalidValue, "no stem 'vocals' here; there are harmonic, percussive"),
        ("load", {"frequency": "mel"}, InvalidValue, "frequency must be one of log, linear, got 'mel'"),
    ],
)
def test_choices_that_are_not_there(step, options, error, message):
    run = trace_quietly(make_song(0.6), model="hpss")
    with pytest.raises(error, match=message):
        draw_step(run[step], **options)


def test_a_model_of_waveforms_has_no_frequencies_to_choose():
    run = trace_quietly(make_song(0.6), model="passthrough")
    with pytest.raises(InvalidValue, match="'model' has no frequency to choose; these have: load, derive"):
        run["model"].figure(frequency="linear")


def test_stitch_draws_the_sum_that_the_run_divided_by():
    run = trace_quietly(make_song(), model="passthrough", overlap=0.25, window="hamming")
    axes = run["stitch"].figure().axes[0]
    (line,) = (line for line in axes.lines if line.get_label() == "sum of the windows")
    total = window_sum(run.grid, run["stitch"].window)
    seconds, drawn = line.get_data()
    np.testing.assert_array_equal(drawn, total.view(1000, 12).amax(dim=1))  # 12 of 12 000 samples a column
    np.testing.assert_allclose(seconds, (np.arange(1000) * 12 + 5.5) / RATE)
    assert len(axes.lines) == run.grid.num_chunks + 1


def test_derive_says_how_exactly_the_stems_add_up():
    run = trace_quietly(make_song(), model="passthrough", derive=["rest = mixture - part_1"])
    titles = [axes.get_title(loc="left") for axes in run["derive"].figure().axes]
    assert [title.split(":")[0] for title in titles[:8:2]] == ["mixture", "part_1", "part_2", "rest"]
    assert any(title.startswith("the model's own stems add up to the mixture") for title in titles)  # rest is one more
    plain = trace_quietly(make_song(), model="passthrough")
    titles = [axes.get_title(loc="left") for axes in plain["derive"].figure().axes]
    assert any(title.startswith("the stems add up to the mixture") for title in titles)
    some = trace_quietly(make_song(), model="passthrough", stems=["part_2"])
    assert "only some of the model's stems were computed" in some["derive"].figure().get_suptitle()


def test_a_stem_has_one_colour_in_all_figures():
    run = trace_quietly(make_song(), model="hpss", stems=["percussive"])
    second = color_stems(["harmonic", "percussive"])["percussive"]
    for name in ("inverse", "stitch", "restore", "derive"):
        collections = [c for axes in run[name].figure().axes for c in axes.collections]
        assert any(c.get_facecolor().shape == (1, 4) and same_color(c.get_facecolor()[0], second) for c in collections)


def same_color(rgba, name: str) -> bool:
    from matplotlib.colors import to_rgb

    return bool(np.allclose(rgba[:3], to_rgb(name)))


def test_the_path_has_a_row_a_step():
    run = trace_quietly(make_song(), model="hpss", keep=["mask"])
    figure = draw_trace(run)
    check_figure(figure)
    assert [text.get_text() for text in figure.axes[0].texts[::2]] == list(run)
    assert [bar.get_width() for bar in figure.axes[2].patches] == [step.bytes / 1e6 for step in run.values()]


def test_figures_know_nothing_of_pyplot():
    code = """
import sys
import workbench.figures
heavy = {"matplotlib", "torch", "numpy", "librosa"} & set(sys.modules)
assert not heavy, heavy
import torch, workbench as wb
from workbench.core.audio import Audio
run = wb.trace(Audio(torch.rand(1, 4000), 8000), model="passthrough")
png = run["derive"].figure()._repr_png_()
assert png.startswith(b"\\x89PNG")
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
