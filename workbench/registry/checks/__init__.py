"""The conformance kit: does a model or a window keep what its card promises, and if not, what must be mended?

At a prompt::

    >>> from workbench.registry.checks import check_model
    >>> check_model(CARD)

and in a plugin's own tests, a test for each check::

    import pytest
    from workbench.registry.checks import list_model_checks

    @pytest.mark.parametrize(("subject", "check"), list_model_checks(CARD))
    def test_model(subject, check):
        check(subject)

Both run the same pairs of a subject and a check, as scikit-learn's ``check_estimator`` and
``parametrize_with_checks`` do. Importing this package loads torch; importing `workbench.registry` does not.
"""

from __future__ import annotations

from os import PathLike

from workbench.registry.cards import ModelCard, WindowCard
from workbench.registry.checks.harness import Check, CheckError, CheckResult, CheckSkipped, Report, run_checks
from workbench.registry.checks.model_subject import ModelSubject
from workbench.registry.checks.network import NETWORK_CHECKS
from workbench.registry.checks.overlap_add import SUM_CHECKS
from workbench.registry.checks.path import PATH_CHECKS
from workbench.registry.checks.weights import WEIGHT_CHECKS
from workbench.registry.checks.window import WINDOW_CHECKS, WindowSubject

__all__ = [
    "Check",
    "CheckError",
    "CheckResult",
    "CheckSkipped",
    "ModelSubject",
    "Report",
    "WindowSubject",
    "check_model",
    "check_window",
    "list_model_checks",
    "list_window_checks",
]


def check_model(
    card: ModelCard,
    *,
    parameters: object = None,
    checkpoint: str | PathLike[str] | None = None,
    device: str = "cpu",
    card_module: str | None = None,
) -> Report:
    """Run every check of a model.

    Args:
        card: the model's card, registered or not.
        parameters: an instance of ``card.parameters``; its defaults if left out.
        checkpoint: path of the weights, for a model that needs some.
        device: where the network runs.
        card_module: name of the module that registers the card, which must load no torch; found by itself
            for a card of an installed plugin.

    Returns:
        What each check found; it shows as a table. Nothing is raised for a model at fault.
    """
    pairs = list_model_checks(
        card, parameters=parameters, checkpoint=checkpoint, device=device, card_module=card_module
    )
    return run_checks(pairs, kind="model")


def check_window(card: WindowCard) -> Report:
    """Run every check of a window; see `check_model`."""
    return run_checks(list_window_checks(card), kind="window")


def list_model_checks(
    card: ModelCard,
    *,
    parameters: object = None,
    checkpoint: str | PathLike[str] | None = None,
    device: str = "cpu",
    card_module: str | None = None,
) -> list[tuple[ModelSubject, Check[ModelSubject]]]:
    """Pair the model with each of its checks, for ``@pytest.mark.parametrize(("subject", "check"), ...)``.

    Nothing runs and nothing is loaded before the first ``check(subject)``. Takes what `check_model` takes.
    """
    subject = ModelSubject(card, parameters=parameters, checkpoint=checkpoint, device=device, card_module=card_module)
    return [(subject, check) for check in (*NETWORK_CHECKS, *WEIGHT_CHECKS, *PATH_CHECKS)]


def list_window_checks(card: WindowCard) -> list[tuple[WindowSubject, Check[WindowSubject]]]:
    """Pair the window with each of its checks; see `list_model_checks`."""
    subject = WindowSubject(card)
    return [(subject, check) for check in (*WINDOW_CHECKS, *SUM_CHECKS)]
