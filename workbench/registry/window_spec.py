"""Windows as text, ``"tukey:alpha=0.3"``, and from that the tensor, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import InvalidType, InvalidValue, PluginError, WorkbenchError
from workbench.registry.names import join_names, suggest_nearest
from workbench.registry.records import RegisteredWindow
from workbench.registry.references import resolve_callable

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor


def parse_window(spec: str) -> tuple[str, dict[str, float]]:
    """Take a window's text apart; whether such a window exists is not asked here.

    Args:
        spec: ``"hann"``, ``"windows.hann"``, ``"tukey:alpha=0.3"``, several parameters joined by commas.

    Returns:
        The name and the parameters: ``("tukey", {"alpha": 0.3})``.

    Raises:
        InvalidType: not a string.
        InvalidValue: no name, or a parameter that is not ``name=number``, or is given twice.
    """
    if not isinstance(spec, str):
        raise InvalidType(f'a window must be a name such as "hann", got {type(spec).__name__} {spec!r}')
    name, colon, rest = (part.strip() for part in spec.partition(":"))
    if not name:
        raise InvalidValue(f'window {spec!r} has no name, expected for example "hann" or "tukey:alpha=0.3"')
    parameters: dict[str, float] = {}
    if not colon:
        return name, parameters
    for item in rest.split(","):
        key, equals, text = (part.strip() for part in item.partition("="))
        if not key or not equals:
            raise InvalidValue(f"window {spec!r}: after ':' expected name=number, got {item.strip()!r}")
        if key in parameters:
            raise InvalidValue(f"window {spec!r} gives {key!r} twice, expected once")
        try:
            parameters[key] = float(text)
        except ValueError:
            raise InvalidValue(f"window {spec!r}: {key!r} must be a number, got {text!r}") from None
        if not math.isfinite(parameters[key]):
            raise InvalidValue(f"window {spec!r}: {key!r} must be a finite number, got {text!r}")
    return name, parameters


def fill_parameters(window: RegisteredWindow, given: Mapping[str, float]) -> dict[str, float]:
    """Give every parameter of a window a value: what was given, else its default.

    Raises:
        InvalidValue: a parameter that the window does not have, or a value out of its range.
    """
    known = window.card.parameters
    for name, value in given.items():
        if name not in known:
            hint = suggest_nearest(name, known)
            raise InvalidValue(f"window {window.id!r} has no parameter {name!r}; it knows {join_names(known)}{hint}")
        minimum, maximum = known[name].minimum, known[name].maximum
        if (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
            raise InvalidValue(
                f"window {window.id!r}: {name} must be {describe_range(minimum, maximum)}, got {value:g}"
            )
    return {name: float(given.get(name, parameter.default)) for name, parameter in known.items()}


def describe_range(minimum: float | None, maximum: float | None) -> str:
    """Put a range into words, both ends allowed."""
    if minimum is None and maximum is None:
        return "any number"
    if maximum is None:
        return f"at least {minimum:g}"
    if minimum is None:
        return f"at most {maximum:g}"
    return f"{minimum:g} to {maximum:g}"


def build_window(
    window: RegisteredWindow,
    given: Mapping[str, float],
    *,
    length: int,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, " time"]:
    """Make a registered window and check that it is what its card says.

    Args:
        window: from `find_window`.
        given: parameters, as `parse_window` gives them.
        length: in samples, at least 1.
        dtype: a real floating dtype, float32 if left out.
        device: where to make it, the CPU if left out.

    Shapes:
        returns: (length,)

    Raises:
        InvalidType, InvalidValue: a length, dtype or parameter that cannot be.
        PluginError: the plugin failed, or gave something else than its card promises.
    """
    import torch

    _check_length(length)
    dtype = torch.float32 if dtype is None else dtype
    device = torch.device("cpu" if device is None else device)
    if not dtype.is_floating_point:
        raise InvalidType(f"a window's dtype must be a real floating one such as torch.float32, got {dtype}")
    parameters = fill_parameters(window, given)
    make = resolve_callable(window.card.make, field=f"make of window {window.id!r}")
    try:
        made = make(length, dtype=dtype, device=device, **parameters)
    except WorkbenchError:  # says what is wrong with the parameters in our own words
        raise
    except Exception as error:  # the author's code may raise anything
        reason = " ".join(str(error).split())
        raise PluginError(
            f"plugin {window.plugin!r} could not make window {window.id!r} of {length} samples: "
            f"{type(error).__name__}: {reason}"
        ) from error
    fault = _find_fault(made, length=length)
    if not fault and (made.dtype != dtype or made.device.type != device.type):
        fault = f"{made.dtype} on {made.device.type}, expected {dtype} on {device.type}"
    if not fault and window.card.nonnegative and made.min() < 0:
        fault = f"a sample of {made.min().item():g}, but its card says nonnegative"
    if fault:
        raise PluginError(f"plugin {window.plugin!r} made window {window.id!r} wrongly: it gave {fault}")
    checked: Tensor = made
    return checked


def adopt_window(
    window: Tensor,
    *,
    length: int,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, " time"]:
    """Take a window that came as a tensor, checked and brought to ``dtype`` and ``device``.

    Shapes:
        window, returns: (length,)

    Raises:
        InvalidType: a dtype asked for that is not a real floating one.
        InvalidValue: a tensor of another shape, not real floating, or with NaN or infinity.
    """
    _check_length(length)
    fault = _find_fault(window, length=length)
    if fault:
        raise InvalidValue(f"the window given as a tensor is unfit: got {fault}")
    if dtype is not None and not dtype.is_floating_point:
        raise InvalidType(f"a window's dtype must be a real floating one such as torch.float32, got {dtype}")
    return window.to(device=device, dtype=dtype)


def _check_length(length: object) -> None:
    if isinstance(length, bool) or not isinstance(length, int):
        raise InvalidType(f"a window's length must be a whole number of samples, got {length!r}")
    if length < 1:
        raise InvalidValue(f"a window's length must be at least 1 sample, got {length}")


def _find_fault(window: Any, *, length: int) -> str:
    """Say in words why this is no window of that length, or nothing."""
    import torch

    if not isinstance(window, torch.Tensor):
        return f"{type(window).__name__}, expected a torch tensor"
    if tuple(window.shape) != (length,):
        return f"the shape {tuple(window.shape)}, expected ({length},)"
    if not window.is_floating_point():
        return f"{window.dtype}, expected a real floating dtype such as torch.float32"
    if not torch.isfinite(window).all():
        return "NaN or infinity, expected finite samples"
    return ""
