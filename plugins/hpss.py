"""The card of `hpss`: what is steady in time goes to one stem, what is short to the other. Loads no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real

from workbench.core.settings import StftConfig
from workbench.errors import InvalidType, InvalidValue
from workbench.registry import hookimpl
from workbench.registry.cards import ModelCard, NumFreqs


@dataclass(frozen=True)
class HpssParameters:
    """Settings of the median-filtering harmonic/percussive separation.

    Args:
        kernel_size_harmonic: length of the median filter along time, in frames. An even one sits half a
            frame early, as librosa's does.
        kernel_size_percussive: length of the median filter along frequency, in bins.
        margin_harmonic: how many times the percussive estimate the harmonic one must reach, at least 1.
        margin_percussive: the other way round. With either above 1 there is a third stem, the residual.
        power: exponent of the soft masks, above 0; infinity makes them binary.
        num_freqs: frequencies in the spectrogram, ``n_fft // 2 + 1`` of the transform, which it follows. The rows
            of a spectrogram are frequencies times channels, and this says how many channels they hold.

    Raises:
        InvalidType: a size that is not a whole number, a margin or power that is not a number.
        InvalidValue: a value outside its range.
    """

    kernel_size_harmonic: int = 31
    kernel_size_percussive: int = 31
    margin_harmonic: float = 1.0
    margin_percussive: float = 1.0
    power: float = 2.0
    num_freqs: NumFreqs = 1025

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in ("kernel_size_harmonic", "kernel_size_percussive", "num_freqs"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool):
                raise InvalidType(f"{name} must be a whole number, got {value!r}")
            if value < 1:
                raise InvalidValue(f"{name} must be at least 1, got {value}")
        for name in ("margin_harmonic", "margin_percussive", "power"):
            value = getattr(self, name)
            if not isinstance(value, Real) or isinstance(value, bool):
                raise InvalidType(f"{name} must be a number, got {value!r}")
        for name in ("margin_harmonic", "margin_percussive"):
            value = getattr(self, name)
            if not 1 <= value < float("inf"):
                raise InvalidValue(f"{name} must be finite and at least 1, got {value}")
        if not self.power > 0:
            raise InvalidValue(f"power must be greater than 0, got {self.power}")


def hpss_stems(parameters: HpssParameters) -> tuple[str, ...]:
    """Name the stems: a residual is there only when a margin leaves something over."""
    if parameters.margin_harmonic > 1 or parameters.margin_percussive > 1:
        return ("harmonic", "percussive", "residual")
    return ("harmonic", "percussive")


@hookimpl
def register_models(register: Callable[[ModelCard], None]) -> None:
    """Give the workbench the harmonic/percussive separation."""
    register(
        ModelCard(
            name="hpss",
            load="workbench_plugins.hpss_model:load",
            summary="harmonic and percussive parts by median filters along time and frequency; no weights",
            stems=hpss_stems,
            sample_rate=None,
            channels=None,
            input_type="spectrogram",
            output_type="spectrogram_mask",
            parameters=HpssParameters,
            stft=StftConfig(n_fft=2048, hop_length=512, win_length=2048),
            chunk_seconds=8.0,
            # A chunk's outer 15 frames (0.17 s at 44.1 kHz), where the filter along time sees mirrored audio,
            # get under 0.6 % of a hann window's weight. Against a whole song filtered at once, chunks that
            # start on whole frames measured the same at 0.25, 0.5 and 0.75, so the cheapest is the default.
            overlap=0.25,
            window="hann",
            paper=(
                "D. Fitzgerald, Harmonic/percussive separation using median filtering, DAFx 2010; "
                "J. Driedger, M. Müller, S. Disch, "
                "Extending harmonic-percussive separation of audio signals, ISMIR 2014"
            ),
        )
    )
