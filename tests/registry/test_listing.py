from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from workbench.registry import ModelCard, Parameter, PluginManager, WindowCard


def make_manager(summary: str = "Short.") -> PluginManager:
    manager = PluginManager([], environ={})
    for name in ("a", "a_longer_name"):
        parameters = {"alpha": Parameter(0.5, 0.0, 1.0), "power": Parameter(2.0, minimum=1.0)}
        manager.register_window(WindowCard(name, make="some.module:make", summary=summary, parameters=parameters))
    return manager


def test_a_listing_is_a_frozen_sequence_of_rows():
    windows = make_manager().windows()
    assert len(windows) == 2
    assert [row.id for row in windows] == ["notebook.a", "notebook.a_longer_name"]
    assert windows[-1].parameters == ("alpha=0.5 (0 to 1)", "power=2 (at least 1)")
    assert windows[0] in windows
    assert [row.id for row in windows[1:]] == ["notebook.a_longer_name"]
    assert repr(windows[1:]).startswith("id ")
    with pytest.raises(FrozenInstanceError):
        windows.rows = ()
    with pytest.raises(FrozenInstanceError):
        windows[0].id = "other"


def test_as_text_the_columns_are_aligned(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    head, rule, *rows = repr(make_manager().windows()).splitlines()
    assert head.split() == ["id", "summary", "parameters", "origin"]
    assert set(rule) == {"-", " "}
    start = head.index("summary")
    assert [row[start : start + 6] for row in rows] == ["Short.", "Short."]
    assert all(row.endswith("notebook") and not row[start - 1].strip() for row in rows)


def test_as_html_text_from_plugins_is_escaped():
    table = make_manager("<script>alert('x')</script> & more")
    page = table.windows()._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; more" in page
    assert page.count("<tr>") == 3


def test_an_empty_listing_says_so_and_a_failed_plugin_is_mentioned(write_plugin):
    assert repr(PluginManager([], environ={}).models()).endswith("(no models)")
    assert "no models" in PluginManager([], environ={}).models()._repr_html_()
    manager = PluginManager([write_plugin("broken", "1 / 0")], environ={})
    for listing in (manager.models(), manager.windows()):
        assert "plugin broken (see plugins)" in repr(listing)
        assert "plugin broken (see plugins)" in listing._repr_html_()


def test_a_models_row_shows_the_stems_of_default_parameters():
    manager = PluginManager([], environ={})
    manager.register_model(
        ModelCard("m", "some.module:load", "S.", lambda _: ["x", "y"], None, None, "waveform", "waveform")
    )
    (row,) = manager.models()
    assert (row.stems, row.origin, row.status) == (("x", "y"), "notebook", "ok")
    assert "x, y" in repr(manager.models())
