"""The registry itself: finds plugins on first need, keeps the failing apart, lists and looks up."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

from workbench.errors import InvalidType, InvalidValue, PluginError, WorkbenchError
from workbench.registry.cards import ModelCard, WindowCard
from workbench.registry.failures import describe_failure
from workbench.registry.installed import InstalledPlugins
from workbench.registry.listing import (
    Listing,
    ModelRow,
    PluginRow,
    WindowRow,
    tabulate_models,
    tabulate_plugins,
    tabulate_windows,
)
from workbench.registry.lookup import find_by_name
from workbench.registry.names import join_names, validate_short_name
from workbench.registry.origins import describe_origin
from workbench.registry.records import NOTEBOOK, PluginRecord, RegisteredModel, RegisteredWindow
from workbench.registry.shadowed import drop_shadowed, mark_shadowed
from workbench.registry.staging import Staging, collect_cards, name_packages
from workbench.registry.window_spec import adopt_window, build_window, parse_window

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import torch
    from jaxtyping import Float
    from torch import Tensor


class PluginManager:
    """Knows plugins, models and windows. Nothing is imported before the first question that needs it.

    Args:
        entry_points: installed plugins; those of the group ``workbench`` in this environment if left out.
        environ: where the block and allow lists are read, the process's environment if left out.
            ``WORKBENCH_PLUGINS_BLOCK`` names installed plugins, joined by commas, that must not be loaded;
            ``WORKBENCH_PLUGINS_ALLOW``, if it names any, the only ones that may. Blocking wins.
    """

    def __init__(
        self, entry_points: Iterable[EntryPoint] | None = None, *, environ: Mapping[str, str] | None = None
    ) -> None:
        """Keep what was given; look for nothing yet."""
        self._installed = InstalledPlugins(entry_points, environ=os.environ if environ is None else environ)
        self._by_hand: dict[str, PluginRecord] = {}

    def models(self) -> Listing[ModelRow]:
        """List all models."""
        return tabulate_models(self._read_records())

    def windows(self) -> Listing[WindowRow]:
        """List all windows."""
        return tabulate_windows(self._read_records())

    def plugins(self) -> Listing[PluginRow]:
        """List all plugins, with what each gave or why it failed."""
        return tabulate_plugins(mark_shadowed(self._read_records()))

    def find_model(self, name: str) -> RegisteredModel:
        """Find a model by id or unique short name, see `find_by_name` for what it raises, `shadowed` for ours."""
        records = self._read_records()
        known = drop_shadowed([(record, record.models) for record in records], name=name)
        return find_by_name(name, kind="model", known=known, plugins=records)

    def find_window(self, name: str) -> RegisteredWindow:
        """Find a window by id or unique short name, without parameters; see `find_by_name` and `shadowed`."""
        records = self._read_records()
        known = drop_shadowed([(record, record.windows) for record in records], name=name)
        return find_by_name(name, kind="window", known=known, plugins=records)

    def keep_window(self, spec: str) -> str:
        """A window as a card names it, by its full id where a notebook has since registered another of that name."""
        name, colon, parameters = spec.partition(":")
        records = self._read_records()
        known = drop_shadowed([(record, record.windows) for record in records], name=name)
        named = [one.id for one in known if name in (one.id, one.card.name)]
        installed = [one for one in named if not one.startswith(f"{NOTEBOOK}.")]
        return f"{installed[0]}{colon}{parameters}" if len(installed) == 1 < len(named) else spec

    def make_window(
        self,
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
        if isinstance(spec, str):
            name, given = parse_window(spec)
            window = self.find_window(name)
            return build_window(window, given, length=length, dtype=dtype, device=device)
        import torch

        if not isinstance(spec, torch.Tensor):
            raise InvalidType(f'a window must be text such as "hann" or a torch tensor, got {type(spec).__name__}')
        return adopt_window(spec, length=length, dtype=dtype, device=device)

    def register_model(self, card: ModelCard) -> None:
        """Register one model as ``notebook.name``; one of the same name registered so before is replaced.

        Raises:
            InvalidType, InvalidValue, PluginError: see `validate_model_card`; then nothing changes.
        """
        staging = self._reopen_notebook()
        kept = dict(staging.models)
        staging.models.clear()
        staging.register_model(card)
        staging.models = kept | staging.models
        self._by_hand[NOTEBOOK] = staging.commit(NOTEBOOK)

    def register_window(self, card: WindowCard) -> None:
        """Register one window as ``notebook.name``; one of the same name registered so before is replaced.

        Raises:
            InvalidType, InvalidValue: see `validate_window_card`; then nothing changes.
        """
        staging = self._reopen_notebook()
        kept = dict(staging.windows)
        staging.windows.clear()
        staging.register_window(card)
        staging.windows = kept | staging.windows
        self._by_hand[NOTEBOOK] = staging.commit(NOTEBOOK)

    def register_plugin(self, plugin: object, *, name: str | None = None) -> None:
        """Register a module or object with hooks, as if it were installed under this name.

        Doing so again under the same name replaces exactly what it gave before. If it fails, what it
        gave before stays in use, and `plugins` says so.

        Args:
            plugin: a module, or an object whose functions or methods carry ``@hookimpl``.
            name: first part of its ids; for a module the last part of its own name if left out.

        Raises:
            InvalidType, InvalidValue: a name that is missing, unfit or taken; a card's bad field.
            PluginError: hooks that cannot work, or anything else they raised.
        """
        name = self._choose_name(plugin, name)
        try:
            self._by_hand[name] = collect_cards(plugin, name=name, origin=NOTEBOOK)
        except KeyboardInterrupt:  # the user's
            raise
        except BaseException as error:  # as `load_entry_point` has it
            text = describe_failure(error, packages=name_packages(plugin))
            before = self._by_hand.get(name)
            if before is not None and before.status == "ok":
                self._by_hand[name] = replace(before, error=f"an earlier one is in use, since now: {text}")
            else:
                self._by_hand[name] = PluginRecord(name, NOTEBOOK, "failed", error=text)
            if isinstance(error, WorkbenchError):
                raise
            raise PluginError(f"plugin {name!r} failed: {text}") from error

    def forget(self, name: str) -> None:
        """Take back what was registered by hand under this plugin name, ``"notebook"`` for single cards.

        Raises:
            InvalidValue: nothing was.
        """
        if name not in self._by_hand:
            raise InvalidValue(f"nothing was registered by hand as {name!r}; known: {join_names(self._by_hand)}")
        del self._by_hand[name]

    def block(self, name: str) -> None:
        """Take an installed plugin out of use; if it is not imported yet, it will not be.

        Raises:
            InvalidValue: no installed plugin has this name.
        """
        self._installed.choose(name, blocked=True)

    def unblock(self, name: str) -> None:
        """Bring an installed plugin into use, also one that the environment's lists keep out.

        Raises:
            InvalidValue: no installed plugin has this name.
        """
        self._installed.choose(name, blocked=False)

    def _choose_name(self, plugin: object, name: str | None) -> str:
        if name is None:
            if not isinstance(plugin, ModuleType):
                raise InvalidValue('a plugin that is not a module needs a name: register_plugin(it, name="mine")')
            name = plugin.__name__.rpartition(".")[2]
        validate_short_name(name, kind="plugin")
        if name == NOTEBOOK:
            raise InvalidValue(f"plugin name {NOTEBOOK!r} is kept for single cards: choose another")
        for holder in self._installed.find().values():
            if holder.name == name:
                raise InvalidValue(f"plugin name {name!r} is taken by {describe_origin(holder)}: choose another")
        return name

    def _reopen_notebook(self) -> Staging:
        staging = Staging(NOTEBOOK)
        before = self._by_hand.get(NOTEBOOK)
        if before is not None:
            staging.models = {model.card.name: model for model in before.models}
            staging.windows = {window.card.name: window for window in before.windows}
        return staging

    def _read_records(self) -> tuple[PluginRecord, ...]:
        return (*self._installed.load(), *self._by_hand.values())
