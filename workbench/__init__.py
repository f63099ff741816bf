"""stem-workbench: take a song apart, and look into every stage in between.

>>> import workbench as wb
>>> song = wb.demo_song()["mixture"]
>>> trace = wb.trace(song, model="hpss", overlap=0.5)
>>> list(trace.stems)
['harmonic', 'percussive']

Names are loaded on use: importing this package, or listing models, loads neither torch nor librosa.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from workbench.lazy import load_on_use

if TYPE_CHECKING:
    from workbench.core.audio import Audio
    from workbench.demo.song import demo_song
    from workbench.errors import WorkbenchError, WorkbenchNotice
    from workbench.io.read import load, load_stems
    from workbench.io.write import save
    from workbench.pipeline.config import RunConfig
    from workbench.pipeline.ensemble import Ensemble
    from workbench.pipeline.ensemble_trace import EnsembleTrace
    from workbench.pipeline.separation import Separation
    from workbench.pipeline.separator import separate, stream
    from workbench.pipeline.song_mask import SongMask
    from workbench.pipeline.sweep import sweep
    from workbench.pipeline.sweep_table import Sweep
    from workbench.pipeline.trace import Trace, trace
    from workbench.registry import (
        ModelCard,
        Parameter,
        WindowCard,
        hookimpl,
        models,
        plugins,
        register_model,
        register_window,
        windows,
    )

__version__ = "0.1.0"

_HOME = {
    "Audio": "core.audio",
    "Ensemble": "pipeline.ensemble",
    "EnsembleTrace": "pipeline.ensemble_trace",
    "ModelCard": "registry.cards",
    "Parameter": "registry.cards",
    "RunConfig": "pipeline.config",
    "Separation": "pipeline.separation",
    "SongMask": "pipeline.song_mask",
    "Sweep": "pipeline.sweep_table",
    "Trace": "pipeline.trace",
    "WindowCard": "registry.cards",
    "WorkbenchError": "errors",
    "WorkbenchNotice": "errors",
    "demo_song": "demo.song",
    "hookimpl": "registry",
    "load": "io.read",
    "load_stems": "io.read",
    "models": "registry",
    "plugins": "registry",
    "register_model": "registry",
    "register_window": "registry",
    "save": "io.write",
    "separate": "pipeline.separator",
    "stream": "pipeline.separator",
    "sweep": "pipeline.sweep",
    "trace": "pipeline.trace",
    "windows": "registry",
}

__all__ = [
    "Audio",
    "Ensemble",
    "EnsembleTrace",
    "ModelCard",
    "Parameter",
    "RunConfig",
    "Separation",
    "SongMask",
    "Sweep",
    "Trace",
    "WindowCard",
    "WorkbenchError",
    "WorkbenchNotice",
    "demo_song",
    "hookimpl",
    "load",
    "load_stems",
    "models",
    "plugins",
    "register_model",
    "register_window",
    "save",
    "separate",
    "stream",
    "sweep",
    "trace",
    "windows",
]


_PACKAGES = ("core", "figures", "io", "metrics", "pipeline", "registry")

__getattr__, __dir__ = load_on_use(__name__, _HOME, modules=_PACKAGES)

if "IPython" in sys.modules and (_shell := sys.modules["IPython"].get_ipython()) is not None:
    from workbench.display import register_players

    register_players(_shell)
