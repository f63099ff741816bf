"""The model to read first: every stem is an equal share of the mixture. This file is its card.

It separates nothing. It is here because it shows all that a model needs, and because its stems sum to the
mixture up to rounding: what a run with it adds or loses comes from the path around the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.errors import InvalidValue
from workbench.registry import ModelCard, hookimpl


@dataclass(frozen=True)
class PassthroughParameters:
    """Settings of the model. They are here, not beside the network, so that reading them loads no torch.

    Args:
        num_stems: how many equal parts to make.
    """

    num_stems: int = 2

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.num_stems < 1:
            raise InvalidValue(f"num_stems must be at least 1, got {self.num_stems}")


def name_stems(parameters: PassthroughParameters) -> list[str]:
    """Name the stems ``part_1`` to ``part_N``. A model whose stems are always the same just lists them."""
    return [f"part_{number}" for number in range(1, parameters.num_stems + 1)]


CARD = ModelCard(
    name="passthrough",
    load="workbench_plugins.passthrough_model:load",  # a text: imported when the model is used
    summary="Every stem is an equal share of the mixture; the model to read first.",
    stems=name_stems,
    sample_rate=None,  # any
    channels=None,  # any
    input_type="waveform",
    output_type="waveform",
    parameters=PassthroughParameters,
)


@hookimpl
def register_models(register: Callable[[ModelCard], None]) -> None:
    """Register the card; a plugin with several models calls ``register`` once for each."""
    register(CARD)
