"""Sweeps: what a cell is, that each is what `separate` and `score` give, what fails alone, what is kept in a store."""

from __future__ import annotations

import json
import warnings
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import RATE, TwoBands, make_gains, make_song
from torch import Tensor, nn

import workbench
from workbench.core import Audio, ChunkGrid
from workbench.errors import AudioFileError, InvalidType, InvalidValue, WorkbenchNotice
from workbench.metrics import score
from workbench.pipeline.ensemble import Ensemble
from workbench.pipeline.events import Result, StepStarted
from workbench.pipeline.sweep import sweep
from workbench.pipeline.sweep_cells import DecidedCell, spread_cells
from workbench.pipeline.sweep_run import CellCompleted, CellStarted, Stopwatch
from workbench.registry import ModelCard, forget_plugin

CHUNK = 800
SECONDS = 0.4


class Edgy(nn.Module):
    """Bass and the rest, the bass wrong at both ends of each chunk, as networks are: overlap mends it."""

    stems = ("bass", "rest")

    def forward(self, waveform: Tensor) -> Tensor:
        if waveform.shape[-1] == 13:
            raise RuntimeError("13 brings\nbad luck")
        if waveform.shape[-1] == 14:
            raise torch.OutOfMemoryError("no room")
        low = nn.functional.avg_pool1d(waveform, 9, stride=1, padding=4)
        edge = torch.linspace(-1, 1, waveform.shape[-1]) ** 8
        return torch.stack((low * (1 - edge), waveform - low), dim=1)  # (batch, stem, channel, time)


@pytest.fixture(scope="module")
def song() -> Audio[Tensor]:
    return make_song(SECONDS)


@pytest.fixture(scope="module")
def truth(song: Audio[Tensor]) -> dict[str, Audio[Tensor]]:
    low = nn.functional.avg_pool1d(song.data, 9, stride=1, padding=4)
    return {"mixture": song, "rest": Audio(song.data - low, RATE), "bass": Audio(low, RATE)}


def names_of(**options: Any) -> list[str]:
    return [cell.name for cell in spread_cells(options)]


class TestCells:
    def test_the_last_axis_changes_fastest_and_single_values_are_none(self) -> None:
        cells = spread_cells({"overlap": [0.0, 0.5], "model": "hpss", "window": ("hann", None)})
        assert [(cell.options["overlap"], cell.options["window"]) for cell in cells] == [
            *((0.0, "hann"), (0.0, None)),
            *((0.5, "hann"), (0.5, None)),
        ]
        assert all(cell.options["model"] == "hpss" for cell in cells)
        assert cells[1].labels == {"overlap": 0.0, "window": "default"}

    def test_settings_are_swept_path_by_path_or_as_a_whole(self) -> None:
        cells = spread_cells({"settings": {"model.gain": [1, 2], "model.label": "x"}, "overlap": [0.1]})
        assert [cell.options["settings"] for cell in cells] == [
            {"model.gain": 1, "model.label": "x"},
            {"model.gain": 2, "model.label": "x"},
        ]
        assert names_of(settings={"model.gain": [1, 2]}, overlap=[0.1]) == [
            "model.gain=1, overlap=0.1",
            "model.gain=2, overlap=0.1",
        ]
        assert names_of(settings=[{"model.gain": 1}, {}]) == ["settings=model.gain=1", "settings=none"]

    def test_what_takes_a_list_by_nature_is_swept_by_lists_of_lists(self) -> None:
        assert names_of(stems=["bass"], derive=["x = mixture - bass"], tta=["swap"]) == [""]
        assert names_of(tta=[None, ["swap"], ["swap", "polarity"]]) == ["tta=default", "tta=swap", "tta=swap, polarity"]

    def test_arrays_and_ranges_are_lists_of_plain_numbers(self) -> None:
        cells = spread_cells({"overlap": np.linspace(0, 0.5, 3, dtype=np.float32), "batch_size": range(1, 3)})
        assert [tuple(cell.labels.values()) for cell in cells] == [
            *((0.0, 1), (0.0, 2), (0.25, 1)),
            *((0.25, 2), (0.5, 1), (0.5, 2)),
        ]
        assert {type(cell.options["overlap"]) for cell in cells} == {float}

    def test_things_get_names_that_differ(self) -> None:
        windows = [torch.ones(8), torch.zeros(8), "hann"]
        assert names_of(window=windows) == [
            *("window=tensor of 8 samples", "window=tensor of 8 samples (2)", "window=hann"),
        ]
        assert names_of(model=[TwoBands(), make_gains()[0]]) == ["model=TwoBands", "model=gains"]
        assert names_of(ensemble=[None, Ensemble(["hpss", {"model": "center", "name": "mid"}])]) == [
            *("ensemble=default", "ensemble=mean of hpss, mid"),
        ]

    def test_what_cannot_be(self) -> None:
        with pytest.raises(InvalidType, match="sweep takes no argument 'overlaps'; did you mean 'overlap'"):
            spread_cells({"overlaps": [0.5]})
        with pytest.raises(InvalidType, match="no argument 'out'"):
            spread_cells({"out": "stems"})
        with pytest.raises(InvalidValue, match="overlap has no values"):
            spread_cells({"overlap": []})
        with pytest.raises(InvalidValue, match=r"overlap has 0\.5 twice"):
            spread_cells({"overlap": [0.5, 0.25, 0.5]})


class TestTable:
    def test_each_cell_is_what_separate_and_score_give(self, song: Audio[Tensor], truth: dict[str, Any]) -> None:
        axes: dict[str, Any] = {"overlap": [0.25, 0.5], "window": ["hann", "rectangular"]}
        metrics = ("sdr", "log_wmse")
        result = sweep(song, model=Edgy(), chunk_seconds=0.1, references=truth, metrics=metrics, **axes)
        table = result.table
        assert list(table) == [
            *("overlap", "window", "sdr", "sdr.rest", "sdr.bass", "log_wmse", "log_wmse.rest", "log_wmse.bass"),
            *("seconds", "times_real_time", "redundancy", "error"),
        ]
        assert (result.axes, len(table)) == (("overlap", "window"), 4)
        for row in table.to_dict(orient="records"):
            stems = workbench.separate(
                song, model=Edgy(), chunk_seconds=0.1, overlap=row["overlap"], window=row["window"]
            )
            scores = score(truth, stems, metrics=metrics)
            for metric in metrics:
                assert {f"{metric}.{stem}": scores[stem][metric] for stem in scores} == {
                    f"{metric}.{stem}": row[f"{metric}.{stem}"] for stem in scores
                }
                # the sum of two floats and its half
                assert row[metric] == pytest.approx((scores["bass"][metric] + scores["rest"][metric]) / 2, rel=1e-12)
            assert row["redundancy"] == ChunkGrid.from_overlap(round(SECONDS * RATE), CHUNK, row["overlap"]).redundancy
            assert row["times_real_time"] == SECONDS / row["seconds"] > 0
            assert row["error"] == ""
        better = table[table["window"] == "hann"]["sdr.bass"]
        assert better.iloc[1] > better.iloc[0] + 3  # what the edges spoil is mended by overlap

    def test_settings_reach_the_model(self, song: Audio[Tensor]) -> None:
        card, loaded = make_gains()
        true = {"share": Audio(0.25 * song.data, RATE)}
        with pytest.warns(WorkbenchNotice, match="no reference for rest: left out"):
            result = sweep(song, model=card, settings={"model.gain": [0.5, 0.25]}, references=true)
        assert [one.gain for one in loaded] == [0.5, 0.25]  # each once, for the run that warms up and for the timed one
        assert list(result.table["model.gain"]) == [0.5, 0.25]
        assert result.table["sdr.share"].iloc[0] == pytest.approx(0, abs=1e-5)  # an error as large as the stem
        assert result.table["sdr.share"].iloc[1] > 100  # but for float32
        assert result.best()["model.gain"] == 0.25

    def test_redundancy_counts_every_pass(self, song: Audio[Tensor]) -> None:
        result = sweep(song, model=TwoBands(), chunk_seconds=0.1, overlap=0.5, tta=[None, ["polarity"]])
        assert list(result.table["redundancy"]) == [2.25, 4.5]

    def test_a_model_made_of_the_true_stems_gets_them(self, song: Audio[Tensor], truth: dict[str, Any]) -> None:
        class Given(nn.Module):
            def forward(self, waveform: Tensor, references: Tensor) -> Tensor:
                return references

        card = ModelCard(
            name="given",
            load=lambda parameters, checkpoint, device: Given(),
            summary="the truth",
            stems=(),
            sample_rate=None,
            channels=None,
            input_type="waveform",
            output_type="waveform",
            chunk_seconds=0.1,
            needs_references=True,
        )
        result = sweep(song, model=card, overlap=[0.5, 0.75], references=truth)
        assert list(result.table["error"]) == ["", ""]
        assert result.table["sdr"].min() > 100  # overlap-add rounds

    def test_silence_has_no_number_and_does_not_count(self, song: Audio[Tensor]) -> None:
        silent = Audio(torch.zeros_like(song.data), RATE)
        result = sweep(silent, model=TwoBands(), overlap=[0.5], references={"low": silent, "high": silent})
        assert result.table["sdr"].isna().all()
        assert "0 of" not in repr(result)  # shows all the same
        with pytest.raises(InvalidValue, match="no cell has a number for sdr"):
            result.best()

    def test_it_shows_itself_with_names_escaped(self, song: Audio[Tensor]) -> None:
        result = sweep(song, model=TwoBands(), window=["hann", "<b>"], overlap=[0.5])
        assert "1 of 2 cells failed" in repr(result)
        assert "\nrow 1: no window is called '<b>'" in repr(result)
        assert "&lt;b&gt;" in result._repr_html_()
        assert "<b>" not in result._repr_html_()

    def test_memory_of_a_gpu_has_a_column(
        self, song: Audio[Tensor], monkeypatch: pytest.MonkeyPatch, gains: list[Any], tmp_path: Path
    ) -> None:
        peaks = iter([2**40 + 1, 2**41 + 1])
        monkeypatch.setattr(DecidedCell, "devices", [torch.device("cuda:1")])
        monkeypatch.setattr("torch.cuda.reset_peak_memory_stats", lambda device: None)
        monkeypatch.setattr("torch.cuda.max_memory_allocated", lambda device: next(peaks))
        options: dict[str, Any] = {"model": "gains", "overlap": [0.5, 0.25, 1.0], "store": tmp_path / "sweep.jsonl"}
        for _ in range(2):  # the second time out of the store
            column = sweep(song, **options).table["peak_gpu_bytes"]
            assert list(column[:2]) == [2**40 + 1, 2**41 + 1]
            assert column.isna().iloc[2]

    def test_a_song_may_be_a_path(self, song: Audio[Tensor], tmp_path: Path) -> None:
        workbench.save(song, tmp_path / "song.wav")
        assert list(sweep(tmp_path / "song.wav", model=TwoBands(), overlap=[0.5]).table["error"]) == [""]


class TestAgreement:
    def test_cells_are_held_against_the_one_that_computes_most(self, song: Audio[Tensor]) -> None:
        overlaps = [0.5, 0.875, 0.25]
        result = sweep(song, model=Edgy(), chunk_seconds=0.1, overlap=overlaps)
        assert not result.has_references
        most = workbench.separate(song, model=Edgy(), chunk_seconds=0.1, overlap=0.875)
        for overlap, row in zip(overlaps, result.table.to_dict(orient="records"), strict=True):
            stems = workbench.separate(song, model=Edgy(), chunk_seconds=0.1, overlap=overlap)
            expected = score(most, stems, metrics=["sdr"])
            assert {stem: row[f"agreement_sdr.{stem}"] for stem in stems} == {
                stem: expected[stem]["sdr"] for stem in stems
            }
        assert list(np.isinf(result.table["agreement_sdr"])) == [False, True, False]
        with pytest.raises(InvalidValue, match="without references there is no best cell"):
            result.best()
        assert "not with the truth" in repr(result)

    def test_each_model_has_its_own(self, song: Audio[Tensor]) -> None:
        card, _ = make_gains()
        result = sweep(song, model=card, settings={"model.gain": [0.5, 0.25]}, overlap=[0.5, 0.75])
        assert list(np.isinf(result.table["agreement_sdr"])) == [False, True, False, True]

    def test_where_that_cell_fails_the_next_stands_in(self) -> None:
        result = sweep(make_song(1.6), model=Edgy(), chunk_seconds=[13 / RATE, 0.1], overlap=[0.5, 0.75])
        assert result.table["redundancy"].idxmax() == 1
        assert [bool(error) for error in result.table["error"]] == [True, True, False, False]
        assert list(np.isinf(result.table["agreement_sdr"])) == [False, False, False, True]

    def test_no_more_than_two_cells_are_held(self, song: Audio[Tensor]) -> None:
        alive: list[weakref.ref[Audio[Tensor]]] = []
        held = []

        def watch(event: object) -> None:
            if isinstance(event, Result):
                alive.extend(weakref.ref(audio) for audio in event.separation.values())
            if isinstance(event, CellStarted):
                held.append(sum(one() is not None for one in alive))

        sweep(
            song,
            model=TwoBands(),
            chunk_seconds=0.1,
            overlap=[0.0, 0.1, 0.2, 0.3, 0.5],
            window="hamming",
            progress=watch,
        )
        assert held[0] == 0
        assert max(held) == 2  # the stems of the cell that the others are held against
        assert len(alive) == 10


class TestFailures:
    def test_a_cell_that_fails_leaves_the_others_alone(self, song: Audio[Tensor], truth: dict[str, Any]) -> None:
        result = sweep(
            song,
            model=Edgy(),
            window="hann",
            overlap=[0.0, 0.5, 1.0],
            chunk_seconds=[0.1, 13 / RATE, 14 / RATE],
            references=truth,
        )
        rows = result.table.to_dict(orient="records")
        assert result.axes == ("overlap", "chunk_seconds")
        errors = {(row["overlap"], round(row["chunk_seconds"] * RATE)): row["error"] for row in rows}
        assert errors[0.5, CHUNK] == ""
        assert "sums to 0" in errors[0.0, CHUNK]
        assert "overlap_ratio: input should be less than 1, got 1.0" in errors[1.0, CHUNK]
        assert errors[0.5, 13] == "RuntimeError: 13 brings bad luck"
        assert "does not fit into the memory of cpu with one chunk" in errors[0.5, 14]
        fine = result.table[result.table["error"] == ""]
        assert len(fine) == 1
        assert result.table[result.table["error"] != ""]["sdr"].isna().all()

    def test_all_fail(self, song: Audio[Tensor]) -> None:
        with pytest.warns(
            WorkbenchNotice, match="every cell of the sweep failed; the first: no model is called 'hpsss'"
        ):
            result = sweep(song, model="hpsss", overlap=[0.25, 0.5])
        assert len(result.table) == 2
        assert "2 of 2 cells failed" in repr(result)
        assert list(result.figure().axes)

    def test_an_interrupt_ends_it_at_once_and_what_is_stored_stays(self, song: Audio[Tensor], tmp_path: Path) -> None:
        store = tmp_path / "sweep.jsonl"
        started = []

        def interrupt(event: object) -> None:
            if isinstance(event, CellStarted):
                started.append(event.name)
                if len(started) == 3:
                    raise KeyboardInterrupt

        options: dict[str, Any] = {"model": "passthrough", "overlap": [0.1, 0.2, 0.3, 0.4], "store": store}
        with pytest.raises(KeyboardInterrupt):
            sweep(song, progress=interrupt, references={"part_1": song, "part_2": song}, **options)
        assert len(started) == 3
        assert len(store.read_text().splitlines()) == 2

    def test_notices_of_cells_come_once_each(self, song: Audio[Tensor]) -> None:
        class Warns(TwoBands):
            def forward(self, waveform: Tensor) -> Tensor:
                warnings.warn("careful", UserWarning, stacklevel=1)
                return super().forward(waveform)

        with pytest.warns(UserWarning, match="careful") as caught:
            sweep(song, model=Warns(), overlap=[0.25, 0.5])
        assert [str(one.message) for one in caught] == ["careful"]


class TestBadInput:
    @pytest.mark.parametrize(
        ("reference", "message"),
        [
            (make_song(0.3), "reference bass has 2400 samples and the song 3200"),
            (make_song(0.4, sample_rate=16000), "reference bass is at 16000 Hz and the song at 8000 Hz"),
            (make_song(0.4, channels=1), r"reference bass has 1 channel\(s\) and the song 2"),
        ],
    )
    def test_references_that_do_not_fit(self, song: Audio[Tensor], reference: Audio[Tensor], message: str) -> None:
        model = TwoBands()
        with pytest.raises(InvalidValue, match=message):
            sweep(song, model=model, overlap=[0.5], references={"bass": reference})
        assert model.calls == []

    def test_references_of_other_stems(self, song: Audio[Tensor]) -> None:
        model = TwoBands()
        with pytest.raises(InvalidValue, match="references are bass, drums, the model gives low, high"):
            sweep(song, model=model, overlap=[0.5], references={"bass": song, "drums": song})
        assert model.calls == []

    def test_a_cell_without_any_reference(self, song: Audio[Tensor]) -> None:
        card, _ = make_gains()
        with pytest.warns(WorkbenchNotice, match="left out"):
            result = sweep(song, model=[TwoBands(), card], references={"low": song})
        assert list(result.table["error"]) == ["", "there is no reference for share, rest"]

    def test_metrics_and_repeats(self, song: Audio[Tensor]) -> None:
        with pytest.raises(InvalidValue, match="no metric is called 'sdrr'"):
            sweep(song, model=TwoBands(), metrics=["sdrr"])
        with pytest.raises(InvalidValue, match="repeats must be at least 1, got 0"):
            sweep(song, model=TwoBands(), repeats=0)
        with pytest.raises(InvalidValue, match="the sweep has no metric 'snr'; there are sdr"):
            sweep(song, model=TwoBands(), references={"low": song, "high": song}).best("snr")


@pytest.fixture
def gains() -> Iterator[list[Any]]:
    """The registered model ``gains``, and the parameters of each time it was loaded."""
    card, loaded = make_gains()
    workbench.register_model(card)
    yield loaded
    forget_plugin("notebook")


class TestStore:
    @pytest.fixture
    def run(self, song: Audio[Tensor], gains: list[Any], tmp_path: Path) -> Callable[..., tuple[Any, list[bool]]]:
        """Sweep with a store; gives the result and of each cell whether it was found there."""

        def run(given: Audio[Tensor] | None = None, **changes: Any) -> tuple[Any, list[bool]]:
            found: dict[int, bool] = {}

            def watch(event: object) -> None:
                if isinstance(event, CellCompleted):
                    found[event.index] = event.from_store

            options: dict[str, Any] = {"model": "gains", "overlap": [0.25, 0.5], "store": tmp_path / "sweep.jsonl"}
            before = len(gains)
            result = sweep(given or song, progress=watch, **(options | changes))
            if all(found.values()):
                assert len(gains) == before  # nothing was loaded
            return result, [found[index] for index in sorted(found)]

        return run

    def test_finished_cells_do_not_run_again(self, run: Any, song: Audio[Tensor]) -> None:
        true = {"share": song, "rest": Audio(0 * song.data, RATE)}  # of silence the SDR is minus infinity
        first, found = run(references=true, metrics=["sdr", "l1_time"])
        assert found == [False, False]
        second, found = run(references=true, metrics=["sdr", "l1_time"])
        assert found == [True, True]
        assert second.table.equals(first.table)
        assert np.isneginf(first.table["sdr.rest"]).all()
        third, found = run(references=true, metrics=["sdr", "l1_time"], overlap=[0.5, 0.75, 0.25])
        assert found == [True, False, True]
        assert third.table["seconds"].iloc[0] == first.table["seconds"].iloc[1]

    def test_whatever_numbers_depend_on_runs_again(self, run: Any, song: Audio[Tensor], truth: dict[str, Any]) -> None:
        true = {"share": song, "rest": truth["rest"]}
        assert run(references=true)[1] == [False, False]
        other = Audio(song.data + 1e-6, RATE)
        assert run(other, references=true)[1] == [False, False]
        assert run(references=true | {"rest": other})[1] == [False, False]
        assert run(references=true, metrics=["snr"])[1] == [False, False]
        assert run(references=true, settings={"model.gain": 0.1})[1] == [False, False]
        assert run(references=true, repeats=2)[1] == [False, False]
        assert run()[1] == [False, False]
        assert run(references=true)[1] == [True, True]

    def test_a_setting_is_known_however_it_was_given(self, run: Any) -> None:
        assert run(window="hann", overlap=[0.5])[1] == [False]
        assert run(
            settings={"chunking.window_shape": "hann"}, config={"chunking": {"overlap_ratio": 0.5}}, overlap=None
        )[1] == [True]

    def test_another_version_runs_again(self, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        run()
        monkeypatch.setattr("workbench.pipeline.sweep_store.__version__", "99.0")
        assert run()[1] == [False, False]

    def test_agreement_goes_on_with_a_cell_that_is_stored(self, run: Any) -> None:
        whole = run(overlap=[0.25, 0.375, 0.5], store=None)[0].table
        run(overlap=[0.25, 0.5])
        result, found = run(overlap=[0.25, 0.375, 0.5])
        assert found == [True, False, True]
        assert list(result.table["agreement_sdr"]) == list(whole["agreement_sdr"])
        assert run(overlap=[0.25, 0.75])[1] == [False, False]  # held against another cell

    def test_failed_cells_run_again(self, run: Any) -> None:
        with pytest.warns(WorkbenchNotice, match="every cell"):
            run(settings={"model.gain": "loud"})
        with pytest.warns(WorkbenchNotice, match="every cell"):
            assert run(settings={"model.gain": "loud"})[1] == [False, False]

    def test_a_last_line_that_was_cut_off(self, run: Any, tmp_path: Path) -> None:
        run()
        store = tmp_path / "sweep.jsonl"
        whole = store.read_bytes()
        store.write_bytes(whole[:-40])
        with pytest.warns(WorkbenchNotice, match="the last line was cut off"):
            assert sorted(run()[1]) == [False, True]
        assert run()[1] == [True, True]
        assert [json.loads(line)["sweep"] for line in store.read_text().splitlines()] == [1, 1]

    def test_files_that_are_no_stores(self, run: Any, tmp_path: Path) -> None:
        store = tmp_path / "sweep.jsonl"
        for text in ("overlap,sdr\n0.5,3.0\n", "notes", '{"a": 1}\n'):
            store.write_text(text)
            with pytest.raises(InvalidValue, match="line 1 is no cell of a sweep"):
                run()
            assert store.read_text() == text
        store.write_text('{"sweep": 1, "row": 3}\n')
        with pytest.raises(InvalidValue, match="line 1 is damaged"):
            run()
        with pytest.raises(AudioFileError, match="cannot be written"):
            run(store=tmp_path)

    def test_what_cannot_be_recognized(self, run: Any) -> None:
        with pytest.raises(InvalidValue, match=r"a model given as TwoBands cannot be recognized.* leave out store"):
            run(model=TwoBands())
        with pytest.raises(InvalidValue, match="a model given as ModelCard"):
            run(model=make_gains()[0])
        with pytest.raises(InvalidValue, match="a window given as Tensor"):
            run(window=torch.ones(CHUNK))


class TestBest:
    def test_the_fastest_that_is_good_enough(self, song: Audio[Tensor], truth: dict[str, Any]) -> None:
        overlaps = [0.25, 0.5, 0.75]
        result = sweep(
            song, model=Edgy(), chunk_seconds=0.1, overlap=overlaps, references=truth, metrics=["sdr", "l1_time"]
        )
        result.table["sdr"], result.table["l1_time"] = [5.0, 5.95, 6.0], [0.3, 0.2, 0.1]
        result.table["seconds"] = [1.0, 2.0, 4.0]
        assert result.best()["overlap"] == 0.75
        assert result.best("sdr", within=0.1)["overlap"] == 0.5
        assert result.best("sdr", within=2.0)["overlap"] == 0.25
        assert result.best("l1_time")["overlap"] == 0.75  # lower is better
        assert result.best("l1_time", within=0.15)["overlap"] == 0.5
        with pytest.raises(InvalidValue, match=r"within must be 0 or more, got -1\.0"):
            result.best(within=-1.0)
        assert "fastest within 0.1 dB of it: overlap=0.5, sdr 5.95 dB, 2 s" in repr(result)


class TestProgress:
    def test_events_of_a_cell_lie_between_its_own(self, song: Audio[Tensor]) -> None:
        seen: list[object] = []
        sweep(song, model=TwoBands(), overlap=[0.25, 0.5], repeats=2, progress=seen.append)
        marks = [event for event in seen if isinstance(event, CellStarted | CellCompleted | Result)]
        assert [type(event) for event in marks] == 2 * [CellStarted, Result, Result, CellCompleted]
        assert marks[0] == CellStarted(1, 2, "overlap=0.5")  # what the other is held against comes first
        assert marks[3] == CellCompleted(1, 2, "overlap=0.5", from_store=False, error="")

    def test_seconds_begin_after_loading_and_leave_out_who_looks_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 0.0
        monkeypatch.setattr("time.perf_counter", lambda: now)

        def look(event: object) -> None:
            nonlocal now
            now += 100

        watch = Stopwatch(look)
        for seconds, event in (
            (1000.0, StepStarted("load")),
            (1000.0, StepStarted("conform")),
            (3.0, StepStarted("model")),
            (4.0, Result.__new__(Result)),
            (1000.0, StepStarted("load")),
        ):
            now += seconds
            watch(event)
        assert watch.seconds == 7.0

    def test_the_least_of_repeats_counts(self, song: Audio[Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
        taken = iter([5.0, 2.0, 3.0])

        class Fixed(Stopwatch):
            def __call__(self, event: Any) -> None:
                if isinstance(event, Result):
                    self.seconds = next(taken)

        monkeypatch.setattr("workbench.pipeline.sweep_run.Stopwatch", Fixed)
        assert list(sweep(song, model=TwoBands(), overlap=[0.5], repeats=3).table["seconds"]) == [2.0]

    def test_a_bar_can_be_asked_for(self, song: Audio[Tensor]) -> None:
        assert len(sweep(song, model=TwoBands(), overlap=[0.25, 0.5], progress=True).table) == 2
