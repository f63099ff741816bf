"""The card of `center`: what sits in the middle of a stereo song against what sits at its sides. Loads no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real

from workbench.core.settings import StftConfig
from workbench.errors import InvalidType, InvalidValue
from workbench.registry import hookimpl
from workbench.registry.cards import ModelCard, NumFreqs


@dataclass(frozen=True)
class CenterParameters:
    """Settings of the panning mask.

    Args:
        width: how far from the middle a bin may lie, above 0: the standard deviation of a Gaussian over the
            panning index, which is 0 in the middle, 1 at either side, and 0.2 where one channel is twice
            (6 dB) as loud as the other.
        exponent: how strictly both channels must be in phase, at least 0: the exponent of the cosine of their
            phase difference. 0 looks at levels alone.
        smoothing_frames: frames over which powers and cross-power are averaged, an odd number. More of them
            let through less of what is equally loud on both sides but unrelated, such as a room's echo.
        num_freqs: frequencies in the spectrogram, ``n_fft // 2 + 1`` of the transform, which it follows. The rows
            of a spectrogram are frequencies times channels, and this shows that there are two channels.

    Raises:
        InvalidType: a number of frames or frequencies that is not whole, a width or exponent that is not a number.
        InvalidValue: a value outside its range.
    """

    width: float = 0.3
    exponent: float = 4.0
    smoothing_frames: int = 7
    num_freqs: NumFreqs = 1025

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in ("smoothing_frames", "num_freqs"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool):
                raise InvalidType(f"{name} must be a whole number, got {value!r}")
            if value < 1:
                raise InvalidValue(f"{name} must be at least 1, got {value}")
        if self.smoothing_frames % 2 == 0:
            raise InvalidValue(f"smoothing_frames must be odd, so that it has a middle, got {self.smoothing_frames}")
        for name in ("width", "exponent"):
            value = getattr(self, name)
            if not isinstance(value, Real) or isinstance(value, bool):
                raise InvalidType(f"{name} must be a number, got {value!r}")
        if not 0 < self.width < float("inf"):
            raise InvalidValue(f"width must be finite and greater than 0, got {self.width}")
        if not 0 <= self.exponent < float("inf"):
            raise InvalidValue(f"exponent must be finite and at least 0, got {self.exponent}")


@hookimpl
def register_models(register: Callable[[ModelCard], None]) -> None:
    """Give the workbench the separation by panning."""
    register(
        ModelCard(
            name="center",
            load="workbench_plugins.center_model:load",
            summary="the middle of a stereo song and its sides, by a mask over the panning of each bin; no weights",
            stems=("center", "sides"),
            sample_rate=None,
            channels=2,
            input_type="spectrogram",
            output_type="spectrogram_mask",
            parameters=CenterParameters,
            stft=StftConfig(n_fft=2048, hop_length=512, win_length=2048),
            chunk_seconds=8.0,
            # A bin's mask hangs on few frames around it, so chunks differ from the whole song at their edges
            # only, and there a hann window gives them little weight.
            overlap=0.25,
            window="hann",
            paper=(
                "C. Avendano, Frequency-domain source identification and manipulation in stereo mixes, WASPAA 2003; "
                "C. Avendano, J.-M. Jot, A frequency-domain approach to multichannel upmix, JAES 52(7/8), 2004; "
                "M. Vinyes, J. Bonada, A. Loscos, "
                "Demixing commercial music productions via human-assisted time-frequency masking, AES 120, 2006"
            ),
        )
    )
