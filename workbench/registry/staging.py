"""One plugin at a time: import it, look its hooks over, call them, and keep what it gave or why it failed.

Each plugin gets a pluggy manager of its own that is thrown away afterwards. So one that raises does not
stop the others (with a shared manager, one raising hook ends the call of all later ones), and one that
was refused leaves nothing half-registered behind that a corrected notebook cell would run into.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pluggy

from workbench.errors import PluginError
from workbench.registry import hookspecs
from workbench.registry.failures import describe_failure
from workbench.registry.interrupts import watching_interrupts
from workbench.registry.names import join_names, suggest_nearest, validate_short_name
from workbench.registry.origins import describe_origin
from workbench.registry.records import NOTEBOOK, PluginRecord, RegisteredModel, RegisteredWindow
from workbench.registry.validate import validate_model_card, validate_window_card

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

HOOKS = ("register_windows", "register_models")
BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Staging:
    """Takes a plugin's cards, each checked at once; nothing counts until all its hooks have returned."""

    def __init__(self, plugin: str) -> None:
        """Begin with nothing, for the plugin of this name."""
        self.plugin = plugin
        self.models: dict[str, RegisteredModel] = {}
        self.windows: dict[str, RegisteredWindow] = {}

    def register_model(self, card: object) -> None:
        """Check and take a model's card, see `validate_model_card` for what it raises."""
        valid = validate_model_card(card)
        if valid.name in self.models:
            raise PluginError(f"plugin {self.plugin!r} registers two models {valid.name!r}: rename one")
        self.models[valid.name] = RegisteredModel(f"{self.plugin}.{valid.name}", self.plugin, valid)

    def register_window(self, card: object) -> None:
        """Check and take a window's card, see `validate_window_card` for what it raises."""
        valid = validate_window_card(card)
        if valid.name in self.windows:
            raise PluginError(f"plugin {self.plugin!r} registers two windows {valid.name!r}: rename one")
        self.windows[valid.name] = RegisteredWindow(f"{self.plugin}.{valid.name}", self.plugin, valid)

    def commit(self, origin: str) -> PluginRecord:
        """Give what was taken as one record."""
        models, windows = tuple(self.models.values()), tuple(self.windows.values())
        return PluginRecord(self.plugin, origin, "ok", models, windows)


def load_entry_point(entry_point: EntryPoint) -> PluginRecord:
    """Import an installed plugin and collect its cards; whatever it raises becomes its record's error.

    What it prints meanwhile goes to standard error, since standard output may hold JSON.

    Raises:
        KeyboardInterrupt: the user's, who need not wait for it.
    """
    origin = describe_origin(entry_point)
    with watching_interrupts() as interrupts, redirect_stdout(sys.stderr):
        try:
            _check_entry_point(entry_point)
            return collect_cards(entry_point.load(), name=entry_point.name, origin=origin)
        except BaseException as error:  # also the SystemExit of sys.exit() and the PanicException of a Rust library
            if interrupts:
                raise KeyboardInterrupt from error  # whatever a library made of it
            packages = {entry_point.value.partition(":")[0].partition(".")[0].strip()}
            text = describe_failure(error, packages=packages)
            if isinstance(error, ModuleNotFoundError) and error.name in (entry_point.module, *packages):
                text += (
                    f": does [project.entry-points.{hookspecs.GROUP}] in pyproject.toml name it as it is called, "
                    "and does the package contain it?"
                )
            return PluginRecord(entry_point.name, origin, "failed", error=text)


def _check_entry_point(entry_point: EntryPoint) -> None:
    validate_short_name(entry_point.name, kind="plugin")
    if entry_point.name == NOTEBOOK:
        raise PluginError(f"the name {NOTEBOOK!r} is kept for what a notebook registers: rename the plugin")
    if entry_point.pattern.match(entry_point.value) is None:
        raise PluginError(f'its entry point names {entry_point.value!r}, expected "package.module": correct it')


def collect_cards(plugin: object, *, name: str, origin: str) -> PluginRecord:
    """Check a plugin's hooks, call them, and give its cards.

    Args:
        plugin: a module, or any object that has hooks as functions or methods.
        name: of the plugin, the first part of its ids.
        origin: where it came from, for the listing.

    Raises:
        PluginError: hooks that cannot work; also whatever the hooks themselves raise.
    """
    hooks = pluggy.PluginManager(hookspecs.GROUP)
    hooks.add_hookspecs(hookspecs)
    _check_hooks(plugin, hooks=hooks)
    hooks.register(plugin, name=name)
    staging = Staging(name)
    for hook_name, register in zip(HOOKS, (staging.register_window, staging.register_model), strict=True):
        returned = getattr(hooks.hook, hook_name)(register=register)
        if returned:  # pluggy leaves None out; a generator or coroutine has not even begun to run
            if inspect.iscoroutine(returned[0]):
                returned[0].close()  # or Python warns that it was never awaited
            raise PluginError(
                f"hook {hook_name} must call register(card) and return nothing, "
                f"it returned {type(returned[0]).__name__}"
            )
    return staging.commit(origin)


def find_hooks(plugin: object, *, hooks: pluggy.PluginManager) -> Iterator[tuple[str, Any, Any]]:
    """Give name, function and pluggy's options of all that is decorated with ``@hookimpl``."""
    for attribute in dir(plugin):
        options = hooks.parse_hookimpl_opts(plugin, attribute)
        if options is not None:
            yield options.get("specname") or attribute, getattr(plugin, attribute), options


def _check_hooks(plugin: object, *, hooks: pluggy.PluginManager) -> None:
    """Refuse what pluggy would let pass in silence."""
    if inspect.isclass(plugin):
        got = plugin.__name__
        raise PluginError(f"a plugin must be a module or an object, got the class {got}: give {got}()")
    if inspect.isroutine(plugin):
        raise PluginError(
            f"a plugin must be a module or an object, got the function {plugin.__name__}: name its module"
        )
    found = list(find_hooks(plugin, hooks=hooks))
    for name, function, options in found:
        where = locate_function(function)
        if name not in HOOKS:
            hint = suggest_nearest(name, HOOKS)
            raise PluginError(f"there is no hook {name!r}, only {join_names(HOOKS)}{hint}{where}")
        if options.get("wrapper") or options.get("hookwrapper"):
            raise PluginError(f"hook {name} is a wrapper, but each plugin is called alone: make it plain{where}")
        parameters = inspect.signature(function).parameters.values()
        given = [(one.name, one.default, one.kind in BY_POSITION) for one in parameters]
        if given != [("register", inspect.Parameter.empty, True)]:
            got = ", ".join(map(str, parameters)) or "none"
            raise PluginError(f"hook {name} must take one argument, register, without a default, got {got}{where}")
    marked = {name for name, _, _ in found}
    for name in HOOKS:
        if name not in marked and callable(getattr(plugin, name, None)):
            where = locate_function(getattr(plugin, name))
            raise PluginError(f"{name} lacks its decorator: write @hookimpl above it{where}")
    if not found:
        raise PluginError(f"there is no hook in it: write {' or '.join(HOOKS)} with @hookimpl above it")


def locate_function(function: Callable[..., Any]) -> str:
    """Say in which file and line a function stands, or nothing if that is not known."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f" ({code.co_filename}:{code.co_firstlineno})" if code else ""


def name_packages(plugin: object) -> set[str]:
    """Name the top-level packages that a plugin given by hand is made of."""
    if inspect.ismodule(plugin):
        return {plugin.__name__.partition(".")[0]}
    hooks = pluggy.PluginManager(hookspecs.GROUP)
    functions = [function for _, function, _ in find_hooks(plugin, hooks=hooks)]
    return {one.__module__.partition(".")[0] for one in (type(plugin), *functions)}
