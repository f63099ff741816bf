"""What `workbench.widgets.DerivedStems` works on: stems with their mixture, and what rules do with them."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from workbench.core.audio import Audio
from workbench.core.stems import MIXTURE, Rule, SubtractRule, SumRule, rule_terms
from workbench.errors import InvalidType, InvalidValue
from workbench.pipeline.config import RunConfig
from workbench.pipeline.ensemble_trace import EnsembleTrace
from workbench.pipeline.rules import check_rules, read_rules
from workbench.pipeline.separation import Separation
from workbench.pipeline.steps import load_song
from workbench.pipeline.trace import Trace
from workbench.pipeline.validation import validate_config
from workbench.pipeline.yaml_text import write_yaml
from workbench.registry.names import validate_stem_names
from workbench.report.replay import write_rule

PARTIAL = "Only some of the model's stems are here, so that they leave more of the mixture over."
NO_STEMS = "There are no stems to derive others from: give a separation, or a mapping that holds some."


@dataclass(frozen=True, eq=False)
class StemSource:
    """Where derived stems come from.

    Args:
        mixture: the song, data (channel, time).
        stems: by name, without derived ones, all of the mixture's shape and rate.
        order: names that colours go by, so that a stem has the same one in every figure.
        rules: those of the run, as lines.
        config: of the run.
        trace: of the run, if it was traced in a single pass.
        notice: what the user should know.
    """

    mixture: Audio[Tensor]
    stems: dict[str, Audio[Tensor]]
    order: tuple[str, ...]
    rules: tuple[str, ...]
    config: RunConfig
    trace: Trace | None = None
    notice: str = ""

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The stems' samples."""
        return {name: audio.data for name, audio in self.stems.items()}


def read_source(given: object, *, mixture: Audio[Tensor] | None = None) -> StemSource:
    """Stems and mixture from a separation, a trace or a mapping from names to ``Audio``.

    Args:
        given: in a mapping, ``mixture`` is the song itself.
        mixture: the song, where a mapping lacks it.

    Raises:
        InvalidType: something else, or a stem that is no ``Audio``.
        InvalidValue: no mixture, or a stem of another shape or rate than it.
    """
    if isinstance(given, Trace):
        return _read_trace(given)
    separation = given.stems if isinstance(given, EnsembleTrace) else given
    if isinstance(separation, Separation):
        rules = separation.config.derived_stems
        stems = {name: audio for name, audio in separation.items() if name not in rules}
        lines, dropped = keep_rules(write_lines(read_rules(_dump_rules(separation.config))), stem_names=tuple(stems))
        partial = PARTIAL if separation.config.inference.requested_stems is not None else ""
        notice = " ".join(words for words in (partial, *dropped) if words) if stems else NO_STEMS
        return StemSource(separation.mixture, stems, tuple(stems), lines, separation.config, notice=notice)
    if not isinstance(given, Mapping):
        hint = "; a song alone has nothing to derive from, separate it first" if isinstance(given, Audio) else ""
        raise InvalidType(
            f"expected a separation, a trace or a mapping from names to Audio, got {type(given).__name__}{hint}"
        )
    tracks = {str(name): load_song(audio) for name, audio in given.items()}
    song = tracks.pop(MIXTURE, None) or (None if mixture is None else load_song(mixture))
    if song is None:
        raise InvalidValue("the mixture is missing: put it under 'mixture' or give it as mixture=")
    _check_alike(tracks, song)
    if tracks:
        validate_stem_names(tracks)
    return StemSource(song, tracks, tuple(tracks), (), RunConfig(), notice="" if tracks else NO_STEMS)


def _read_trace(trace: Trace) -> StemSource:
    plan, song = trace.plan, trace.song
    restored = trace["restore"].output  # (stem, channel, time), derived stems not among them
    names = [plan.stem_names[index] for index in plan.selected]
    stems = {name: Audio(stem, song.sample_rate) for name, stem in zip(names, restored, strict=True)}
    notice = PARTIAL if len(names) < len(plan.stem_names) else ""
    return StemSource(
        song, stems, tuple(plan.stem_names), write_lines(plan.rules), plan.config, trace=trace, notice=notice
    )


def _check_alike(tracks: Mapping[str, Audio[Tensor]], song: Audio[Tensor]) -> None:
    for name, audio in tracks.items():
        if audio.sample_rate != song.sample_rate or audio.data.shape != song.data.shape:
            raise InvalidValue(
                f"{name} is {tuple(audio.data.shape)} at {audio.sample_rate} Hz and the mixture "
                f"{tuple(song.data.shape)} at {song.sample_rate} Hz: give both with the same channels, length and rate"
            )


def _dump_rules(config: RunConfig) -> dict[str, Any]:
    return {name: section.model_dump() for name, section in config.derived_stems.items()}


def keep_rules(lines: Sequence[str], *, stem_names: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Those of a run's rules that these stems are enough for, and a sentence for each of the others."""
    kept: list[str] = []
    dropped = []
    for line in lines:
        try:
            check_lines([*kept, line], stem_names=stem_names)
        except InvalidValue as error:
            dropped.append(f"Left out: {error}.")
        else:
            kept.append(line)
    return tuple(kept), dropped


def check_lines(lines: Mapping[str, object] | Sequence[str] | str, *, stem_names: Sequence[str]) -> dict[str, Rule]:
    """Rules by name, held to all that the pipeline asks of them.

    Raises:
        InvalidValue: a line that is no rule, a name that is taken, reserved or not safe, a term that is not there yet.
        InvalidType: neither a mapping nor lines.
    """
    rules = read_rules(lines)
    for name, rule in rules.items():
        if name in rule_terms(rule):
            raise InvalidValue(f"the rule {name!r} uses itself: it can use the mixture, stems and rules before it")
    check_rules(rules, stem_names)
    if stem_names or rules:
        validate_stem_names((*stem_names, *rules))  # two that differ in case alone would share a file
    return rules


def write_lines(rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """Rules as the lines that `workbench.separate` takes for ``derive``."""
    return tuple(write_rule(name, dataclasses.asdict(rule)) for name, rule in rules.items())


def make_rule(operation: str, *, terms: Iterable[str]) -> Rule:
    """A rule from what was picked in lists.

    Raises:
        InvalidValue: an unknown operation, a difference that is not of two, a sum of nothing or of one stem twice.
    """
    names = tuple(terms)
    if operation == "subtract":
        if len(names) != 2 or not all(names):
            raise InvalidValue("a difference is of two: choose what to subtract, and from what")
        if names[0] == names[1]:
            raise InvalidValue(f"{names[0]} minus itself is silence: choose another stem to subtract")
        return SubtractRule(*names)
    if operation != "sum":
        raise InvalidValue(f"operation must be 'subtract' or 'sum', got {operation!r}")
    if not names:
        raise InvalidValue("a sum needs at least one stem: tick those to add up")
    return SumRule(names)


def write_texts(rules: Mapping[str, Rule]) -> dict[str, str]:
    """Rules to copy: as part of a config file, as an argument in Python, as options of ``workbench separate``."""
    document: dict[str, Any] = {}
    for name, rule in rules.items():
        if isinstance(rule, SubtractRule):
            document[name] = {"operation": "subtract", "stem_name": rule.stem_name, "by_stem_name": rule.by_stem_name}
        else:
            document[name] = {"operation": "sum", "stem_names": list(rule.stem_names)}
    lines = write_lines(rules)
    python = "".join(f"    {line!r},\n" for line in lines)
    return {
        "config": write_yaml({"derived_stems": document}),
        "python": f"derive={list(lines)!r}" if len(lines) < 2 else f"derive=[\n{python}]",
        "command": " \\\n".join(f"--derive {shlex.quote(line)}" for line in lines),
    }


def with_rules(config: RunConfig, *, rules: Mapping[str, Rule]) -> RunConfig:
    """The config of a run that derives these stems."""
    document = config.to_document()
    document["derived_stems"] = {name: dataclasses.asdict(rule) for name, rule in rules.items()}
    return validate_config(document)


def count_stems(rules: Mapping[str, Rule], *, stem_names: Sequence[str]) -> dict[str, dict[str, int]]:
    """How often each derived stem holds each of the separated ones, the mixture taken as one of each.

    >>> count_stems({"rest": SubtractRule("mixture", "vocals")}, stem_names=["vocals", "drums"])
    {'rest': {'vocals': 0, 'drums': 1}}
    """
    counts = {MIXTURE: dict.fromkeys(stem_names, 1)}
    counts |= {stem: {name: int(name == stem) for name in stem_names} for stem in stem_names}
    for name, rule in rules.items():
        terms = rule_terms(rule)
        signs = (1, -1) if isinstance(rule, SubtractRule) else (1,) * len(terms)
        counts[name] = {
            stem: sum(sign * counts[term][stem] for term, sign in zip(terms, signs, strict=True)) for stem in stem_names
        }
    return {name: counts[name] for name in rules}
