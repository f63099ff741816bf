from __future__ import annotations

import sys
import types

import pytest

from workbench.lazy import load_on_use


def test_a_name_is_loaded_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    package, home = types.ModuleType("made_for_test"), types.ModuleType("made_for_test.home")
    home.answer = 42  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "made_for_test", package)
    monkeypatch.setitem(sys.modules, "made_for_test.home", home)
    get_attribute, list_names = load_on_use("made_for_test", {"answer": "home"}, modules=("home",))
    assert "answer" not in vars(package)
    assert get_attribute("answer") == 42
    assert vars(package)["answer"] == 42
    assert get_attribute("home") is home
    assert {"answer", "home"} <= set(list_names())
    with pytest.raises(AttributeError, match="'made_for_test' has no attribute 'question'"):
        get_attribute("question")
