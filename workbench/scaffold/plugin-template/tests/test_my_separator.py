"""The model and the window keep what their cards promise, and only weights that fit are loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from workbench.errors import CheckpointError
from workbench.registry import find_model, find_window, resolve_callable
from workbench.registry.checks import Check, ModelSubject, WindowSubject, list_model_checks, list_window_checks

PLUGIN = "my_separator"
# As the workbench finds them: install the package first (see README.md).
MODEL = find_model(f"{PLUGIN}.my_separator").card
WINDOW = find_window(f"{PLUGIN}.power_sine").card


# For a model with needs_checkpoint=True: list_model_checks(MODEL, checkpoint="path of its weights").
@pytest.mark.parametrize(("subject", "check"), list_model_checks(MODEL))
def test_model(subject: ModelSubject, check: Check[ModelSubject]) -> None:
    """The workbench's conformance kit, a test for each check; a failure says what to mend."""
    check(subject)


@pytest.mark.parametrize(("subject", "check"), list_window_checks(WINDOW))
def test_window(subject: WindowSubject, check: Check[WindowSubject]) -> None:
    """Likewise for the window."""
    check(subject)


def load_network(checkpoint: Path | None = None) -> Any:
    """The network as the card's ``load`` gives it, with default parameters."""
    return resolve_callable(MODEL.load)(None, checkpoint, torch.device("cpu"))


def test_saved_weights_come_back(tmp_path: Path) -> None:
    """What was trained is what runs."""
    network = load_network()
    with torch.no_grad():
        network.threshold_db += 1
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    loaded = load_network(tmp_path / "weights.pt")
    assert torch.equal(loaded.threshold_db, network.threshold_db)
    assert not loaded.training


@pytest.mark.parametrize("content", [{}, {"threshold_db": torch.zeros(3)}, {"other": torch.zeros(3)}, ["no", "dict"]])
def test_weights_that_do_not_fit_are_refused(tmp_path: Path, content: object) -> None:
    """A network never runs on weights that were not loaded."""
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(CheckpointError, match=r"weights\.pt"):
        load_network(tmp_path / "weights.pt")


def test_a_file_without_weights_is_refused(tmp_path: Path) -> None:
    """Likewise, whatever torch says of it."""
    (tmp_path / "weights.pt").write_bytes(b"these are no weights")
    with pytest.raises(CheckpointError, match=r"weights\.pt"):
        load_network(tmp_path / "weights.pt")
