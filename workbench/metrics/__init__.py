"""How close estimated stems are to the true ones; `METRICS` lists what there is, `score` fills a table.

>>> import workbench as wb
>>> from workbench.metrics import score, sdr
>>> song = wb.demo_song()
>>> estimates = {"drums": wb.separate(song["mixture"], model="hpss")["percussive"]}
>>> scores = score({"drums": song["drums"]}, estimates, metrics=("sdr", "bleedless"))
>>> scores["drums"]["sdr"] == sdr(song["drums"], estimates["drums"])
True

A metric takes the reference first, then the estimate: tensors, numpy arrays or `Audio`, of the same shape. All of them
compute in float64 on the CPU. Names are loaded on use, so that importing this package does not load torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import load_on_use

if TYPE_CHECKING:
    from workbench.metrics.bleed import bleedless, fullness
    from workbench.metrics.differences import l1_spectrum, l1_time
    from workbench.metrics.ratios import csdr, sdr, si_sdr, snr
    from workbench.metrics.scores import Scores, score
    from workbench.metrics.signals import Signal
    from workbench.metrics.table import METRICS, Metric
    from workbench.metrics.weighted_error import log_wmse

_HOME = {
    "METRICS": "table",
    "Metric": "table",
    "Scores": "scores",
    "Signal": "signals",
    "bleedless": "bleed",
    "csdr": "ratios",
    "fullness": "bleed",
    "l1_spectrum": "differences",
    "l1_time": "differences",
    "log_wmse": "weighted_error",
    "score": "scores",
    "sdr": "ratios",
    "si_sdr": "ratios",
    "snr": "ratios",
}

__all__ = [
    "METRICS",
    "Metric",
    "Scores",
    "Signal",
    "bleedless",
    "csdr",
    "fullness",
    "l1_spectrum",
    "l1_time",
    "log_wmse",
    "score",
    "sdr",
    "si_sdr",
    "snr",
]

__getattr__, __dir__ = load_on_use(__name__, _HOME)
