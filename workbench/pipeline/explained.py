"""The effective document with where each value came from, and the same document as a file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import AudioFileError
from workbench.io.staging import staged_files
from workbench.pipeline.decision import Decision
from workbench.pipeline.ensemble_decision import EnsembleDecision, check_members, decide_run
from workbench.pipeline.layers import FROM_FRAME_SIZE
from workbench.pipeline.merging import WHOLE_KEYS
from workbench.pipeline.outputs import list_outputs
from workbench.pipeline.plan import check_shapes
from workbench.pipeline.request import Request
from workbench.pipeline.yaml_text import write_yaml

# Two songs that differ in all that a setting can depend on: (rate in hertz, channels, samples).
_SONG = (44100, 2, 44100)
_OTHER_SONG = (48000, 1, 96000)
SONG_RATE = _SONG[0]
MEMBERS = ("ensemble", "members")


@dataclass(frozen=True)
class ExplainedSetting:
    """One value of the effective document.

    Attributes:
        path: as in ``("chunking", "overlap_ratio")``.
        value: plain data. Of a setting that depends on the song, what a stereo song of `SONG_RATE` would get.
        origin: who decided it: argument, setting, config, model card, song or default; or which setting it follows.
        depends_on_song: whether another song would get another value.
        follows: whether a config had better leave it out, so that it goes on following another setting.
    """

    path: tuple[str, ...]
    value: Any
    origin: str
    depends_on_song: bool
    follows: bool = False

    @property
    def is_fixed(self) -> bool:
        """Whether a config can hold it for any song."""
        return not self.depends_on_song and not self.follows


def explain_settings(request: Request) -> list[ExplainedSetting]:
    """Every setting of a run, its value and who decided it, before there is a song and before a model is loaded.

    Raises:
        InvalidValue, InvalidType, PluginError: a model, setting, stem, rule, window or format that cannot be.
    """
    decision, other = (
        decide_run(request, song_rate=rate, song_channels=channels, song_samples=samples)
        for rate, channels, samples in (_SONG, _OTHER_SONG)
    )
    list_outputs(decision)  # refuses what could not be saved
    if isinstance(decision, Decision):
        check_shapes(decision, request)
    else:
        check_members(decision)
    document, for_other = decision.config.to_document(), other.config.to_document()
    if isinstance(decision, EnsembleDecision):
        others = for_other["ensemble"]["members"]
        for given, member, same in zip(decision.members, document["ensemble"]["members"], others, strict=True):
            # shown as a whole: without what depends on the song, but for seconds that stand for samples
            member["config"] = same["config"] = keep_equal(member["config"], same["config"])
            if given.request.chunk_seconds is not None and "chunk_size" not in member["config"].get("model", {}):
                member["chunk_seconds"] = same["chunk_seconds"] = given.request.chunk_seconds
    followers: Mapping[str, int] = {}
    if isinstance(decision, Decision):
        followers = decision.followers
        document.setdefault("model", {}).update(followers)
    for_other_song = dict(_iterate_settings(for_other))
    explained = []
    for path, value in _iterate_settings(document):
        if path in [("model", name) for name in followers]:
            explained.append(ExplainedSetting(path, value, FROM_FRAME_SIZE, depends_on_song=False, follows=True))
        else:
            origin = decision.layers.find_origin(path)
            explained.append(ExplainedSetting(path, value, origin, depends_on_song=value != for_other_song[path]))
    return explained


def keep_equal(document: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What two documents have in common."""
    kept: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, Mapping) and isinstance(other.get(key), Mapping):
            if common := keep_equal(value, other[key]):
                kept[key] = common
        elif key in other and value == other[key]:
            kept[key] = value
    return kept


def _iterate_settings(document: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for section, content in document.items():
        if isinstance(content, Mapping) and (section,) not in WHOLE_KEYS:
            for key, value in content.items():
                yield (section, key), value
        else:
            yield (section,), content


def settings_to_document(settings: list[ExplainedSetting]) -> dict[str, Any]:
    """Those that are fixed, as a config."""
    document: dict[str, Any] = {}
    for setting in settings:
        if setting.is_fixed:
            *section, key = setting.path
            (document.setdefault(section[0], {}) if section else document)[key] = setting.value
    return document


def settings_to_yaml(settings: list[ExplainedSetting]) -> str:
    """A config in YAML with the origin of each value in a comment; what is not fixed is a comment as a whole."""
    lines: list[str] = []
    heading = None
    for setting in settings:
        *section, key = setting.path
        if section and section[0] != heading:
            heading = section[0]
            holds_any = any(one.is_fixed for one in settings if one.path[0] == heading)
            lines.append(f"{heading}:" if holds_any else f"# {heading}:")  # without a key it would be null
        indent = "  " if section else ""
        if setting.depends_on_song:
            lines.append(f"{indent}# {key}: {setting.value} for a stereo song at {SONG_RATE} Hz ({setting.origin})")
        elif setting.follows:
            lines.append(f"{indent}# {key}: {setting.value} ({setting.origin})")
        else:
            members = setting.value if setting.path == MEMBERS else []  # too long for one line
            entry = f"{key}:" if members else write_yaml({key: setting.value}, in_line=True)[1:-1]
            lines.append(f"{indent}{entry}  # {setting.origin}")
            lines += [f"{indent}  - {write_yaml(member, in_line=True)}" for member in members]
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
    text = write_yaml(dict(document))
    with staged_files([target], overwrite=overwrite) as (draft,):
        try:
            draft.write_text(text, encoding="utf-8")
        except OSError as error:
            raise AudioFileError(f"cannot write {target}: {error.strerror}") from error
    return target
