"""The card of `oracle`: ideal masks made from the true stems, the ceiling of what masking can do. Loads no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.core.settings import StftConfig
from workbench.errors import InvalidType, InvalidValue
from workbench.registry import hookimpl
from workbench.registry.cards import ModelCard

MASKS = ("ibm", "irm", "wiener", "psm", "psm_clipped", "cirm")
SHARING = ("ibm", "irm", "wiener")  # which share a bin out among the stems, and so say nothing of a single one


@dataclass(frozen=True)
class OracleParameters:
    """Settings of the ideal masks.

    Args:
        mask: which one: ``ibm``, ``irm``, ``wiener``, ``psm``, ``psm_clipped`` or ``cirm``; see
            `workbench.core.ideal_mask` for their formulas and papers. The default is the best of those
            between 0 and 1, which is what most models give, in least squares. ``cirm`` gives the true stems back
            but for rounding: what is then missing, the transform and the stitching lost.

    Raises:
        InvalidType: a mask that is no name.
        InvalidValue: a name that there is not.
    """

    mask: str = "psm_clipped"

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not isinstance(self.mask, str):
            raise InvalidType(f"mask must be one of {', '.join(MASKS)}, got {self.mask!r}")
        if self.mask not in MASKS:
            raise InvalidValue(f"mask must be one of {', '.join(MASKS)}, got {self.mask!r}")


@hookimpl
def register_models(register: Callable[[ModelCard], None]) -> None:
    """Give the workbench the ceiling of masking."""
    register(
        ModelCard(
            name="oracle",
            load="workbench_plugins.oracle_model:load",
            summary="the ceiling of masking: ideal masks from the true stems (references), as good as a mask can be",
            stems=(),
            needs_references=True,
            sample_rate=None,
            channels=None,
            input_type="spectrogram",
            output_type="spectrogram_mask",
            parameters=OracleParameters,
            stft=StftConfig(n_fft=4096, hop_length=1024, win_length=4096),
            chunk_seconds=8.0,
            overlap=0.25,
            window="hann",
            paper=(
                "E. Vincent, R. Gribonval, M. D. Plumbley, Oracle estimators for the benchmarking of source separation "
                "algorithms, Signal Processing 87(8), 2007"
            ),
        )
    )
