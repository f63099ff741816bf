"""What the browser gets of a painted song: where its cells lie, and gains as bytes."""

from __future__ import annotations

import numpy as np

from workbench.widgets.levels import Levels
from workbench.widgets.painted_gain import Box
from workbench.widgets.painted_song import PaintedSong, Picture


def describe_cells(song: PaintedSong, levels: Levels, column_seconds: float) -> dict[str, object]:
    """Where the cells of levels and gain lie, for the browser.

    Args:
        song: that is painted on.
        levels: of its mixture.
        column_seconds: from one of their columns to the next.
    """
    picture, plane = song.picture, song.plane
    return {
        "level_rows": levels.num_rows,
        "level_columns": levels.num_columns,
        "level_seconds": column_seconds,
        "level_first_seconds": (column_seconds - song.stft.hop_length / song.plan.sample_rate) / 2,
        "level_range": [levels.low, levels.high],
        "rows": picture.num_rows,
        "columns": picture.num_columns,
        "row_stride": picture.row_stride,
        "column_stride": picture.column_stride,
        "step_hertz": plane.step_hertz,
        "step_seconds": plane.step_seconds,
        "seconds": song.seconds,
        "low_hertz": min(30.0, song.plan.sample_rate / 16),
        "high_hertz": song.plan.sample_rate / 2,
        "sample_rate": song.plan.sample_rate,
    }


def choose_cells(picture: Picture, box: Box | None) -> list[int]:
    """First row, stop, first column and stop of the browser's cells in a box of the plane's; of all without one."""
    if box is None:
        return [0, picture.num_rows, 0, picture.num_columns]
    rows, columns = picture.row_stride, picture.column_stride
    place = [-(-box.first_row // rows), -(-box.stop_row // rows)]
    return [*place, -(-box.first_column // columns), -(-box.stop_column // columns)]


def encode_gain(gain: np.ndarray, picture: Picture, cells: list[int]) -> bytes:
    """A stem's gain (freq, frame) at some of the browser's cells, 0 to 1 as 0 to 255, (row, column)."""
    first_row, stop_row, first_column, stop_column = cells
    rows, columns = picture.row_stride, picture.column_stride
    shown = gain[first_row * rows : stop_row * rows : rows, first_column * columns : stop_column * columns : columns]
    return np.rint(shown * np.float32(255)).astype(np.uint8).tobytes()
