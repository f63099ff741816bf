"""Layers of torch that keep tensors in ways of their own are not taken for faults of the model."""

from __future__ import annotations

import pytest
import torch
from conformance_subjects import make_card
from torch import nn

from workbench.registry.checks import check_model

pytestmark = pytest.mark.usefixtures("single_thread")


class Recurrent(nn.Module):
    """A GRU keeps its parameters in a list as well, which moves with them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.GRU(1, 2, batch_first=True)

    def forward(self, waveform):
        rows = waveform.flatten(0, 1).unsqueeze(-1)  # (batch * channel, time, 1)
        stems = self.layer(rows)[0].unflatten(0, waveform.shape[:2])  # (batch, channel, time, stem)
        return stems.permute(0, 3, 1, 2)  # (batch, stem, channel, time)


class Normed(nn.Module):
    """The older normalizations of weights compute a plain tensor before each forward."""

    def __init__(self, normalize) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = normalize(nn.Conv1d(1, 2, 5, padding=2))

    def forward(self, waveform):
        rows = waveform.flatten(0, 1).unsqueeze(1)  # (batch * channel, 1, time)
        stems = self.layer(rows).unflatten(0, waveform.shape[:2])  # (batch, channel, stem, time)
        return stems.transpose(1, 2)  # (batch, stem, channel, time)


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning", "ignore:.*spectral_norm:FutureWarning")
@pytest.mark.parametrize(
    "network",
    [Recurrent, lambda: Normed(nn.utils.weight_norm), lambda: Normed(nn.utils.spectral_norm)],
    ids=["gru", "weight_norm", "spectral_norm"],
)
def test_a_right_model_of_such_layers_passes(network):
    report = check_model(make_card(network))
    assert report, report
