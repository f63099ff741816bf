from __future__ import annotations

import pytest
import torch

from workbench.errors import CheckpointError, InvalidValue
from workbench.registry import PluginManager, list_stems, resolve_callable
from workbench_plugins import passthrough
from workbench_plugins.passthrough import PassthroughParameters


@pytest.fixture
def card():
    manager = PluginManager([], environ={})
    manager.register_plugin(passthrough)
    return manager.find_model("passthrough.passthrough").card


@pytest.mark.parametrize(("num_stems", "channels"), [(1, 1), (2, 2), (3, 6)])
def test_stems_are_named_and_sum_to_the_mixture(card, num_stems, channels):
    parameters = card.parameters(num_stems=num_stems)
    model = resolve_callable(card.load)(parameters, None, "cpu")
    waveform = torch.randn(4, channels, 100)
    before = waveform.clone()

    stems = model(waveform)

    assert not model.training
    assert stems.shape == (4, len(list_stems(card, parameters=parameters)), channels, 100)
    torch.testing.assert_close(stems.sum(dim=1), waveform, rtol=2e-7, atol=0)  # two roundings of float32
    assert torch.equal(stems[:, 0], stems[:, -1])
    stems.zero_()
    assert torch.equal(waveform, before)  # no stem shares memory with the mixture


def test_names_of_stems(card):
    assert list_stems(card) == ("part_1", "part_2")
    assert list_stems(card, parameters=PassthroughParameters(num_stems=3)) == ("part_1", "part_2", "part_3")


def test_what_cannot_be_is_refused(card):
    with pytest.raises(InvalidValue, match="num_stems must be at least 1, got 0"):
        PassthroughParameters(num_stems=0)
    with pytest.raises(CheckpointError, match=r"passthrough has no weights, got some\.pt"):
        resolve_callable(card.load)(PassthroughParameters(), "some.pt", "cpu")
