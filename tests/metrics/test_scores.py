from __future__ import annotations

import math
import re
import warnings

import pytest
import torch

import workbench
from workbench.core.audio import Audio
from workbench.errors import InvalidType, InvalidValue, WorkbenchNotice
from workbench.metrics import METRICS, Scores, score, sdr

RATE = 8000


def make_audio(seed: int, *, channels: int = 2, samples: int = 4000, rate: int = RATE) -> Audio[torch.Tensor]:
    return Audio(torch.randn(channels, samples, generator=torch.Generator().manual_seed(seed)), rate)


@pytest.fixture
def references() -> dict[str, Audio[torch.Tensor]]:
    stems = {"vocals": make_audio(1), "drums": make_audio(2)}
    return {"mixture": Audio(sum(one.data for one in stems.values()), RATE), **stems}


@pytest.fixture
def estimates(references) -> dict[str, Audio[torch.Tensor]]:
    return {name: Audio(0.5 * references[name].data, RATE) for name in ("drums", "vocals")}


def test_every_metric_of_every_stem(references, estimates) -> None:
    scores = score(references, estimates, metrics=list(METRICS))
    assert list(scores) == ["vocals", "drums"]  # the references' order, and the mixture is no stem
    for stem, row in scores.items():
        assert list(row) == list(METRICS)
        pair = references[stem], estimates[stem]
        for name, metric in METRICS.items():
            rest = {"mixture": references["mixture"]} if metric.needs_mixture else {}
            assert row[name] == metric.function(*pair, **rest)


def test_sdr_and_si_sdr_unless_told_otherwise(references, estimates) -> None:
    scores = score(references, estimates)
    assert scores.metrics == ("sdr", "si_sdr")
    assert scores["drums"]["sdr"] == pytest.approx(20 * math.log10(2))


def test_what_separate_gives_can_be_scored(references) -> None:
    separation = workbench.separate(references["mixture"], model="passthrough")
    scores = score({"part_1": references["vocals"], "part_2": references["drums"]}, separation)
    assert scores["part_1"]["sdr"] == sdr(references["vocals"], separation["part_1"])


def test_stems_that_one_side_has_are_named(references, estimates) -> None:
    del estimates["vocals"]
    estimates["remainder"] = make_audio(3)
    expected = "no estimate of vocals; no reference for remainder: left out"
    with pytest.warns(WorkbenchNotice, match=expected):
        scores = score(references, estimates)
    assert list(scores) == ["drums"]


def test_nothing_is_said_when_all_match(references, estimates) -> None:
    estimates["mixture"] = references["mixture"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(score(references, estimates)) == 2


def test_table_as_text() -> None:
    rows = {"a\nlong <name>": {"sdr": -0.5, "l1_time": 0.000123456}, "b": {"sdr": math.inf, "l1_time": 12.0}}
    expected = """\
stem           sdr (dB)   l1_time
-------------  --------  --------
a long <name>     -0.50  0.000123
b                   inf        12
lower is better: l1_time"""
    assert repr(Scores(("sdr", "l1_time"), rows)) == expected


def test_table_as_html() -> None:
    page = Scores(("sdr", "l1_time"), {"<b>": {"sdr": 1.0, "l1_time": 2.0}})._repr_html_()
    assert re.findall(r"<t[hd]>(.*?)</t[hd]>", page) == ["stem", "sdr (dB)", "l1_time", "&lt;b&gt;", "1.00", "2"]
    assert page.endswith("<p>lower is better: l1_time</p>")


def test_a_stem_is_taken_out_once_and_only_if_needed(references, estimates) -> None:
    taken = []

    class Watched(dict):
        def __getitem__(self, name):
            taken.append(name)
            return super().__getitem__(name)

    score(Watched(references), Watched(estimates), metrics=["sdr", "snr"])
    assert taken == ["vocals", "vocals", "drums", "drums"]


class TestBadInput:
    def test_another_length_and_rate(self, references, estimates) -> None:
        estimates["drums"] = make_audio(4, samples=3999, rate=44_100)
        message = "drums: the reference has 4000 samples in 2 channels at 8000 Hz, the estimate 3999 samples in 2 "
        with pytest.raises(InvalidValue, match=message + "channels at 44100 Hz"):
            score(references, estimates)

    def test_another_rate_alone(self, references, estimates) -> None:
        estimates["drums"].sample_rate = 11_025
        with pytest.raises(InvalidValue, match=r"drums: the reference has .* at 8000 Hz, the estimate .* at 11025 Hz"):
            score(references, estimates)

    def test_other_channels(self, references, estimates) -> None:
        estimates["drums"] = make_audio(4, channels=1)
        with pytest.raises(InvalidValue, match=r"4000 samples in 2 channels .* 4000 samples in 1 channel at"):
            score(references, estimates)

    def test_nothing_in_common(self, references) -> None:
        with pytest.raises(InvalidValue, match="references are vocals, drums, the estimates piano; give them the same"):
            score(references, {"piano": make_audio(1), "mixture": references["mixture"]})
        with pytest.raises(InvalidValue, match="the estimates none"):
            score(references, {})

    def test_metrics(self, references, estimates) -> None:
        with pytest.raises(InvalidValue, match="no metric is called 'si-sdr'; did you mean 'si_sdr'"):
            score(references, estimates, metrics=["si-sdr"])
        with pytest.raises(InvalidValue, match="'zzz'; there are sdr, si_sdr"):
            score(references, estimates, metrics=["zzz"])
        with pytest.raises(InvalidValue, match="at least one metric, got none"):
            score(references, estimates, metrics=[])
        with pytest.raises(InvalidType, match=re.escape("write ['sdr']")):
            score(references, estimates, metrics="sdr")

    def test_no_mixture(self, references, estimates) -> None:
        del references["mixture"]
        with pytest.raises(InvalidValue, match="log_wmse: the references have no 'mixture'"):
            score(references, estimates, metrics=["sdr", "log_wmse"])

    def test_what_a_metric_refuses_comes_with_the_stem(self, references, estimates) -> None:
        estimates["drums"].data[1, 7] = math.nan
        with pytest.raises(InvalidValue, match=r"drums: estimate must hold finite .* \(1, 7\)"):
            score(references, estimates)

    def test_no_audio(self, references, estimates) -> None:
        estimates["drums"] = estimates["drums"].data
        with pytest.raises(InvalidType, match="drums: expected the estimate as Audio, got Tensor"):
            score(references, estimates)
