"""What the chunk explorer says in words: count, redundancy, padding, and its settings as Python."""

from __future__ import annotations

from workbench.core.grid import ChunkGrid
from workbench.figures.style import format_count


def list_chunk_facts(
    grid: ChunkGrid, *, sample_rate: int, num_channels: int, padding_mode: str
) -> list[dict[str, str]]:
    """Rows of name, answer and the figure behind it."""

    def say(num_samples: int) -> str:
        return f"{format_count(num_samples, 'sample')} ({num_samples / sample_rate:.4g} s)"

    zeros = grid.padded_length - grid.num_samples - 2 * grid.padding
    rows = [
        ("chunks", f"{grid.num_chunks}", f"of {say(grid.chunk_size)}, a new one every {say(grid.hop_size)}"),
        (
            "redundancy",
            f"{grid.redundancy:.4g}",
            f"samples computed for each one kept: {grid.num_chunks} × {grid.chunk_size} / {grid.num_samples}",
        ),
        ("padding", say(grid.padding), f"on each side, by {padding_mode}, so that the ends are covered as often"),
        ("final zeros", say(zeros), "after the padding, until the last chunk is full"),
        ("song", say(grid.num_samples), f"at {sample_rate} Hz, {format_count(num_channels, 'channel')}"),
    ]
    return [dict(zip(("name", "answer", "figure"), row, strict=True)) for row in rows]


def write_chunk_code(*, chunk_seconds: float, overlap: float, padding_mode: str, is_traced: bool) -> str:
    """A call with these settings: of a run's ``rerun``, else of ``separate``."""
    sizes = f"chunk_seconds={chunk_seconds!r}, overlap={overlap!r}"
    if is_traced:
        return f'trace.rerun("chunk", {sizes}, padding_mode="{padding_mode}")'
    return (
        f'wb.separate(song, model="hpss", {sizes},\n            settings={{"chunking.padding_mode": "{padding_mode}"}})'
    )
