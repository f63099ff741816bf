"""Files in and out: songs, stems and weights. Names are imported on first use, so this stays light.

Resampling is `workbench.io.resample.resample`, not repeated here: it is named like its module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import load_on_use

if TYPE_CHECKING:
    from workbench.io.channels import convert_channels
    from workbench.io.checkpoint import copy_weights, load_weights, read_checkpoint, read_metadata
    from workbench.io.names import check_file_stem
    from workbench.io.read import load, load_stems
    from workbench.io.tags import read_tags
    from workbench.io.write import SavedStems, save, save_stems

_HOMES = {
    "SavedStems": "write",
    "check_file_stem": "names",
    "convert_channels": "channels",
    "copy_weights": "checkpoint",
    "load": "read",
    "load_stems": "read",
    "load_weights": "checkpoint",
    "read_checkpoint": "checkpoint",
    "read_metadata": "checkpoint",
    "read_tags": "tags",
    "save": "write",
    "save_stems": "write",
}

__all__ = [
    "SavedStems",
    "check_file_stem",
    "convert_channels",
    "copy_weights",
    "load",
    "load_stems",
    "load_weights",
    "read_checkpoint",
    "read_metadata",
    "read_tags",
    "save",
    "save_stems",
]

__getattr__, __dir__ = load_on_use(__name__, _HOMES)
