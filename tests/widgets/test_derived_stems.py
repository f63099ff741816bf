from __future__ import annotations

import io
import math
import shlex
from typing import Any

import pytest
import soundfile
import torch
import yaml
from torch import Tensor

import workbench as wb
from workbench.core import Audio
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.rules import read_rules
from workbench.pipeline.validation import validate_config
from workbench.widgets import DerivedStems
from workbench.widgets.base import EXPORT_VARIABLE

RATE = 8000


def make_noise(seed: int, *, channels: int = 2, samples: int = 4000) -> Audio[Tensor]:
    return Audio(0.1 * torch.randn(channels, samples, generator=torch.Generator().manual_seed(seed)), RATE)


VOCALS, DRUMS, BASS = (make_noise(seed) for seed in range(3))
SONG = {
    "mixture": Audio(VOCALS.data + DRUMS.data + BASS.data, RATE),
    "vocals": VOCALS,
    "drums": DRUMS,
    "bass": BASS,
}


@pytest.fixture(scope="module")
def trace() -> wb.Trace:
    return wb.trace(SONG["mixture"], model="hpss", chunk_seconds=0.25, derive=["rest = mixture - harmonic"])


def send(widget: DerivedStems, **content: Any) -> list[tuple[Any, Any]]:
    """What a view would hear after this message."""
    sent: list[tuple[Any, Any]] = []
    widget.send = lambda content, buffers=None: sent.append((content, buffers))
    widget._handle_custom_msg(content, [])
    return sent


def test_rules_make_stems_as_the_pipeline_does() -> None:
    widget = DerivedStems(SONG, rules=["instrumental = mixture - vocals", "rhythm = drums+bass"])
    assert widget.rules == ["instrumental = mixture - vocals", "rhythm = drums + bass"]  # in one spelling
    assert list(widget.stems) == ["vocals", "drums", "bass", "instrumental", "rhythm"]
    assert torch.equal(widget.stems["instrumental"].data, SONG["mixture"].data - VOCALS.data)
    assert torch.equal(widget.stems["rhythm"].data, DRUMS.data + BASS.data)
    widget.rules = ["both = vocals + vocals"]
    assert torch.equal(widget.stems["both"].data, 2 * VOCALS.data)
    assert len(widget.derived_peaks) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x = y - z", "'y', which is not there"),
        ("x = x + drums", "uses itself"),
        ("mixture = vocals + drums", "reserved|would replace"),
        ("remainder = mixture - vocals", "reserved"),
        ("vocals = mixture - drums", "would replace"),
        ("Vocals = mixture - drums", "differ beyond case"),
        ('"../x" = mixture - drums', "cannot be a stem's file name"),
        ("x = mixture - vocals - drums", "several rules"),
        ("x", "no '='"),
    ],
)
def test_a_bad_rule_is_refused_and_the_last_good_ones_stay(line: str, words: str) -> None:
    good = ["rest = mixture - vocals"]
    widget = DerivedStems(SONG, rules=good)
    with pytest.raises(InvalidValue, match=words):
        widget.rules = [*good, line]
    assert widget.rules == good
    widget.set_state({"rules": [*good, line]})  # as from the browser
    assert widget.message
    assert widget.rules == good
    assert list(widget.stems)[3:] == ["rest"]
    with pytest.raises(InvalidValue, match=words):
        DerivedStems(SONG, rules=[line])


def test_rules_are_added_moved_and_removed_by_messages() -> None:
    widget = DerivedStems(SONG)
    send(widget, add={"name": " lead vocals ", "operation": "sum", "terms": ["vocals"]})
    send(widget, add={"name": "rest", "operation": "subtract", "terms": ["mixture", "lead vocals"]})
    assert (widget.message, widget.rules) == ("", ['"lead vocals" = vocals', 'rest = mixture - "lead vocals"'])
    send(widget, move=1, by=-1)
    assert "uses 'lead vocals', which is not there" in widget.message
    send(widget, remove=0)
    assert "uses 'lead vocals', which is not there" in widget.message
    assert len(widget.rules) == 2
    send(widget, add={"name": "beat", "operation": "sum", "terms": ["drums", "bass"]})
    assert widget.message == ""
    send(widget, move=2, by=-1)
    assert [rule["name"] for rule in widget.parsed] == ["lead vocals", "beat", "rest"]
    send(widget, move=2, by=1)  # beyond the end
    send(widget, remove=2)
    assert list(read_rules(widget.rules)) == ["lead vocals", "beat"]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"name": "", "operation": "sum", "terms": ["drums"]}, "it is empty"),
        ({"name": "mixture", "operation": "sum", "terms": ["drums"]}, "reserved"),
        ({"name": "x", "operation": "sum", "terms": []}, "at least one stem"),
        ({"name": "x", "operation": "subtract", "terms": ["drums", "drums"]}, "is silence"),
        ({"name": "x", "operation": "subtract", "terms": ["drums", ""]}, "of two"),
        ({"name": "x", "operation": "divide", "terms": ["drums", "bass"]}, "'subtract' or 'sum'"),
    ],
)
def test_a_rule_that_cannot_be_is_told_in_the_message_bar(rule: dict[str, Any], words: str) -> None:
    widget = DerivedStems(SONG)
    send(widget, add=rule)
    assert words in widget.message
    assert "fault of the workbench" not in widget.message
    assert widget.rules == []


def test_the_meter_measures_what_the_chosen_stems_leave() -> None:
    widget = DerivedStems(SONG, rules=["rest = mixture - vocals"])
    assert widget.residual_db < -130  # float32 rounds at about -140 dB
    widget.chosen = ["vocals", "drums"]
    expected = 20 * math.log10(float(BASS.data.square().mean().sqrt() / SONG["mixture"].data.square().mean().sqrt()))
    assert widget.residual_db == pytest.approx(expected, abs=1e-3)
    assert widget.residual["words"].startswith("mixture − vocals − drums leaves −4.")
    assert widget.residual["part"] == pytest.approx((expected + 150) / 150, abs=1e-4)
    widget.chosen = []
    assert widget.residual_db == 0.0
    widget.chosen = ["rest"]
    widget.rules = []
    assert widget.chosen == []  # there is no such stem any more
    with pytest.raises(InvalidValue, match="no stem 'rest'"):
        widget.chosen = ["rest"]


def test_a_derived_stem_is_measured_with_those_that_complete_it() -> None:
    rules = ["rest = mixture - vocals", "all = rest + vocals", "twice = rest + drums", "minus = vocals - bass"]
    left = {track["name"]: track["left"] for track in DerivedStems(SONG, rules=rules).tracks}
    assert left["rest"].startswith("with vocals it leaves ")
    assert left["all"].startswith("alone it leaves ")
    assert left["twice"] == "holds drums 2 times: no stems complete it to the mixture"
    assert left["minus"].startswith("holds bass −1 times")


def test_the_texts_give_the_same_rules_where_they_are_pasted() -> None:
    rules = ["rest = mixture - vocals", '"drum kit" = drums + bass']
    texts = DerivedStems(SONG, rules=rules).texts
    config = validate_config(yaml.safe_load(texts["config"]))
    sections = {name: section.model_dump() for name, section in config.derived_stems.items()}
    assert read_rules(sections) == read_rules(rules)
    assert eval(f"dict({texts['python']})") == {"derive": rules}
    one_line = texts["command"].replace("\\\n", "")  # as a shell joins lines
    assert shlex.split(one_line) == ["--derive", rules[0], "--derive", rules[1]]
    one = DerivedStems(SONG, rules=rules[:1]).texts
    assert one["python"] == "derive=['rest = mixture - vocals']"
    assert one["command"] == "--derive 'rest = mixture - vocals'"


def test_of_a_trace_the_rules_are_the_runs_and_rerun_gives_the_new_one(trace: wb.Trace) -> None:
    widget = DerivedStems(trace)
    assert widget.rules == ["rest = mixture - harmonic"]
    assert widget.chosen == ["harmonic", "percussive"]
    widget.rules = ["again = harmonic + percussive"]
    again = widget.rerun()
    assert list(again.stems) == ["harmonic", "percussive", "again"]
    assert torch.equal(again.stems["again"].data, widget.stems["again"].data)
    assert again["restore"].output.data_ptr() == trace["restore"].output.data_ptr()  # only the last step ran
    widget.rules = []
    assert list(widget.rerun().stems) == ["harmonic", "percussive"]
    assert DerivedStems(trace, rules=()).rules == []


def test_of_a_separation_there_is_no_rerun_and_the_player_knows_derived_stems(trace: wb.Trace) -> None:
    widget = DerivedStems(trace.stems)
    assert list(widget.stems) == ["harmonic", "percussive", "rest"]
    with pytest.raises(InvalidValue, match="no trace to go on from"):
        widget.rerun()
    roles = {track["name"]: track["role"] for track in widget.player().sides[0]["tracks"]}
    assert roles == {"mixture": "mixture", "harmonic": "stem", "percussive": "stem", "rest": "derived"}
    assert DerivedStems(SONG, rules=["rest = mixture - vocals"]).player().null_level_db < -130


def test_of_some_of_a_models_stems_the_others_rules_are_left_out() -> None:
    part = wb.separate(
        SONG["mixture"], model="hpss", chunk_seconds=0.25, stems=["harmonic"], derive=["x = mixture - percussive"]
    )
    widget = DerivedStems(part)
    assert widget.rules == []
    assert "Only some of the model's stems" in widget.notice
    assert "uses 'percussive', which is not there" in widget.notice


def test_each_stem_is_heard_at_one_gain() -> None:
    widget = DerivedStems(SONG, rules=["loud = mixture + mixture"])
    [(content, [data])] = send(widget, hear="loud", request="7")
    assert content == {"sound": "loud", "request": "7"}
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert (samples.shape, rate) == ((4000, 2), RATE)
    gain = 1 / max(1.0, float(widget.stems["loud"].data.abs().max()))
    assert torch.allclose(torch.from_numpy(samples).T, gain * widget.stems["loud"].data, atol=1e-4)  # 16 bits
    send(widget, hear="nobody", request="8")
    assert "hear = 'nobody', expected one of mixture" in widget.message


@pytest.mark.parametrize("channels", [1, 6])
def test_silence_and_other_channels(channels: int) -> None:
    silence = Audio(torch.zeros(channels, 100), RATE)
    widget = DerivedStems({"mixture": silence, "a": silence, "b": silence}, rules=["c = a + b"])
    assert (widget.residual_db, widget.residual["part"]) == (-math.inf, 0.0)
    assert widget.residual["words"] == "mixture − a − b leaves nothing"
    noise = make_noise(5, channels=channels, samples=100)
    assert DerivedStems({"mixture": silence, "a": noise}).residual["words"].endswith("though the mixture is silent")
    assert widget.stems["c"].data.shape == (channels, 100)
    widget.figure()


def test_what_holds_no_stems(plain_types: None) -> None:
    widget = DerivedStems({"mixture": SONG["mixture"]})
    assert widget.notice.startswith("There are no stems")
    assert widget.chosen == []
    for given, words in [
        (SONG["mixture"], "separate it first"),
        ("song.flac", "got str"),
        ({"mixture": "x"}, "a song must be a path|does not exist|no such|x"),
    ]:
        with pytest.raises((InvalidType, InvalidValue, wb.WorkbenchError), match=words):
            DerivedStems(given)
    with pytest.raises(InvalidValue, match="mixture is missing"):
        DerivedStems({"vocals": VOCALS})
    assert DerivedStems({"vocals": VOCALS}, mixture=SONG["mixture"]).chosen == ["vocals"]
    with pytest.raises(InvalidValue, match=r"short is \(2, 10\)"):
        DerivedStems({"mixture": VOCALS, "short": make_noise(1, samples=10)})


def test_the_export_tells_the_rules_and_plays_what_they_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(EXPORT_VARIABLE, "1")
    data, _ = DerivedStems(SONG, rules=["rest = mixture - vocals"])._repr_mimebundle_()
    page = data["text/html"]
    assert page.count("<audio") == 1
    assert "<li>rest = mixture - vocals (with vocals it leaves" in page
    assert "rest is mixture minus vocals" in page


def test_the_figure_shows_what_is_left_whatever_the_order_of_the_stems() -> None:
    widget = DerivedStems(SONG)
    num_axes = len(widget.figure().axes)
    widget.chosen = ["bass", "vocals", "drums"]
    assert len(widget.figure().axes) == num_axes
    widget.chosen = ["bass", "vocals"]
    assert len(widget.figure().axes) < num_axes
