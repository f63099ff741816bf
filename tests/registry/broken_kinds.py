"""Plugins that are broken, each in its own way, as text: for `test_broken_plugins`."""

from __future__ import annotations

HEAD = "from workbench.registry import ModelCard, Parameter, WindowCard, hookimpl\n"
WINDOW_HOOK = HEAD + "@hookimpl\ndef register_windows(register):\n    "
MODEL_HOOK = HEAD + "@hookimpl\ndef register_models(register):\n    "
GOOD = WINDOW_HOOK + "register(WindowCard(name='fine', make='some:make', summary='For a test.'))\n"


def model_text(**fields: object) -> str:
    """A plugin that registers one model; fields are Python as text."""
    given = {
        "name": "'m'",
        "load": "'some:load'",
        "summary": "'For a test.'",
        "stems": "('a', 'b')",
        "sample_rate": "None",
        "channels": "None",
        "input_type": "'waveform'",
        "output_type": "'waveform'",
    }
    arguments = ", ".join(f"{name}={value}" for name, value in (given | fields).items())
    return f"{MODEL_HOOK}register(ModelCard({arguments}))\n"


# kind: the module's text, and what the listing must say of it
FAILING: dict[str, tuple[str, list[str]]] = {
    # import
    "raises": ("x = 1\nraise OSError('two\\nlines')\n", ["OSError: two lines", "raises.py:2)"]),
    "syntax": ("x = 1\ndef (\n", ["SyntaxError: invalid syntax", "syntax.py, line 2)"]),
    "indented": ("x = 1\n  y = 2\n", ["IndentationError: unexpected indent", "indented.py, line 2)"]),
    "null_byte": ("x = '\0'\n", ["SyntaxError: source code string cannot contain null bytes"]),
    "dependency": ("import no_such_library\n", ["No module named 'no_such_library'", "dependency.py:1)"]),
    "old_dependency": ("from json import no_such_name\n", ["ImportError: cannot import name 'no_such_name'"]),
    "circular": ("import dist_circular.__no__\n", ["ModuleNotFoundError"]),
    "exits": ("import sys\nsys.exit('not on this machine')\n", ["SystemExit: not on this machine", "exits.py:2)"]),
    "exits_well": ("import sys\nsys.exit()\n", ["SystemExit", "exits_well.py:2)"]),
    "panics": ("class Panic(BaseException): ...\nraise Panic('in Rust')\n", ["Panic: in Rust", "panics.py:2)"]),
    "interrupts": ("raise KeyboardInterrupt\n", ["KeyboardInterrupt", "interrupts.py:1)"]),
    "recurses": ("def f():\n    f()\nf()\n", ["RecursionError: maximum recursion depth exceeded", "recurses.py:2)"]),
    "memory": ("raise MemoryError\n", ["MemoryError", "memory.py:1)"]),
    "unprintable": (
        "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute\n",
        ["Mute", "unprintable.py:3)"],
    ),
    "long": ("raise ValueError('x' * 1_000_000)\n", ["ValueError: xxx", "long.py:1)"]),
    "colored": ("raise ValueError('\\x1b[31mred\\x07\\u202e')\n", ["ValueError: \\x1b[31mred\\x07\\u202e"]),
    "empty": ("", ["there is no hook in it: write register_windows or register_models with @hookimpl above it"]),
    "asks": ("import workbench\nworkbench.models()\n", ["a plugin asked for models or windows", "asks.py:2)"]),
    # hooks
    "hook_raises": (WINDOW_HOOK + "raise KeyError('gone')\n", ["KeyError: 'gone'", "hook_raises.py:4)"]),
    "hook_exits": (WINDOW_HOOK + "raise SystemExit(0)\n", ["SystemExit: 0", "hook_exits.py:4)"]),
    "hook_asks": (
        WINDOW_HOOK + "import workbench; workbench.windows()\n",
        ["a plugin asked for models or windows", "hook_asks.py:4)"],
    ),
    "half": (GOOD + "    raise RuntimeError('after the first')\n", ["RuntimeError: after the first", "half.py:5)"]),
    "second_hook": (
        GOOD + MODEL_HOOK.removeprefix(HEAD) + "1 / 0\n",
        ["ZeroDivisionError: division by zero", "second_hook.py:7)"],
    ),
    "misspelt": (GOOD.replace("windows", "window"), ["no hook 'register_window'", "did you mean 'register_windows'"]),
    "no_argument": (GOOD.replace("(register)", "()"), ["must take one argument, register", "got none"]),
    "other_argument": (GOOD.replace("(register):", "(add):"), ["must take one argument, register", "got add"]),
    "more_arguments": (GOOD.replace("(register):", "(register, more):"), ["must take one argument", "register, more"]),
    "default": (GOOD.replace("(register):", "(register=None):"), ["without a default, got register=None"]),
    "any_arguments": (GOOD.replace("(register):", "(*register):"), ["must take one argument", "got *register"]),
    "unmarked": (GOOD.replace("@hookimpl\n", ""), ["write @hookimpl above it", "unmarked.py:2)"]),
    "generator": (GOOD.replace("    register(", "    yield register("), ["it returned generator"]),
    "coroutine": (GOOD.replace("def ", "async def "), ["it returned coroutine"]),
    "returns": (GOOD.replace("    register(", "    return [1] or register("), ["it returned list"]),
    "wrapper": (GOOD.replace("@hookimpl", "@hookimpl(wrapper=True)"), ["hook register_windows is a wrapper"]),
    # cards
    "no_card": (WINDOW_HOOK + "register('hann')\n", ["InvalidType: expected a WindowCard, got str", "no_card.py:4)"]),
    "nothing": (WINDOW_HOOK + "register(None)\n", ["expected a WindowCard, got NoneType"]),
    "card_class": (WINDOW_HOOK + "register(WindowCard)\n", ["expected a WindowCard, got type"]),
    "other_card": (GOOD.replace("windows", "models"), ["expected a ModelCard, got WindowCard"]),
    "no_argument_given": (WINDOW_HOOK + "register()\n", ["TypeError", "no_argument_given.py:4)"]),
    "lacking": (WINDOW_HOOK + "register(WindowCard(name='fine'))\n", ["TypeError", "'make' and 'summary'"]),
    "unknown_field": (GOOD.replace("summary=", "sumary="), ["TypeError", "'sumary'"]),
    "twice": (GOOD + GOOD.splitlines()[-1] + "\n", ["registers two windows 'fine': rename one", "twice.py:5)"]),
    "bad_id": (GOOD.replace("'fine'", "'Not Fine'"), ["'Not Fine' cannot name a window: use lowercase"]),
    "id_with_dot": (GOOD.replace("'fine'", "'not.fine'"), ["'not.fine' cannot name a window"]),
    "id_no_text": (GOOD.replace("'fine'", "3"), ["the name of a window must be a string, got int 3"]),
    "bad_make": (GOOD.replace("some:make", "some.make"), ['must read "package.module:function"', "'some.make'"]),
    "no_make": (GOOD.replace("'some:make'", "None"), ["must be a function or", "got NoneType"]),
    "no_summary": (GOOD.replace("'For a test.'", "''"), ["summary of window 'fine' must be one line"]),
    "escaping_stem": (model_text(stems="('../x',)"), ["stems of model 'm'", "'../x'"]),
    "reserved_stem": (model_text(stems="('mixture',)"), ["'mixture' cannot name a stem"]),
    "no_stems": (model_text(stems="()"), ["at least one stem, got none"]),
    "stems_raise": (model_text(stems="lambda parameters: 1 / 0"), ["stems of model 'm' raised ZeroDivisionError"]),
    "stems_exit": (model_text(stems="lambda parameters: exit(0)"), ["SystemExit"]),
    "no_stft": (model_text(input_type="'spectrogram'"), ["so needs stft=StftConfig(...), got None"]),
    "unknown_type": (model_text(input_type="'wave'"), ["input_type of model 'm' must be one of", "did you mean"]),
    "parameters": (model_text(parameters="dict"), ["parameters of model 'm' must be a frozen dataclass"]),
    "newer": (model_text(hook_api="2"), ["is written for hook_api 2, this workbench offers 1"]),
    "api_no_number": (model_text(hook_api="'1'"), ["hook_api of model 'm' must be a whole number, got str '1'"]),
}

# kind: lines of entry_points.txt, and what the listing must say; the module is a good one
ENTRY_POINTS: dict[str, tuple[str, list[str]]] = {
    "gone": ("gone = no_such_module", ["ModuleNotFoundError: No module named 'no_such_module'"]),
    "gone_part": ("gone_part = dist_gone_part.cards", ["No module named 'dist_gone_part.cards'"]),
    "gone_attribute": ("gone_attribute = dist_gone_attribute:cards", ["AttributeError", "no attribute 'cards'"]),
    "no_reference": ("no_reference = not a module!", ["names 'not a module!', expected \"package.module\""]),
    "no_value": ("no_value =", ["names '', expected \"package.module\""]),
    "function": ("function = dist_function:register_windows", ["got the function register_windows: name its module"]),
    "class": ("class = dist_class:WindowCard", ["got the class WindowCard"]),
    "text": ("text = dist_text:__name__", ["there is no hook in it"]),
    "My.Plugin": ("My.Plugin = dist_my", ["'My.Plugin' cannot name a plugin: use lowercase letters"]),
    "two words": ("two words = dist_two", ["'two words' cannot name a plugin"]),
    "notebook": ("notebook = dist_notebook", ["'notebook' is kept for what a notebook registers"]),
    "windows": ("windows = dist_windows", ["the name 'windows' is taken by stem-workbench"]),
    "same": ("same = dist_same\nsame = dist_same:GOOD", ["the name 'same' is taken by dist_same 1.0, loaded before"]),
}

# kind: a module that works, and what it puts on standard error
WORKING: dict[str, tuple[str, str]] = {
    "good": (GOOD, ""),
    "prints": ("print('hello')\n" + GOOD + "    print('from the hook')\n", "hello\nfrom the hook\n"),
    "swaps": ("import os, sys\nsys.stdout = open(os.devnull, 'w')\n" + GOOD, ""),
    "warns": ("import warnings\nwarnings.warn('old\\nway')\n" + GOOD, "warning: UserWarning: old way\n"),
}

# kind: the card's load, the text of the module net_KIND, what a separation raises, and what the kit says
LOADS: dict[str, tuple[str, str, list[str], list[str]]] = {
    "no_module": ("no_such_module:load", "", ["PluginError: load of model 'm'", "No module named"], []),
    "no_function": ("net_no_function:load", "x = 1", ["PluginError", "'net_no_function' has no 'load'"], []),
    "no_callable": ("net_no_callable:load", "load = 1", ["PluginError", "which is int, expected a function"], []),
    "bad_import": ("net_bad_import:load", "raise OSError('libx.so')", ["PluginError", "OSError: libx.so"], []),
    "bad_syntax": ("net_bad_syntax:load", "def (", ["PluginError", "SyntaxError"], []),
    "import_exits": ("net_import_exits:load", "raise SystemExit(0)", ["PluginError", "SystemExit: 0"], []),
    "load_raises": (
        "net_load_raises:load",
        "def load(parameters, checkpoint, device):\n    raise RuntimeError('no layer')",
        ["RuntimeError: no layer"],
        ["it raised RuntimeError: no layer (net_load_raises.py, line 2)"],
    ),
    "no_arguments": ("net_no_arguments:load", "def load(): ...", ["TypeError"], ["takes 0 positional arguments"]),
    "gives_nothing": (
        "net_gives_nothing:load",
        "def load(parameters, checkpoint, device): ...",
        ["ModelError: gives_nothing.m: load must give a torch.nn.Module, got NoneType"],
        ["load must give a torch.nn.Module, got NoneType: return the network"],
    ),
    "gives_class": (
        "net_gives_class:load",
        "from torch import nn\ndef load(parameters, checkpoint, device): return nn.Identity",
        ["ModelError: gives_class.m: load must give a torch.nn.Module, got type"],
        ["got type: return the network"],
    ),
}
