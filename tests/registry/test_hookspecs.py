from __future__ import annotations

import inspect
import textwrap
import types

import pytest
import torch

from workbench.registry import PluginManager, hookspecs, resolve_callable


def run_example(hook) -> PluginManager:
    """Run the lines at the head of a hook's docstring as a plugin."""
    _, _, rest = inspect.getdoc(hook).partition("::\n")
    lines = []
    for line in rest.splitlines():
        if line and not line.startswith("    "):
            break
        lines.append(line)
    code = textwrap.dedent("\n".join(lines))
    # What is promised is eight lines; a call broken to fit the page counts as one, a blank one as none.
    promised = [line for line in code.splitlines() if line.strip() and not line.startswith(" " * 12)]
    assert len(promised) <= 8
    plugin = types.ModuleType("example")
    exec(code, plugin.__dict__)
    manager = PluginManager([], environ={})
    manager.register_plugin(plugin)
    return manager


@pytest.mark.parametrize("length", [1, 2, 101])
def test_the_window_of_the_manual_works(length):
    window = run_example(hookspecs.register_windows).make_window("welch", length=length)
    assert window.shape == (length,)
    assert window.min() > 0


def test_the_model_of_the_manual_works():
    card = run_example(hookspecs.register_models).find_model("example.whole").card
    model = resolve_callable(card.load)(None, None, torch.device("cpu"))
    waveform = torch.randn(3, 2, 50)
    stems = model(waveform)
    assert stems.shape == (3, 1, 2, 50)
    assert torch.equal(stems[:, 0], waveform)
