"""What models and windows exist and who brought them: the one registry of this process.

The functions here ask one `PluginManager`, which finds installed plugins on the first question that
needs them. Importing this module and listing everything loads neither torch nor numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.registry.cards import ModelCard, NumFreqs, Parameter, WindowCard
from workbench.registry.hookspecs import hookimpl
from workbench.registry.listing import Listing, ModelRow, PluginRow, WindowRow
from workbench.registry.manager import PluginManager
from workbench.registry.names import validate_stem_name
from workbench.registry.records import RegisteredModel, RegisteredWindow
from workbench.registry.references import resolve_callable
from workbench.registry.validate import list_stems
from workbench.registry.window_spec import parse_window

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor

__all__ = [
    "Listing",
    "ModelCard",
    "ModelRow",
    "NumFreqs",
    "Parameter",
    "PluginManager",
    "PluginRow",
    "RegisteredModel",
    "RegisteredWindow",
    "WindowCard",
    "WindowRow",
    "block_plugin",
    "find_model",
    "find_window",
    "forget_plugin",
    "hookimpl",
    "list_stems",
    "make_window",
    "models",
    "parse_window",
    "plugins",
    "register_model",
    "register_plugin",
    "register_window",
    "resolve_callable",
    "unblock_plugin",
    "validate_stem_name",
    "windows",
]

_manager = PluginManager()


def models() -> Listing[ModelRow]:
    """List all models: id, summary, stems, origin, status."""
    return _manager.models()


def windows() -> Listing[WindowRow]:
    """List all windows: id, summary, parameters with default and range, origin."""
    return _manager.windows()


def plugins() -> Listing[PluginRow]:
    """List all plugins: name, origin, what each gave, status, error."""
    return _manager.plugins()


def find_model(name: str) -> RegisteredModel:
    """Find a model by its id, ``"hpss.hpss"``, or by its short name while that is unique.

    Raises:
        InvalidValue: no model is called so, or more than one is.
    """
    return _manager.find_model(name)


def find_window(name: str) -> RegisteredWindow:
    """Find a window by its id, ``"windows.hann"``, or by its short name while that is unique.

    Raises:
        InvalidValue: no window is called so, or more than one is.
    """
    return _manager.find_window(name)


def keep_window(spec: str) -> str:
    """A window as a card names it, by its full id where a notebook has since registered another of that name."""
    return _manager.keep_window(spec)


def make_window(
    spec: str | Tensor,
    *,
    length: int,
    dtype: torch.dtype | None = None,
    device: torch.device | str | None = None,
) -> Float[Tensor, " time"]:
    """Make a window from text such as ``"tukey:alpha=0.3"``, or check one given as a tensor.

    Args:
        spec: text, or a tensor of ``length`` samples.
        length: in samples, at least 1.
        dtype: a real floating dtype; if left out a tensor keeps its own and text gives float32.
        device: where it should be; if left out a tensor stays and text gives the CPU.

    Shapes:
        returns: (length,)

    Raises:
        InvalidType, InvalidValue: an unknown window or parameter, a value out of range, a bad tensor.
        PluginError: the plugin gave something else than its card promises.
    """
    return _manager.make_window(spec, length=length, dtype=dtype, device=device)


def register_model(card: ModelCard) -> None:
    """Register a model from a notebook as ``notebook.name``; running the cell again replaces it.

    Raises:
        InvalidType, InvalidValue, PluginError: a field of the card is wrong; nothing changes.
    """
    _manager.register_model(card)


def register_window(card: WindowCard) -> None:
    """Register a window from a notebook as ``notebook.name``; running the cell again replaces it.

    Raises:
        InvalidType, InvalidValue: a field of the card is wrong; nothing changes.
    """
    _manager.register_window(card)


def register_plugin(plugin: object, *, name: str | None = None) -> None:
    """Register a module or object with hooks; doing so again under its name replaces what it gave.

    Raises:
        InvalidType, InvalidValue, PluginError: a name, hook or card is wrong; what it gave before stays.
    """
    _manager.register_plugin(plugin, name=name)


def forget_plugin(name: str) -> None:
    """Take back what was registered by hand under this name, ``"notebook"`` for single cards."""
    _manager.forget(name)


def block_plugin(name: str) -> None:
    """Take an installed plugin out of use in this process."""
    _manager.block(name)


def unblock_plugin(name: str) -> None:
    """Bring an installed plugin into use, also one that the environment's lists keep out."""
    _manager.unblock(name)
