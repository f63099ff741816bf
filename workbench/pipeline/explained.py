"""The effective document with where each value came from, and the same document as a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import AudioFileError
from workbench.io.staging import staged_files
from workbench.pipeline.config import WHOLE_KEYS
from workbench.pipeline.decision import Decision, decide
from workbench.pipeline.request import Request

# Two songs that differ in all that a setting can depend on: (rate in hertz, channels, samples).
_SONG = (44100, 2, 44100)
_OTHER_SONG = (48000, 1, 96000)
SONG_RATE = _SONG[0]


@dataclass(frozen=True)
class ExplainedSetting:
    """One value of the effective document.

    Attributes:
        path: as in ``("chunking", "overlap_ratio")``.
        value: plain data. Of a setting that depends on the song, what a stereo song of `SONG_RATE` would get.
        origin: who decided it: argument, setting, config, model card, song or default.
        depends_on_song: whether another song would get another value.
    """

    path: tuple[str, ...]
    value: Any
    origin: str
    depends_on_song: bool


def explain_settings(request: Request) -> list[ExplainedSetting]:
    """Every setting of a run, its value and who decided it, before there is a song and before a model is loaded.

    Raises:
        InvalidValue, InvalidType, PluginError: a model, setting, stem or rule that cannot be.
    """
    decision, other = (
        decide(request, song_rate=rate, song_channels=channels, song_samples=samples)
        for rate, channels, samples in (_SONG, _OTHER_SONG)
    )
    for_other_song = dict(_iterate_settings(other))
    return [
        ExplainedSetting(path, value, decision.layers.find_origin(path), value != for_other_song[path])
        for path, value in _iterate_settings(decision)
    ]


def _iterate_settings(decision: Decision) -> Iterator[tuple[tuple[str, ...], Any]]:
    for section, content in decision.config.to_document().items():
        if isinstance(content, Mapping) and (section,) not in WHOLE_KEYS:
            for key, value in content.items():
                yield (section, key), value
        else:
            yield (section,), content


def settings_to_document(settings: list[ExplainedSetting]) -> dict[str, Any]:
    """Those that do not depend on the song, as a config."""
    document: dict[str, Any] = {}
    for setting in settings:
        if not setting.depends_on_song:
            *section, key = setting.path
            (document.setdefault(section[0], {}) if section else document)[key] = setting.value
    return document


def settings_to_yaml(settings: list[ExplainedSetting]) -> str:
    """A config in YAML with the origin of each value in a comment; what depends on the song is a comment as a whole."""
    lines: list[str] = []
    heading = None
    for setting in settings:
        *section, key = setting.path
        if section and section[0] != heading:
            heading = section[0]
            lines.append(f"{heading}:")
        indent = "  " if section else ""
        if setting.depends_on_song:
            lines.append(f"{indent}# {key}: {setting.value} for a stereo song at {SONG_RATE} Hz ({setting.origin})")
        else:
            # in braces, so that whatever the value is it stays on one line
            entry = yaml.safe_dump(
                {key: setting.value}, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
            )
            lines.append(f"{indent}{entry.strip()[1:-1]}  # {setting.origin}")
    return "\n".join(lines)


def write_config(document: Mapping[str, Any], path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a config as YAML, whole or not at all.

    Args:
        document: as of `RunConfig.to_document`.
        path: missing folders are made. ``config=`` and ``-c`` read it back as it was.
        overwrite: whether a file that exists may be replaced.

    Raises:
        AudioFileError: `path` exists, or cannot be written.
    """
    target = Path(path)
    text = yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
    with staged_files([target], overwrite=overwrite) as (draft,):
        try:
            draft.write_text(text, encoding="utf-8")
        except OSError as error:
            raise AudioFileError(f"cannot write {target}: {error.strerror}") from error
    return target
