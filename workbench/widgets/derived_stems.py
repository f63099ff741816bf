"""Rules that make further stems, built from lists, seen as a graph, measured and heard."""

from __future__ import annotations

import html
import math
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure
from torch import Tensor
from traitlets import Dict, Float, Int, List, Unicode, validate

from workbench.core.audio import Audio
from workbench.core.stems import MIXTURE, Rule, SubtractRule, derive_stems, rule_terms
from workbench.errors import InvalidType, InvalidValue, WorkbenchNotice
from workbench.figures.envelope import measure_peak
from workbench.figures.stems import draw_stems
from workbench.figures.style import color_stems
from workbench.pipeline.separation import Separation
from workbench.pipeline.trace import Trace
from workbench.registry.names import validate_stem_name
from workbench.widgets.base import CANVAS_KIT, WorkbenchWidget, audio_html, bytes_list_trait, read_module, read_style
from workbench.widgets.derived_measures import (
    describe_left,
    list_tracks,
    measure_residual,
    place_on_meter,
    subtract,
)
from workbench.widgets.derived_rules import (
    check_lines,
    make_rule,
    read_source,
    with_rules,
    write_lines,
    write_texts,
)
from workbench.widgets.errors import RefusedValueError
from workbench.widgets.levels import encode_peaks
from workbench.widgets.messages import read_choice, read_part, read_place
from workbench.widgets.sound import encode_track
from workbench.widgets.stem_player import FEWEST_SAMPLES_A_BLOCK, MOST_BLOCKS, StemPlayer
from workbench.widgets.traits import ViewRange


class DerivedStems(WorkbenchWidget):
    """Build rules (differences and sums), see and hear what they give, and copy them to where a run takes them.

    Args:
        source: a separation, a trace, or a mapping from names to ``Audio`` with the song as ``mixture``.
        rules: to begin with, as `workbench.separate` takes them for ``derive``; those of the run if left out.
        mixture: the song, where a mapping lacks it.
        traits: what else to begin with, such as ``chosen=["vocals"]``.

    Attributes:
        rules: lines such as ``"instrumental = mixture - vocals"``, each using the mixture, stems and rules before it.
        chosen: the stems, derived or not, that the additivity meter takes off the mixture; at first the model's.
        residual_db: the RMS of what that leaves, in dB of the mixture's; ``-inf`` if it leaves nothing.
        texts: the rules to copy, as ``config``, ``python`` and ``command``.

    Raises:
        InvalidValue: rules that cannot be, stems that differ from the mixture in shape or rate, no mixture.
        InvalidType: nothing that holds stems.
    """

    _esm = read_module(*CANVAS_KIT, "derived_graph.js", "derived_stems.js")
    _css = read_style("derived_stems.css")

    label = Unicode("Derived stems").tag(sync=True)
    rules = List(Unicode()).tag(sync=True)
    chosen = List(Unicode()).tag(sync=True)
    residual_db = Float(-math.inf)
    texts = Dict().tag(sync=True)
    notice = Unicode(help="What the user should know of the stems.").tag(sync=True)
    parsed = List(Dict(), help="Name, operation and terms of each rule.").tag(sync=True)
    tracks = List(Dict(), help="Name, role, color and level of each lane.").tag(sync=True)
    residual = Dict(help="What the meter shows: words, and part of its length.").tag(sync=True)
    shown = ViewRange(help="[from s, to s] that the lanes show, or [] for all.").tag(sync=True)
    stem_peaks, derived_peaks = bytes_list_trait(), bytes_list_trait()
    block_seconds = Float(1.0).tag(sync=True)
    duration_seconds = Float(1.0).tag(sync=True)
    sample_rate = Int(44_100).tag(sync=True)

    def __init__(
        self,
        source: object,
        *,
        rules: Mapping[str, object] | Sequence[str] | str | None = None,
        mixture: Audio[Tensor] | None = None,
        **traits: Any,
    ) -> None:
        self._source = read_source(source, mixture=mixture)
        song, names = self._source.mixture, tuple(self._source.stems)
        lines = self._source.rules if rules is None else write_lines(check_lines(rules, stem_names=names))
        self._parsed: dict[str, Rule] = {}
        self._derived: dict[str, Tensor] = {}
        self._full_scale = 0.0
        num_samples = song.data.shape[-1]
        self._per_block = max(FEWEST_SAMPLES_A_BLOCK, math.ceil(num_samples / MOST_BLOCKS))
        super().__init__(
            **{"chosen": list(names), "rules": list(lines), **traits},
            notice=self._source.notice,
            block_seconds=self._per_block / song.sample_rate,
            duration_seconds=num_samples / song.sample_rate,
            sample_rate=song.sample_rate,
        )
        self._refresh()
        self.watch(self._refresh, "rules")
        self.watch(self._measure, "chosen")
        self.on_message(self._answer)

    # What was made

    @property
    def stems(self) -> dict[str, Audio[Tensor]]:
        """All stems by name: the separated ones, then the derived ones."""
        rate = self._source.mixture.sample_rate
        return self._source.stems | {name: Audio(data, rate) for name, data in self._derived.items()}

    @property
    def mixture(self) -> Audio[Tensor]:
        """The song."""
        return self._source.mixture

    @property
    def _tensors(self) -> dict[str, Tensor]:
        return self._source.tensors | self._derived

    def rerun(self) -> Trace:
        """The run with these rules: ``trace.rerun("derive", derive=widget.rules)``.

        Raises:
            InvalidValue: the widget was not made from a trace of a single pass.
        """
        if self._source.trace is None:
            raise InvalidValue("there is no trace to go on from: make the widget of one, DerivedStems(wb.trace(...))")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WorkbenchNotice)  # they are among the new trace's notices
            return self._source.trace.rerun("derive", derive=list(self.rules), progress=False)

    def player(self) -> StemPlayer:
        """Mixture, stems and derived stems to listen to in step."""
        config = with_rules(self._source.config, rules=self._parsed)
        return StemPlayer(Separation(self.stems, self.mixture, all_stems=None, config=config))

    # Rules

    @validate("rules")
    def _check_rules(self, proposal: dict[str, Any]) -> list[str]:
        return list(write_lines(self._read(proposal["value"])))

    def _read(self, lines: Sequence[str]) -> dict[str, Rule]:
        try:
            return check_lines(lines, stem_names=tuple(self._source.stems))
        except (InvalidValue, InvalidType) as error:
            raise RefusedValueError(str(error)) from error

    @validate("chosen")
    def _check_chosen(self, proposal: dict[str, Any]) -> list[str]:
        known = (*self._source.stems, *self._read(self.rules))
        for name in proposal["value"]:
            if name not in known:
                raise RefusedValueError(
                    f"there is no stem {name!r} to take off the mixture; there are {', '.join(known)}"
                )
        return list(dict.fromkeys(proposal["value"]))

    def add_rule(self, name: str, *, operation: str, terms: Sequence[str]) -> None:
        """Append a rule.

        Args:
            name: of the new stem.
            operation: ``subtract`` or ``sum``.
            terms: names of two stems, or of those to add up; ``mixture`` is the song.

        Raises:
            InvalidValue: a rule that cannot be; the rules stay as they are.
        """
        checked = validate_stem_name(name.strip())  # before it is written into a line
        self.rules = [*self.rules, *write_lines({checked: make_rule(operation, terms=terms)})]

    def remove_rule(self, index: int) -> None:
        """Take a rule away, unless another one uses it."""
        self.rules = [line for place, line in enumerate(self.rules) if place != index]

    def move_rule(self, index: int, *, by: int) -> None:
        """Move a rule earlier (``by`` below 0) or later, unless one of them uses the other."""
        lines = list(self.rules)
        target = index + by
        if 0 <= target < len(lines):
            lines.insert(target, lines.pop(index))
            self.rules = lines

    def _refresh(self, change: object = None) -> None:
        with self.working(), self.hold_sync():
            source = self._source
            self._parsed = self._read(self.rules)
            made = derive_stems(source.tensors, source.mixture.data, self._parsed)
            self._derived = {name: made[name] for name in self._parsed}
            self._encode()
            self.texts = write_texts(self._parsed)
            self.parsed = [
                {"name": name, "operation": rule.operation, "terms": list(rule_terms(rule))}
                for name, rule in self._parsed.items()
            ]
            self.tracks = list_tracks(source, derived=self._derived, rules=self._parsed)
            self.chosen = [name for name in self.chosen if name in self.stems]
            self._measure()

    def _encode(self) -> None:
        """Lanes for the browser, all on one scale; those of the separated stems only when that changed."""
        separated = [self.mixture, *self._source.stems.values()]
        derived = [self.stems[name] for name in self._derived]
        full_scale = max(measure_peak(audio.data) for audio in (*separated, *derived)) or 1.0
        encode = partial(encode_peaks, samples_per_block=self._per_block, full_scale=full_scale)
        if full_scale != self._full_scale:
            self._full_scale = full_scale
            self.stem_peaks = [encode(audio) for audio in separated]
        self.derived_peaks = [encode(audio) for audio in derived]

    # Measures

    def _measure(self, change: object = None) -> None:
        self.residual_db = measure_residual(self.mixture.data, stems=self._tensors, names=self.chosen)
        what = f"mixture − {' − '.join(self.chosen)}" if self.chosen else "mixture"
        words = f"{what} leaves {describe_left(self.residual_db)}"
        self.residual = {"words": words, "part": place_on_meter(self.residual_db)}

    # Browser

    def _answer(self, content: dict[str, Any], buffers: list[Any]) -> None:
        count = len(self.rules)
        match content:
            case {"add": {"name": str(name), "operation": str(operation), "terms": [*terms]}}:
                self.add_rule(name, operation=operation, terms=[str(term) for term in terms])
            case {"remove": _}:
                self.remove_rule(read_place(content, "remove", count=count))
            case {"move": _}:
                self.move_rule(read_place(content, "move", count=count), by=read_part(content, "by", int))
            case {"hear": _}:
                name = read_choice(content, "hear", choices=(MIXTURE, *self.stems))
                self._send_sound(name, read_part(content, "request", str))
            case _:
                raise InvalidValue(f"the widget knows add, remove, move and hear, the browser sent {content!r}")

    def _send_sound(self, name: str, request: str) -> None:
        with self.working():
            audio = self.mixture if name == MIXTURE else self.stems[name]
            gain = 1.0 / max(1.0, self._full_scale)  # one for all, so that they can be compared
            self.send({"sound": name, "request": request}, [encode_track(audio, gain=gain)])

    # Exports

    def figure(self) -> Figure:
        """Waveforms and spectrograms of all stems; where they are the model's own, what they leave over as well."""
        is_plain = bool(self.chosen) and set(self.chosen) == set(self._source.stems)
        left = subtract(self.mixture.data, stems=self._tensors, names=self.chosen)
        remainder = Audio(left, self.mixture.sample_rate) if is_plain else None
        colors = color_stems((*self._source.order, *self._derived))
        headline = "; ".join(self.rules) or "no stems are derived"
        return draw_stems(self.stems, mixture=self.mixture, remainder=remainder, colors=colors, headline=headline)

    def describe(self) -> str:
        """The rules and what the chosen stems leave, in words."""
        made = "; ".join(
            f"{name} is {(' minus ' if isinstance(rule, SubtractRule) else ' plus ').join(rule_terms(rule))}"
            for name, rule in self._parsed.items()
        )
        return f"{self.label}: {made or 'no rules'}. {self.residual['words']}."

    def export_html(self) -> str:
        """The picture, the rules with what they leave, and each derived stem's sound."""
        gain = 1.0 / max(1.0, self._full_scale)
        left = {track["name"]: track["left"] for track in self.tracks}
        rows = "".join(
            f"<li>{html.escape(line)} ({html.escape(left[name])})</li>"
            for line, name in zip(self.rules, self._parsed, strict=True)
        )
        sounds = "".join(audio_html(encode_track(self.stems[name], gain=gain), label=name) for name in self._derived)
        return f"{super().export_html()}<ol>{rows}</ol><p>{html.escape(self.residual['words'])}</p>{sounds}"
