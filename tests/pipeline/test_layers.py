from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from tiny_models import make_split

from workbench.pipeline.decision import Decision, decide
from workbench.pipeline.layers import lay_layers
from workbench.pipeline.request import Request

CARD, _ = make_split("spectrogram", "spectrogram_mask")
RULES = [
    {name: {"operation": "subtract", "stem_name": "mixture", "by_stem_name": "loud"}} for name in ("rest", "other")
]


def decide_for(card: dict[str, Any] | None = None, **asked: Any) -> Decision:
    model = dataclasses.replace(CARD, **(card or {}))
    return decide(Request(model=model, **asked), song_rate=8000, song_channels=2, song_samples=8000)


def test_the_highest_layer_that_speaks_of_a_setting_is_its_origin() -> None:
    laid = lay_layers(
        [
            ("low", {"a": {"x": 1, "y": 2}, "b": 1}),
            ("middle", {"a": {"y": 3, "z": {"deep": 4}}, "b": None}),
            ("high", {"a": {"z": {"other": 5}}}),
        ]
    )
    assert laid.document == {"a": {"x": 1, "y": 3, "z": {"deep": 4, "other": 5}}, "b": 1}
    paths = [("a", "x"), ("a", "y"), ("a", "z", "deep"), ("a", "z", "other"), ("b",), ("c", "d")]
    assert [laid.find_origin(path) for path in paths] == ["low", "middle", "middle", "high", "low", "default"]


def test_what_is_replaced_as_a_whole_leaves_no_origin_of_its_parts() -> None:
    lower, upper = ({"derived_stems": rule} for rule in RULES)
    laid = lay_layers([("low", lower), ("high", upper)])
    assert laid.origins == {("derived_stems",): "high"}
    laid.lay("part", {"a": {"x": 1}})
    laid.lay("part", {"a": {"x": {"y": 1}}})
    laid.lay("whole", {"a": {"x": 2}})
    assert laid.origins == {("derived_stems",): "high", ("a",): "part", ("a", "x"): "whole"}


# path: what the argument, the setting, the config and the card say, and who decides if none of them does
SOURCES: dict[str, tuple[dict[str, Any], object, dict[str, Any], str]] = {
    "model.chunk_size": ({"chunk_seconds": 0.2}, 1200, {}, "model card"),
    "chunking.overlap_ratio": ({"overlap": 0.75}, 0.25, {}, "model card"),
    "chunking.window_shape": ({"window": "hamming"}, "triangle", {}, "model card"),
    "chunking.padding_mode": ({}, "constant", {}, "default"),
    "inference.batch_size": ({"batch_size": 5}, 4, {}, "default"),
    "inference.requested_stems": ({"stems": ["soft"]}, ["loud"], {}, "default"),
    "derived_stems": ({"derive": RULES[0]}, RULES[1], {}, "default"),
    "audio_io.target_sample_rate": ({}, 4000, {"sample_rate": 16000}, "song"),
    "audio_io.force_channels": ({}, 1, {"channels": 1}, "song"),
    "output.file_format": ({}, "wav", {}, "default"),
}


@pytest.mark.parametrize("path", SOURCES)
def test_a_run_knows_who_decided_each_setting(path: str) -> None:
    argument, value, card, without = SOURCES[path]
    *section, key = path.split(".")
    config = {section[0]: {key: value}} if section else {key: value}
    asked: dict[str, Any] = {}
    expected = [without]
    found = [decide_for(CARD_WITHOUT)]
    if card:
        found, expected = [*found, decide_for(CARD_WITHOUT | card)], [*expected, "model card"]
    for origin, more in (("config", {"config": config}), ("setting", {"settings": {path: value}})):
        asked |= more
        found, expected = [*found, decide_for(card, **asked)], [*expected, origin]
    if argument:
        found, expected = [*found, decide_for(card, **asked, **argument)], [*expected, "argument"]
    assert [decision.layers.find_origin(tuple(path.split("."))) for decision in found] == expected


CARD_WITHOUT = {"sample_rate": None, "channels": None}


def test_a_model_is_named_by_argument_setting_or_config() -> None:
    def find(**asked: Any) -> tuple[str, str]:
        decision = decide(Request(**asked), song_rate=8000, song_channels=2, song_samples=8000)
        return decision.model_id, decision.layers.find_origin(("model_type",))

    config, settings = {"model_type": "hpss"}, {"model_type": "passthrough"}
    assert find(config=config) == ("hpss.hpss", "config")
    assert find(config=config, settings=settings) == ("passthrough.passthrough", "setting")
    assert find(model="hpss", settings=settings) == ("hpss.hpss", "argument")
