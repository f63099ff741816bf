"""Options that several commands share: how a song is read and how it is taken apart."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[str | None, typer.Option("-m", "--model", help="Its id or short name; see: workbench models.")]
Config = Annotated[Path | None, typer.Option("-c", "--config", help="YAML or JSON file that describes the run.")]
Checkpoint = Annotated[Path | None, typer.Option(help="File with the model's weights.")]
Stems = Annotated[str | None, typer.Option(metavar="A,B,...", help="Only these of the model's stems.")]
Derive = Annotated[
    list[str] | None,
    typer.Option(metavar="RULE", help="A further stem, as in 'instrumental = mixture - vocals'; repeatable."),
]
References = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="True stems, where there are some: a file each, or a .stem.mp4; for one song."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A key of the config, as in model.power=1; repeatable."),
]
Window = Annotated[
    str | None, typer.Option(help="Overlap-add window, as in linear_fade:fade=0.2; see: workbench windows.")
]
Overlap = Annotated[float | None, typer.Option(help="Share of a chunk that overlaps the next, from 0 to below 1.")]
ChunkSeconds = Annotated[float | None, typer.Option(help="Length of a chunk in seconds.")]
BatchSize = Annotated[int | None, typer.Option(help="Chunks that go through the model together.")]
Tta = Annotated[
    str | None,
    typer.Option("--tta", metavar="swap,polarity", help="Passes with left and right exchanged, or negated; averaged."),
]
Shifts = Annotated[int | None, typer.Option(metavar="N", help="N passes with the song delayed at random; averaged.")]
ShiftSeed = Annotated[int | None, typer.Option(help="Of the delays; 0 unless given.")]
Device = Annotated[str | None, typer.Option(help="auto (the default), cpu, cuda, cuda:1 or mps.")]
Channels = Annotated[
    int | None,
    typer.Option(metavar="1|2", min=1, max=2, help="Mix songs to so many channels when they are read."),
]
Start = Annotated[
    float, typer.Option("--start", metavar="SECONDS", min=0, help="Take the song from here on.", show_default=False)
]
Seconds = Annotated[
    float | None, typer.Option("--seconds", metavar="SECONDS", help="Take so much of the song; stems are as long.")
]
AllowTruncated = Annotated[bool, typer.Option("--allow-truncated", help="Read a file that is cut off up to the cut.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no summary; notes and errors stay.")]
Debug = Annotated[bool, typer.Option("--debug", help="Print the traceback of an error.")]
