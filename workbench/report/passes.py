"""What the report of several passes has of its own: how far each lies from the result, where, and how it ran."""

from __future__ import annotations

import os
import shlex

from workbench.figures.style import color_stems, format_count, format_rate
from workbench.pipeline.ensemble_trace import EnsembleTrace, format_agreement
from workbench.pipeline.provenance import find_origins
from workbench.pipeline.yaml_text import write_yaml
from workbench.report.page import ALL_FIGURES_BYTES, make_versions, name_device, render_path
from workbench.report.pictures import encode_figure
from workbench.report.replay import SongFile, list_reading_options, write_song
from workbench.report.words import escape, make_image, make_table

CONFIG_FILE = "run.yaml"  # what the reader is told to call the document


def list_colors(trace: EnsembleTrace) -> dict[str, str]:
    """The colour of each stem: those that all members have first, then derived ones."""
    return color_stems((*trace.decision.stem_names, *trace.decision.rules))


def render_lead(trace: EnsembleTrace) -> str:
    """Song, models and devices, in two lines."""
    num_channels, num_samples = trace.song.data.shape
    seconds = sum(step.seconds for one in trace.values() for step in one.values())
    decision = trace.decision
    names = ", ".join(dict.fromkeys(member.decision.model_id for member in decision.members))
    together = "averaged" if decision.members[0].name is None else f"combined by {decision.method}"
    return (
        f"<p>{num_samples / trace.song.sample_rate:.2f} s of music, {format_count(num_channels, 'channel')} at "
        f"{format_rate(trace.song.sample_rate)}, taken apart into {format_count(len(trace.stems), 'stem')} in "
        f"{'1 pass' if len(trace) == 1 else f'{len(trace)} passes'} by <strong>{escape(names)}</strong> on "
        f"<strong>{escape(list_devices(trace))}</strong> in {seconds:.2f} s.</p>\n"
        f'<p class="soft">What the passes gave was {escape(together)}.</p>\n'
    )


def render_passes(trace: EnsembleTrace) -> str:
    """A row a pass: its model, its time, and how near its stems are to the result; then each one's path."""
    stems = list_compared(trace)
    rows = [
        (
            name,
            one.plan.model_id,
            f"{sum(step.seconds for step in one.values()):.2f} s",
            *(format_agreement(trace.agreement[name][stem]) for stem in stems),
        )
        for name, one in trace.items()
    ]
    caption = "Each pass, and the SDR of the combined stems against its own: the higher, the nearer it is to them"
    table = make_table(("pass", "model", "time", *stems), rows, caption=caption, numbers=("time", *stems))
    paths = (
        f"<details><summary>The path of {escape(name)}</summary>\n{render_path(one)}</details>\n"
        for name, one in trace.items()
    )
    return table + "".join(paths)


def render_disagreement(trace: EnsembleTrace) -> str:
    """For each stem that the passes gave, where in time and frequency they differ."""
    stems = list_compared(trace)
    if not stems:
        return "<p>No stem of the passes themselves was asked for, only what rules make of them.</p>\n"
    articles = []
    for stem in stems:
        image = make_image(
            encode_figure(trace.figure(stem), most_bytes=ALL_FIGURES_BYTES // len(stems)),
            alt=f"How far each pass is from the combined {stem}, over time and frequency.",
        )
        articles.append(f"<article><h3>{escape(stem)}</h3>\n<figure>{image}</figure></article>\n")
    return f'<div class="steps">\n{"".join(articles)}</div>\n'


def render_replay(trace: EnsembleTrace, song: SongFile | None) -> str:
    """The run as a config, and the Python and the command line that take it."""
    document = write_yaml(trace.decision.config.to_document())
    first = trace.decision.members[0]
    checkpoint = first.request.checkpoint if first.name is None else None  # of members it stands in the config
    arguments = [write_song(song), f"config={CONFIG_FILE!r}"]
    arguments += [] if checkpoint is None else [f"checkpoint={os.fspath(checkpoint)!r}"]
    python = f"import workbench as wb\n\ntrace = wb.trace({', '.join(arguments)})"
    obstacles = [f"{name}, which no config can hold" for name in trace.decision.not_in_settings]
    obstacles += ["the song, which was given as samples"] if song is None else []
    if song is None or obstacles:
        shell = f"<p>To be given again beside it: {escape('; '.join(obstacles))}.</p>\n"
    else:
        path = os.fspath(song.path)
        words = ["workbench", "separate", f"./{path}" if path.startswith("-") else path, "-c", CONFIG_FILE]
        words += [] if checkpoint is None else ["--checkpoint", os.fspath(checkpoint)]
        command = shlex.join([*words, *list_reading_options(song)])
        shell = f"<h3>On the command line</h3>\n<pre><code>{escape(command)}</code></pre>\n"
    return (
        f"<h3>All settings</h3>\n<p>The effective document; save it as <code>{CONFIG_FILE}</code>.</p>\n"
        f"<pre><code>{escape(document)}</code></pre>\n"
        f"<h3>In Python</h3>\n<pre><code>{escape(python)}</code></pre>\n{shell}"
    )


def render_versions(trace: EnsembleTrace) -> str:
    """What the passes ran on."""
    origins = find_origins(member.decision.model_id for member in trace.decision.members)
    return make_versions(origins, list_devices(trace))


def list_compared(trace: EnsembleTrace) -> list[str]:
    """The stems of the result that the passes gave themselves."""
    return [name for name in trace.decision.selected if name in trace.stems]


def list_devices(trace: EnsembleTrace) -> str:
    """The devices of all passes, each once."""
    return ", ".join(dict.fromkeys(name_device(one) for one in trace.values()))
