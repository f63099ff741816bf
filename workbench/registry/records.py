"""What the registry knows: plugins, and the windows and models that each of them gave."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.registry.cards import ModelCard, WindowCard

NOTEBOOK = "notebook"  # the plugin name, and the origin, of what is registered by hand


@dataclass(frozen=True)
class RegisteredModel:
    """A model's card with its full name ``plugin.name``."""

    id: str
    plugin: str
    card: ModelCard


@dataclass(frozen=True)
class RegisteredWindow:
    """A window's card with its full name ``plugin.name``."""

    id: str
    plugin: str
    card: WindowCard


@dataclass(frozen=True)
class PluginRecord:
    """One plugin and what became of it.

    Args:
        name: its entry point's name, the first part of its ids.
        origin: the distribution that brought it with its version, or ``"notebook"``.
        status: ``"ok"``, ``"failed"`` or ``"blocked"``; only one that is ok gives anything.
        models: what it gave, in its own order.
        windows: likewise.
        error: why it failed or is blocked, in one line; empty if all is well.
    """

    name: str
    origin: str
    status: str
    models: tuple[RegisteredModel, ...] = ()
    windows: tuple[RegisteredWindow, ...] = ()
    error: str = ""

    @property
    def gave(self) -> tuple[str, ...]:
        """Ids of all it gave, each once: a window and a model may share one."""
        ids = [model.id for model in self.models] + [window.id for window in self.windows]
        return tuple(dict.fromkeys(ids))
