"""How near the models without weights come to the true stems, beside the ceiling of masking.

`python tests/benchmarks/quality.py [OUT.md]` prints SDR in dB of each model's defaults on the demo song and, where the
package `stempeg` is installed, on the real one in its data folder. The ceiling is `oracle` with the same stems.
"""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

import workbench
from workbench.core import Audio
from workbench.metrics import sdr

Stems = dict[str, Audio[Tensor]]

# Which true stems are together what a model calls by one name.
PARTS = {
    "demo": {
        "hpss": {"harmonic": ("bass", "chords", "lead"), "percussive": ("drums",)},
        "center": {"center": ("drums", "bass", "lead"), "sides": ("chords",)},
        "repet_sim": {"vocals": ("lead",), "accompaniment": ("drums", "bass", "chords")},
        "nmf": {name: (name,) for name in ("drums", "bass", "chords", "lead")},
    },
    "real": {
        "hpss": {"harmonic": ("bass", "other", "vocals"), "percussive": ("drums",)},
        "center": {"center": ("drums", "bass", "vocals"), "sides": ("other",)},
        "repet_sim": {"vocals": ("vocals",), "accompaniment": ("drums", "bass", "other")},
        "nmf": {name: (name,) for name in ("drums", "bass", "other", "vocals")},
    },
}
CEILINGS = {
    "ceiling, ratio mask": {"model.mask": "irm"},
    "ceiling, best mask in [0, 1]": {"model.mask": "psm_clipped"},
}
HEAD = ("song", "model", "stems", "the mixture", "the model", "with Wiener filter", *CEILINGS)


def load_songs() -> dict[str, Stems]:
    """Songs with their true stems; the mixture is their very sum, which a coded mixture is not."""
    songs = {"demo": workbench.demo_song()}
    spec = importlib.util.find_spec("stempeg")
    folders = spec.submodule_search_locations if spec is not None else None
    for file in (file for folder in folders or [] for file in Path(folder, "data").glob("*.stem.mp4")):
        stems = workbench.load_stems(file)
        rate = stems.pop("mixture").sample_rate
        songs["real"] = {"mixture": Audio(torch.stack([stem.data for stem in stems.values()]).sum(0), rate), **stems}
    return songs


def add_up(song: Stems, parts: Mapping[str, tuple[str, ...]]) -> Stems:
    """The true stems by the names that a model gives them."""
    rate = song["mixture"].sample_rate
    return {name: Audio(torch.stack([song[one].data for one in ones]).sum(0), rate) for name, ones in parts.items()}


def score(references: Stems, estimates: Mapping[str, Audio[Tensor]]) -> list[float]:
    """SDR of each stem; parts without names are given those that suit them best together."""
    if set(references) == set(estimates):
        return [sdr(references[name], estimates[name]) for name in references]
    table = [[sdr(reference, estimate) for estimate in estimates.values()] for reference in references.values()]
    orders = itertools.permutations(range(len(estimates)), len(references))
    best = max(orders, key=lambda order: sum(row[place] for row, place in zip(table, order, strict=True)))
    return [row[place] for row, place in zip(table, best, strict=True)]


def show(values: list[float]) -> str:
    return " / ".join(f"{value:.1f}" for value in values)


def measure() -> list[tuple[str, ...]]:
    """A row for each song and model."""
    rows = []
    for title, song in load_songs().items():
        mixture = song["mixture"]
        for model, parts in PARTS[title].items():
            references = add_up(song, parts)
            columns = [score(references, dict.fromkeys(references, mixture))]
            for settings in ({}, {"wiener.iterations": 1}):
                columns.append(score(references, workbench.separate(mixture, model=model, settings=settings)))
            for settings in CEILINGS.values():
                oracle = workbench.separate(mixture, model="oracle", references=references, settings=settings)
                columns.append(score(references, oracle))
            rows.append((title, f"`{model}`", " / ".join(parts), *map(show, columns)))
    return rows


def main() -> None:
    rows = [HEAD, ("---",) * len(HEAD), *measure()]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    print(table)
    if sys.argv[1:]:
        title = "# Models without weights: SDR in dB, `python tests/benchmarks/quality.py`"
        Path(sys.argv[1]).write_text(f"{title}\n\n{table}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
