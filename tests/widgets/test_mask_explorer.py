from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from mask_songs import RATE, ROWS, STFT, make_stems, make_trace
from torch import Tensor

from workbench.core.mask import IDEAL_MASKS
from workbench.metrics import sdr
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.trace import Trace
from workbench.widgets import MaskExplorer
from workbench.widgets.mask_explorer_data import MAX_COLUMNS
from workbench.widgets.mask_explorer_pictures import change_mask, mask_table, phase_table

STEP_DB = 120 / 255  # of levels from -100 to 20 dB

pytestmark = pytest.mark.usefixtures("single_thread")


@pytest.fixture(scope="module")
def trace(single_thread: None) -> Trace:
    return make_trace()


@pytest.fixture
def widget(trace: Trace) -> MaskExplorer:
    return MaskExplorer(trace, stem="loud", channel=0, chunk=1)


def decode(widget: MaskExplorer, name: str, low: float, high: float) -> Tensor:
    """Bytes of a picture as the values they stand for, (row, column)."""
    data = np.frombuffer(getattr(widget, f"{name}_levels"), np.uint8).astype(np.float32)
    values = torch.from_numpy(data) * ((high - low) / 255) + low
    return values.view(widget.picture["rows"], widget.picture["columns"])


def take(values: Tensor, channel: int, channels: int = 2) -> Tensor:
    """One channel of rows that are frequency outer, channel inner."""
    return values.unflatten(-3, (ROWS, channels))[..., :, channel, :, :]


def to_levels(values: Tensor, mixture: Tensor) -> Tensor:
    """Plain 20 log10, within what is sent."""
    peak = torch.linalg.vector_norm(mixture, dim=-1).max()
    return (20 * torch.log10(torch.linalg.vector_norm(values, dim=-1) / peak)).clamp(-100, 20)


def times(one: Tensor, other: Tensor) -> Tensor:
    """The complex product."""
    return torch.view_as_real(torch.view_as_complex(one.contiguous()) * torch.view_as_complex(other.contiguous()))


@pytest.mark.parametrize(("channel", "chunk", "stem"), [(0, 1, "loud"), (1, 2, "soft"), (1, 0, "loud")])
def test_what_is_sent_is_what_the_trace_holds(trace: Trace, channel: int, chunk: int, stem: str) -> None:
    widget = MaskExplorer(trace, stem=stem, channel=channel, chunk=chunk)
    place = ("loud", "soft").index(stem)
    mixture = take(trace["transform"].output[chunk], channel)
    mask = take(trace["mask"].mask[chunk, place], channel)
    result = take(trace["mask"].output[chunk, place], channel)
    assert (widget.picture["rows"], widget.picture["columns"]) == tuple(mixture.shape[:2])
    # half a step of rounding, and a little for that of float32
    torch.testing.assert_close(
        decode(widget, "mixture", -100, 20), to_levels(mixture, mixture), atol=0.51 * STEP_DB, rtol=0
    )
    torch.testing.assert_close(
        decode(widget, "result", -100, 20), to_levels(result, mixture), atol=0.51 * STEP_DB, rtol=0
    )
    magnitude, high = torch.linalg.vector_norm(mask, dim=-1), widget.picture["mask_high"]
    assert high == (2.0 if stem == "loud" else 1.0)
    torch.testing.assert_close(decode(widget, "mask", 0, high), magnitude, atol=0.51 * high / 255, rtol=0)
    phase = np.frombuffer(widget.phase_levels, np.uint8).reshape(mask.shape[:2])
    audible = (magnitude >= 0.01).numpy()
    assert np.array_equal(phase == 0, ~audible)
    expected = np.pi / 2 if stem == "loud" else 0.0
    angle = (phase.astype(np.float64) - 1) * 2 * np.pi / 254 - np.pi
    assert np.abs(angle[audible] - expected).max() <= np.pi / 254 + 1e-6
    start = trace.grid.starts[chunk] / RATE
    assert widget.picture["start_seconds"] == start
    assert widget.picture["step_seconds"] == STFT.hop_length / RATE
    assert widget.picture["step_hertz"] == RATE / STFT.n_fft
    assert widget.picture["span_seconds"] == [start, start + 0.5]


@pytest.mark.parametrize(("exponent", "threshold"), [(2.0, 0.0), (0.5, 0.3), (0.0, 0.4), (0.0, 0.0), (1.0, 0.6)])
def test_exponent_and_threshold_are_plain_formulas(exponent: float, threshold: float) -> None:
    mask = torch.randn(3, 40, 2, generator=torch.Generator().manual_seed(0))
    mask[0, 0] = 0.0
    as_complex = torch.view_as_complex(mask)
    magnitude, phase = as_complex.abs(), as_complex.angle()
    expected = torch.polar(magnitude**exponent, phase) * (magnitude >= threshold)
    changed = change_mask(mask, exponent=exponent, threshold=threshold)
    # rounding of sine and cosine
    torch.testing.assert_close(torch.view_as_complex(changed), expected, atol=2e-6, rtol=2e-6)


def test_an_unchanged_mask_is_the_same_and_a_threshold_alone_rounds_nothing() -> None:
    mask = torch.rand(4, 5, 2)
    assert change_mask(mask) is mask
    changed = change_mask(mask, threshold=0.7)
    kept = torch.linalg.vector_norm(mask, dim=-1) >= 0.7
    assert torch.equal(changed[kept], mask[kept])
    assert not changed[~kept].any()
    half = change_mask(mask.half(), exponent=2.0)
    assert half.dtype == torch.float16


def test_a_change_makes_the_picture_anew(widget: MaskExplorer, trace: Trace) -> None:
    before = widget.picture["serial"]
    mask, mixture = take(trace["mask"].mask[1, 0], 0), take(trace["transform"].output[1], 0)
    widget.exponent, widget.threshold = 2.0, 0.25
    changed = change_mask(mask, exponent=2.0, threshold=0.25)
    assert widget.picture["serial"] == before + 2
    magnitude, high = torch.linalg.vector_norm(changed, dim=-1), widget.picture["mask_high"]
    torch.testing.assert_close(
        decode(widget, "mask", 0, high), magnitude.clamp(max=high), atol=0.51 * high / 255, rtol=0
    )
    expected = to_levels(times(changed, mixture), mixture)
    torch.testing.assert_close(decode(widget, "result", -100, 20), expected, atol=0.51 * STEP_DB, rtol=0)
    assert "to the power 2, 0 below 0.25" in widget.picture["titles"]["mask"]


def test_what_stays_the_same_is_not_sent_again(widget: MaskExplorer) -> None:
    sent: list[set[str]] = []
    widget.send_state = lambda key=None: sent.append({key} if isinstance(key, str) else set(key or ()))
    widget.floor_db, widget.top_db, widget.colour_map, widget.view = -60.0, 10.0, "cividis", [0.3, 0.4, 100.0, 200.0]
    assert set().union(*sent) == {"floor_db", "top_db", "colour_map", "view"}
    sent.clear()
    widget.exponent = 3.0
    names = set().union(*sent)
    assert {"mask_levels", "result_levels", "picture"} <= names
    assert not names & {"mixture_levels", "tables", "phase_colours", "choices", "busy"}
    pictures = [names for names in sent if "picture" in names]
    assert len(pictures) == 1
    assert "mask_levels" in pictures[0]  # in one message, so that no half of it is painted
    assert sent.index(pictures[0]) < next(index for index, names in enumerate(sent) if "score" in names)


@pytest.mark.parametrize("kind", IDEAL_MASKS)
def test_ideal_masks_are_the_traces(widget: MaskExplorer, trace: Trace, kind: str) -> None:
    ideal = trace.ideal_mask(kind)
    widget.origin = kind
    assert torch.equal(widget.mask, ideal)
    magnitude = torch.linalg.vector_norm(take(ideal[1, 0], 0), dim=-1)
    high = widget.picture["mask_high"]
    torch.testing.assert_close(
        decode(widget, "mask", 0, high), magnitude.clamp(max=high), atol=0.51 * high / 255, rtol=0
    )
    widget.show_difference, widget.against = "mask", kind
    assert decode(widget, "difference", -1, 1).abs().max() < 1 / 255 + 1e-6  # 0 lies between two of 256 steps


def test_differences(widget: MaskExplorer, trace: Trace) -> None:
    mask, mixture = take(trace["mask"].mask[1, 0], 0), take(trace["transform"].output[1], 0)
    assert widget.difference_levels == b""
    widget.show_difference = "mask"
    ideal = torch.linalg.vector_norm(take(trace.ideal_mask("irm")[1, 0], 0), dim=-1)
    expected = (torch.linalg.vector_norm(mask, dim=-1) - ideal).clamp(-1, 1)
    torch.testing.assert_close(decode(widget, "difference", -1, 1), expected, atol=0.51 * 2 / 255, rtol=0)
    widget.show_difference = "result"
    truth = times(take(trace.ideal_mask("cirm")[1, 0], 0), mixture)  # which gives the true stem back
    levels = to_levels(times(mask, mixture), mixture) - to_levels(truth, mixture)
    assert widget.picture["difference"] == [-40.0, 40.0, "dB"]
    # rounding to a step, and that of dividing by the mixture and multiplying again in the softest bins
    torch.testing.assert_close(
        decode(widget, "difference", -40, 40), levels.clamp(-40, 40), atol=0.6 * 80 / 255, rtol=0
    )


def test_a_rerun_is_the_traces_to_the_bit(widget: MaskExplorer, trace: Trace) -> None:
    widget.exponent, widget.threshold = 1.7, 0.1
    expected = trace.rerun("mask", mask=change_mask(trace["mask"].mask, exponent=1.7, threshold=0.1))
    rerun = widget.rerun()
    for name in ("loud", "soft"):
        assert torch.equal(rerun.stems[name].data, expected.stems[name].data)
    widget._handle_custom_msg({"ask": "apply"}, [])
    assert widget.message == ""
    assert widget.result is not None
    assert torch.equal(widget.result.stems["loud"].data, rerun.stems["loud"].data)
    assert "widget.result" in widget.status
    again = MaskExplorer(rerun)
    assert again.origin == "override"
    assert torch.equal(again.mask, rerun["mask"].mask)
    again.origin = "model"
    assert torch.equal(again.mask, trace["mask"].mask)


def test_sounds_are_those_of_the_steps(widget: MaskExplorer, trace: Trace) -> None:
    start = trace.grid.starts[1]
    assert torch.equal(widget.sound("mixture").data, trace.song.data[:, start : start + 4000])
    before, truth = trace["inverse"].output[1, 0], make_stems()["loud"].data[:, start : start + 4000]
    widget.exponent = 2.0
    rerun = widget.rerun()
    after = rerun["inverse"].output[1, 0]
    # one stem or several at once: FFTs round differently
    torch.testing.assert_close(widget.sound("before").data, before, atol=1e-6, rtol=0)
    torch.testing.assert_close(widget.sound("after").data, after, atol=1e-6, rtol=0)
    assert widget.sdr_before == pytest.approx(sdr(truth, before), abs=1e-3)
    assert widget.sdr_after == pytest.approx(sdr(truth, after), abs=1e-3)
    widget.hear_shown, widget.view = True, [0.3, 0.4]
    assert torch.equal(widget.sound("mixture").data, trace.song.data[:, 2400:3200])
    widget.chunk = None
    assert widget.view == []
    assert widget.score == ""
    assert torch.equal(widget.sound("before").data, trace.stems["loud"].data)
    assert torch.equal(widget.sound("after").data, rerun.stems["loud"].data)


def test_the_sound_that_is_sent_is_flac_of_the_same_samples(widget: MaskExplorer) -> None:
    sent: list[tuple[dict[str, Any], list[bytes]]] = []
    widget.send = lambda content, buffers=None: sent.append((content, buffers))
    widget._handle_custom_msg({"ask": "before"}, [])
    content, (track,) = sent[0]
    samples, rate = soundfile.read(io.BytesIO(track))
    assert (content["sound"], rate) == ("before", RATE)
    assert content["start_seconds"] == widget._data.trace.grid.starts[1] / RATE
    # half a step of 16 bits, and one for full scale being 32767 there
    np.testing.assert_allclose(samples.T, widget.sound("before").data.numpy(), atol=1.6 / 32768)


def test_the_song_is_put_together_from_chunks(widget: MaskExplorer, trace: Trace) -> None:
    widget.chunk = None
    assert widget.picture["columns"] == RATE // STFT.hop_length
    assert widget.picture["span_seconds"] == [0.0, 1.0]
    grid, mixture = trace.grid, decode(widget, "mixture", -100, 20)
    columns = torch.arange(RATE // STFT.hop_length) * STFT.hop_length
    middles = torch.tensor(grid.starts) + grid.chunk_size / 2
    nearest = (columns.unsqueeze(1) - middles).abs().argmin(1).tolist()
    expected = torch.stack(
        [
            take(trace["transform"].output[chunk], 0)[:, round((int(sample) - grid.starts[chunk]) / STFT.hop_length)]
            for sample, chunk in zip(columns, nearest, strict=True)
        ],
        dim=1,
    )
    agree = (mixture - to_levels(expected, expected)).abs() <= 0.51 * STEP_DB
    # where two chunks are equally near, either may be shown
    assert agree.all(dim=0).float().mean() > 0.97
    assert RATE // STFT.hop_length < MAX_COLUMNS  # so that none was left out


def test_of_what_is_long_every_second_frame_is_shown(monkeypatch: pytest.MonkeyPatch, trace: Trace) -> None:
    monkeypatch.setattr("workbench.widgets.mask_explorer_data.MAX_COLUMNS", 40)
    widget = MaskExplorer(trace, chunk=1, channel=0)
    assert widget.picture["step_seconds"] == 2 * STFT.hop_length / RATE
    assert "1 frame in 2" in widget.picture["titles"]["mixture"]
    mixture = take(trace["transform"].output[1], 0)
    expected = to_levels(mixture[:, ::2], mixture[:, ::2])
    torch.testing.assert_close(decode(widget, "mixture", -100, 20), expected, atol=0.51 * STEP_DB, rtol=0)


def test_a_song_mask_can_be_looked_at(trace: Trace) -> None:
    gain = torch.rand(2, ROWS, 126, generator=torch.Generator().manual_seed(1))
    widget = MaskExplorer(trace.rerun("mask", mask=SongMask(gain, STFT.hop_length)), chunk=1, channel=1)
    expected = widget._data.trace["mask"].mask[1, 0].unflatten(0, (ROWS, 2))[:, 1, :, 0]
    torch.testing.assert_close(decode(widget, "mask", 0, 1), expected, atol=0.51 / 255, rtol=0)


def test_colours() -> None:
    beyond = np.frombuffer(mask_table(2.0), np.uint8).reshape(256, 3)
    within = np.frombuffer(mask_table(1.0), np.uint8).reshape(256, 3)
    assert (beyond[129:] == [0xFF, 0x3B, 0x30]).all()
    assert (np.abs(beyond[127].astype(int) - within[-1]) < 4).all()
    phase = np.frombuffer(phase_table("twilight"), np.uint8).reshape(256, 3).astype(int)
    assert (np.abs(phase[1] - phase[255]) < 4).all()  # -pi and pi are one colour
    assert (np.abs(phase[1] - phase[128]) > 100).any()


def test_figure_and_export_show_and_play_what_is_there(widget: MaskExplorer) -> None:
    widget.exponent = 2.0
    figure = widget.figure()
    titles = [axes.get_title(loc="left").replace("\n", " ") for axes in figure.axes]
    assert [title for title in titles if title] == [
        widget.picture["titles"][name] for name in ("mixture", "mask", "phase", "result")
    ]
    labels = {axes.get_xlabel() for axes in figure.axes} | {axes.get_ylabel() for axes in figure.axes}
    assert {"time (s)", "frequency (Hz)", "phase (rad)", "mask, magnitude (1)"} <= labels
    widget.chunk = None
    page = widget.export_html()
    assert page.count("<audio") == 3
    assert "Masks of" in page
    assert "<button" not in page
