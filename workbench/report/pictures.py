"""Figures as small pictures for a page."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

DOTS_PER_INCH = 130  # of a figure 10 inches wide: sharp across a column of 1300 pixels
MOST_PIXELS = 12_000  # in height; WebP ends at 16 383
QUALITIES = (85, 70, 50, 30)  # of WebP, from the best
SMALLEST_SCALE = 1 / 8


@dataclass(frozen=True)
class Picture:
    """A WebP file, with its width and height in pixels."""

    data: bytes
    width: int
    height: int


def encode_figure(figure: Figure, *, most_bytes: int) -> Picture:
    """Draw a figure and encode it as WebP, at the best quality that fits, then at a smaller size.

    Args:
        figure: any; its resolution is set.
        most_bytes: what the file may have; one that does not even fit at an eighth of its size is given as that.
    """
    height_inches = float(figure.get_size_inches()[1])
    figure.set_dpi(min(DOTS_PER_INCH, MOST_PIXELS / height_inches))
    canvas: Any = FigureCanvasAgg(figure)  # whose methods have no types
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    scale = 1.0
    while True:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        scaled = image if scale == 1 else image.resize(size, Image.Resampling.LANCZOS)
        for quality in QUALITIES:
            data = _encode_webp(scaled, quality)
            if len(data) <= most_bytes:
                return Picture(data, *size)
        if scale <= SMALLEST_SCALE:
            return Picture(data, *size)
        scale /= 2


def _encode_webp(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, format="WEBP", quality=quality, method=4)
    return file.getvalue()
