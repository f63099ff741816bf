"""The report of a trace: one HTML file, nothing beside it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path

import torch

from workbench import __version__
from workbench.errors import AudioFileError
from workbench.figures.step import draw_step
from workbench.figures.style import format_count, format_rate
from workbench.figures.view import color_run
from workbench.io.names import expand_home
from workbench.io.staging import staged_files
from workbench.pipeline.ensemble_trace import EnsembleTrace
from workbench.pipeline.provenance import find_origins
from workbench.pipeline.trace import Trace
from workbench.pipeline.trace_step import TraceStep, format_bytes
from workbench.pipeline.yaml_text import write_yaml
from workbench.report.look import STYLE
from workbench.report.pictures import encode_figure
from workbench.report.replay import SongFile, find_song_file, make_replay, write_command, write_python
from workbench.report.tracks import render_pictures, render_tracks
from workbench.report.words import MEANINGS, escape, make_image, make_section, make_table

MOST_BYTES = 8_000_000  # of the whole file
RESERVE_BYTES = 100_000  # for players' labels and the like, which come after the sound is planned
LEAST_SOUND_BYTES = 100_000
ALL_FIGURES_BYTES = 2_400_000
LIBRARIES = ("torch", "numpy", "scipy", "librosa", "soundfile", "av", "soxr", "matplotlib")
SECTIONS = {
    "listen": "Listen",
    "path": "The path",
    "steps": "Step by step",
    "passes": "The passes",
    "disagreement": "Where they disagree",
    "again": "Run it again",
    "notes": "Notes",
    "versions": "Versions",
}
# The browser itself sees to it that nothing is fetched and nothing is run, whatever a name in the page may hold.
POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"


def write_report(
    trace: Trace | EnsembleTrace, path: str | os.PathLike[str], *, song: SongFile | None = None, overwrite: bool = False
) -> Path:
    """Write the report of a trace; a file that stands there is whole before and after.

    Args:
        trace: of `workbench.trace` or a rerun.
        path: of the HTML file.
        song: where the song came from, if the trace was not given its path.
        overwrite: whether a file that is there may be replaced.

    Returns:
        The path.

    Raises:
        AudioFileError: the file is there already or cannot be written.
    """
    target = Path(expand_home(path))
    with staged_files([target], overwrite=overwrite) as [temporary]:
        page = render_report(trace, song=song)
        try:
            temporary.write_text(page, encoding="utf-8")
        except OSError as error:
            raise AudioFileError(f"cannot write {target}: {error.strerror or error}") from error
    return target


def render_report(trace: Trace | EnsembleTrace, *, song: SongFile | None = None) -> str:
    """The report of a trace as HTML, smaller than `MOST_BYTES`; see `write_report`.

    Figures are drawn and encoded one after the other, so that no more than one is in memory.
    """
    song = song or find_song_file(trace)
    if isinstance(trace, EnsembleTrace):
        from workbench.report import passes  # which is made of the parts below

        what, lead, colors = "several passes", passes.render_lead(trace), passes.list_colors(trace)
        parts = {
            "passes": passes.render_passes(trace),
            "disagreement": passes.render_disagreement(trace),
            "again": passes.render_replay(trace, song),
            "notes": render_notes(trace),
            "versions": passes.render_versions(trace),
        }
    else:
        what, lead, colors = trace.plan.model_id, render_lead(trace), color_run(trace)
        parts = {
            "path": render_path(trace),
            "steps": render_steps(trace),
            "again": render_replay(trace, song),
            "notes": render_notes(trace),
            "versions": render_versions(trace),
        }
    images = render_pictures(trace, colors=colors)
    used = sum(map(len, (*parts.values(), *images.values()))) + RESERVE_BYTES
    # base64 writes three bytes as four letters
    parts["listen"] = render_tracks(trace, images, budget_bytes=max(LEAST_SOUND_BYTES, (MOST_BYTES - used) * 3 // 4))
    return assemble_page(parts, name="A song" if song is None else song.name, what=what, lead=lead)


def assemble_page(parts: Mapping[str, str], *, name: str, what: str, lead: str) -> str:
    """The page.

    Args:
        parts: of its body as HTML, by their keys in `SECTIONS`.
        name: of the song.
        what: took it apart.
        lead: what stands at its head, as HTML.
    """
    sections = {key: title for key, title in SECTIONS.items() if key in parts}
    links = "".join(f'<li><a href="#{key}">{title}</a></li>' for key, title in sections.items())
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}, taken apart by {escape(what)}</title>\n"
        f"<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<header>\n<h1><bdi>{escape(name)}</bdi></h1>\n{lead}"
        f'<nav aria-label="Parts of this page"><ul>{links}</ul></nav>\n</header>\n<main>\n'
        + "".join(make_section(key, title, parts[key]) for key, title in sections.items())
        + f"<footer>Made by stem-workbench {escape(__version__)}. This page needs no network.</footer>\n"
        "</main>\n</body>\n</html>\n"
    )


def render_lead(trace: Trace) -> str:
    """Song, model and device, in two lines."""
    num_channels, num_samples = trace.song.data.shape
    seconds = sum(step.seconds for step in trace.values())
    return (
        f"<p>{num_samples / trace.song.sample_rate:.2f} s of music, {format_count(num_channels, 'channel')} at "
        f"{format_rate(trace.song.sample_rate)}, taken apart into {format_count(len(trace.stems), 'stem')} by the "
        f"model <strong>{escape(trace.plan.model_id)}</strong> on <strong>{escape(name_device(trace))}</strong> in "
        f"{seconds:.2f} s.</p>\n"
        f'<p class="soft">{escape(trace.plan.card.summary)}</p>\n'
    )


def render_path(trace: Trace) -> str:
    """The steps as a table."""
    titles = ("step", "axes", "shape", "type", "device", "time", "memory", "settings")
    rows = [
        (
            step.name,
            step.axes,
            write_shape(step),
            str(step.dtype).removeprefix("torch."),
            step.device,
            f"{1000 * step.seconds:.1f} ms",
            format_bytes(step.bytes) + ("" if step.is_kept else " (not kept)"),
            ", ".join(f"{name} {value}" for name, value in step.parameters.items()),
        )
        for step in trace.values()
    ]
    return make_table(titles, rows, caption="What goes out of each step, in order", numbers=("time", "memory"))


def write_shape(step: TraceStep) -> str:
    """``(2, 529200)`` -> ``"2 × 529200"``, which no line end parts."""
    return "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}".join(map(str, step.shape))


def render_steps(trace: Trace) -> str:
    """Each step's figure."""
    most_bytes = ALL_FIGURES_BYTES // len(trace)
    return (
        f'<div class="steps">\n{"".join(render_step(step, most_bytes=most_bytes) for step in trace.values())}</div>\n'
    )


def render_step(step: TraceStep, *, most_bytes: int) -> str:
    """One step: what it does, what went out, its figure."""
    figure = draw_step(step)
    alt = f"Figure of the step {step.name}. {figure.get_suptitle()}".replace("\n", " ")
    image = make_image(encode_figure(figure, most_bytes=most_bytes), alt=alt)
    out = f"{step.axes} = {write_shape(step)}, {str(step.dtype).removeprefix('torch.')}"
    return (
        f'<article id="step-{step.name}"><h3>{step.name}</h3>\n'
        f'<p>{escape(MEANINGS[step.name])} <span class="soft">{escape(out)}</span></p>\n'
        f"<figure>{image}</figure></article>\n"
    )


def render_replay(trace: Trace, song: SongFile | None) -> str:
    """The run as Python, as a command line and as a document."""
    replay = make_replay(trace, song=song)
    command = write_command(replay)
    shell = (
        f"<pre><code>{escape(command)}</code></pre>\n"
        if command is not None
        else f"<p>No command line gives this run: {escape('; '.join(replay.obstacles))}.</p>\n"
    )
    document = write_yaml(trace.plan.config.to_document())
    return (
        f"<h3>In Python</h3>\n<pre><code>{escape(write_python(replay))}</code></pre>\n"
        f"<h3>On the command line</h3>\n{shell}"
        "<h3>All settings</h3>\n<details><summary>The effective document, as a config file in YAML</summary>\n"
        f"<pre><code>{escape(document)}</code></pre></details>\n"
    )


def render_notes(trace: Trace | EnsembleTrace) -> str:
    """What the run had to tell."""
    if not trace.notices:
        return "<p>The run had nothing to remark.</p>\n"
    return f"<ul>\n{''.join(f'<li>{escape(notice)}</li>' for notice in trace.notices)}</ul>\n"


def render_versions(trace: Trace) -> str:
    """What the run ran on."""
    return make_versions(find_origins([trace.plan.model_id]), name_device(trace))


def make_versions(origins: Mapping[str, str], device: str) -> str:
    """Software and device as a table; ``origins`` says of each model where it comes from."""
    rows = [
        ("stem-workbench", __version__),
        *((f"the model {name}", origin) for name, origin in origins.items()),
        ("device", device),
        ("Python", platform.python_version()),
        ("system", f"{platform.system()} {platform.machine()}"),
        *((name, importlib.metadata.version(name)) for name in LIBRARIES),
    ]
    return make_table(("part", "version"), rows, caption="Software and device of this run")


def name_device(trace: Trace) -> str:
    """``cpu``, or a GPU with its name."""
    device = trace.plan.device
    return f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device)
