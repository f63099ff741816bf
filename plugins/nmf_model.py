"""Non-negative matrix factorization of a song's spectrogram, as a torch module without weights."""

from __future__ import annotations

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench.errors import CheckpointError
from workbench_plugins.nmf import NmfParameters

FLOOR = 1e-7  # relative to the mean of what is factorized: a constant hiss under both the song and its model


class Nmf(nn.Module):
    """Masks for parts that each have one spectrum in each channel, louder and softer over time.

    The magnitudes V (to a power) are taken as a sum of parts, ``V = W H``: a column of W is the spectrum of one
    part, a row of H how strong it is in each frame. Both start from seeded random numbers and are improved in turn by
    multiplication, which keeps them at least 0 and never makes the divergence grow (Lee and Seung 2001 for
    ``beta`` 1 and 2; Févotte and Idier 2011 for those between and below, whose exponent 1/2 at ``beta`` 0 is what
    makes Itakura-Saito certain to fall). Each part's mask is its share of the model (Wiener masks, as in Févotte,
    Bertin and Durrieu 2009).

    Sources:
        D. D. Lee, H. S. Seung, "Algorithms for non-negative matrix factorization", NIPS 13, 2001.
        C. Févotte, N. Bertin, J.-L. Durrieu, "Nonnegative matrix factorization with the Itakura-Saito
        divergence: with application to music analysis", Neural Computation 21(3), 2009.
        C. Févotte, J. Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence",
        Neural Computation 23(9), 2011.

    Args:
        parameters: number of components and iterations, divergence and seed. There are no weights.
    """

    def __init__(self, parameters: NmfParameters) -> None:
        """Keep the settings."""
        super().__init__()
        self.settings = parameters

    def forward(
        self, spectrogram: Float[Tensor, "batch freq_channel frame 2"]
    ) -> Float[Tensor, "batch stem freq_channel frame 2"]:
        """Estimate one mask a component, the loudest first; they sum to 1.

        Shapes:
            spectrogram: (batch, freq·channel, frame, 2); each item of the batch is factorized for itself, and all
                start from the same numbers.
            returns: (batch, stem, freq·channel, frame, 2) in the spectrogram's dtype, imaginary part 0.
                float16 and bfloat16 are computed in float32, under autocast too.
        """
        exact = spectrogram if spectrogram.dtype == torch.float64 else spectrogram.float()
        with torch.autocast(spectrogram.device.type, enabled=False):
            values = measure_values(exact, power=self.settings.power)
            spectra, activations = self.factorize(values)
            energy = spectra.sum(1) * activations.sum(2)  # (batch, component)
            order = energy.argsort(dim=1, descending=True, stable=True)
            parts = torch.stack(
                [
                    spectra.gather(2, index.expand(-1, spectra.shape[1], 1))
                    * activations.gather(1, index.expand(-1, 1, activations.shape[2]))
                    for index in order[:, :, None, None].unbind(1)
                ],
                dim=1,
            )  # (batch, stem, freq·channel, frame)
        total = parts.sum(1, keepdim=True)
        silent = total < torch.finfo(total.dtype).tiny
        real = (parts / total.masked_fill(silent, 1)).masked_fill(silent, 1 / self.settings.num_components)
        return torch.stack((real, torch.zeros_like(real)), dim=-1).to(spectrogram.dtype)

    def factorize(
        self, values: Float[Tensor, "batch row frame"]
    ) -> tuple[Float[Tensor, "batch row component"], Float[Tensor, "batch component frame"]]:
        """Spectra and activations after all updates: ``values`` is about ``spectra @ activations + FLOOR``.

        Shapes:
            values: (batch, row, frame), above 0, on a scale where their mean is about 1.
            returns: (batch, row, component) and (batch, component, frame).
        """
        spectra, activations = self.start(values)
        for _ in range(self.settings.num_iterations):
            spectra = self.improve_spectra(values, spectra, activations)
            activations = self.improve_activations(values, spectra, activations)
        return spectra, activations

    def start(
        self, values: Float[Tensor, "batch row frame"]
    ) -> tuple[Float[Tensor, "batch row component"], Float[Tensor, "batch component frame"]]:
        """Random factors: the same numbers on every device, and for every item of a batch."""
        batch, rows, frames = values.shape
        components = self.settings.num_components
        generator = torch.Generator(device="cpu").manual_seed(self.settings.seed)
        # from above 0 to 1, as a factor that starts at 0 stays there
        spectra = 1 - torch.rand(rows, components, generator=generator, dtype=torch.float32, device="cpu")
        activations = 1 - torch.rand(components, frames, generator=generator, dtype=torch.float32, device="cpu")
        return (
            spectra.to(values).expand(batch, -1, -1),
            activations.to(values).expand(batch, -1, -1),
        )

    def improve_spectra(
        self,
        values: Float[Tensor, "batch row frame"],
        spectra: Float[Tensor, "batch row component"],
        activations: Float[Tensor, "batch component frame"],
    ) -> Float[Tensor, "batch row component"]:
        """One update of the spectra, by ``(V (WH)^(beta-2)) H'`` over ``(WH)^(beta-1) H'``."""
        toward, away = self.compare(values, spectra @ activations + FLOOR)
        below = activations.sum(2)[:, None, :] if away is None else away @ activations.mT
        return spectra * self.step(toward @ activations.mT, below)

    def improve_activations(
        self,
        values: Float[Tensor, "batch row frame"],
        spectra: Float[Tensor, "batch row component"],
        activations: Float[Tensor, "batch component frame"],
    ) -> Float[Tensor, "batch component frame"]:
        """One update of the activations, by ``W' (V (WH)^(beta-2))`` over ``W' (WH)^(beta-1)``."""
        toward, away = self.compare(values, spectra @ activations + FLOOR)
        below = spectra.sum(1)[:, :, None] if away is None else spectra.mT @ away
        return activations * self.step(spectra.mT @ toward, below)

    def compare(self, values: Tensor, model: Tensor) -> tuple[Tensor, Tensor | None]:
        """``V (WH)^(beta-2)`` and ``(WH)^(beta-1)``, the latter ``None`` where it is 1 everywhere."""
        beta = self.settings.beta
        if beta == 1:
            return values / model, None
        if beta == 2:
            return values, model
        away = 1 / model if beta == 0 else model ** (beta - 1)
        return values * away / model, away

    def step(self, above: Tensor, below: Tensor) -> Tensor:
        """The factor of an update, to the exponent with which the divergence cannot grow (Févotte and Idier 2011)."""
        beta = self.settings.beta
        gain = above / below.clamp(min=torch.finfo(below.dtype).tiny)  # 0 only for a part that is silent by now
        return gain ** (1 / (2 - beta)) if beta < 1 else gain


def measure_values(exact: Float[Tensor, "batch row frame 2"], *, power: float) -> Float[Tensor, "batch row frame"]:
    """Magnitudes to a power, scaled to a mean of 1 so that the song's level does not matter, plus `FLOOR`."""
    # abs of a complex number has a gradient of 0 at 0, where that of a square root is not finite.
    magnitude = torch.complex(exact[..., 0], exact[..., 1]).abs()
    level = magnitude.mean((1, 2), keepdim=True)
    magnitude = magnitude / level.masked_fill(level < torch.finfo(level.dtype).tiny, 1)
    values = magnitude if power == 1 else magnitude**power
    scale = values.mean((1, 2), keepdim=True)
    return values / scale.masked_fill(scale == 0, 1) + FLOOR


def load(parameters: NmfParameters | None, checkpoint: str | Path | None, device: torch.device | str) -> Nmf:
    """Make the module, ready for inference.

    Args:
        parameters: settings; ``None`` is the defaults.
        checkpoint: must be ``None``, as there are no weights.
        device: where to run.

    Raises:
        CheckpointError: a checkpoint was given.
    """
    if checkpoint is not None:
        raise CheckpointError(f"nmf has no weights and takes no checkpoint, got {str(checkpoint)!r}; leave it out")
    return Nmf(NmfParameters() if parameters is None else parameters).eval().to(device)
