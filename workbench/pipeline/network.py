"""Which model a run uses, with which parameters, and how its network is loaded."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, cast, get_type_hints

import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from workbench.core.dtype import str_to_torch_dtype
from workbench.errors import CheckpointError, InvalidType, InvalidValue, ModelError
from workbench.io.checkpoint_file import check_checkpoint_file
from workbench.pipeline.request import Request
from workbench.pipeline.validation import list_settings, name_nearest
from workbench.registry import find_model, models
from workbench.registry.cards import ModelCard
from workbench.registry.references import resolve_callable
from workbench.registry.validate import validate_model_card

if TYPE_CHECKING:
    from workbench.pipeline.decision import Decision


def choose_model(model: str | ModelCard | nn.Module | None, model_type: str | None) -> tuple[str, ModelCard]:
    """Id and card of what was asked for: a registered name, a card, or a bare waveform-to-waveform module."""
    if isinstance(model, nn.Module):
        return type(model).__name__, _card_of_module(model)
    if isinstance(model, ModelCard):
        return model.name, validate_model_card(model)
    name = model if model is not None else model_type
    if name is None:
        known = ", ".join(row.id for row in models())
        raise InvalidValue(f"no model was named, by model= (-m) or model_type in the config; there are {known}")
    if not isinstance(name, str):
        raise InvalidType(f"model must be a name, a ModelCard or a torch Module, got {type(name).__name__}")
    found = find_model(name)
    return found.id, found.card


def _card_of_module(model: nn.Module) -> ModelCard:
    def load(parameters: object, checkpoint: object, device: torch.device) -> nn.Module:
        if checkpoint is not None:
            raise CheckpointError(
                f"a module given as it is has its weights already, got {checkpoint}: leave the checkpoint out"
            )
        return model.to(device)

    return ModelCard(
        name="module",
        load=load,
        summary="a module given as it is",
        stems=getattr(model, "stems", ()) or ("output",),
        sample_rate=None,
        channels=None,
        input_type="waveform",
        output_type="waveform",
    )


def make_parameters(card: ModelCard, given: Mapping[str, Any]) -> object:
    """An instance of the card's parameters, checked against their types.

    Raises:
        InvalidValue: an unknown parameter, with the nearest known one, or a value out of its range.
        InvalidType: a value of another type.
    """
    known = [field.name for field in dataclasses.fields(card.parameters)] if card.parameters else []
    for name in given:
        if name not in known:
            path = list_settings().get(name)  # such as model.overlap for what is of the chunks
            hint = (
                f"did you mean {path!r}?" if path else name_nearest(name, ["chunk_size", "output_stem_names", *known])
            )
            raise InvalidValue(f"the model {card.name} has no parameter model.{name}; {hint}")
    if card.parameters is None:
        return None
    hints = get_type_hints(card.parameters)
    values = {name: _check_parameter(card, name, value, hints[name]) for name, value in given.items()}
    return card.parameters(**values)


def _check_parameter(card: ModelCard, name: str, value: object, hint: Any) -> object:
    try:
        # lists of a document stand for tuples, all else must have the very type
        return TypeAdapter(hint).validate_python(value, strict=not isinstance(value, list))
    except ValidationError as error:
        fault = error.errors()[0]
        message = f"model.{name} of {card.name}: {fault['msg'][0].lower()}{fault['msg'][1:]}, got {fault['input']!r}"
        raise (InvalidType if fault["type"].endswith("_type") else InvalidValue)(message) from error


def check_weights_file(decision: Decision, request: Request) -> None:
    """Raise `CheckpointError` where a model needs a checkpoint and has none, or a path where no file is."""
    if decision.card.needs_checkpoint and request.checkpoint is None:
        raise CheckpointError(
            f"{decision.model_id} needs weights: give checkpoint= (--checkpoint) the path of its file"
        )
    if request.checkpoint is not None:
        check_checkpoint_file(request.checkpoint)


@dataclass(frozen=True, eq=False)
class LoadedNetwork:
    """A network, and what it was loaded for.

    Attributes:
        module: ready for inference.
        decision: of the run that it was loaded for first.
        model: as the caller named or gave it.
        checkpoint: path of its weights, if any.
    """

    module: nn.Module
    decision: Decision
    model: object
    checkpoint: str | PathLike[str] | None

    def serves(self, decision: Decision, request: Request) -> bool:
        """Whether this is what a request would load."""
        own, other = self.decision, decision
        # a card by itself: one that was registered anew under the same name loads anew
        is_same_model = self.model is request.model if isinstance(request.model, nn.Module) else own.card is other.card
        settings = ("force_weights_dtype", "compile_model")
        return (
            is_same_model
            and self.checkpoint == request.checkpoint
            and own.parameters == other.parameters
            and own.device == other.device
            and all(getattr(own.config.inference, name) == getattr(other.config.inference, name) for name in settings)
        )


class NetworkKeeper:
    """Loads networks, and keeps the last one for whoever asks for the same again; never more than one."""

    def __init__(self, kept: LoadedNetwork | None = None) -> None:
        self._kept = kept

    def load(self, decision: Decision, request: Request) -> LoadedNetwork:
        """The network of a request; see `load_model`."""
        if self._kept is None or not self._kept.serves(decision, request):
            self._kept = None  # before the next one needs the room
            module = load_model(decision, request)
            self._kept = LoadedNetwork(module, decision, request.model, request.checkpoint)
        return self._kept


def load_model(decision: Decision, request: Request) -> nn.Module:
    """The network, ready for inference: on its device, in its dtype, in eval mode unless it is the caller's own.

    Raises:
        CheckpointError: no checkpoint for a model that needs one, or a path where no file is.
        ModelError: ``load`` gave something else than a module.
    """
    model_id, card, inference = decision.model_id, decision.card, decision.config.inference
    check_weights_file(decision, request)
    load = resolve_callable(card.load, field=f"load of model {card.name!r}")
    try:
        model = load(decision.parameters, request.checkpoint, decision.device)
    except SystemExit as error:  # or the program would end here, perhaps with the status of success
        raise ModelError(
            f"{model_id}: load ended the program with status {error.code}; it must raise an error"
        ) from error
    if not isinstance(model, nn.Module):
        raise ModelError(f"{model_id}: load must give a torch.nn.Module, got {type(model).__name__}")
    if model is not request.model:
        model.eval()
    model = model.to(decision.device)
    if inference.force_weights_dtype is not None:
        if model is request.model:
            model = copy.deepcopy(model)  # the caller's weights stay as they are
        model = model.to(str_to_torch_dtype(inference.force_weights_dtype))
    return cast(nn.Module, torch.compile(model)) if inference.compile_model else model


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in eval mode inside, each of its parts as it was afterwards: a model in training may be heard."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
