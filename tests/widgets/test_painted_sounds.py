"""How a painted mask sounds."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from share_model import make_song, make_trace
from torch import Tensor

from workbench.core import Audio
from workbench.errors import InvalidValue
from workbench.pipeline.song_mask import SongMask
from workbench.pipeline.trace import Trace
from workbench.widgets import MaskPainter
from workbench.widgets.painted_sounds import PaintedSounds


def measure_band(audio: Audio[Tensor], hertz: float, start: float, stop: float) -> float:
    """Energy within 150 Hz of a frequency, in a stretch of time."""
    part = audio.data[:, round(start * audio.sample_rate) : round(stop * audio.sample_rate)].double()
    spectrum = torch.fft.rfft(part * torch.hann_window(part.shape[-1], dtype=torch.float64))
    place = torch.fft.rfftfreq(part.shape[-1], 1 / audio.sample_rate)
    return float(spectrum[:, (place - hertz).abs() < 150].abs().square().sum())


@pytest.fixture(scope="module")
def traced() -> Trace:
    return make_trace()


@pytest.mark.parametrize("asked", [{}, {"sample_rate": 6000}, {"settings": {"wiener.iterations": 1}}, {"keep": []}])
def test_what_is_played_is_what_the_rerun_has_there(asked: dict[str, Any]) -> None:
    trace = make_trace(**asked)
    painter = MaskPainter(trace, stem="soft", start="ones", view=[0.31, 0.64])
    painter.paint([[0.4, 500.0]], size_seconds=0.3, gain=0)
    after = painter.sound()
    rate = after.sample_rate
    whole = painter.rerun()["denormalize"].output[1]
    assert rate == trace.plan.sample_rate
    # one chunk at a time instead of a batch, and their sum in the same order: rounding at most
    assert (after.data - whole[:, round(0.31 * rate) : round(0.64 * rate)]).abs().max() < 1e-6
    before = trace["denormalize"].output[1]
    assert torch.equal(painter.sound("before", start_seconds=0.0, stop_seconds=1.0).data, before)
    assert torch.equal(painter.sound("mixture", start_seconds=0.0, stop_seconds=1.0).data, trace["conform"].output)


def test_painting_nothing_over_a_region_takes_its_energy_away(traced: Trace) -> None:
    painter = MaskPainter(traced, start="ones")
    painter.paint([[0.3, 1700.0], [0.7, 2400.0]], tool="rectangle", gain=0, softness=0)
    before = MaskPainter(traced, start="ones").rerun().stems["loud"]
    after = painter.rerun().stems["loud"]
    inside = measure_band(after, 2000, 0.4, 0.6) / measure_band(before, 2000, 0.4, 0.6)
    assert 10 * math.log10(inside) < -40
    for hertz, start, stop in ((500, 0.4, 0.6), (2000, 0.0, 0.2), (2000, 0.8, 1.0)):
        left = measure_band(after, hertz, start, stop) / measure_band(before, hertz, start, stop)
        assert abs(10 * math.log10(left)) < 0.1


def test_one_hears_at_most_ten_seconds_of_what_is_shown() -> None:
    painter = MaskPainter(make_trace(make_song(25.0, channels=1), chunk_seconds=10.0, overlap=0.1), start="ones")
    assert painter.find_stretch() == (0.0, 10.0)
    assert painter.find_stretch(7.5) == (7.5, 17.5)
    assert painter.find_stretch(20.0) == (15.0, 25.0)
    painter.view = [3.0, 5.0]
    assert painter.find_stretch(7.5) == (3.0, 5.0)
    with pytest.raises(InvalidValue, match=r"within 0 to 25\.000 s, got 20 to 30 s"):
        painter.sound(start_seconds=20.0, stop_seconds=30.0)
    with pytest.raises(InvalidValue, match="one of before, after, mixture, got 'loud'"):
        painter.sound("loud")


@pytest.mark.parametrize("asked", [{}, {"settings": {"wiener.iterations": 1}}, {"sample_rate": 6000}])
def test_only_chunks_that_were_painted_on_are_made_again(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    painter = MaskPainter(make_trace(make_song(2.0), chunk_seconds=0.5, **asked), start="ones", tool="rectangle")
    made: list[int] = []
    mask_chunk = PaintedSounds._mask_chunk

    def watch_chunk(self: PaintedSounds, mask: SongMask, index: int, stem: int) -> Tensor:
        made.append(index)
        return mask_chunk(self, mask, index, stem)

    monkeypatch.setattr(PaintedSounds, "_mask_chunk", watch_chunk)

    def hear() -> list[int]:
        """Which chunks were made; what is heard is the same as without anything kept."""
        made.clear()
        heard, chunks = painter.sound("after"), list(made)
        alone = PaintedSounds(painter._song).take("after", painter.mask.gain.numpy(), painter._stem_index, 0.0, 2.0)
        assert torch.equal(heard.data, alone.data)
        return chunks

    num_chunks = painter._song.trace.grid.num_chunks
    assert hear() == list(range(num_chunks))
    assert hear() == []
    painter.paint([[1.3, 300.0], [1.31, 900.0]], gain=0)
    starts = [start / painter._song.plan.sample_rate for start in painter._song.trace.grid.starts]
    assert hear() == [index for index, start in enumerate(starts) if start <= 1.31 + 0.02 and start + 0.5 >= 1.3 - 0.02]
    painter.undo()
    assert 0 < len(hear()) < num_chunks
    painter.stem = "soft"
    assert len(hear()) == num_chunks
    painter.start = "zeros"
    assert len(hear()) == num_chunks


@pytest.mark.parametrize(("view", "expected"), [([5.0, 5.25], (-0.25, 0.0)), ([-9.0, -8.75], (0.0, 0.25))])
def test_of_a_view_beyond_the_song_the_nearest_part_is_heard(
    traced: Trace, view: list[float], expected: tuple[float, float]
) -> None:
    painter = MaskPainter(traced, view=view)
    seconds = traced.song.data.shape[-1] / traced.song.sample_rate
    start, stop = ((seconds if view[0] > 0 else 0.0) + end for end in expected)
    assert painter.find_stretch() == pytest.approx((start, stop))
    assert painter.sound().data.shape[-1] == pytest.approx((stop - start) * traced.plan.sample_rate, abs=1)
