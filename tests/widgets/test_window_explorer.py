from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor
from traitlets import TraitError

import workbench as wb
from workbench.core import Audio, ChunkGrid, stitch_chunks, window_sum
from workbench.core.chunk import generate_chunks
from workbench.core.grid import take_span
from workbench.errors import InvalidType, InvalidValue
from workbench.registry import find_window, forget_plugin, make_window, windows
from workbench.registry.checks.overlap_add import COLA_TOLERANCE, find_lengths, measure_ripple
from workbench.widgets import WindowExplorer
from workbench.widgets.overlap_measures import judge_window, rebuild, sum_period
from workbench.widgets.overlap_mistakes import (
    BATCH_SIZE,
    MISTAKES,
    add_plainly,
    divide_by_count,
    fade_whole_batches,
    leave_out_last,
)

RATE = 8000


def make_noise(num_samples: int, *, channels: int = 1) -> Audio[Tensor]:
    return Audio(0.1 * torch.randn(channels, num_samples, generator=torch.Generator().manual_seed(1)), RATE)


def read_floats(data: bytes) -> np.ndarray:
    return np.frombuffer(data, "<f4")


def add_slowly(song: Tensor, grid: ChunkGrid, weigh: Any) -> Tensor:
    """Sample by sample: the sum over all chunks of their weight times the song there."""
    total = torch.zeros(grid.num_samples, dtype=torch.float64)
    for sample in range(grid.num_samples):
        for index in grid.covering(sample):
            total[sample] += weigh(index, sample - grid.starts[index]) * song[0, sample].double()
    return total


def make_slow_mistakes(song: Tensor, grid: ChunkGrid, window: Tensor) -> dict[Any, Tensor]:
    values = window.double().tolist()
    sums = [sum(values[s - grid.starts[k]] for k in grid.covering(s)) for s in range(grid.num_samples)]
    counts = [len(grid.covering(s)) for s in range(grid.num_samples)]
    last = grid.num_chunks - 1

    def weigh_batch(index: int, place: int) -> float:
        rises = place < grid.chunk_size // 2
        at_edge = index % BATCH_SIZE == 0 if rises else index % BATCH_SIZE == BATCH_SIZE - 1 or index == last
        return values[place] if at_edge else max(values)

    def weigh_whole(index: int, place: int) -> float:
        return values[place] if grid.starts[index] + grid.chunk_size <= grid.num_samples else 0.0

    plain = add_slowly(song, grid, lambda index, place: values[place])
    return {
        add_plainly: plain * grid.hop_size / sum(values),
        divide_by_count: plain / torch.tensor(counts),
        fade_whole_batches: add_slowly(song, grid, weigh_batch) / torch.tensor(sums),
        leave_out_last: add_slowly(song, grid, weigh_whole) / torch.tensor(sums),
    }


@pytest.mark.parametrize(("num_samples", "chunk_size", "hop_size"), [(50, 8, 3), (41, 9, 4), (7, 16, 4), (1, 4, 2)])
def test_mistakes_are_what_a_slow_obvious_version_makes(num_samples: int, chunk_size: int, hop_size: int) -> None:
    song, grid = make_noise(num_samples).data, ChunkGrid(num_samples, chunk_size, hop_size)
    window = make_window("hamming", length=chunk_size)
    for make, expected in make_slow_mistakes(song, grid, window).items():
        made = make(song, grid, window)[0].double()
        torch.testing.assert_close(made, expected, atol=1e-6, rtol=0)  # float32 sums of a few values below 1


@pytest.mark.parametrize("key", MISTAKES)
def test_each_preset_errs_by_what_it_states(key: str) -> None:
    explorer = WindowExplorer(mistake=key)
    rebuilt, stated = explorer.rebuilt, MISTAKES[key].error_db
    assert rebuilt.grid.chunk_size == 16_384
    assert rebuilt.mistaken is not None
    assert rebuilt.mistake_gain is not None
    assert rebuilt.measure_error(rebuilt.mistaken) == pytest.approx(
        stated, abs=0.2
    )  # it is a noise's, not a constant's
    by_gain = rebuilt.mistake_gain * rebuilt.signal.data  # each mistake is a gain
    torch.testing.assert_close(rebuilt.mistaken, by_gain, atol=1e-5, rtol=0)
    assert f"{stated:.1f}".replace("-", "−") + " dB" in [fact["answer"] for fact in explorer.facts]
    if key == "hann_without_overlap":
        assert rebuilt.stitched is None
        assert explorer.normalized_points == b""
        assert ("error of stitch_chunks", "refused") in [(fact["name"], fact["answer"]) for fact in explorer.facts]
    else:
        assert rebuilt.stitched is not None
        assert rebuilt.measure_error(rebuilt.stitched) < -140  # float32: 24 bits are 144 dB below the peak


def test_the_uneven_hop_repeats_its_gain_with_the_hop() -> None:
    rebuilt = WindowExplorer(mistake="uneven_hop").rebuilt
    hop = rebuilt.grid.hop_size
    assert rebuilt.grid.chunk_size % hop != 0
    assert rebuilt.mistake_gain is not None
    torch.testing.assert_close(rebuilt.mistake_gain[:-hop], rebuilt.mistake_gain[hop:])
    assert rebuilt.verdict.ripple_db == pytest.approx(3.2, abs=0.1)


@pytest.mark.parametrize("row", windows(), ids=lambda row: row.id)
def test_verdicts_are_those_of_the_conformance_checks(row: Any) -> None:
    card = find_window(row.id).card
    overlaps = {*card.cola_overlaps, *card.cola_square_overlaps, 0.0, 0.6}
    for overlap in overlaps:
        length = find_lengths(overlap)[0]
        window = make_window(row.id, length=length, dtype=torch.float64)
        verdict = judge_window(window, round(length * (1 - overlap)))
        for power, ripple, is_cola in (
            (1, verdict.ripple, verdict.is_cola),
            (2, verdict.square_ripple, verdict.is_square_cola),
        ):
            expected = measure_ripple(window, overlap, power=power)
            assert ripple == pytest.approx(expected, rel=1e-9, abs=1e-12)  # the same sums in another order
            assert is_cola == (expected <= COLA_TOLERANCE)
        assert verdict.is_cola or overlap not in card.cola_overlaps
        assert verdict.is_square_cola or overlap not in card.cola_square_overlaps


@pytest.mark.parametrize(("chunk_size", "hop_size"), [(1000, 300), (1000, 1000), (999, 500), (7, 2)])
def test_the_sum_drawn_is_the_cores(chunk_size: int, hop_size: int) -> None:
    grid = ChunkGrid(5000, chunk_size, hop_size)
    window = make_window("hamming", length=chunk_size, dtype=torch.float64)
    period, whole = sum_period(window, hop_size), window_sum(grid, window)
    places = (torch.arange(5000) - grid.starts[0]) % hop_size
    torch.testing.assert_close(period[places], whole)
    explorer = WindowExplorer(make_noise(5000), window="hamming", chunk_size=chunk_size, hop=hop_size)
    pairs = read_floats(explorer.sum_points).reshape(-1, 2)
    assert pairs.min() == pytest.approx(float(whole.min()), rel=1e-6)  # float32
    assert pairs.max() == pytest.approx(float(whole.max()), rel=1e-6)
    assert read_floats(explorer.normalized_points) == pytest.approx(1.0, abs=1e-6)
    assert explorer.drawn["start"] == grid.starts[0]
    assert explorer.drawn["num_chunks"] == grid.num_chunks


def test_the_signal_goes_through_the_real_stitching() -> None:
    song = make_noise(20_000, channels=2)
    explorer = WindowExplorer(song, window="hann", chunk_size=4000, hop=1500)
    batches = [batch.unsqueeze(1) for batch in generate_chunks(song.data, 4000, 1500, 3)]
    expected = stitch_chunks(batches, 1, 4000, 1500, 20_000, window=make_window("hann", length=4000))[0]
    assert torch.equal(explorer.tracks["stitched"].data, expected)
    assert explorer.rebuilt.measure_error(expected) < -140
    assert set(explorer.tracks) == {"signal", "stitched", "plain", "difference"}
    difference = explorer.tracks["plain"].data - song.data
    torch.testing.assert_close(explorer.tracks["difference"].data, difference)
    errors = [read_floats(data) for data in explorer.errors]
    assert errors[1].max() == pytest.approx(20 * math.log10(difference.abs().max() / song.data.abs().max()), abs=0.01)
    assert errors[2].size == 0


def test_settings_follow_one_another() -> None:
    explorer = WindowExplorer(make_noise(20_000), chunk_size=2048)
    assert (explorer.window, explorer.hop_samples, explorer.overlap) == ("windows.hann", 1024, 0.5)
    explorer.overlap = 0.75
    assert explorer.hop_samples == 512
    explorer.chunk_samples = 1000
    assert (explorer.hop_samples, explorer.overlap) == (250, 0.75)
    explorer.hop_samples = 400
    assert explorer.overlap == pytest.approx(0.6)
    explorer.window = "tukey:alpha=0.25"
    assert (explorer.window, explorer.parameters) == ("windows.tukey", {"alpha": 0.25})
    assert explorer.rebuilt.window[500] == 1
    explorer.parameters = {"alpha": 1.0}
    torch.testing.assert_close(explorer.rebuilt.window, make_window("hann", length=1000, dtype=torch.float64))
    explorer.mistake = "fade_whole_batch"
    assert (explorer.window, explorer.hop_samples) == ("windows.linear_fade", 900)
    explorer.mistake = ""
    assert "mistake" not in explorer.tracks
    assert explorer.message == ""


@pytest.mark.parametrize(
    ("trait", "value", "words"),
    [
        ("hop_samples", 0, "hop_size must be at least 1 sample, got 0"),
        ("hop_samples", 4000, "must be at most chunk_size"),
        ("hop_samples", 1, "more than 5000"),
        ("overlap", 1.0, "below 1, got 1.0"),
        ("chunk_samples", 0, "from 1 to"),
        ("window", "han", "hann"),
        ("parameters", {"beta": 1.0}, "no parameter 'beta'"),
        ("signal", "song", ""),
    ],
)
def test_what_cannot_be_is_a_message_and_the_last_picture_stays(trait: str, value: Any, words: str) -> None:
    explorer = WindowExplorer(make_noise(20_000), chunk_size=2048)
    before, good = explorer.drawn, getattr(explorer, trait)
    setattr(explorer, trait, value)
    assert words in explorer.message
    assert bool(words) == bool(explorer.message)
    if words:
        assert explorer.drawn == before
        setattr(explorer, trait, good)
        assert explorer.message == ""
        assert explorer.rebuilt.grid.hop_size == 1024
    with pytest.raises(TraitError, match="overlap must be a finite number, got nan"):
        explorer.overlap = math.nan  # which JSON could not carry


def make_nothing(length: int, *, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.zeros(length, dtype=dtype, device=device)


def test_a_window_of_a_cell_appears_and_one_that_sums_to_nothing_is_a_message() -> None:
    explorer = WindowExplorer(make_noise(20_000), chunk_size=2048)
    wb.register_window(wb.WindowCard(name="nothing", make=make_nothing, summary="Zeros."))
    try:
        assert "notebook.nothing" not in [one["id"] for one in explorer.known_windows]
        explorer._handle_custom_msg({"ask": "windows"}, [])
        assert explorer.known_windows[-1]["id"] == "notebook.nothing"
        before = explorer.drawn
        explorer.window = "nothing"
        assert "nothing is left of the song" in explorer.message
        assert explorer.drawn == before
        explorer.window = "hann"
        assert explorer.message == ""
        assert WindowExplorer(window="nothing").message != ""
        with pytest.raises(InvalidValue, match="nothing is left"):
            WindowExplorer(window="nothing").figure()
    finally:
        forget_plugin("notebook")
    explorer.refresh_windows()
    assert "notebook.nothing" not in [one["id"] for one in explorer.known_windows]


def test_parameters_have_sliders_within_the_cards_range() -> None:
    for known in WindowExplorer(make_noise(100), chunk_size=64).known_windows:
        card = find_window(known["id"]).card
        for one in known["parameters"]:
            parameter = card.parameters[one["name"]]
            assert one["summary"] == parameter.summary
            assert one["low"] >= (-math.inf if parameter.minimum is None else parameter.minimum)
            assert one["high"] <= (math.inf if parameter.maximum is None else parameter.maximum)
            assert one["low"] <= parameter.default <= one["high"]
            steps = parameter.default / one["step"]
            assert steps == pytest.approx(round(steps), abs=1e-6)  # the default can be met again


@pytest.mark.parametrize(
    "data",
    [torch.ones(1, 1), torch.zeros(2, 900), torch.full((1, 900), 0.5), torch.ones(6, 300), torch.ones(1, 3)],
    ids=["one sample", "silence", "constant", "six channels", "shorter than a chunk"],
)
def test_odd_songs_work(data: Tensor) -> None:
    explorer = WindowExplorer(Audio(data, RATE), chunk_size=256, hop=100, mistake="divide_by_count")
    assert explorer.message == ""
    assert len(explorer.peaks) == 4
    assert (explorer.facts[3]["answer"] == "none to measure") == (not bool(data.any()))
    assert "<audio" in explorer.export_html()


@pytest.mark.usefixtures("plain_types")
def test_what_is_no_song_or_no_setting_is_an_error() -> None:
    with pytest.raises(InvalidType, match="a song must be a path or"):
        WindowExplorer(torch.ones(2, 9))  # type: ignore[arg-type]
    with pytest.raises(InvalidValue, match="give hop or overlap, not both"):
        WindowExplorer(hop=4, overlap=0.5)
    with pytest.raises(InvalidValue, match="excerpt_seconds must be above 0"):
        WindowExplorer(excerpt_seconds=0.0)
    assert "from 1 to" in WindowExplorer(chunk_size=0).message


def test_a_run_brings_its_song_its_chunks_and_its_window() -> None:
    trace = wb.trace(make_noise(16_000), model="passthrough", chunk_seconds=0.5, overlap=0.25, window="tukey:alpha=0.4")
    explorer = WindowExplorer(trace=trace)
    assert (explorer.chunk_samples, explorer.hop_samples, explorer.signal) == (4000, 3000, "song")
    assert (explorer.window, explorer.parameters) == ("windows.tukey", {"alpha": 0.4})
    torch.testing.assert_close(explorer.rebuilt.window.float(), trace["stitch"].window)
    trace = wb.trace(make_noise(16_000), model="passthrough", chunk_seconds=0.5, window=torch.ones(4000))
    assert "given as a tensor" in WindowExplorer(trace=trace).message


def test_an_excerpt_of_a_long_song_can_be_moved() -> None:
    song = make_noise(10 * RATE)
    explorer = WindowExplorer(song, chunk_size=2048)
    assert explorer.latest_start_seconds == 7.0
    explorer.start_seconds = 4.5
    assert torch.equal(
        explorer.tracks["signal"].data, take_span(song.data, 36_000, 60_000, padding=0, padding_mode="constant")
    )
    explorer.start_seconds = 8.0
    assert "from 0 to 7 s, got 8" in explorer.message


def test_sound_is_sent_when_asked_for_and_exported() -> None:
    explorer = WindowExplorer(mistake="hann_without_overlap", excerpt_seconds=1.5)
    sent: list[tuple[Any, Any]] = []
    explorer.send = lambda content, buffers=None: sent.append((content, buffers))
    explorer._handle_custom_msg({"ask": "sound", "track": "mistake", "request": "1"}, [])
    explorer._handle_custom_msg({"ask": "sound", "track": "stitched", "request": "2"}, [])
    (content, buffers), (refused, _) = sent
    assert content == {"request": "1"}
    samples, rate = soundfile.read(io.BytesIO(buffers[0]))
    assert (rate, len(samples)) == (44_100, 66_150)
    peak = float(explorer.tracks["mistake"].data.abs().max())
    assert np.abs(samples).max() == pytest.approx(min(1.0, peak), abs=2 / 32767)
    assert refused["request"] == "2"
    assert "nothing to hear" in refused["failed"]
    page = explorer.export_html()
    assert page.count("<audio") == 4
    assert page.count("<img") == 1
    assert "NOLA" in page


def test_traits_hold_few_bytes() -> None:
    explorer = WindowExplorer(mistake="uneven_hop", chunk_size=441_000)
    sizes = [len(value) for value in explorer.get_state().values() if isinstance(value, bytes)]
    sizes += [len(one) for one in (*explorer.errors, *explorer.peaks)]
    assert sum(sizes) < 600_000
    assert rebuild(make_noise(100), ChunkGrid(100, 10, 5), torch.ones(10, dtype=torch.float64)).verdict.is_cola


def test_a_window_that_is_written_anew_is_measured_anew() -> None:
    def register(power: float) -> None:
        def make(length: int, *, dtype: torch.dtype, device: torch.device, scale: float) -> Tensor:
            place = (torch.arange(length, dtype=dtype, device=device) + 0.5) / length
            return scale * torch.sin(torch.pi * place) ** power

        parameters = {"scale": wb.Parameter(1.0, minimum=0.5, maximum=2.0, summary="Factor.")}
        wb.register_window(wb.WindowCard(name="anew", make=make, summary="A sine.", parameters=parameters))

    register(1.0)
    try:
        explorer = WindowExplorer(window="anew:scale=1.5", chunk_size=64, excerpt_seconds=0.1)
        assert not explorer.verdict.is_cola
        register(2.0)
        explorer.refresh_windows()  # as the page asks for when its list is opened
        assert explorer.verdict.is_cola
        assert explorer.parameters == {"scale": 1.5}
        drawn = explorer.drawn
        explorer.refresh_windows()
        assert explorer.drawn == drawn  # nothing is new
    finally:
        forget_plugin("notebook")


def test_no_more_chunks_are_added_than_there_are() -> None:
    explorer = WindowExplorer(chunk_size=64, excerpt_seconds=0.1)
    count = explorer.rebuilt.grid.num_chunks
    explorer.num_added = count - 1
    with pytest.raises(InvalidValue, match=f"from 0 to {count}, or -1 for all, got {count + 1}"):
        explorer.num_added = count + 1
    assert explorer.num_added == count - 1


def test_the_waveform_of_a_short_signal_ends_with_it() -> None:
    explorer = WindowExplorer(make_noise(401), chunk_size=8000)  # 0.05 s
    assert explorer.drawn["block"] == 1
    assert len(explorer.peaks[0]) == 401 * 4  # lowest and highest of each sample, two bytes each
