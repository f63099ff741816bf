"""What the demo found, as data and as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# What stands in for the stems, in the order of the table: nothing done, the model, masks made from the true stems.
BASELINE = "mixture"
CEILINGS = {"IRM": "irm", "Wiener": "wiener", "PSM": "psm", "cIRM": "cirm"}  # heading -> kind of `ideal_mask`

NOTES = (
    f"{BASELINE}: the song itself taken for the stem, the score of doing nothing.",
    "IRM, Wiener, PSM, cIRM: ceilings. Masks made from the true stems go through the same transform, inverse and "
    "overlap-add.",
    "PSM is the best real mask in least squares; cIRM turns the phase too, and only rounding is left.",
    "Two stems that add up to the song have the same errors, so that their SDR differ just as their levels do.",
)


@dataclass(frozen=True)
class DemoRow:
    """A stem and how near each estimate comes to it.

    Args:
        stem: as the model calls it.
        reference: the true stems that it should be the sum of.
        sdr_decibels: estimate -> SDR, the baseline, the model and the ceilings in order.
    """

    stem: str
    reference: tuple[str, ...]
    sdr_decibels: Mapping[str, float]


@dataclass(frozen=True)
class DemoReport:
    """What the demo did; printed, it is its own text.

    Args:
        model: which was used.
        device: where it ran.
        rows: of the table, a stem each.
        folder: where the files are.
        paths: name -> file: ``mixture``, the stems, and ``picture``.
        song_seconds: length of the song.
        seconds: time that the separation took, with everything kept for looking at.
        start_up_seconds: time before that for loading and compiling.
    """

    model: str
    device: str
    rows: tuple[DemoRow, ...]
    folder: Path
    paths: Mapping[str, Path]
    song_seconds: float
    seconds: float
    start_up_seconds: float

    @property
    def times_real_time(self) -> float:
        """Seconds of song a second."""
        return self.song_seconds / self.seconds

    @property
    def next_steps(self) -> tuple[str, ...]:
        """What to do next, a line each."""
        picture = self.paths["picture"]
        return (
            f"look at {picture}, listen to the files beside it",
            f"take your own song apart:  workbench separate SONG -m {self.model} -o stems",
            "see what models there are: workbench models",
            "look into every stage, in Python or a notebook:",
            "    import workbench as wb",
            f'    trace = wb.trace(wb.demo_song()["mixture"], model="{self.model}", chunk_seconds=3)',
            '    trace["mask"].figure()',
            '    trace.rerun("stitch", window="hamming").stems.player()',
        )

    def __str__(self) -> str:
        return "\n".join(
            (
                f"{self.model} took {self.song_seconds:.1f} s of music apart in {self.seconds:.2f} s on {self.device}: "
                f"{self.times_real_time:.1f} times real time,"
                f" after {self.start_up_seconds:.1f} s of loading and compiling.",
                "",
                "SDR in dB, higher is better:",
                *format_table(self.rows),
                "",
                *NOTES,
                "",
                f"Written to {self.folder}: {', '.join(path.name for path in self.paths.values())}",
                "",
                "Next:",
                *(f"  {line}" for line in self.next_steps),
            )
        )


def format_table(rows: Sequence[DemoRow]) -> list[str]:
    """The rows as lines of text in columns."""
    estimates = list(rows[0].sdr_decibels)
    cells = [("stem", "true stem", *estimates)]
    cells += [
        (row.stem, " + ".join(row.reference), *(f"{row.sdr_decibels[name]:.1f}" for name in estimates)) for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(max(width, 6))
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]
