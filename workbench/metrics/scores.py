"""Several stems scored by several metrics: a table."""

from __future__ import annotations

import html
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from workbench.core.audio import Audio
from workbench.errors import InvalidType, InvalidValue, WorkbenchError, WorkbenchNotice
from workbench.metrics.table import METRICS
from workbench.registry.names import join_names, suggest_nearest
from workbench.text_table import GAP, find_width

MIXTURE = "mixture"
if TYPE_CHECKING:
    Stems: TypeAlias = Mapping[str, Audio[Any]]
else:
    Stems = Mapping  # looking at a value would read its file, so each is checked when its turn comes


@dataclass(frozen=True, repr=False, eq=False)
class Scores(Mapping[str, Mapping[str, float]]):
    """A row for each stem and a column for each metric; shows as a table.

    ``scores["vocals"]["sdr"]`` is a number.

    Args:
        metrics: the columns, names of `METRICS`.
        rows: stem -> metric -> number.
    """

    metrics: tuple[str, ...]
    rows: Mapping[str, Mapping[str, float]]

    def __getitem__(self, stem: str) -> Mapping[str, float]:
        """Give the numbers of one stem."""
        return self.rows[stem]

    def __iter__(self) -> Iterator[str]:
        """Go through the stems."""
        return iter(self.rows)

    def __len__(self) -> int:
        """Count the stems."""
        return len(self.rows)

    def __repr__(self) -> str:
        """Draw the table as text, its numbers aligned; metrics that do not fit beside the others come below them."""
        stems, *numbers = zip(*self._make_table(), strict=True)
        width = find_width()
        most = max(1, width // 2)
        stems = tuple(name if len(name) <= most else f"{name[: most - 3]}..." for name in stems)
        room = width - max(map(len, stems))
        blocks: list[list[tuple[str, ...]]] = [[]]
        for column in numbers:
            needed = sum(max(map(len, one)) + len(GAP) for one in (*blocks[-1], column))
            if blocks[-1] and needed > room:
                blocks.append([])
            blocks[-1].append(column)
        lines = []
        for index, block in enumerate(blocks):
            widths = [max(map(len, column)) for column in (stems, *block)]
            table = [
                GAP.join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
                for row in zip(stems, *block, strict=True)
            ]
            table.insert(1, GAP.join("-" * size for size in widths))
            lines += [*([""] if index else []), *table]
        return "\n".join([*lines, *self._make_notes()])

    def _repr_html_(self) -> str:
        """Draw the table as HTML; names are escaped."""
        head, *body = [[html.escape(cell) for cell in row] for row in self._make_table()]
        lines = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body]
        columns = "".join(f"<th>{cell}</th>" for cell in head)
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self._make_notes())
        return f"<table><thead><tr>{columns}</tr></thead><tbody>{''.join(lines)}</tbody></table>{notes}"

    def _make_table(self) -> list[tuple[str, ...]]:
        """Head and rows, as text; a name with line breaks becomes one line."""
        units = {name: METRICS[name].unit for name in self.metrics}
        head = ("stem", *(f"{name} ({unit})" if unit else name for name, unit in units.items()))
        rows = [
            (" ".join(stem.split()), *(format(row[name], METRICS[name].number_format) for name in self.metrics))
            for stem, row in self.rows.items()
        ]
        return [head, *rows]

    def _make_notes(self) -> list[str]:
        lower = [name for name in self.metrics if not METRICS[name].higher_is_better]
        return [f"lower is better: {', '.join(lower)}"] if lower else []


def score(
    references: Stems,
    estimates: Stems,
    *,
    metrics: Sequence[str] = ("sdr", "si_sdr"),
) -> Scores:
    """Score each estimate against the reference of the same name.

    Stems that only one side has are left out, with a notice that names them. ``mixture`` is no stem: it is what
    ``log_wmse`` is relative to. Stems are taken out of the mappings one at a time, so that a mapping
    which reads files on use never holds more than one pair. ::

        song = wb.demo_song()
        scores = score(song, {"drums": my_drums}, metrics=("sdr", "log_wmse"))
        scores["drums"]["sdr"]

    Args:
        references: the true stems by name, and ``mixture`` where a metric needs it.
        estimates: what was separated: a mapping, or what `workbench.separate` gives.
        metrics: names of `METRICS`, the columns of the table.

    Returns:
        A row for each stem that both have, in the references' order.

    Raises:
        InvalidValue: an unknown metric or none, no name in common, a reference and an estimate of other
            length, channels or sample rate, a metric without the mixture that it needs, or what the metric itself
            raises; with the stem's name.
        InvalidType: `metrics` is one string, or a stem is no Audio.
    """
    names = check_metrics(metrics)
    stems = _match_stems(references, estimates)
    mixture = None
    if any(METRICS[name].needs_mixture for name in names):
        mixture = _get_mixture(references, names)
    rows: dict[str, Mapping[str, float]] = {}
    for stem in stems:
        pair = (_get_audio("reference", references, stem), _get_audio("estimate", estimates, stem))
        _check_same_format(stem, *pair)
        try:
            rows[stem] = {
                name: METRICS[name].function(*pair, **({"mixture": mixture} if METRICS[name].needs_mixture else {}))
                for name in names
            }
        except WorkbenchError as error:
            raise type(error)(f"{stem}: {error}") from error
    return Scores(names, rows)


def check_metrics(metrics: Sequence[str]) -> tuple[str, ...]:
    """The names of metrics, each once, if there are such metrics.

    Raises:
        InvalidType: a single string.
        InvalidValue: an unknown name, or none at all.
    """
    if isinstance(metrics, str):
        raise InvalidType(f"metrics must be a list of names, got the string {metrics!r}; write [{metrics!r}]")
    names = tuple(dict.fromkeys(metrics))
    if not names:
        raise InvalidValue(f"expected at least one metric, got none; there are {join_names(METRICS)}")
    for name in names:
        if name not in METRICS:
            nearest = suggest_nearest(str(name), METRICS)
            raise InvalidValue(f"no metric is called {name!r}{nearest or '; there are ' + join_names(METRICS)}")
    return names


def _match_stems(references: Stems, estimates: Stems) -> list[str]:
    """Names that both have; a notice about those that only one has."""
    true, guessed = ([name for name in side if name != MIXTURE] for side in (references, estimates))
    common = [name for name in true if name in guessed]
    if not common:
        raise InvalidValue(
            f"no stem is in both: the references are {join_names(true)}, the estimates {join_names(guessed)}; "
            "give them the same names"
        )
    lonely = {
        "no estimate of": [name for name in true if name not in common],
        "no reference for": [name for name in guessed if name not in common],
    }
    said = [f"{what} {', '.join(names)}" for what, names in lonely.items() if names]
    if said:
        warnings.warn(f"{'; '.join(said)}: left out", WorkbenchNotice, stacklevel=3)  # the caller of score
    return common


def _get_mixture(references: Stems, names: Sequence[str]) -> Audio[Any]:
    if MIXTURE not in references:
        needing = join_names(name for name in names if METRICS[name].needs_mixture)
        raise InvalidValue(
            f"{needing}: the references have no {MIXTURE!r}, relative to which this is; add it, or leave {needing} out"
        )
    return _get_audio("reference", references, MIXTURE)


def _get_audio(side: str, stems: Stems, name: str) -> Audio[Any]:
    audio = stems[name]
    if not isinstance(audio, Audio):
        raise InvalidType(
            f"{name}: expected the {side} as Audio, got {type(audio).__name__}; make it Audio(data, sample_rate)"
        )
    return audio


def _check_same_format(stem: str, reference: Audio[Any], estimate: Audio[Any]) -> None:
    got = [(tuple(one.data.shape), one.sample_rate) for one in (reference, estimate)]
    if got[0] != got[1]:
        ours, theirs = (f"{_describe_shape(shape)} at {rate} Hz" for shape, rate in got)
        raise InvalidValue(
            f"{stem}: the reference has {ours}, the estimate {theirs}; expected the same of both: trim, convert or "
            "resample one of them"
        )


def _describe_shape(shape: tuple[int, ...]) -> str:
    if len(shape) != 2:
        return f"shape {shape}"
    return f"{shape[1]} samples in {shape[0]} channel{'s' if shape[0] != 1 else ''}"
