from __future__ import annotations

import math
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from share_model import RATE, STFT, make_card, make_song, make_trace
from torch import Tensor, nn
from traitlets import TraitError

import workbench as wb
from workbench.core import Audio
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.trace import Trace
from workbench.registry.cards import ModelCard
from workbench.widgets import MaskPainter
from workbench.widgets.painted_song import PaintedSong


def ask(painter: MaskPainter, **content: Any) -> list[tuple[Any, Any]]:
    """What a view would hear after this message."""
    sent: list[tuple[Any, Any]] = []
    painter.send = lambda content, buffers=None: sent.append((content, buffers))
    painter._handle_custom_msg(content, [])
    return sent


@pytest.fixture(scope="module")
def traced() -> Trace:
    return make_trace()


@pytest.fixture(scope="module")
def resampled() -> Trace:
    return make_trace(sample_rate=6000)


@pytest.mark.parametrize("which", ["traced", "resampled"])
def test_a_rerun_is_that_of_the_mask_to_the_bit(which: str, request: pytest.FixtureRequest) -> None:
    trace: Trace = request.getfixturevalue(which)
    painter = MaskPainter(trace, start="ones", tool="rectangle")
    painter.paint([[0.2, 300.0], [0.7, 900.0]], gain=0.25)
    painter.paint([[0.5, 400.0]], tool="harmonic", overtones=3, stem="soft", softness=1)
    mask = painter.mask
    assert mask.gain.shape == (2, 129, 1 + math.ceil(8000 / mask.hop_samples))
    assert mask.hop_samples == {"traced": 64, "resampled": 85}[which]  # 64 * 8000 / 6000 = 85.3
    by_hand = SongMask(mask.gain.clone(), mask.hop_samples)
    expected, got = trace.rerun("mask", mask=by_hand), painter.rerun()
    assert painter.result is got
    for name in ("loud", "soft"):
        assert torch.equal(got.stems[name].data, expected.stems[name].data)
        assert not torch.equal(got.stems[name].data, trace.stems[name].data)
    assert "2 strokes" in painter.status
    painter.undo()
    assert float((mask.gain - painter.mask.gain).abs().max()) > 0.5  # the mask taken before is a copy


def test_the_models_mask_is_averaged_onto_the_songs_frames(resampled: Trace) -> None:
    gain = MaskPainter(resampled).mask.gain.numpy()
    model = resampled["mask"].mask[..., 0].unflatten(2, (-1, 2)).mean(3).double().numpy()  # (chunk, stem, freq, frame)
    starts, chunk_size = list(resampled.grid.starts), resampled.grid.chunk_size
    for frame in (0, 1, 30, 47, gain.shape[-1] - 1):
        sample = frame * 85 / 8000 * 6000  # at the model's rate
        total, weights = np.zeros((2, 129)), 0.0
        for start, values in zip(starts, model, strict=True):
            if start <= sample <= start + chunk_size:
                weight = min(sample - start, start + chunk_size - sample) + 1
                place = (sample - start) / 64
                low = min(int(place), values.shape[-1] - 1)
                high = min(low + 1, values.shape[-1] - 1)
                total += weight * (values[..., low] + (place - low) * (values[..., high] - values[..., low]))
                weights += weight
        assert np.abs(gain[..., frame] - total / weights).max() < 1e-5  # float32
    alone = make_trace(chunk_seconds=1.0, overlap=0.0, window="rectangular")  # one chunk, with the mask's own frames
    own = alone["mask"].mask[0, ..., 0].unflatten(1, (-1, 2)).mean(2)
    assert float((MaskPainter(alone).mask.gain - own).abs().max()) < 1e-6


def test_a_trace_of_summaries_gives_the_same_start_and_picture(traced: Trace) -> None:
    card, network = make_card()
    with pytest.warns(UserWarning, match="kept only a summary"):
        summary = wb.trace(make_song(), model=card, memory_budget_bytes=0)
    calls = network.num_calls
    painter, full = MaskPainter(summary, start="ones"), MaskPainter(traced, start="ones")
    assert network.num_calls == calls
    assert painter.levels == full.levels
    painter.start = "model"
    assert network.num_calls == calls + summary.grid.num_chunks
    assert torch.equal(painter.mask.gain, MaskPainter(traced).mask.gain)


def test_the_picture_is_the_songs_spectrogram(traced: Trace) -> None:
    painter = MaskPainter(traced)
    picture = painter.picture
    levels = np.frombuffer(painter.levels, np.uint8).reshape(picture["level_rows"], picture["level_columns"])
    loudest = levels.astype(int).sum(axis=1).argsort()[::-1]
    assert loudest[0] * picture["step_hertz"] == pytest.approx(500, abs=picture["step_hertz"])
    assert picture["level_columns"] * picture["level_seconds"] == pytest.approx(1.0, abs=0.02)
    spectrum = wb.core.Stft(STFT)(make_song().data.unsqueeze(0))[0].square().sum(-1)
    power = spectrum.unflatten(0, (-1, 2)).mean(1)
    decibels = 10 * torch.log10(power / power.max()).clamp(min=-10.0)
    got = torch.from_numpy(levels[:, : power.shape[1]].copy()) * (100 / 255) - 100
    assert float((got - 10 * torch.log10(power / power.max())).abs()[decibels > -8].max()) < 0.3  # half a step is 0.2


def test_long_songs_are_joined_for_the_picture_alone(monkeypatch: pytest.MonkeyPatch, traced: Trace) -> None:
    whole = PaintedSong(traced).measure_levels()[0]
    monkeypatch.setattr("workbench.widgets.painted_song.MOST_COLUMNS", 50)
    monkeypatch.setattr("workbench.widgets.painted_song.MOST_ROWS", 65)
    monkeypatch.setattr("workbench.widgets.painted_song.FRAMES_AT_ONCE", 12)
    painter = MaskPainter(traced, start="ones")
    assert (painter.picture["row_stride"], painter.picture["column_stride"]) == (2, 3)
    levels, seconds = painter._song.measure_levels()
    assert (levels.num_rows, levels.num_columns, seconds) == (65, 42, 3 * 0.008)
    fine = np.frombuffer(whole.data, np.uint8).reshape(129, 126)
    expected = np.pad(fine, ((0, 1), (0, 0))).reshape(65, 2, 42, 3).max(axis=(1, 3))
    got = np.frombuffer(levels.data, np.uint8).reshape(65, 42)
    assert np.abs(got.astype(int) - expected).max() <= 1  # blocks round elsewhere
    painter.paint([[0.31, 700.0], [0.69, 1800.0]], tool="rectangle", gain=0)
    (content, buffers), *_ = ask(painter, ask="gain")
    shown = np.frombuffer(buffers[0], np.uint8).reshape(65, 42)
    assert np.array_equal(shown, np.rint(painter.mask.gain[0, ::2, ::3].numpy() * 255).astype(np.uint8))
    sent: list[Any] = []
    painter.send = lambda content, buffers=None: sent.append((content, buffers))
    painter.undo()
    [(content, [part])] = sent
    first_row, stop_row, first_column, stop_column = content["gain"]
    assert len(part) == (stop_row - first_row) * (stop_column - first_column)
    patched = shown.copy()
    patched[first_row:stop_row, first_column:stop_column] = np.frombuffer(part, np.uint8).reshape(
        stop_row - first_row, -1
    )
    assert np.array_equal(patched, np.full((65, 42), 255))


def test_strokes_and_position_are_all_there_is_to_know(traced: Trace) -> None:
    painter = MaskPainter(traced, start="zeros")
    assert painter.gain == 1  # what one sees, painted on nothing
    painter.paint([[0.2, 500.0], [0.4, 700.0]], tool="brush")
    painter.paint([[0.5, 500.0]], tool="harmonic", overtones=2, others_get_rest=True)
    painter.paint(tool="invert")
    assert [stroke["tool"] for stroke in painter.strokes] == ["brush", "harmonic", "invert"]
    again = MaskPainter(traced, start="zeros", strokes=painter.strokes, position=2)
    assert torch.equal(painter.mask.gain[0], 1 - again.mask.gain[0])
    painter.undo()
    assert torch.equal(painter.mask.gain, again.mask.gain)
    painter.undo()
    painter.undo()
    painter.undo()
    assert painter.position == 0
    assert not painter.mask.gain.any()
    painter.redo()
    painter.paint([[0.9, 100.0]], tool="brush")
    assert [stroke["tool"] for stroke in painter.strokes] == ["brush", "brush"]
    assert painter.position == 2
    painter.strokes = again.strokes
    assert painter.position == 3
    with pytest.raises(TraitError, match="position must be from 0 to the 3 strokes, got 4"):
        painter.position = 4
    with pytest.raises(TraitError, match=r"strokes\[0\]: gain must be from 0 to 1, got 2"):
        painter.strokes = [{**again.strokes[0], "gain": 2}]
    with pytest.raises(InvalidValue, match=r"strokes\[3\]: stem must be one of loud, soft, got 'vocals'"):
        painter.paint([[0.1, 100.0]], stem="vocals")
    assert len(painter.strokes) == 3


def test_what_the_browser_sends(traced: Trace) -> None:
    painter = MaskPainter(traced, start="ones", label="mine")
    stroke = {"tool": "brush", "stem": "loud", "points": [[0.5, 500.0]], "gain": 0.0}
    painter.set_state({"strokes": [stroke], "position": 1})
    assert painter.position == 1
    assert float(painter.mask.gain.min()) == 0
    painter.set_state({"strokes": [{**stroke, "tool": "spray"}], "position": 1})
    assert "tool must be one of" in painter.message
    assert painter.strokes[0]["tool"] == "brush"
    painter.set_state({"softness": 7.0})
    assert painter.message == "softness must be from 0 to 1, got 7.0"
    painter.set_state({"start": "given"})
    assert "needs a mask" in painter.message
    painter.set_state({"stem": "soft"})
    assert painter.message == ""
    (content, buffers), *_ = ask(painter, ask="gain")
    assert (content["stem"], content["start"], len(buffers)) == ("soft", 255, 1)
    [(content, buffers)] = ask(painter, ask="play", request="7", **{"from": 0.5})
    assert (content["request"], content["start"], content["stop"]) == ("7", 0.0, 1.0)
    assert [bytes(buffer[:4]) for buffer in buffers] == [b"fLaC", b"fLaC"]
    ask(painter, ask="apply")
    assert painter.result is not None
    painter.start = "model"
    (content, buffers), *_ = ask(painter, ask="gain")
    assert (content["start"], len(buffers)) == (None, 2)


@pytest.mark.parametrize(
    ("song", "asked"),
    [
        (Audio(torch.zeros(2, 4000), RATE), {}),
        (make_song(0.4, channels=1), {}),
        (make_song(0.05, channels=1), {"chunk_seconds": 1.0, "overlap": 0.0, "window": "rectangular"}),
        (Audio(torch.tensor([[0.5]]), RATE), {}),
        (make_song(0.4, channels=1), {"channels": 2}),
        (make_song(0.4, rate=44100), {"sample_rate": 8000}),
    ],
    ids=["silence", "mono", "one chunk", "one sample", "doubled", "resampled"],
)
@pytest.mark.filterwarnings("ignore::workbench.errors.WorkbenchNotice")
def test_songs_of_any_kind(song: Audio[Tensor], asked: dict[str, Any]) -> None:
    painter = MaskPainter(make_trace(song, **asked))
    painter.paint([[0.02, 500.0]], gain=0)
    painter.paint(tool="invert")
    result = painter.rerun()
    assert all(audio.data.shape == song.data.shape for audio in result.stems.values())
    assert painter.sound().data.shape[-1] >= 1
    assert painter.picture["level_columns"] * painter.picture["level_rows"] == len(painter.levels)
    assert "audio" in painter.export_html()


def test_what_the_button_applies_prints_nothing_where_only_a_summary_was_kept() -> None:
    painter = MaskPainter(make_trace(make_song(0.4), memory_budget_bytes=0))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ask(painter, ask="apply")
    assert told == []  # in JupyterLab nobody would see it
    assert painter.result is not None
    assert any("only a summary" in notice for notice in painter.result.notices)


def test_a_mask_to_start_from(traced: Trace) -> None:
    gain = torch.rand(2, 129, 11, generator=torch.Generator().manual_seed(0))
    painter = MaskPainter(traced, mask=SongMask(gain * 1.5, 1000))
    assert painter.start == "given"
    got = painter.mask.gain
    assert float(got.max()) == 1  # what is beyond is cut
    clipped = (gain * 1.5).clamp(max=1)
    place = torch.arange(126) * 64 / 1000
    expected = [np.interp(place, np.arange(11), row) for row in clipped[1].numpy()]
    assert np.abs(got[1].numpy() - np.array(expected)).max() < 1e-6
    exact = MaskPainter(traced, mask=painter.mask)
    assert torch.equal(exact.mask.gain, got)
    with pytest.raises(InvalidValue, match=r"\(stem, freq, frame\) = \(2, 129, frame\), got \(3, 129, 4\)"):
        MaskPainter(traced, mask=SongMask(torch.ones(3, 129, 4), 64))


def test_runs_that_have_no_mask_to_paint(plain_types: None) -> None:
    card, _ = make_card(input_type="waveform", output_type="waveform", stft=None)
    network = nn.Module()
    network.forward = lambda waveform: torch.stack((waveform, 0 * waveform), dim=1)
    waveforms = wb.trace(make_song(), model=ModelCard(**{**vars(card), "load": lambda *given, **named: network}))
    with pytest.raises(InvalidValue, match="gives waveforms, no masks, which the mask painter needs: trace a model"):
        MaskPainter(waveforms)
    with pytest.raises(InvalidType, match="takes a trace of one pass, got Separation"):
        MaskPainter(waveforms.stems)
    passes = wb.trace(make_song(), model=make_card()[0], tta=["polarity"])
    with pytest.raises(InvalidType, match="got EnsembleTrace; pick one of its passes"):
        MaskPainter(passes)
    masks = make_trace()
    with pytest.raises(InvalidValue, match="stem must be one of loud, soft, got 'vocals'"):
        MaskPainter(masks, stem="vocals")
    with pytest.raises(InvalidValue, match=r"strokes\[0\]: tool must be one of"):
        MaskPainter(masks, start="ones", strokes=[{"tool": "spray", "stem": "loud"}])
    with pytest.raises(InvalidValue, match="position must be from 0 to the 0 strokes, got 3"):
        MaskPainter(masks, start="ones", position=3)
    with pytest.raises(InvalidType, match="mask must be a SongMask, got Tensor"):
        MaskPainter(masks, mask=torch.ones(2, 129, 4))


def test_the_figure_veils_what_is_taken_away(traced: Trace) -> None:
    painter = MaskPainter(traced, start="ones", frequency_axis="linear")
    painter.paint([[0.0, 0.0], [0.5, 4000.0]], tool="rectangle", gain=0, softness=0)
    figure = painter.figure()
    _, veil = (image for image in figure.axes[0].artists)
    values = np.asarray(veil.get_array())
    half = values.shape[1] // 2
    assert values[:, : half - 2].max() == 0
    assert values[:, half + 2 :].min() == 1
    assert [float(veil.cmap(value)[3]) for value in (0.0, 1.0)] == pytest.approx([0.8, 0.0])
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["frequency (Hz)", "level (dB re. maximum)", "gain (1), veiled where below 1"]
    painter.view = [0.2, 0.6, 100.0, 2000.0]
    axes = painter.figure().axes[0]
    assert (axes.get_xlim(), axes.get_ylim()) == ((0.2, 0.6), (100.0, 2000.0))
    page = painter.export_html()
    assert page.count("<audio") == 2
    assert "loud before, 0.20 to 0.60 s" in page
    assert "1 stroke on all of the mixture (1), mean gain 0.5" in painter.describe()
    assert "matplotlib.pyplot" not in sys.modules
