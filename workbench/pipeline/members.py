"""The members of an ensemble: what each of them is asked for, by itself and by the call.

A run without an ensemble has one member, itself. Every member has one pass over the song, or several where test-time
augmentation or shifts are asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from workbench.errors import InvalidValue, ModelError, WorkbenchError
from workbench.pipeline.config import PATH_OF_ARGUMENT
from workbench.pipeline.decision import Decision
from workbench.pipeline.ensemble import Ensemble
from workbench.pipeline.layers import CONFIG, SETTING, Layers, lay_layers
from workbench.pipeline.merging import merge
from workbench.pipeline.network import check_weights_file
from workbench.pipeline.plan import check_shapes
from workbench.pipeline.reading import nest_settings, read_config
from workbench.pipeline.request import Request
from workbench.registry.cards import ModelCard

# What a document says of the result as a whole, and no member can.
OF_THE_RESULT = (("ensemble",), ("derived_stems",), ("output",), ("inference", "requested_stems"))
OF_SEVERAL_PASSES = tuple(("inference", name) for name in ("tta", "shifts", "shift_seed", "max_shift_seconds"))


@dataclass(frozen=True, eq=False)
class Member:
    """One model of a run.

    Attributes:
        name: in the ensemble; ``None`` where there is none.
        request: all that is asked of it, passes included.
        decision: what that comes to.
    """

    name: str | None
    request: Request
    decision: Decision

    def request_of_pass(self, stems: tuple[str, ...]) -> Request:
        """A single pass that gives these stems as the model separates them, with every setting as it was decided."""
        document = drop(self.decision.config.to_document(), (*OF_THE_RESULT, *OF_SEVERAL_PASSES))
        return Request(
            model=self.request.model,
            checkpoint=self.request.checkpoint,
            config=document,
            window=self.request.window if isinstance(self.request.window, Tensor) else None,
            stems=stems,
            references=self.request.references,
        )


def list_member_requests(request: Request, ensemble: Ensemble) -> dict[str, Request]:
    """What is asked of each member, by its name: what it says itself, and else what the call says.

    Raises:
        InvalidType, InvalidValue: a member's config or settings that cannot be, two members with one name.
    """
    shared = drop(lay_documents(request).document, OF_THE_RESULT)
    requests: list[tuple[str | None, Request]] = []
    for index, given in enumerate(ensemble.members):
        own: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {"model": given}
        own = {key: value for key, value in own.items() if value is not None}
        with naming_member(own.get("name") or f"{index + 1} of the ensemble"):
            requests.append((own.pop("name", None), make_member_request(request, own, shared=shared)))
    named = [name for name, _ in requests if name is not None]
    for name in named:
        if named.count(name) > 1:
            raise InvalidValue(f"two members of the ensemble are called {name!r}: give each a name of its own")
    by_name: dict[str, Request] = {}
    for given_name, member_request in requests:
        base, number = label_model(member_request), 2
        unique = given_name or base
        while given_name is None and (unique in by_name or unique in named):
            unique, number = f"{base} {number}", number + 1
        by_name[unique] = member_request
    return by_name


def make_member_request(call: Request, own: Mapping[str, Any], *, shared: Mapping[str, Any]) -> Request:
    """A member's arguments, and those of the call of which neither they nor the member's own documents speak.

    Args:
        call: what the call asks for.
        own: the member's arguments.
        shared: what the documents of the call say of each member.
    """
    document = read_config(own.get("config"))
    said = lay_documents(Request(config=document, settings=own.get("settings"))).document
    for path in OF_THE_RESULT:
        if path != ("output",) and pick(said, (path,)):  # which a config that was saved always has
            raise InvalidValue(f"{'.'.join(path)} is of the whole ensemble: a member cannot have its own, leave it out")
    arguments = {name: value for name, value in own.items() if name not in ("config", "settings")}
    for name in ("checkpoint", *PATH_OF_ARGUMENT):
        speaks = name in PATH_OF_ARGUMENT and pick(said, (PATH_OF_ARGUMENT[name],))
        if name not in arguments and not speaks:
            arguments[name] = getattr(call, name)
    config = merge(shared, drop(document, OF_THE_RESULT))
    settings = own.get("settings")
    return Request(config=config, settings=settings, references=call.references, **arguments)


def label_model(request: Request) -> str:
    """What a model is called in the call, for a member without a name."""
    if request.model is None:
        return str(lay_documents(request).document.get("model_type", "member"))
    if isinstance(request.model, str):
        return request.model
    return request.model.name if isinstance(request.model, ModelCard) else type(request.model).__name__


def document_of_member(member: Member) -> dict[str, Any]:
    """A member as a config holds it, with every setting as it was decided."""
    config = drop(member.decision.config.to_document(), OF_THE_RESULT)
    checkpoint = member.request.checkpoint
    given = {} if checkpoint is None else {"checkpoint": os.fspath(checkpoint)}
    return {"name": member.name, **given, "config": config}


def check_before_work(decision: Decision, request: Request) -> None:
    """Raise for a missing checkpoint, a transform or a window that cannot be, before an earlier member has run."""
    check_weights_file(decision, request)
    check_shapes(decision, request)


@contextmanager
def naming_member(name: str | None) -> Iterator[None]:
    """Put a member's name in front of what goes wrong inside; whatever a model raises becomes one of our errors."""
    try:
        yield
    except WorkbenchError as error:
        if name is None:
            raise
        raise type(error)(f"member {name}: {error}") from error
    except Exception as error:
        if name is None:
            raise
        reason = " ".join(str(error).split())
        raise ModelError(f"member {name}: unexpected {type(error).__name__}{': ' if reason else ''}{reason}") from error


def pick(document: Mapping[str, Any], paths: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """Only what lies under some paths; nothing is changed."""
    picked: dict[str, Any] = {}
    for path in paths:
        value: Any = document
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        if value is not None and value != {}:
            for key in reversed(path):
                value = {key: value}
            picked = merge(picked, value)
    return picked


def drop(document: Mapping[str, Any], paths: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    """All but what lies under some paths; nothing is changed."""
    kept: dict[str, Any] = {}
    for key, value in document.items():
        inside = tuple(path[1:] for path in paths if path[0] == key)
        if () in inside:
            continue
        kept[key] = drop(value, inside) if inside and isinstance(value, Mapping) else value
    return kept


def lay_documents(request: Request) -> Layers:
    """The request's config with its settings over it."""
    return lay_layers([(CONFIG, read_config(request.config)), (SETTING, nest_settings(request.settings))])
