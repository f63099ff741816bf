"""Widgets over the pipeline's own steps, for JupyterLab and Notebook: traits in Python, plain JavaScript beside it.

All state of a widget is in its traits, so that Python can set and read what the browser shows, and a widget works
without a browser as well. `workbench.widgets.base` says how one is made. Names are loaded on use, so that importing
this package loads neither ipywidgets nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import load_on_use

if TYPE_CHECKING:
    from workbench.widgets.base import (
        CANVAS_KIT,
        WorkbenchWidget,
        bytes_list_trait,
        bytes_trait,
        read_module,
        read_style,
    )
    from workbench.widgets.chunk_explorer import ChunkExplorer
    from workbench.widgets.derived_stems import DerivedStems
    from workbench.widgets.errors import shows_errors
    from workbench.widgets.for_step import make_step_widget
    from workbench.widgets.levels import Levels, colour_table, encode_levels, encode_peaks, encode_values
    from workbench.widgets.mask_explorer import MaskExplorer
    from workbench.widgets.mask_painter import MaskPainter
    from workbench.widgets.separate_panel import SeparatePanel
    from workbench.widgets.sound import choose_gain, encode_track
    from workbench.widgets.stem_player import StemPlayer
    from workbench.widgets.step_figure import StepFigure
    from workbench.widgets.trace_view import TraceView
    from workbench.widgets.window_explorer import WindowExplorer

_HOME = {
    "CANVAS_KIT": "base",
    "ChunkExplorer": "chunk_explorer",
    "DerivedStems": "derived_stems",
    "Levels": "levels",
    "MaskExplorer": "mask_explorer",
    "MaskPainter": "mask_painter",
    "SeparatePanel": "separate_panel",
    "StemPlayer": "stem_player",
    "StepFigure": "step_figure",
    "TraceView": "trace_view",
    "WindowExplorer": "window_explorer",
    "WorkbenchWidget": "base",
    "bytes_list_trait": "base",
    "bytes_trait": "base",
    "choose_gain": "sound",
    "colour_table": "levels",
    "encode_levels": "levels",
    "encode_peaks": "levels",
    "encode_track": "sound",
    "encode_values": "levels",
    "make_step_widget": "for_step",
    "read_module": "base",
    "read_style": "base",
    "shows_errors": "errors",
}

__all__ = [
    "CANVAS_KIT",
    "ChunkExplorer",
    "DerivedStems",
    "Levels",
    "MaskExplorer",
    "MaskPainter",
    "SeparatePanel",
    "StemPlayer",
    "StepFigure",
    "TraceView",
    "WindowExplorer",
    "WorkbenchWidget",
    "bytes_list_trait",
    "bytes_trait",
    "choose_gain",
    "colour_table",
    "encode_levels",
    "encode_peaks",
    "encode_track",
    "encode_values",
    "make_step_widget",
    "read_module",
    "read_style",
    "shows_errors",
]

__getattr__, __dir__ = load_on_use(__name__, _HOME)
