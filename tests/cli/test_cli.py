"""What the commands print and where, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile
import torch
import yaml

import workbench
from workbench.cli.messages import make_line
from workbench.errors import DeviceMemoryError, ModelError, WorkbenchNotice


def test_separate_writes_stems_and_says_where(run_cli, write_song, out):
    song = write_song(samples=8000)

    result = run_cli("separate", song, "-m", "passthrough", "-o", out)

    assert (result.status, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{out / 'song'}: part_1.flac, part_2.flac (")
    assert result.stdout.endswith("x real time)\n")
    mixture = workbench.load(song).data
    stems = [workbench.load(out / "song" / f"part_{number}.flac").data for number in (1, 2)]
    torch.testing.assert_close(
        sum(stems), mixture, rtol=0, atol=3 * 2.0**-24
    )  # two roundings to 24 bits, one to float32


def test_json_is_one_object_a_song_and_nothing_else(run_cli, write_song, register, out):
    register(channels=2)
    songs = [write_song("first.wav", channels=1, samples=16000), write_song("second.wav")]

    result = run_cli("separate", *songs, "-m", "made", "-o", out, "--json", "--set", "model.chunk_size=100")

    first, second = map(json.loads, result.stdout.splitlines())
    assert result.status == 0
    assert list(first) == [
        "song",
        "model",
        "settings",
        "seconds",
        "times_real_time",
        "gain",
        "notices",
        "files",
    ]
    assert (first["song"], first["model"], first["gain"]) == (str(songs[0]), "notebook.made", 1.0)
    assert first["settings"]["model"]["chunk_size"] == 100
    least, most = (2.0 / (first["seconds"] + rounding) for rounding in (0.0005, -0.0005))
    assert least - 0.0005 <= first["times_real_time"] <= most + 0.0005
    assert first["files"] == {name: str(out / "first" / f"{name}.flac") for name in ("a", "b")}
    assert (len(first["notices"]), second["notices"]) == (1, [])
    assert result.stderr == f"note: {first['notices'][0]}\n"


def test_settings_of_json_make_the_same_run(run_cli, write_song, out, tmp_path):
    song, config = write_song(samples=6000), tmp_path / "run.yaml"
    options = ("--window", "triangle:power=2", "--chunk-seconds", "0.2", "--stems", "harmonic")
    given = (*options, "--set", "model.power=.inf", "--derive", "rest = mixture - harmonic", "--json")
    first = run_cli("separate", song, "-m", "hpss", "-o", out, *given)
    settings = json.loads(first.stdout)["settings"]
    assert settings["model"]["power"] == "inf"  # JSON has no number for it

    settings["model"]["power"] = float("inf")
    config.write_text(yaml.safe_dump(settings))
    second = run_cli("separate", song, "-c", config, "-o", out / "again", "--json")

    assert json.loads(second.stdout)["settings"] == json.loads(first.stdout)["settings"]
    for name in ("harmonic", "rest"):
        before, after = (folder / "song" / f"{name}.flac" for folder in (out, out / "again"))
        assert before.read_bytes() == after.read_bytes()


def test_every_option_arrives(run_cli, write_song, out):
    song = write_song(channels=2)
    options = ["--stems", "part_2, part_1", "--derive", "both = part_1 + part_2", "--derive", "x = mixture - both"]
    options += ["--set", "model.num_stems=3", "--set", "chunking.padding_mode=constant", "--window", "hamming"]
    options += ["--overlap", "0.75", "--chunk-seconds", "0.05", "--batch-size", "3", "--device", "cpu"]

    result = run_cli("separate", song, "-m", "passthrough", "-o", out, "--format", "wav", "--json", *options)

    report = json.loads(result.stdout)
    assert sorted(report["files"]) == ["both", "part_1", "part_2", "x"]
    assert soundfile.info(report["files"]["x"]).subtype == "FLOAT"
    settings = report["settings"]
    assert settings["model"] == {"chunk_size": 400, "num_stems": 3}
    assert settings["chunking"] == {"overlap_ratio": 0.75, "window_shape": "hamming", "padding_mode": "constant"}
    assert (settings["inference"]["batch_size"], settings["inference"]["device"]) == (3, "cpu")


def test_quiet_prints_nothing_but_notes(run_cli, write_song, register, out):
    register(channels=2)
    result = run_cli("separate", write_song(channels=1), "-m", "made", "-o", out, "--quiet")
    assert (result.status, result.stdout) == (0, "")
    assert result.stderr.startswith("note: mono was doubled")
    assert result.stderr.count("\n") == 1


def test_song_that_fails_does_not_stop_the_others(run_cli, write_song, register, out, tmp_path):
    def fail_on_silence(chunk):
        if not chunk.any():
            raise RuntimeError("two\nlines [bold]of[/bold] it")
        return torch.stack((chunk, chunk), dim=1)

    register(fail_on_silence)
    silent = write_song("silent.wav", data=torch.zeros(1, 100).numpy())
    good = [write_song("one.wav"), write_song("two.wav")]

    result = run_cli("separate", good[0], tmp_path / "missing.wav", silent, good[1], "-m", "made", "-o", out)

    missing, failed = result.stderr.splitlines()
    assert missing.startswith(f"error: {tmp_path / 'missing.wav'}: no such file")
    assert failed.startswith(f"error: {silent}: unexpected RuntimeError: two lines [bold]of[/bold] it; ")
    assert "--debug" in failed
    assert result.status == 2  # the worst of 0, 2, 1 and 0
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == [str(out / "one"), str(out / "two")]


@pytest.mark.parametrize(
    ("error", "status"),
    [(ModelError("it gave NaN"), 1), (DeviceMemoryError("it is full"), 2), (ValueError("unforeseen"), 1)],
)
def test_traceback_only_with_debug(run_cli, write_song, register, out, error, status):
    def fail(chunk):
        raise error

    register(fail)
    song = write_song()
    plain = run_cli("separate", song, "-m", "made", "-o", out)
    plain.check_error(str(error), status=status)
    assert ("--debug" in plain.stderr) == (status == 1)

    debug = run_cli("separate", song, "-m", "made", "-o", out, "--debug")
    assert debug.status == status
    assert debug.stderr.startswith("Traceback (most recent call last)")
    assert debug.stderr.splitlines()[-1].endswith(str(error))


def test_long_error_stays_one_line_with_its_brackets(run_cli, out):
    song = out / ("[red]" + "x" * 200) / "song\nof two lines.wav"
    result = run_cli("separate", song, "-m", "passthrough", "-o", out)
    result.check_error("[red]" + "x" * 200, "song\\nof two lines.wav")


def test_line_shows_what_a_terminal_would_obey():
    assert make_line("a\x1b[2Jb\r\n\u202ec\udc80 é 日\u3000本") == "a\\x1b[2Jb\\r\\n\\u202ec\\udc80 é 日\u3000本"


def test_warning_of_a_library_is_one_line(run_cli, write_song, register, out):
    import warnings

    def warn(chunk):
        warnings.warn("something\n  odd", RuntimeWarning, stacklevel=1)
        return torch.stack((chunk, chunk), dim=1)

    register(warn, chunk_seconds=10.0)
    result = run_cli("separate", write_song(), "-m", "made", "-o", out)
    assert (result.status, result.stderr) == (0, "warning: RuntimeWarning: something odd\n")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["separate", "song.wav", "--overlp", "0.5"], "--overlp"),
        (["separate"], "SONG"),
        (["separate", "song.wav", "--overlap", "much"], "--overlap"),
        (["separate", "song.wav", "--channels", "3"], "--channels"),
        (["separat"], "separat"),
    ],
)
def test_wrong_usage_is_one_line(run_cli, arguments, part):
    run_cli(*arguments).check_error(part, "--help")


def test_no_arguments_print_the_help(run_cli):
    result = run_cli()
    assert (result.status, result.stderr) == (0, "")
    for command in ["separate", "inspect", "config", "demo", "lab", "score", "check", "models", "windows", "plugins"]:
        assert f"\n  {command} " in result.stdout


def test_version(run_cli):
    assert run_cli("--version").stdout == f"workbench {workbench.__version__}\n"


@pytest.mark.parametrize("kind", ["models", "windows", "plugins"])
def test_listing_in_a_pipe_and_as_json(run_cli, kind):
    listing = getattr(workbench, kind)()
    assert len(listing) > 0
    assert run_cli(kind).stdout == f"{listing}\n"
    rows = json.loads(run_cli(kind, "--json").stdout)
    assert [set(row) for row in rows] == [set(listing.columns)] * len(listing)
    assert [next(iter(row.values())) for row in rows] == [getattr(row, listing.columns[0]) for row in listing]


def test_listing_in_a_terminal(run_cli, register, monkeypatch):
    register(summary="Takes [bold]brackets[/bold] as they are.")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    table = run_cli("models").stdout
    assert "Takes [bold]brackets[/bold] as they are." in table
    assert "─" in table


def test_separate_without_a_model_lists_the_models(run_cli, write_song, out):
    result = run_cli("separate", write_song(), "-o", out)
    result.check_error(*(row.id for row in workbench.models()))


def test_notice_is_not_swallowed_in_python(write_song, register):
    register(channels=2)
    with pytest.warns(WorkbenchNotice, match="mono was doubled"):
        workbench.separate(write_song(channels=1), model="made")


def test_stem_file_goes_to_a_folder_without_its_double_ending(run_cli, write_song, out):
    song = write_song()
    song = song.rename(song.with_name("Some song. With dots.stem.wav"))
    assert run_cli("separate", song, "-m", "passthrough", "-o", out).status == 0
    assert [path.name for path in Path(out).iterdir()] == ["Some song. With dots"]
