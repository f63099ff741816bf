"""Rasters as images on axes of seconds and hertz."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.image import BboxImage
from matplotlib.transforms import Bbox, TransformedBbox

from workbench.figures.raster import Raster
from workbench.figures.style import set_frequency_axis


def show_raster(
    axes: Axes, raster: Raster, values: np.ndarray, *, colors: str | Colormap, low: float, high: float
) -> BboxImage:
    """Draw one value a pixel between the raster's corners, on an axis of frequency like its rows.

    The rows of a logarithmic raster are even in octaves. Matplotlib's ``imshow`` takes rows to be even in hertz and
    would spread them over a log axis once more; an image between two corners is spread evenly on the screen, whatever
    the axis.

    Args:
        axes: to draw on.
        raster: says where the values lie.
        values: (row, column), row 0 at the bottom; NaN takes the colour that the map has for it.
        colors: a colormap.
        low: the value of its first colour.
        high: of its last.
    """
    corners = Bbox([[raster.start_seconds, raster.rows.low_hertz], [raster.stop_seconds, raster.rows.high_hertz]])
    image = BboxImage(TransformedBbox(corners, axes.transData), cmap=colors, interpolation="nearest", origin="lower")
    image.set_data(values)
    image.set_clim(low, high)
    axes.add_artist(image)
    set_frequency_axis(
        axes, low_hertz=raster.rows.low_hertz, high_hertz=raster.rows.high_hertz, is_log=raster.rows.is_log
    )
    return image
