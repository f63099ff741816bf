"""``workbench score``: two folders of stems against each other, file by file."""

from __future__ import annotations

import json
from pathlib import Path

from workbench.cli.messages import make_line, showing_notices
from workbench.io.references import StemFolder
from workbench.metrics import Scores, score
from workbench.metrics.scores import check_metrics
from workbench.pipeline.provenance import spell_infinities


def score_folders(references: Path, estimates: Path, *, metrics: str, as_json: bool) -> None:
    """Score the stems that both folders have and print the table; a note names files without counterpart.

    Args:
        references: folder of true stems, and ``mixture`` where a metric needs it.
        estimates: folder of separated ones.
        metrics: names with commas between.
        as_json: print one object, stem -> metric -> number, infinities and NaN as text.
    """
    names = check_metrics([name.strip() for name in metrics.split(",") if name.strip()])
    with showing_notices():
        scores = score(StemFolder(references), StemFolder(estimates), metrics=names)
    print(_write_json(scores) if as_json else _write_table(scores))


def _write_json(scores: Scores) -> str:
    return json.dumps(spell_infinities({stem: dict(row) for stem, row in scores.items()}), indent=2, allow_nan=False)


def _write_table(scores: Scores) -> str:
    return "\n".join(make_line(line) for line in str(scores).split("\n"))
