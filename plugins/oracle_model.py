"""Ideal masks as a torch module: it is given the true stems beside the mixture, and has no weights."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench.core import ideal_mask
from workbench.errors import CheckpointError, InvalidValue
from workbench_plugins.oracle import SHARING, OracleParameters


class Oracle(nn.Module):
    """The masks that the true stems prescribe: with them a method of masking cannot be better (Vincent et al. 2007).

    Args:
        parameters: which mask. There are no weights.
    """

    def __init__(self, parameters: OracleParameters) -> None:
        """Keep the settings."""
        super().__init__()
        self.settings = parameters

    def forward(
        self, spectrogram: Float[Tensor, "batch rows frame 2"], references: Float[Tensor, "batch stem rows frame 2"]
    ) -> Float[Tensor, "batch stem rows frame 2"]:
        """Make the masks.

        Shapes:
            spectrogram: (batch, freq·channel, frame, 2) of the mixture.
            references: (batch, stem, freq·channel, frame, 2) of the true stems.
            returns: as references, in the spectrogram's dtype.

        Raises:
            InvalidValue: a single stem, and a mask that shares bins out among several.
        """
        kind = self.settings.mask
        if references.shape[1] == 1 and kind in SHARING:
            raise InvalidValue(
                f"the mask {kind} shares the mixture out among the references, and there is one only: give the rest of "
                "the mixture as a second, or use psm or cirm"
            )
        masks = ideal_mask(kind, references.transpose(0, 1), spectrogram)  # (stem, batch, freq·channel, frame, 2)
        return masks.transpose(0, 1).to(spectrogram.dtype)  # (batch, stem, freq·channel, frame, 2)


def load(parameters: OracleParameters | None, checkpoint: Path | None, device: torch.device) -> Oracle:
    """Make the module.

    Raises:
        CheckpointError: a checkpoint was given, of which it could use nothing.
    """
    if checkpoint is not None:
        raise CheckpointError(f"oracle is made from the references and has no weights, got {checkpoint}: leave it out")
    return Oracle(OracleParameters() if parameters is None else parameters).eval().to(device)
