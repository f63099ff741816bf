from __future__ import annotations

from dataclasses import dataclass

import pytest

from workbench.core.settings import StftConfig
from workbench.errors import InvalidType, InvalidValue, PluginError
from workbench.registry import ModelCard, Parameter, WindowCard, list_stems, validate_stem_name
from workbench.registry.validate import validate_model_card, validate_window_card


@dataclass(frozen=True)
class Settings:
    count: int = 2


@dataclass
class ThawedSettings:
    count: int = 2


@dataclass(frozen=True)
class DemandingSettings:
    count: int


def change(card, **fields):
    """A card with other fields. Past its __init__, since the test run's type checker would stop a wrong type
    there, which outside of tests nothing does."""
    for name, value in fields.items():
        object.__setattr__(card, name, value)
    return card


def make_model_card() -> ModelCard:
    return ModelCard(
        name="m",
        load="some.module:load",
        summary="For a test.",
        stems=("a", "b"),
        sample_rate=44100,
        channels=2,
        input_type="spectrogram",
        output_type="spectrogram_mask",
        parameters=Settings,
        stft=StftConfig(),
    )


def make_window_card() -> WindowCard:
    return WindowCard(
        name="w",
        make="some.module:make",
        summary="For a test.",
        parameters={"alpha": Parameter(0.5, 0.0, 1.0)},
        cola_overlaps=(0.5,),
        cola_square_overlaps=(0.75,),
    )


def test_good_cards_pass_as_they_are():
    model, window = make_model_card(), make_window_card()
    assert validate_model_card(model) is model
    assert validate_window_card(window) is window


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"name": 3}, InvalidType, "name of a model must be a string, got int 3"),
        ({"name": "Upper"}, InvalidValue, "'Upper' cannot name a model"),
        ({"name": "a.b"}, InvalidValue, "cannot name"),
        ({"name": "a:b"}, InvalidValue, "cannot name"),
        ({"name": "../x"}, InvalidValue, "cannot name"),
        ({"name": "x\n"}, InvalidValue, "cannot name"),
        ({"load": None}, InvalidType, "load of model 'm' must be a function or \"package.module:function\""),
        ({"load": "some.module.load"}, InvalidValue, "must read"),
        ({"summary": ""}, InvalidValue, "one line"),
        ({"summary": "a\nb"}, InvalidValue, "one line"),
        ({"stems": "vocals"}, InvalidType, "must be a list or tuple, got str 'vocals'"),
        ({"stems": ()}, InvalidValue, "stems of model 'm': a model needs at least one stem"),
        ({"stems": ("a", 3)}, InvalidType, "a stem's name must be a string"),
        ({"stems": ("mixture",)}, InvalidValue, "mixture, remainder are reserved"),
        ({"stems": ("Remainder",)}, InvalidValue, "reserved"),
        ({"stems": ("Bass", "bass")}, InvalidValue, "differ beyond case, got 'Bass' and 'bass'"),
        ({"stems": lambda parameters: 1 / 0}, PluginError, "stems of model 'm' raised ZeroDivisionError"),
        ({"stems": lambda parameters: ["../up"]}, InvalidValue, "cannot be a stem.s file name"),
        ({"sample_rate": 44100.0}, InvalidType, "sample_rate of model 'm' must be a whole number or None"),
        ({"sample_rate": 0}, InvalidValue, "at least 1"),
        ({"channels": True}, InvalidType, "got bool True"),
        ({"input_type": "waveforms"}, InvalidValue, "got 'waveforms'; did you mean 'waveform'"),
        ({"output_type": "mask"}, InvalidValue, "must be one of waveform, spectrogram_mask, spectrogram"),
        ({"stft": None}, InvalidValue, "needs stft=StftConfig"),
        ({"stft": None, "input_type": "waveform"}, InvalidValue, "from waveform to spectrogram_mask"),
        ({"stft": 2048}, InvalidType, "must be a workbench.core.StftConfig or None, got int 2048"),
        ({"parameters": Settings()}, InvalidType, "must be a frozen dataclass"),
        ({"parameters": ThawedSettings}, InvalidType, "must be a frozen dataclass"),
        ({"parameters": DemandingSettings}, PluginError, "with defaults alone raised TypeError"),
        ({"chunk_seconds": 0.0}, InvalidValue, "greater than 0, got 0.0"),
        ({"chunk_seconds": float("nan")}, InvalidValue, "finite"),
        ({"overlap": 1.0}, InvalidValue, "below 1, got 1.0"),
        ({"overlap": "half"}, InvalidType, "must be a number, got str 'half'"),
        ({"window": "tukey:alpha"}, InvalidValue, "window of model 'm': .*name=number, got 'alpha'"),
        ({"normalize": 1}, InvalidType, "must be True or False"),
        ({"context": "bar"}, InvalidValue, "one of chunk, song"),
        ({"hook_api": 2}, PluginError, "hook_api 2, this workbench offers 1"),
        ({"license": 3}, InvalidType, "text or None"),
    ],
)
def test_a_model_card_with_one_wrong_field_is_refused_in_one_line(fields, error, message):
    with pytest.raises(error, match=message) as caught:
        validate_model_card(change(make_model_card(), **fields))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"name": "-w"}, InvalidValue, "beginning with a letter or digit"),
        ({"make": 3}, InvalidType, "make of window 'w' must be a function"),
        ({"parameters": ["alpha"]}, InvalidType, "must be a mapping"),
        ({"parameters": {"alpha": 0.5}}, InvalidType, "must be a Parameter, got float 0.5"),
        ({"parameters": {"a b": Parameter(0.5)}}, InvalidValue, "named like a Python argument"),
        ({"parameters": {"dtype": Parameter(0.5)}}, InvalidValue, "'dtype' of window 'w' is taken"),
        ({"parameters": {"alpha": Parameter(2.0, 0.0, 1.0)}}, InvalidValue, "2.0 outside of 0.0 to 1.0"),
        ({"cola_overlaps": (0.5, 1.0)}, InvalidValue, "below 1, got 1.0"),
        ({"cola_overlaps": 0.5}, InvalidType, "list or tuple"),
        ({"cola_square_overlaps": (0.75, -0.5)}, InvalidValue, "cola_square_overlaps of window 'w' must .*got -0.5"),
        ({"cola_square_overlaps": 0.75}, InvalidType, "cola_square_overlaps of window 'w' must be a list or tuple"),
        ({"nonnegative": None}, InvalidType, "True or False"),
    ],
)
def test_a_window_card_with_one_wrong_field_is_refused(fields, error, message):
    with pytest.raises(error, match=message):
        validate_window_card(change(make_window_card(), **fields))


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "a:b",
        "a\x00b",
        "a\nb",
        "a\u202eb",
        "a\u2028b",
        " a",
        "a.",
        "con",
        "NUL.x",
        "a,b",
        'a"b',
        "x" * 201,
        "MIXTURE",
    ],
)
def test_a_stem_name_cannot_leave_its_folder_or_break_a_line(name):
    with pytest.raises(InvalidValue):
        validate_stem_name(name)


@pytest.mark.parametrize("name", ["vocals", "lead guitar", "drum-kit", "Flöte", "part_1", "低音", "v1.2"])
def test_ordinary_stem_names_are_allowed(name):
    assert validate_stem_name(name) == name


def test_stems_follow_the_given_parameters():
    card = change(make_model_card(), stems=lambda settings: [f"s{n}" for n in range(settings.count)])
    assert list_stems(card) == ("s0", "s1")
    assert list_stems(card, parameters=Settings(count=3)) == ("s0", "s1", "s2")
    with pytest.raises(InvalidValue, match="at least one stem"):
        list_stems(card, parameters=Settings(count=0))
