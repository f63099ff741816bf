"""A small network, its weights, and what comes of a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from workbench.errors import CheckpointError
from workbench.io import load_weights


class Small(nn.Module):
    """Ten values that are nobody else's: weights, and a buffer of whole numbers."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.first = nn.Linear(2, width)
        self.norm = nn.BatchNorm1d(width)


def make_weights(seed: int = 1) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    network = Small()
    network.norm.num_batches_tracked += 7
    return {name: tensor + 0 for name, tensor in network.state_dict().items()}


WEIGHTS = make_weights()


def save_old(document: object, path: Path) -> None:
    torch.save(document, path, _use_new_zipfile_serialization=False)


def check_loads(path: Path, **options: Any) -> None:
    """All of WEIGHTS are in the network afterwards."""
    network = load_weights(Small(), path, **options)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, WEIGHTS[name]), name


def check_refused(path: object, *parts: str, network: nn.Module | None = None, **options: Any) -> None:
    """A CheckpointError in one line that says `parts`, and a network that is as it was."""
    network = network or Small()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(CheckpointError) as raised:
        load_weights(network, path, **options)
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 700
    for part in parts:
        assert part in message
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name
