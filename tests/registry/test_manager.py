from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from workbench.errors import InvalidType, InvalidValue, PluginError
from workbench.registry import ModelCard, PluginManager, WindowCard, hookimpl

ROOT = Path(__file__).parents[2]
GOOD = """
@hookimpl
def register_windows(register):
    register(WindowCard(name="fine", make="some.module:make", summary="Works."))
"""


def make_window_card(name: str, *, summary: str = "For a test.") -> WindowCard:
    return WindowCard(name=name, make="some.module:make", summary=summary)


def make_model_card(name: str, *, stems: tuple[str, ...] = ("a",)) -> ModelCard:
    return ModelCard(
        name=name,
        load="some.module:load",
        summary="For a test.",
        stems=stems,
        sample_rate=None,
        channels=None,
        input_type="waveform",
        output_type="waveform",
    )


def run_outside_of_tests(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def make_plugin(*names: str, fails: bool = False) -> SimpleNamespace:
    @hookimpl
    def register_windows(register):
        for name in names:
            register(make_window_card(name))
        if fails:
            raise RuntimeError("after registering")

    return SimpleNamespace(register_windows=register_windows)


BROKEN = {
    # text below one line of imports -> what the listing must say about it
    "import": ("import no_such_module_anywhere", "ModuleNotFoundError: No module named", 2),
    "raise": ("x = 1\nraise OSError('two\\nlines')", "OSError: two lines", 3),
    "exit": ("raise SystemExit(3)", "SystemExit: 3", 2),
    "syntax": ("x = 1\ndef (", "SyntaxError: invalid syntax", 3),
    "hook": (GOOD + "    register.no_such_attribute", "AttributeError: ", 6),
    "late": (
        GOOD + "\n@hookimpl\ndef register_models(register):\n    1 / 0",
        "ZeroDivisionError: division by zero",
        9,
    ),
    "misspelt": ("@hookimpl\ndef register_window(register): ...", "did you mean 'register_windows'", 2),
    "default": ("@hookimpl\ndef register_windows(register=None): ...", "without a default", 2),
    "argument": ("@hookimpl\ndef register_windows(registr): ...", "must take one argument, register", 2),
    "more": ("@hookimpl\ndef register_windows(register, *, x=1): ...", "must take one argument", 2),
    "unmarked": (GOOD + "\ndef register_models(register): ...", "write @hookimpl above it", 7),
    "wrapper": ("@hookimpl(wrapper=True)\ndef register_windows(register): yield", "is a wrapper", 2),
    "generator": (GOOD.replace("    register(", "    yield register("), "it returned generator", None),
    "empty": ("x = 1", "there is no hook in it", None),
    "twice": (GOOD + GOOD.rpartition("\n    ")[2].join(["    ", ""]), "registers two windows 'fine'", 6),
    "card": (GOOD.replace('"fine"', '"Not Fine"'), "InvalidValue: 'Not Fine' cannot name a window", 5),
    "api": (
        "@hookimpl\ndef register_models(register):\n    register("
        "ModelCard('m', 'a:b', 'S.', ['s'], None, None, 'waveform', 'waveform', hook_api=2))",
        "PluginError: model 'm' is written for hook_api 2, this workbench offers 1",
        4,
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_plugin_is_listed_with_its_error_and_line_and_the_others_work(write_plugin, kind):
    text, message, line = BROKEN[kind]
    entry_points = [write_plugin("before", GOOD), write_plugin("broken", text), write_plugin("zlast", GOOD)]
    manager = PluginManager(entry_points, environ={})

    rows = {row.name: row for row in manager.plugins()}

    assert {name: row.status for name, row in rows.items()} == {
        "before": "ok",
        "broken": "failed",
        "zlast": "ok",
    }
    assert message in rows["broken"].error
    assert "\n" not in rows["broken"].error
    if line is not None:
        assert f"made_for_test_dist_broken_broken.py:{line})" in rows["broken"].error or (
            f"made_for_test_dist_broken_broken.py, line {line})" in rows["broken"].error
        )
    assert [row.id for row in manager.windows()] == ["before.fine", "zlast.fine"]


def test_error_names_the_line_in_the_plugin_not_in_a_library_it_calls(write_plugin):
    text = "import json\n@hookimpl\ndef register_windows(register):\n    json.loads('{')"
    (row,) = PluginManager([write_plugin("calls", text)], environ={}).plugins()
    assert row.error.startswith("JSONDecodeError")
    assert row.error.endswith("made_for_test_dist_calls_calls.py:5)")


def test_nothing_is_imported_before_it_is_needed_and_then_once(write_plugin, monkeypatch):
    monkeypatch.setattr(sys, "import_count", 0, raising=False)
    manager = PluginManager([write_plugin("one", "import sys\nsys.import_count += 1\n" + GOOD)], environ={})
    assert sys.import_count == 0
    manager.windows(), manager.plugins(), manager.find_window("fine")
    assert sys.import_count == 1


def test_of_two_plugins_with_one_name_the_first_distribution_has_it(write_plugin):
    late = write_plugin("same", GOOD.replace("fine", "late"), distribution="b-late")
    early = write_plugin("same", GOOD.replace("fine", "early"), distribution="a-early")
    rows = PluginManager([late, early], environ={}).plugins()
    assert [(row.origin, row.gave, row.status) for row in rows] == [
        ("a-early 1.0", ("same.early",), "ok"),
        ("b-late 1.0", (), "failed"),
    ]
    assert "'same' is taken by a-early 1.0" in rows[1].error


def test_our_own_distribution_comes_first_whatever_others_are_called(write_plugin):
    other = write_plugin("windows", GOOD.replace("fine", "theirs"), distribution="aaa")
    own = write_plugin("windows", GOOD.replace("fine", "ours"), distribution="stem-workbench")
    assert [row.id for row in PluginManager([other, own], environ={}).windows()] == ["windows.ours"]


def test_plugin_names_that_cannot_be_part_of_an_id_are_refused(write_plugin):
    entry_points = [write_plugin("notebook", GOOD), write_plugin("my.plugin", GOOD)]
    rows = {row.name: row for row in PluginManager(entry_points, environ={}).plugins()}
    assert rows["notebook"].status == rows["my.plugin"].status == "failed"
    assert "is kept for what a notebook registers" in rows["notebook"].error
    assert "cannot name a plugin" in rows["my.plugin"].error


def test_block_and_allow_lists_keep_plugins_from_being_imported(write_plugin):
    broken = "raise RuntimeError('was imported')"
    entry_points = [write_plugin("bad", broken), write_plugin("good", GOOD)]
    environ = {"WORKBENCH_PLUGINS_BLOCK": " other, bad "}
    manager = PluginManager(entry_points, environ=environ)
    assert [(row.name, row.status) for row in manager.plugins()] == [("bad", "blocked"), ("good", "ok")]
    assert "WORKBENCH_PLUGINS_BLOCK" in manager.plugins()[0].error

    manager = PluginManager(entry_points, environ={"WORKBENCH_PLUGINS_ALLOW": "good"})
    assert [row.status for row in manager.plugins()] == ["blocked", "ok"]
    manager = PluginManager(
        entry_points, environ={"WORKBENCH_PLUGINS_ALLOW": "good,bad", "WORKBENCH_PLUGINS_BLOCK": "good,bad"}
    )
    assert [row.status for row in manager.plugins()] == ["blocked", "blocked"]
    with pytest.raises(InvalidValue, match="plugin 'good' blocked: see `workbench plugins`"):
        manager.find_window("good.fine")

    manager.unblock("good")  # a call outweighs the environment
    assert manager.find_window("fine").id == "good.fine"
    manager.block("good")
    assert len(manager.windows()) == 0
    manager.unblock("good")
    assert manager.find_window("fine").id == "good.fine"
    with pytest.raises(InvalidValue, match="no installed plugin is called 'goood'; did you mean 'good'"):
        manager.block("goood")


def test_find_by_id_or_by_unique_short_name(write_plugin):
    manager = PluginManager([write_plugin("one", GOOD), write_plugin("two", "1 / 0")], environ={})
    assert manager.find_window("one.fine") == manager.find_window("fine")
    manager.register_window(make_window_card("fine"))
    with pytest.raises(InvalidValue, match=r"ambiguous: it may be one\.fine, notebook\.fine"):
        manager.find_window("fine")
    assert manager.find_window("notebook.fine").plugin == "notebook"

    with pytest.raises(InvalidValue, match=r"did you mean 'fine'.*plugin 'two' failed: see `workbench plugins`"):
        manager.find_window("fime")
    with pytest.raises(InvalidValue, match="plugin 'two' failed"):
        manager.find_model("two.anything")
    with pytest.raises(InvalidValue) as caught:  # a full id in a plugin that works: no other can have held it
        manager.find_window("one.zzz")
    assert "failed" not in str(caught.value)


def test_a_plugin_that_asks_the_registry_while_loading_fails_without_a_loop(write_plugin):
    text = "import sys\nsys.manager_under_test.models()"
    manager = PluginManager([write_plugin("asks", text)], environ={})
    sys.manager_under_test = manager
    try:
        (row,) = manager.plugins()
    finally:
        del sys.manager_under_test
    assert row.error.startswith("PluginError: a plugin asked for models or windows")


def test_cards_from_a_notebook_are_replaced_by_name_and_survive_a_bad_one():
    manager = PluginManager([], environ={})
    manager.register_window(make_window_card("mine", summary="First."))
    manager.register_model(make_model_card("mine"))
    manager.register_window(make_window_card("other"))
    manager.register_model(make_model_card("other"))
    manager.register_window(make_window_card("mine", summary="Second."))
    with pytest.raises(InvalidValue):
        manager.register_model(make_model_card("mine", stems=("mixture",)))

    assert [(row.id, row.summary, row.origin) for row in manager.windows()] == [
        ("notebook.mine", "Second.", "notebook"),
        ("notebook.other", "For a test.", "notebook"),
    ]
    assert [row.id for row in manager.models()] == ["notebook.mine", "notebook.other"]
    assert manager.find_model("mine").card.stems == ("a",)
    manager.forget("notebook")
    assert len(manager.plugins()) == 0


def test_a_plugin_registered_again_replaces_exactly_what_it_gave_before():
    manager = PluginManager([], environ={})
    manager.register_plugin(make_plugin("keeps"), name="other")
    manager.register_plugin(make_plugin("a", "b"), name="mine")
    manager.register_plugin(make_plugin("b", "c"), name="mine")
    assert [row.id for row in manager.windows()] == ["other.keeps", "mine.b", "mine.c"]


def test_a_plugin_that_failed_can_be_registered_again():
    manager = PluginManager([], environ={})
    misspelt = SimpleNamespace(register_widows=make_plugin("a").register_windows)
    for _ in range(2):  # not "already registered" at the second try
        with pytest.raises(PluginError, match="there is no hook 'register_widows'"):
            manager.register_plugin(misspelt, name="mine")
    assert manager.plugins()[0].status == "failed"
    manager.register_plugin(make_plugin("a"), name="mine")
    assert manager.find_window("a").id == "mine.a"

    with pytest.raises(PluginError, match="plugin 'mine' failed: RuntimeError: after registering"):
        manager.register_plugin(make_plugin("half", fails=True), name="mine")
    (row,) = manager.plugins()
    assert (row.status, row.gave) == ("ok", ("mine.a",))  # all or nothing: what worked is still in use
    assert "RuntimeError: after registering" in row.error
    assert "test_manager.py:" in row.error


def test_names_of_plugins_registered_by_hand(write_plugin):
    manager = PluginManager([write_plugin("taken", GOOD)], environ={})
    with pytest.raises(InvalidValue, match=r"'taken' is taken by dist-taken 1\.0"):
        manager.register_plugin(make_plugin("a"), name="taken")
    with pytest.raises(InvalidValue, match="'notebook' is kept"):
        manager.register_plugin(make_plugin("a"), name="notebook")
    with pytest.raises(InvalidValue, match="needs a name"):
        manager.register_plugin(make_plugin("a"))
    with pytest.raises(PluginError, match=r"got the class Plugin: give Plugin\(\)"):
        manager.register_plugin(type("Plugin", (), {}), name="mine")


def test_methods_of_an_object_are_hooks():
    class Plugin:
        @hookimpl
        def register_models(self, register):
            register(make_model_card("m"))

    manager = PluginManager([], environ={})
    manager.register_plugin(Plugin(), name="mine")
    assert manager.find_model("m").id == "mine.m"


def test_a_card_of_the_other_kind_is_refused():
    @hookimpl
    def register_models(register):
        register(make_window_card("w"))

    with pytest.raises(InvalidType, match="expected a ModelCard, got WindowCard; windows go to register_windows"):
        PluginManager([], environ={}).register_plugin(SimpleNamespace(register_models=register_models), name="p")


def test_listing_everything_loads_no_heavy_library():
    code = (
        "import sys, workbench.registry as r\n"
        "print(r.models(), r.windows(), r.plugins())\n"
        "ids = [row.id for row in [*r.models(), *r.windows()]]\n"
        "assert 'passthrough.passthrough' in ids and 'windows.hann' in ids, ids\n"
        "heavy = {'torch', 'numpy', 'librosa', 'jaxtyping', 'pydantic', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    run_outside_of_tests(code)


def test_wrong_types_are_errors_of_ours_where_no_type_checker_runs():
    code = (
        "import workbench.registry as r\n"
        "from workbench.errors import InvalidType\n"
        "m = r.PluginManager([], environ={})\n"
        "calls = [lambda: m.find_model(3), lambda: m.find_window(None), lambda: r.parse_window(3),\n"
        "         lambda: r.resolve_callable(3), lambda: m.register_model(3), lambda: m.register_window(3),\n"
        "         lambda: m.make_window('w', length=2.0), lambda: m.register_plugin(r, name=3)]\n"
        "m.register_window(r.WindowCard('w', make='a:b', summary='S.'))\n"
        "for number, call in enumerate(calls):\n"
        "    try: call()\n"
        "    except InvalidType as error: assert 'got' in str(error), error\n"
        "    else: raise AssertionError(number)\n"
    )
    run_outside_of_tests(code)
