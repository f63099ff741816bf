"""A traced run as Python and as a command line, with nothing but what differs from the model's own settings."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from torch import Tensor

from workbench.pipeline.config import RunConfig
from workbench.pipeline.decision import DEFAULTS
from workbench.pipeline.documents import audio_io_of_song, document_of_card
from workbench.pipeline.ensemble_trace import EnsembleTrace
from workbench.pipeline.layers import CARD, DEFAULT, FROM_FRAME_SIZE, SONG
from workbench.pipeline.merging import merge
from workbench.pipeline.trace import Trace
from workbench.pipeline.validation import validate_config
from workbench.pipeline.yaml_text import write_yaml
from workbench.registry.cards import ModelCard

# Settings that have an argument and an option of their own.
ARGUMENT_OF_SETTING = {
    "chunking.overlap_ratio": "overlap",
    "chunking.window_shape": "window",
    "inference.batch_size": "batch_size",
    "inference.device": "device",
    "inference.requested_stems": "stems",
}
MOST_DIGITS = 9  # behind the point of chunk_seconds; more are written only if the chunk would be another without


@dataclass(frozen=True)
class SongFile:
    """Where a song was read from, and how, so that it can be read again.

    Args:
        path: as the user gave it.
        channels: what it was mixed to on reading, if to anything.
        allow_truncated: whether it was read up to a cut.
        start_seconds: where reading began.
        seconds: how much was read; ``None`` for all there is.
    """

    path: str | os.PathLike[str]
    channels: int | None = None
    allow_truncated: bool = False
    start_seconds: float = 0.0
    seconds: float | None = None

    @property
    def name(self) -> str:
        """The file's name, without folders."""
        return PurePath(self.path).name


@dataclass
class Replay:
    """What a run was asked for, as arguments of `workbench.trace`.

    Args:
        song: where the song was read from; ``None`` if it was given as samples.
        arguments: of `workbench.trace`, as plain values.
        settings: path -> value, for what has no argument.
        objects: variable -> what it is, for arguments that no text can hold.
        obstacles: why there is no command line for this run, if so.
        mask_given: whether the step ``mask`` ran again with a mask of the caller's.
    """

    song: SongFile | None
    arguments: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    obstacles: list[str] = field(default_factory=list)
    mask_given: bool = False


def find_song_file(trace: Trace | EnsembleTrace) -> SongFile | None:
    """The file that a trace was made from, if it was given as a path."""
    given = trace.source
    return SongFile(given) if isinstance(given, str | os.PathLike) else None


def make_replay(trace: Trace, *, song: SongFile | None) -> Replay:
    """What has to be asked for to get this run again."""
    plan, replay = trace.plan, Replay(song)
    if song is None:
        replay.objects["song"] = "the song, which was given as samples (an Audio)"
        replay.obstacles.append("the song was given as samples, not as a file")
    request = plan.request
    if isinstance(request.model, str | None):
        replay.arguments["model"] = plan.model_id
        if plan.model_id.startswith("notebook."):
            replay.obstacles.append(f"the model {plan.model_id} was registered in a notebook or a script")
    else:
        kind = "card" if isinstance(request.model, ModelCard) else "torch module"
        replay.objects["model"] = f"the {kind} of {plan.model_id} that was given"
        replay.obstacles.append(f"the model was given as a {kind}")
    if request.checkpoint is not None:
        replay.arguments["checkpoint"] = os.fspath(request.checkpoint)
    if isinstance(request.references, str | os.PathLike):
        replay.arguments["references"] = os.fspath(request.references)
    elif request.references is not None:
        replay.objects["references"] = f"the true stems that were given: {', '.join(request.references)}"
        if plan.card.needs_references:
            replay.obstacles.append("the references were given as samples, not as files")
    if isinstance(request.window, Tensor):
        replay.objects["window"] = f"the tensor of {len(request.window)} samples that was given"
        replay.obstacles.append("the window was given as a tensor")
    if trace.mask_override is not None:
        replay.mask_given = True
        replay.objects["mask"] = "the mask that was given to rerun"
        replay.obstacles.append("the step mask ran again with a mask of its own")
    document = list_changes(trace)
    rules = document.pop("derived_stems", None)
    for key, value in flatten(document):
        if key == "chunking.window_shape" and "window" in replay.objects:
            continue
        if key == "model.chunk_size":
            replay.arguments["chunk_seconds"] = find_seconds(value, sample_rate=plan.sample_rate)
        elif key in ARGUMENT_OF_SETTING:
            replay.arguments[ARGUMENT_OF_SETTING[key]] = value
        else:
            replay.settings[key] = value
    if rules:
        replay.arguments["derive"] = [write_rule(name, rule) for name, rule in rules.items()]
    return replay


def list_changes(trace: Trace) -> dict[str, Any]:
    """The part of the effective document that its model, its song and the defaults would not give by themselves."""
    plan, song = trace.plan, trace.song
    lower: dict[str, Any] = merge(DEFAULTS, audio_io_of_song(sample_rate=song.sample_rate, channels=song.data.shape[0]))
    lower = validate_config(merge(lower, document_of_card(plan.card, sample_rate=plan.sample_rate))).to_document()
    changes: dict[str, Any] = {}
    for key, value in flatten(plan.config.to_document()):
        path = tuple(key.split("."))
        by_itself = plan.layers.find_origin(path) in (CARD, SONG, DEFAULT, FROM_FRAME_SIZE)
        if path != ("model_type",) and not by_itself and _look_up(lower, path) != (True, value):
            changes = merge(changes, _nest(path, value))
    return changes


def flatten(document: Mapping[str, Any], _before: str = "") -> Iterator[tuple[str, Any]]:
    """``{"chunking": {"overlap_ratio": 0.75}}`` -> ``("chunking.overlap_ratio", 0.75)``; rules stay whole."""
    for key, value in document.items():
        if isinstance(value, Mapping) and key in RunConfig.model_fields and key != "derived_stems" and not _before:
            yield from flatten(value, f"{key}.")
        else:
            yield f"{_before}{key}", value


def find_seconds(num_samples: int, *, sample_rate: int) -> float:
    """The shortest number of seconds that comes to so many samples."""
    for digits in range(MOST_DIGITS + 1):
        seconds = round(num_samples / sample_rate, digits)
        if round(seconds * sample_rate) == num_samples:
            return seconds
    return num_samples / sample_rate


def write_rule(name: str, rule: Mapping[str, Any]) -> str:
    """A rule of the document as a line: ``rest = mixture - vocals``."""
    from workbench.pipeline.rules import TERM

    def quote(term: str) -> str:
        match = TERM.fullmatch(term)
        return term if match is not None and match.group(2) == term else f'"{term}"'

    if rule["operation"] == "subtract":
        return f"{quote(name)} = {quote(rule['stem_name'])} - {quote(rule['by_stem_name'])}"
    return f"{quote(name)} = {' + '.join(map(quote, rule['stem_names']))}"


def write_python(replay: Replay) -> str:
    """Python that gives the trace again, in the name ``trace``; variables of `Replay.objects` must be there before."""
    lines = ["import workbench as wb", ""]
    lines += [f"# {name}: {meaning}" for name, meaning in replay.objects.items()]
    arguments = {name: name for name in replay.objects if name not in ("song", "mask")}
    arguments |= {name: write_literal(value) for name, value in replay.arguments.items()}
    if replay.settings:
        arguments["settings"] = write_literal(replay.settings)
    given = (f"    {name}={value}," for name, value in arguments.items())
    lines += ["trace = wb.trace(", f"    {write_song(replay.song)},", *given, ")"]
    if replay.mask_given:
        lines.append('trace = trace.rerun("mask", mask=mask)')
    return "\n".join(lines)


def write_song(song: SongFile | None) -> str:
    """A song as Python: its path, `workbench.load` of it where that takes more, or the variable ``song``."""
    if song is None:
        return "song"
    path = repr(os.fspath(song.path))
    reading = {
        "channels": song.channels,
        "start_seconds": song.start_seconds or None,
        "duration_seconds": song.seconds,
        "allow_truncated": song.allow_truncated or None,
    }
    given = [f"{name}={value!r}" for name, value in reading.items() if value is not None]
    return f"wb.load({', '.join([path, *given])})" if given else path


def list_reading_options(song: SongFile) -> list[str]:
    """How a song was read, as options of the command line."""
    given = {"--channels": song.channels, "--start": song.start_seconds or None, "--seconds": song.seconds}
    words = [word for option, value in given.items() if value is not None for word in (option, str(value))]
    return [*words, *(["--allow-truncated"] if song.allow_truncated else [])]


def write_literal(value: object) -> str:
    """As `repr`, but for infinities, which it writes as a name that Python does not know."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return f'float("{value}")'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {write_literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(write_literal, value)) + "]"
    return repr(value)


def write_command(replay: Replay) -> str | None:
    """The command that saves this run's stems, for a POSIX shell; ``None`` where there is none for it."""
    if replay.obstacles or replay.song is None:
        return None
    path = os.fspath(replay.song.path)
    words = ["workbench", "separate", f"./{path}" if path.startswith("-") else path]
    for name, value in replay.arguments.items():
        if name == "derive":
            words += [word for rule in value for word in ("--derive", rule)]
        elif name == "stems":
            words += ["--stems", ",".join(value)]
        else:
            words += ["-m" if name == "model" else f"--{name.replace('_', '-')}", str(value)]
    words += list_reading_options(replay.song)
    for key, value in replay.settings.items():
        words += ["--set", f"{key}={write_yaml(value, in_line=True)}"]
    return shlex.join(words)


def _look_up(document: Mapping[str, Any], path: tuple[str, ...]) -> tuple[bool, Any]:
    value: Any = document
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return False, None
        value = value[key]
    return True, value


def _nest(path: tuple[str, ...], value: object) -> dict[str, Any]:
    nested: Any = value
    for key in reversed(path):
        nested = {key: nested}
    return dict(nested)
