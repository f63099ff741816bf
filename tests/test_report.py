"""The report of a trace: whole, alone, small, and true."""

from __future__ import annotations

import base64
import html
import io
import itertools
import math
import re
import shlex
import warnings
from html.parser import HTMLParser
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

import workbench as wb
from workbench.cli import app
from workbench.errors import AudioFileError, WorkbenchNotice
from workbench.report import SongFile, render_report, write_report
from workbench.report import page as page_module
from workbench.report.pictures import encode_figure
from workbench.report.replay import find_song_file, make_replay, write_command, write_python
from workbench.report.sound import LOWEST_BIT_RATE, SoundPlan, encode_sound, plan_sound

RATE = 16000
NAME = "<script>alert(1) & 'co'.flac"
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """What a page is made of; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.text[self.open[-1]] = self.text.get(self.open[-1], "") + data

    def list_attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def make_song(seconds: float = 2.0, *, channels: int = 2) -> wb.Audio[torch.Tensor]:
    """Two tones, each louder on another side, and a click twice a second; beyond full scale in places."""
    time = torch.arange(round(seconds * RATE)) / RATE
    low, high = (torch.sin(2 * torch.pi * hertz * time) for hertz in (220, 550))
    clicks = torch.exp(-60 * (time % 0.5)) * torch.sin(2 * torch.pi * 3000 * time)
    sides = [0.7 * low + 0.2 * high + 0.5 * clicks, 0.3 * low + 0.5 * high + 0.5 * clicks]
    return wb.Audio(torch.stack(sides[:channels]), RATE)


def trace_quietly(song: object, **options: object) -> wb.Trace:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WorkbenchNotice)
        return wb.trace(song, **{"chunk_seconds": 1.0, **options})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def traced(folder: Path) -> wb.Trace:
    path = folder / "songs" / "song.wav"
    wb.save(make_song(), path)
    return trace_quietly(path, model="hpss", overlap=0.75, derive=["rest = mixture - harmonic"])


@pytest.fixture(scope="module")
def text(traced: wb.Trace) -> str:
    return render_report(traced, song=SongFile(f"songs/{NAME}"))


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty figures, where they are not what is tested, because drawing them takes seconds."""
    monkeypatch.setattr(page_module, "draw_step", lambda step: Figure(figsize=(1, 1)))


def test_page_needs_nothing_else(text: str, page: Page) -> None:
    sources = [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")]
    assert sources
    assert all(value and value.startswith(("data:image/webp;base64,", "data:audio/webm;", "#")) for value in sources)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "base", "form"}
    without_data = re.sub(r'"data:[^"]+"', "", text)
    assert not re.search(r"https?:|//|@import|url\(|\son\w+=", without_data)
    assert "default-src 'none'" in str(page.list_attributes("meta"))


def test_song_is_named_and_no_name_is_taken_for_html(text: str, page: Page) -> None:
    assert page.text["bdi"] == NAME  # as read back by a parser of HTML
    assert page.text["title"] == f"{NAME}, taken apart by hpss.hpss"
    assert "<script" not in text


def test_names_of_stems_and_odd_file_names_are_text(no_figures: None) -> None:
    trace = trace_quietly(make_song(0.5), model="passthrough", derive=["R&amp;B = part_1 + part_2"])
    page = Page(render_report(trace, song=SongFile("caf\udce9.flac")))  # a name that is not UTF-8
    assert page.text["bdi"] == r"caf\udce9.flac"
    assert "R&amp;B" in page.text["h3"]


def test_every_step_is_in_the_table_and_has_a_figure(traced: wb.Trace, page: Page) -> None:
    rows = page.text["th"]
    for step in traced.values():
        assert step.name in rows
        assert step.axes in page.text["td"]
        assert page.text["td"].count("\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}".join(map(str, step.shape))) >= 1
    pictures = page.list_attributes("img")
    assert len(pictures) == len(traced) + 1 + len(traced.stems)
    for picture in pictures:
        image = Image.open(io.BytesIO(base64.b64decode(str(picture["src"]).partition(",")[2])))
        assert (str(image.width), str(image.height)) == (picture["width"], picture["height"])
        assert np.asarray(image.convert("L")).std() > 5  # something is drawn
        assert len(str(picture["alt"])) > 20
    assert [str(picture["alt"]).split(".")[0] for picture in pictures[-len(traced) :]] == [
        f"Figure of the step {name}" for name in traced
    ]


def test_page_is_accessible(page: Page) -> None:
    assert page.list_attributes("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(attributes.get("scope") in ("row", "col") for attributes in page.list_attributes("th"))
    labels = [attributes["aria-label"] for attributes in page.list_attributes("audio")]
    assert labels == [f"Listen to {name}" for name in ("mixture", "harmonic", "percussive", "rest")]
    identifiers = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(identifiers)) == len(identifiers)
    links = [str(attributes["href"])[1:] for attributes in page.list_attributes("a")]
    assert set(links) <= set(identifiers)


def test_players_hold_the_stems(traced: wb.Trace, page: Page) -> None:
    tracks = [traced.song, *traced.stems.values()]
    gain = 1 / max(1.0, *(float(track.data.abs().max()) for track in tracks))
    assert gain < 1  # so that scaling is tested too
    for audio, attributes in zip(tracks, page.list_attributes("audio"), strict=True):
        assert "controls" in attributes
        assert attributes["preload"] == "metadata"
        decoded = decode_sound(base64.b64decode(str(attributes["src"]).partition(",")[2]))
        expected = wb_resample(audio.data * gain, RATE)
        assert abs(decoded.shape[1] - expected.shape[1]) <= 48  # 1 ms; resampling rounds the length
        # Opus at 128 kbit/s keeps these tones to some 20 dB; a wrong stem, gain, channel or lag leaves none
        assert measure_snr(expected, decoded) > 10


def decode_sound(data: bytes) -> np.ndarray:
    with av.open(io.BytesIO(data)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def wb_resample(data: torch.Tensor, rate: int) -> np.ndarray:
    import soxr

    return soxr.resample(data.T.numpy(), rate, 48_000).T


def measure_snr(reference: np.ndarray, estimate: np.ndarray) -> float:
    length = min(reference.shape[1], estimate.shape[1])
    error = reference[:, :length] - estimate[:, :length]
    return 10 * math.log10(float((reference**2).sum() / (error**2).sum()))


@pytest.mark.parametrize("num_tracks", [2, 3, 9, 40, 300])
def test_sound_stays_within_its_budget(num_tracks: int) -> None:
    """Of noise, which costs the most, encoded for as long as a plan for a 4-minute song says."""
    budget = 4_000_000
    plan = plan_sound(num_tracks=num_tracks, seconds=240.0, budget_bytes=budget)
    assert plan.bit_rate >= LOWEST_BIT_RATE
    assert (plan.seconds == 240.0) == (num_tracks <= 8)
    seconds = min(plan.seconds, 12.0)
    noise = wb.Audio(0.3 * torch.randn(2, round(seconds * RATE), generator=torch.Generator().manual_seed(0)), RATE)
    size = len(encode_sound(noise, SoundPlan(plan.bit_rate, plan.seconds), gain=1.0))
    assert num_tracks * size * plan.seconds / seconds <= budget
    assert num_tracks * size * plan.seconds / seconds >= 0.7 * budget or plan.bit_rate == 128_000


@pytest.mark.parametrize(("num_samples", "rate", "channels"), [(1, 8000, 1), (1, 192_000, 2), (3000, 11025, 6)])
def test_short_and_odd_sound_can_be_played(num_samples: int, rate: int, channels: int) -> None:
    audio = wb.Audio(torch.full((channels, num_samples), 0.1), rate)
    decoded = decode_sound(encode_sound(audio, plan_sound(num_tracks=1, seconds=1.0, budget_bytes=10**6), gain=1.0))
    assert decoded.shape[0] == (2 if channels == 2 else 1)
    assert decoded.shape[1] >= 4800
    assert np.isfinite(decoded).all()


def test_pictures_stay_within_their_budget() -> None:
    figure = Figure(figsize=(6, 6))
    figure.add_axes((0, 0, 1, 1)).imshow(np.random.default_rng(0).random((400, 400)), cmap="viridis")
    sharp, small = (encode_figure(figure, most_bytes=size) for size in (10**7, 20_000))
    assert (sharp.width, sharp.height) == (780, 780)
    assert len(small.data) <= 20_000 < len(sharp.data)
    assert Image.open(io.BytesIO(small.data)).size == (small.width, small.height)


def test_page_of_a_song_too_long_for_it_holds_the_beginning(no_figures: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of four minutes with dozens of stems, with a smaller page for the sake of time."""
    monkeypatch.setattr(page_module, "MOST_BYTES", 700_000)
    noise = 0.3 * torch.randn(1, 60 * RATE, generator=torch.Generator().manual_seed(0))
    options = {"settings": {"model.num_stems": 4}, "chunk_seconds": 30.0}
    page = render_report(trace_quietly(wb.Audio(noise, RATE), model="passthrough", **options))
    assert 450_000 < len(page.encode()) < 700_000
    assert "of each are in it" in page  # and that is said


OPTIONS = {
    "defaults": {"model": "passthrough", "chunk_seconds": None},
    "arguments": {
        "model": "hpss",
        "chunk_seconds": 0.777,
        "overlap": 0.25,
        "window": "linear_fade:fade=0.2",
        "batch_size": 2,
        "device": "cpu",
        "stems": ["percussive"],
        "derive": ['"the rest - all" = mixture - percussive', "both = harmonic + percussive"],
    },
    "settings": {
        "model": "hpss",
        "settings": {
            "model.power": math.inf,
            "model.margin_harmonic": 2.0,
            "model.num_freqs": 513,
            "normalization.enabled": True,
            "transform": {"n_fft": 1024, "hop_length": 256, "win_length": 1024},
        },
    },
    "document": {
        "config": {
            "model_type": "passthrough",
            "model": {"num_stems": 3, "output_stem_names": ["a b", "it's", "c"]},
            "inference": {"requested_stems": ["a b", "c"]},
            "audio_io": {"target_sample_rate": 8000, "force_channels": 1},
        },
    },
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_python_and_command_give_the_run_again(
    options: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit; the shell's own splitting stands for a shell, and the command's options are the real ones."""
    monkeypatch.chdir(tmp_path)
    song = "-it's a $HOME.wav"
    wb.save(make_song(1.5), song)
    trace = trace_quietly(song, **options)
    replay = make_replay(trace, song=find_song_file(trace))
    again: dict[str, wb.Trace] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WorkbenchNotice)
        exec(compile(write_python(replay), "report", "exec"), again)  # type: ignore[arg-type]
    assert again["trace"].plan.config.to_document() == trace.plan.config.to_document()
    command = write_command(replay)
    assert command is not None
    assert app.run([*shlex.split(command)[1:], "-o", "out", "--format", "wav", "--quiet"]) == 0
    files = {path.stem: path for path in Path("out").glob("*/*.wav")}
    assert set(files) == set(trace.stems)
    for name, stem in trace.stems.items():
        assert torch.equal(again["trace"].stems[name].data, stem.data)
        saved = soundfile.read(files[name], dtype="float32", always_2d=True)[0].T
        assert np.array_equal(saved, stem.data.numpy()) or np.abs(stem.data.numpy()).max() > 1  # float WAV


def test_only_what_differs_is_written(traced: wb.Trace) -> None:
    replay = make_replay(traced, song=SongFile("song.wav", channels=1))
    expected = {"model": "hpss.hpss", "chunk_seconds": 1.0, "overlap": 0.75, "derive": ["rest = mixture - harmonic"]}
    assert replay.arguments == expected
    assert replay.settings == {}
    assert "wb.load('song.wav', channels=1)" in write_python(replay)
    assert str(write_command(replay)).endswith("--channels 1")


def test_a_rerun_is_written_with_all_of_its_changes(traced: wb.Trace) -> None:
    changed = traced.rerun("stitch", window="hamming")
    replay = make_replay(changed, song=find_song_file(traced))
    assert replay.arguments["window"] == "hamming"
    assert replay.arguments["overlap"] == 0.75
    names: dict[str, wb.Trace] = {}
    exec(write_python(replay), names)  # type: ignore[arg-type]
    for name, stem in changed.stems.items():
        assert torch.equal(names["trace"].stems[name].data, stem.data)


class Halves(nn.Module):
    """A model that is no text."""

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        return torch.stack([0.5 * batch, 0.5 * batch], dim=1)


def test_what_no_text_can_hold_is_a_variable_and_said(no_figures: None) -> None:
    song, model, window = make_song(1.5), Halves(), torch.hann_window(RATE)
    settings = {"model.output_stem_names": ["left", "over"]}
    trace = trace_quietly(song, model=model, window=window, settings=settings)
    replay = make_replay(trace, song=None)
    names: dict[str, object] = {"song": song, "model": model, "window": window}
    exec(write_python(replay), names)
    assert torch.equal(names["trace"].stems["left"].data, trace.stems["left"].data)  # type: ignore[attr-defined]
    assert write_command(replay) is None
    page = Page(render_report(trace))
    for reason in ("given as samples", "given as a torch module", "given as a tensor"):
        assert reason in page.text["p"]


def test_a_mask_of_ones_own_is_a_variable(traced: wb.Trace) -> None:
    mask = traced["mask"].mask ** 2
    changed = traced.rerun("mask", mask=mask)
    replay = make_replay(changed, song=find_song_file(traced))
    names: dict[str, object] = {"mask": mask}
    exec(write_python(replay), names)
    assert torch.equal(names["trace"].stems["rest"].data, changed.stems["rest"].data)  # type: ignore[attr-defined]
    assert write_command(replay) is None


def test_notices_and_steps_without_values_are_shown(no_figures: None) -> None:
    trace = trace_quietly(make_song(1.0), model="hpss", memory_budget_bytes=0)
    page = Page(render_report(trace))
    assert trace.notices
    assert page.text["li"].count(trace.notices[0]) == 1
    assert page.text["td"].count("(not kept)") == 4


def test_one_sample_of_silence_has_a_report(no_figures: None) -> None:
    page = Page(render_report(trace_quietly(wb.Audio(torch.zeros(1, 1), RATE), model="passthrough")))
    assert len(page.list_attributes("audio")) == 3


def test_file_is_written_whole_or_not_at_all(
    traced: wb.Trace, tmp_path: Path, no_figures: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "new folder" / "song.html"
    assert write_report(traced, target) == target
    assert html.unescape(target.read_text(encoding="utf-8")).count("song.wav") >= 3
    with pytest.raises(AudioFileError, match="exists already"):
        write_report(traced, target)
    before = target.read_bytes()
    monkeypatch.setattr(page_module, "render_versions", lambda trace: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(traced, target, overwrite=True)
    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == ["song.html"]
