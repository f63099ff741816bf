"""The report of a run in several passes: whole, alone, and true."""

from __future__ import annotations

import html
import re
import shlex
import warnings
from html.parser import HTMLParser
from pathlib import Path

import pytest
import soundfile
import torch
import yaml

import workbench as wb
from workbench.cli import app
from workbench.pipeline.ensemble_trace import EnsembleTrace
from workbench.report import SongFile, render_report, write_report

RATE = 8000
NAME = "<b>duo & co.wav"


class Page(HTMLParser):
    """The tags of a page; fails on those that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.code: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "code":
            self.code.append("")
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "code":
            self.code[-1] += data


def make_song() -> wb.Audio[torch.Tensor]:
    time = torch.arange(RATE) / RATE
    low, high = torch.sin(2 * torch.pi * 220 * time), torch.sin(2 * torch.pi * 550 * time)
    return wb.Audio(torch.stack((0.5 * low + 0.1 * high, 0.2 * low + 0.4 * high)), RATE)


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return wb.save(make_song(), NAME, subtype="FLOAT")


def trace_passes(song: object, **options: object) -> EnsembleTrace:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wb.errors.WorkbenchNotice)
        traced = wb.trace(song, **options)  # type: ignore[arg-type]
    assert isinstance(traced, EnsembleTrace)
    return traced


@pytest.mark.parametrize("kind", ["ensemble", "passes"])
def test_the_page_shows_each_pass_and_gives_the_run_again(song: Path, kind: str) -> None:
    options = {
        "ensemble": {"ensemble": wb.Ensemble(["hpss", {"model": "hpss", "name": "a < b", "chunk_seconds": 0.5}])},
        "passes": {"model": "hpss", "tta": ["swap"], "shifts": 1},
    }[kind]
    traced = trace_passes(song, **options, derive=["rest = mixture - harmonic"])
    text = render_report(traced)
    page = Page(text)
    assert page.tags.count("audio") == 4  # mixture, harmonic, percussive, rest
    assert page.tags.count("img") == 4 + 2  # a picture beside each, and where the passes disagree about two stems
    assert page.tags.count("details") == len(traced) == 2
    assert "<b>" not in text
    assert "<script" not in text
    for name in traced:
        level = traced.agreement[name]["harmonic"]
        row = re.search(rf"<th scope=\"row\">{re.escape(html.escape(name))}</th>(.*?)</tr>", text)
        assert row is not None
        assert ("equal" if level == float("inf") else f"{level:.1f} dB") in row.group(1)

    document, python, command = (code for code in page.code if len(code) > 20)
    Path("run.yaml").write_text(document, encoding="utf-8")
    names: dict[str, object] = {}
    exec(python, names)
    assert app.run([*shlex.split(command)[1:], "-o", "again", "--format", "wav", "--subtype", "FLOAT", "--quiet"]) == 0
    for stem, audio in traced.stems.items():
        assert torch.equal(names["trace"].stems[stem].data, audio.data)  # type: ignore[attr-defined]
        saved, _ = soundfile.read(f"again/<b>duo & co/{stem}.wav", dtype="float32", always_2d=True)
        assert torch.equal(torch.from_numpy(saved.T.copy()), audio.data)


def test_what_no_config_can_hold_is_said(song: Path) -> None:
    network = torch.nn.Unflatten(1, (1, -1))
    traced = trace_passes(make_song(), model=network, tta=["polarity"], stems=["output"])
    page = html.unescape(render_report(traced))
    assert "To be given again beside it: model, which no config can hold; the song, which was given as samples." in page
    read_again = html.unescape(render_report(traced, song=SongFile(song, channels=2, allow_truncated=True)))
    assert f"trace = wb.trace(wb.load({NAME!r}, channels=2, allow_truncated=True), config='run.yaml')" in read_again
    assert "workbench separate" not in read_again


def test_only_derived_stems_and_one_sample_have_a_page_too(tmp_path: Path) -> None:
    rules = {"nothing": {"operation": "subtract", "stem_name": "mixture", "by_stem_name": "mixture"}}
    traced = trace_passes(wb.Audio(torch.zeros(1, 1), RATE), model="passthrough", tta=["polarity"], derive=rules)
    Page(render_report(traced))
    assert write_report(traced, tmp_path / "page.html").stat().st_size < 1_000_000


def test_inspect_takes_ensembles_and_passes(song: Path, capsys: pytest.CaptureFixture[str]) -> None:
    members = [{"model": "passthrough"}, {"model": "passthrough", "name": "late", "shifts": 1}]
    Path("both.yaml").write_text(yaml.safe_dump({"ensemble": {"members": members}}))
    assert app.run(["inspect", str(song), "-c", "both.yaml", "-o", "both.html", "--quiet"]) == 0
    assert "late" in Path("both.html").read_text(encoding="utf-8")
    asked = ["-m", "passthrough", "--tta", "swap,polarity", "--shifts", "1", "--shift-seed", "3", "-o", "passes.html"]
    assert app.run(["inspect", str(song), *asked]) == 0
    text = Path("passes.html").read_text(encoding="utf-8")
    assert "shift 1, polarity" in text
    assert "shift_seed: 3" in text
    assert app.run(["inspect", str(song), "-m", "passthrough", "--tta", "sideways", "-o", "none.html"]) == 2
    assert "sideways" in capsys.readouterr().err
    assert not Path("none.html").exists()
