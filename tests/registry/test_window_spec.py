from __future__ import annotations

import pytest
import torch

from workbench.errors import InvalidType, InvalidValue, PluginError
from workbench.registry import Parameter, PluginManager, WindowCard, parse_window

PARAMETERS = {"alpha": Parameter(0.5, 0.0, 1.0), "beta": Parameter(8.0, minimum=1.0)}


def make_manager(make, *, nonnegative: bool = True) -> PluginManager:
    manager = PluginManager([], environ={})
    manager.register_window(WindowCard("w", make=make, summary="S.", parameters=PARAMETERS, nonnegative=nonnegative))
    return manager


def make_plain(length, *, dtype, device, alpha, beta):
    return torch.full((length,), alpha * beta, dtype=dtype, device=device)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("hann", ("hann", {})),
        ("windows.hann", ("windows.hann", {})),
        ("tukey:alpha=0.3", ("tukey", {"alpha": 0.3})),
        (" kaiser : beta = 8 , x=-1e-3 ", ("kaiser", {"beta": 8.0, "x": -0.001})),
    ],
)
def test_parse_window(spec, expected):
    assert parse_window(spec) == expected


@pytest.mark.parametrize(
    "spec",
    [
        "",
        " ",
        ":a=1",
        "w:",
        "w:a",
        "w:a=",
        "w:=1",
        "w:a=x",
        "w:a=1,",
        "w:a=1,a=2",
        "w:a=nan",
        "w:a=inf",
        "w:a=1:b=2",
    ],
)
def test_parse_window_refuses(spec):
    with pytest.raises(InvalidValue):
        parse_window(spec)


def test_parameters_given_and_default_reach_make():
    window = make_manager(make_plain).make_window("w:alpha=0.25", length=3)
    assert window.tolist() == [2.0, 2.0, 2.0]  # 0.25 * 8
    assert window.dtype == torch.float32


def test_parameters_are_checked_against_the_card():
    manager = make_manager(make_plain)
    with pytest.raises(InvalidValue, match="has no parameter 'alhpa'; it knows alpha, beta; did you mean 'alpha'"):
        manager.make_window("w:alhpa=0.3", length=3)
    with pytest.raises(InvalidValue, match=r"alpha must be 0 to 1, got 1\.5"):
        manager.make_window("w:alpha=1.5", length=3)
    with pytest.raises(InvalidValue, match=r"beta must be at least 1, got 0\.5"):
        manager.make_window("w:beta=0.5", length=3)
    assert manager.make_window("w:alpha=1,beta=1", length=3).tolist() == [1.0] * 3  # both ends belong to the range


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ([1.0, 1.0, 1.0], "list, expected a torch tensor"),
        (torch.ones(2), r"the shape \(2,\), expected \(3,\)"),
        (torch.ones(1, 3), r"the shape \(1, 3\)"),
        (torch.ones(3, dtype=torch.int64), "torch.int64, expected a real floating dtype"),
        (torch.ones(3, dtype=torch.complex64), "torch.complex64"),
        (torch.ones(3, dtype=torch.float64), "torch.float64 on cpu, expected torch.float32 on cpu"),
        (torch.tensor([1.0, float("nan"), 1.0]), "NaN or infinity"),
        (torch.tensor([1.0, -0.5, 1.0]), "-0.5, but its card says nonnegative"),
    ],
)
def test_what_make_gives_is_checked_and_the_plugin_named(made, message):
    manager = make_manager(lambda length, **_: made)
    with pytest.raises(PluginError, match=f"plugin 'notebook' made window 'notebook.w' wrongly: .*{message}"):
        manager.make_window("w", length=3)


def test_negative_samples_pass_where_the_card_allows_them():
    manager = make_manager(lambda length, **_: torch.tensor([1.0, -0.5, 1.0]), nonnegative=False)
    assert manager.make_window("w", length=3)[1] == -0.5


def test_an_error_of_make_names_the_plugin_and_keeps_our_own():
    with pytest.raises(
        PluginError,
        match=r"plugin 'notebook' could not make window 'notebook\.w' of 3 samples: ZeroDivisionError",
    ):
        make_manager(lambda length, **_: 1 / 0).make_window("w", length=3)

    def refuse(length, **_):
        raise InvalidValue("alpha and beta do not go together")

    with pytest.raises(InvalidValue, match=r"^alpha and beta do not go together$"):
        make_manager(refuse).make_window("w", length=3)


def test_length_and_dtype_are_checked():
    manager = make_manager(make_plain)
    with pytest.raises(InvalidValue, match="at least 1 sample, got 0"):
        manager.make_window("w", length=0)
    for spec in ("w", torch.ones(3)):
        with pytest.raises(InvalidType, match=r"got torch\.int32"):
            manager.make_window(spec, length=3, dtype=torch.int32)
    assert manager.make_window("w", length=3, dtype=torch.float16).dtype == torch.float16


def test_a_tensor_is_checked_and_converted():
    manager = make_manager(make_plain)
    given = torch.tensor([0.5, 1.0, 0.5], dtype=torch.float64)
    assert manager.make_window(given, length=3) is given
    assert manager.make_window(given, length=3, dtype=torch.float32).dtype == torch.float32
    for bad in (torch.ones(4), torch.ones(1, 3), torch.ones(3, dtype=torch.bool), given / 0):
        with pytest.raises(InvalidValue, match="the window given as a tensor is unfit"):
            manager.make_window(bad, length=3)
    with pytest.raises(InvalidType, match="got list"):
        manager.make_window([1.0, 1.0, 1.0], length=3)
