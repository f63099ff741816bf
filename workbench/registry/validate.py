"""Checks of cards, made on the line where an author registers one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from workbench.errors import InvalidType, InvalidValue, PluginError, WorkbenchError
from workbench.registry.cards import (
    CONTEXTS,
    HOOK_API,
    INPUT_TYPES,
    OUTPUT_TYPES,
    ModelCard,
    NumFreqs,
    Parameter,
    WindowCard,
)
from workbench.registry.names import join_names, suggest_nearest, validate_short_name, validate_stem_names
from workbench.registry.references import validate_reference
from workbench.registry.window_spec import parse_window

HIGHEST_SAMPLE_RATE = 1_000_000  # in hertz; what is beyond is a slip, and would take all memory
MAKE_ARGUMENTS = ("length", "dtype", "device")  # what a window's make gets beside its own parameters


def validate_window_card(card: object) -> WindowCard:
    """Check every field of a window's card.

    Raises:
        InvalidType: not a `WindowCard`, or a field of the wrong type.
        InvalidValue: a field that cannot be, such as a default outside of its range.
    """
    if not isinstance(card, WindowCard):
        hint = "; models go to register_models" if isinstance(card, ModelCard) else ""
        raise InvalidType(f"expected a WindowCard, got {type(card).__name__}{hint}")
    label = f"window {validate_short_name(card.name, kind='window')!r}"
    validate_reference(card.make, field=f"make of {label}")
    _check_summary(card.summary, label=label)
    _check_type(card.nonnegative, bool, field=f"nonnegative of {label}", expected="True or False")
    _check_type(card.parameters, Mapping, field=f"parameters of {label}", expected="a mapping")
    for name, parameter in card.parameters.items():
        _check_parameter(name, parameter, label=label)
    for name in ("cola_overlaps", "cola_square_overlaps"):
        for overlap in _check_sequence(getattr(card, name), field=f"{name} of {label}"):
            _check_overlap(overlap, field=f"each of {name} of {label}")
    return card


def validate_model_card(card: object) -> ModelCard:
    """Check every field of a model's card; its network is neither imported nor loaded.

    Raises:
        InvalidType: not a `ModelCard`, or a field of the wrong type.
        InvalidValue: a field that cannot be: a reserved stem, a spectrogram model without ``stft``.
        PluginError: written for another version of the hooks, or ``stems`` and ``parameters`` that fail
            with their own defaults.
    """
    if not isinstance(card, ModelCard):
        hint = "; windows go to register_windows" if isinstance(card, WindowCard) else ""
        raise InvalidType(f"expected a ModelCard, got {type(card).__name__}{hint}")
    label = f"model {validate_short_name(card.name, kind='model')!r}"
    _check_type(card.hook_api, int, field=f"hook_api of {label}", expected="a whole number")
    if card.hook_api != HOOK_API:
        raise PluginError(
            f"{label} is written for hook_api {card.hook_api}, this workbench offers {HOOK_API}: "
            "install versions of the plugin and the workbench that go together"
        )
    validate_reference(card.load, field=f"load of {label}")
    _check_summary(card.summary, label=label)
    _check_choice(card.input_type, INPUT_TYPES, field=f"input_type of {label}")
    _check_choice(card.output_type, OUTPUT_TYPES, field=f"output_type of {label}")
    _check_choice(card.context, CONTEXTS, field=f"context of {label}")
    for name in ("sample_rate", "channels"):
        _check_count(getattr(card, name), field=f"{name} of {label}")
    if card.sample_rate is not None and card.sample_rate > HIGHEST_SAMPLE_RATE:
        raise InvalidValue(f"sample_rate of {label} must be at most {HIGHEST_SAMPLE_RATE} Hz, got {card.sample_rate}")
    for name in ("normalize", "needs_checkpoint", "needs_references"):
        _check_type(getattr(card, name), bool, field=f"{name} of {label}", expected="True or False")
    for name in ("license", "paper"):
        _check_type(getattr(card, name), (str, type(None)), field=f"{name} of {label}", expected="text or None")
    _check_stft(card, label=label)
    if not _check_number(card.chunk_seconds, field=f"chunk_seconds of {label}") > 0:
        raise InvalidValue(f"chunk_seconds of {label} must be greater than 0, got {card.chunk_seconds}")
    _check_overlap(card.overlap, field=f"overlap of {label}")
    _check_type(card.window, str, field=f"window of {label}", expected='a name such as "hann"')
    with _naming(f"window of {label}"):
        parse_window(card.window)
    _check_parameters_type(card, label=label)
    if card.needs_references and card.stems != ():
        raise InvalidValue(f"{label} takes its stems from the references, so stems must be (), got {card.stems!r}")
    list_stems(card)
    return card


def list_stems(card: ModelCard, *, parameters: object = None) -> tuple[str, ...]:
    """Name the stems that a model gives, in order.

    Args:
        card: the model's card.
        parameters: an instance of ``card.parameters``; its defaults if left out.

    Returns:
        Their names; none for a model that takes them from the references.

    Raises:
        InvalidType, InvalidValue: names that cannot be, see `validate_stem_names`.
        PluginError: the card's ``stems`` is a function and it raised.
    """
    if card.needs_references:
        return ()
    label = f"model {card.name!r}"
    names: object = card.stems
    if callable(card.stems):
        if parameters is None and card.parameters is not None:
            parameters = card.parameters()
        names = _call_author(card.stems, parameters, what=f"stems of {label}")
    with _naming(f"stems of {label}"):
        return validate_stem_names(_check_sequence(names, field="they"))


def list_followers(card: ModelCard) -> tuple[str, ...]:
    """Names of a model's parameters that follow its transform: those of type `NumFreqs`."""
    if card.parameters is None:
        return ()
    hints = get_type_hints(card.parameters, include_extras=True)
    return tuple(one.name for one in fields(card.parameters) if hints[one.name] == NumFreqs)


def _check_parameters_type(card: ModelCard, *, label: str) -> None:
    kind = card.parameters
    if kind is None:
        return
    if not (isinstance(kind, type) and is_dataclass(kind) and kind.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        raise InvalidType(f"parameters of {label} must be a frozen dataclass (the class itself), got {kind!r}")
    defaults = _call_author(kind, what=f"parameters of {label} with defaults alone")
    followers: Any = _call_author(list_followers, card, what=f"reading the types of the parameters of {label}")
    for name in followers:
        if card.stft is None:
            raise InvalidValue(
                f"parameter {name} of {label} is NumFreqs, and there is no transform: give stft=, or int"
            )
        if getattr(defaults, name) != card.stft.num_freqs:
            raise InvalidValue(
                f"the default of the parameter {name} of {label} must be the num_freqs of its stft, "
                f"{card.stft.num_freqs}, got {getattr(defaults, name)!r}"
            )


def _check_stft(card: ModelCard, *, label: str) -> None:
    if card.stft is not None:
        from workbench.core.settings import StftConfig

        expected = "a workbench.core.StftConfig or None"
        _check_type(card.stft, StftConfig, field=f"stft of {label}", expected=expected)
    elif (card.input_type, card.output_type) != ("waveform", "waveform"):
        raise InvalidValue(
            f"{label} goes from {card.input_type} to {card.output_type} and so needs stft=StftConfig(...), got None"
        )


def _check_parameter(name: object, parameter: object, *, label: str) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise InvalidValue(f"a parameter of {label} must be named like a Python argument, got {name!r}")
    if name in MAKE_ARGUMENTS:
        raise InvalidValue(f"parameter {name!r} of {label} is taken: make gets {join_names(MAKE_ARGUMENTS)}")
    field = f"parameter {name!r} of {label}"
    if not isinstance(parameter, Parameter):
        raise InvalidType(f"{field} must be a Parameter, got {type(parameter).__name__} {parameter!r}")
    _check_type(parameter.summary, str, field=f"summary of {field}", expected="text")
    _check_number(parameter.default, field=f"default of {field}")
    for end in (parameter.minimum, parameter.maximum):
        if end is not None:
            _check_number(end, field=f"range of {field}")
    too_low = parameter.minimum is not None and parameter.default < parameter.minimum
    too_high = parameter.maximum is not None and parameter.default > parameter.maximum
    if too_low or too_high:
        raise InvalidValue(
            f"default of {field} must lie in its range, got {parameter.default} "
            f"outside of {parameter.minimum} to {parameter.maximum}"
        )


def _check_summary(summary: object, *, label: str) -> None:
    _check_type(summary, str, field=f"summary of {label}", expected="one line of text")
    if not str(summary).strip() or len(str(summary).splitlines()) > 1:
        raise InvalidValue(f"summary of {label} must be one line that says what it is for, got {summary!r}")


def _check_sequence(value: object, *, field: str) -> Sequence[object]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidType(f"{field} must be a list or tuple, got {type(value).__name__} {value!r}")
    return value


def _check_type(value: object, kind: type | tuple[type, ...], *, field: str, expected: str) -> None:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    # A bool is an int for Python, but never meant as a number here.
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise InvalidType(f"{field} must be {expected}, got {type(value).__name__} {value!r}")


def _check_number(value: object, *, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidType(f"{field} must be a number, got {type(value).__name__} {value!r}")
    if not math.isfinite(value):
        raise InvalidValue(f"{field} must be a finite number, got {value}")
    return value


def _check_count(value: object, *, field: str) -> None:
    _check_type(value, (int, type(None)), field=field, expected="a whole number or None (any)")
    if isinstance(value, int) and value < 1:
        raise InvalidValue(f"{field} must be at least 1, or None (any), got {value}")


def _check_overlap(value: object, *, field: str) -> None:
    if not 0 <= _check_number(value, field=field) < 1:
        raise InvalidValue(f"{field} must be at least 0 and below 1, got {value}")


def _check_choice(value: object, choices: Sequence[str], *, field: str) -> None:
    _check_type(value, str, field=field, expected=f"one of {join_names(choices)}")
    if value not in choices:
        hint = suggest_nearest(str(value), choices)
        raise InvalidValue(f"{field} must be one of {join_names(choices)}, got {value!r}{hint}")


def _call_author(function: Callable[..., Any], *arguments: object, what: str) -> object:
    try:
        return function(*arguments)
    except WorkbenchError:  # says what is wrong with the arguments in our own words
        raise
    except Exception as error:  # the author's code may raise anything
        reason = " ".join(str(error).split())
        raise PluginError(f"{what} raised {type(error).__name__}: {reason}") from error


@contextmanager
def _naming(field: str) -> Iterator[None]:
    """Put in front of an error's message which field it is about."""
    try:
        yield
    except (InvalidType, InvalidValue) as error:
        raise type(error)(f"{field}: {error}") from None
