from __future__ import annotations

import json

import pytest

from workbench.errors import InvalidValue, PluginError
from workbench.registry import resolve_callable


def test_a_text_gives_the_function_and_a_function_itself():
    assert resolve_callable("json:dumps") is json.dumps
    assert resolve_callable("json:JSONDecoder.decode") is json.JSONDecoder.decode
    assert resolve_callable(json.dumps) is json.dumps


@pytest.mark.parametrize("reference", ["json", "json.dumps", "json:", ":dumps", "json:dumps()", "a b:c", "../x:y", ""])
def test_a_text_of_another_form_is_refused(reference):
    with pytest.raises(InvalidValue, match=r'load of model \'m\' must read "package.module:function"'):
        resolve_callable(reference, field="load of model 'm'")


def test_what_cannot_be_found_says_what_and_why(tmp_path, monkeypatch):
    with pytest.raises(PluginError, match="'json' has no 'dumsp'; did you mean 'dump'"):
        resolve_callable("json:dumsp")
    with pytest.raises(PluginError, match="importing 'no_such_module' failed: ModuleNotFoundError"):
        resolve_callable("no_such_module:load")
    with pytest.raises(PluginError, match="which is str, expected a function"):
        resolve_callable("json:__name__")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "raises_when_imported.py").write_text("raise OSError('no\\ndisk')")
    with pytest.raises(PluginError, match="OSError: no disk"):
        resolve_callable("raises_when_imported:load")
