"""The metrics that there are, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from workbench.metrics.bleed import bleedless, fullness
from workbench.metrics.differences import l1_spectrum, l1_time
from workbench.metrics.ratios import csdr, sdr, si_sdr, snr
from workbench.metrics.weighted_error import log_wmse


@dataclass(frozen=True)
class Metric:
    """One metric of `METRICS`.

    Args:
        function: called with reference and estimate, and ``mixture=`` if that is needed; gives a float.
        unit: of its number; empty where it has none.
        higher_is_better: or lower.
        summary: what it tells, in one line.
        source: where it is defined.
        needs_mixture: whether the function wants to know what the estimate was separated from.
        number_format: how tables write the number.
    """

    function: Callable[..., float]
    unit: str
    higher_is_better: bool
    summary: str
    source: str
    needs_mixture: bool = False
    number_format: str = ".2f"


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "sdr": Metric(
            sdr,
            "dB",
            True,
            "energy of the reference over that of the error, all channels together",
            "Mitsufuji et al., Music Demixing Challenge 2021, Frontiers in Signal Processing 1, 2022",
        ),
        "si_sdr": Metric(
            si_sdr,
            "dB",
            True,
            "likewise, with the reference scaled to fit the estimate",
            "Le Roux, Wisdom, Erdogan & Hershey, SDR - half-baked or well done?, ICASSP 2019",
        ),
        "snr": Metric(
            snr,
            "dB",
            True,
            "as sdr, but of each channel by itself, averaged",
            "Le Roux, Wisdom, Erdogan & Hershey, SDR - half-baked or well done?, ICASSP 2019",
        ),
        "csdr": Metric(
            csdr,
            "dB",
            True,
            "as sdr, but of each second by itself, the median; the SDR of museval",
            "Stöter, Liutkus & Ito, The 2018 Signal Separation Evaluation Campaign, LVA/ICA 2018",
        ),
        "l1_time": Metric(
            l1_time,
            "",
            False,
            "mean absolute difference of the samples",
            "Défossez et al., Music Source Separation in the Waveform Domain, arXiv:1911.13254",
            number_format=".3g",
        ),
        "l1_spectrum": Metric(
            l1_spectrum,
            "",
            False,
            "mean absolute difference of the magnitudes of an STFT (2048, hop 512)",
            "defined here, see workbench.metrics.l1_spectrum",
            number_format=".3g",
        ),
        "log_wmse": Metric(
            log_wmse,
            "",
            True,
            "logarithm of the error weighted as the ear does, relative to the mixture; good for silent stems",
            "Jordal (Nomono), log-wmse-audio-quality 0.2, 2023",
            needs_mixture=True,
        ),
        "bleedless": Metric(
            bleedless,
            "of 100",
            True,
            "how little there is too much, on a mel spectrogram in decibels",
            "MVSep; bleed_full of Music-Source-Separation-Training",
        ),
        "fullness": Metric(
            fullness,
            "of 100",
            True,
            "how little is lacking, on a mel spectrogram in decibels",
            "MVSep; bleed_full of Music-Source-Separation-Training",
        ),
    }
)
