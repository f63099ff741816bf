from __future__ import annotations

import random
import weakref
from typing import Any

import pytest
import torch
from tiny_models import CHUNK_SECONDS, RATE, TwoBands, make_gains, make_song, make_split
from torch import Tensor, nn

from workbench import Ensemble
from workbench.core import Audio
from workbench.errors import InvalidType, InvalidValue, ModelError, WorkbenchError, WorkbenchNotice
from workbench.pipeline.alterations import draw_delays
from workbench.pipeline.combine import combine_stems
from workbench.pipeline.ensemble import METHODS
from workbench.pipeline.events import Notice, PassStarted, Result, StepStarted
from workbench.pipeline.separator import separate, stream
from workbench.registry.cards import ModelCard

SONG = make_song(0.25)
ROOM = RATE // 2  # samples of inference.max_shift_seconds


class Lopsided(nn.Module):
    """Two stems that depend on the channel, the sign and the place in the chunk: all that passes alter."""

    stems = ("first", "rest")

    def forward(self, waveform: Tensor) -> Tensor:
        gains = torch.tensor([0.8, 0.3]).view(1, 2, 1)
        place = torch.linspace(0.5, 1.0, waveform.shape[-1])
        first = waveform * gains * place + 0.2 * waveform.square()
        return torch.stack((first, 0.9 * (waveform - first)), dim=1)  # (batch, stem, channel, time)


MODEL = Lopsided()
PLAIN: dict[str, Any] = {"model": MODEL, "chunk_seconds": CHUNK_SECONDS}


def stack(stems: Any) -> Tensor:
    return torch.stack([audio.data for audio in stems.values()])


def assert_same(one: Any, other: Any) -> None:
    """The same stems, to the bit."""
    assert list(one) == list(other)
    for name in one:
        assert torch.equal(one[name].data, other[name].data), name


def separate_by_hand(song: Audio[Tensor], *, swap: bool = False, negate: bool = False, delay: int | None = None) -> Any:
    """The slow obvious way: alter the song, separate it, alter the stems back."""
    data = song.data.clone()
    num_samples = data.shape[-1]
    if swap:
        data = data[[1, 0]]
    if negate:
        data = data * -1
    if delay is not None:
        longer = torch.zeros(2, num_samples + ROOM)
        longer[:, delay : delay + num_samples] = data
        data = longer
    stems = stack(separate(Audio(data, RATE), **PLAIN))
    if delay is not None:
        stems = stems[..., delay : delay + num_samples]
    if negate:
        stems = stems * -1
    return stems[:, [1, 0]] if swap else stems


@pytest.mark.parametrize("num_samples", [1, 2, 799, 2000])
@pytest.mark.parametrize("asked", [{"tta": ["swap", "polarity"]}, {"shifts": 2}, {"tta": ["swap"], "shifts": 2}])
def test_a_linear_model_gives_the_same_stems(num_samples: int, asked: dict[str, Any]) -> None:
    song = Audio(SONG.data[:, :num_samples], RATE)
    plain = separate(song, model="passthrough", chunk_seconds=CHUNK_SECONDS)
    passes = separate(song, model="passthrough", chunk_seconds=CHUNK_SECONDS, **asked)
    assert [audio.data.shape for audio in passes.values()] == [song.data.shape] * 2
    for name in plain:
        # overlap-add and the mean over passes: some float32 roundings, 2**-24 each, of values below 1
        assert (passes[name].data - plain[name].data).abs().max() < 1e-6
    assert passes.remainder.data.abs().max() < 1e-6


def test_passes_are_the_mean_of_separations_by_hand() -> None:
    delays = draw_delays(2, seed=5, room_samples=ROOM)
    both = [separate_by_hand(SONG, delay=delay, swap=swap) for delay in delays for swap in (False, True)]
    cases: list[tuple[dict[str, Any], list[Tensor]]] = [
        ({"tta": ["swap"]}, [separate_by_hand(SONG), separate_by_hand(SONG, swap=True)]),
        (
            {"tta": ["polarity", "swap"]},
            [separate_by_hand(SONG), separate_by_hand(SONG, negate=True), separate_by_hand(SONG, swap=True)],
        ),
        ({"shifts": 2, "shift_seed": 5}, both[::2]),
        ({"shifts": 2, "shift_seed": 5, "tta": ["swap"]}, both),
    ]
    plain = separate_by_hand(SONG)
    for asked, by_hand in cases:
        got = separate(SONG, **PLAIN, **asked)
        expected = torch.stack(by_hand).double().mean(dim=0)
        # at most four float32 additions and a division of values below 1
        assert (stack(got) - expected).abs().max() < 1e-6, asked
        assert (stack(got) - plain).abs().max() > 1e-3, asked  # the model does depend on it
        left = SONG.data - stack(got).sum(dim=0)
        assert (got.remainder.data - left).abs().max() < 1e-6


def test_rules_run_once_on_the_mean_and_stems_restrict_it() -> None:
    full = separate(SONG, **PLAIN, tta=["swap"])
    got = separate(SONG, **PLAIN, tta=["swap"], stems=["first"], derive=["other = mixture - rest"])
    assert list(got) == ["first", "other"]
    assert torch.equal(got["first"].data, full["first"].data)
    assert torch.equal(got["other"].data, SONG.data - full["rest"].data)
    one = separate(SONG, **PLAIN, tta=["swap"], stems=["rest"])
    with pytest.raises(InvalidValue, match="no remainder"):
        _ = one.remainder


def test_seeds_reproduce_and_the_global_generators_stay(plain_types: None) -> None:  # which would draw at random
    before = (torch.get_rng_state(), random.getstate())
    first = separate(SONG, **PLAIN, shifts=2)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    torch.manual_seed(99)
    assert_same(separate(SONG, **PLAIN, shifts=2, shift_seed=0), first)
    other = separate(SONG, **PLAIN, shifts=2, shift_seed=1)
    assert not torch.equal(other["first"].data, first["first"].data)
    shorter = separate(SONG, **PLAIN, shifts=2, settings={"inference.max_shift_seconds": 0.01})
    assert not torch.equal(shorter["first"].data, first["first"].data)


def test_a_plain_run_has_no_passes() -> None:
    for asked in ({}, {"tta": []}, {"settings": {"inference.shift_seed": 3}}):
        events = list(stream(SONG, **PLAIN, **asked))
        assert not any(isinstance(event, PassStarted) for event in events)
        assert [event.step for event in events if isinstance(event, StepStarted)].count("load") == 1


def test_events_of_every_pass_come_in_order() -> None:
    member = {"model": TwoBands(), "name": "bands", "tta": ["swap"]}
    song = make_song(0.25)
    events = list(stream(song, ensemble=Ensemble([member, TwoBands()]), chunk_seconds=CHUNK_SECONDS))
    passes = [event for event in events if isinstance(event, PassStarted)]
    names = ["bands: as it is", "bands: swap", "TwoBands"]
    assert passes == [PassStarted(name, index, 3) for index, name in enumerate(names, start=1)]
    assert isinstance(events[0], StepStarted)
    assert isinstance(events[-1], Result)
    assert sum(isinstance(event, Result) for event in events) == 1
    run = ["load", "conform", "normalize", "chunk", "model", "stitch", "denormalize", "restore", "derive"]
    steps = [event.step for event in events if isinstance(event, StepStarted)]
    assert steps == ["load", *run * 3, "combine", "derive"]


def test_a_notice_that_passes_share_comes_once() -> None:
    card, _ = make_split("waveform", "waveform", channels=1)
    events = list(stream(SONG, model=card, tta=["swap", "polarity"]))
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert len(notices) == 1
    assert "averaged to mono" in notices[0]
    assert events[-1].separation.notices == tuple(notices)


def test_a_network_is_loaded_once_for_its_passes_and_let_go_before_the_next() -> None:
    alive: list[weakref.ref[nn.Module]] = []
    seen: list[int] = []

    def load(parameters: object, checkpoint: object, device: object) -> nn.Module:
        seen.append(sum(network() is not None for network in alive))
        network = TwoBands()
        alive.append(weakref.ref(network))
        return network

    def card(name: str) -> ModelCard:
        kinds = {"input_type": "waveform", "output_type": "waveform"}
        return ModelCard(
            name=name, load=load, summary="x", stems=TwoBands.stems, sample_rate=None, channels=None, **kinds
        )

    separate(SONG, ensemble=Ensemble([card("one"), card("two"), card("three")]), tta=["swap"], shifts=2)
    assert seen == [0, 0, 0]


def test_a_consumer_may_stop_in_any_pass() -> None:
    model = TwoBands()
    events = stream(SONG, model=model, chunk_seconds=CHUNK_SECONDS, tta=["swap", "polarity"])
    for event in events:
        if isinstance(event, PassStarted) and event.index == 2:
            break
    calls = len(model.calls)
    events.close()  # type: ignore[attr-defined]
    assert torch.is_grad_enabled()
    assert len(model.calls) == calls > 0


@pytest.mark.parametrize("method", METHODS)
def test_an_ensemble_of_one_is_the_plain_run(method: str) -> None:
    plain = separate(SONG, **PLAIN, derive=["other = mixture - first"])
    one = separate(SONG, **PLAIN, ensemble=Ensemble([{}], method=method), derive=["other = mixture - first"])
    assert_same(one, plain)
    assert torch.equal(one.remainder.data, plain.remainder.data)


def test_members_are_combined_after_their_own_passes() -> None:
    members = [{"model": MODEL, "tta": ["swap"]}, {"model": TwoBands()}, {"model": TwoBands(), "shifts": 1}]
    names = {"settings": {"model.output_stem_names": ["first", "rest"]}, "chunk_seconds": CHUNK_SECONDS}
    alone = [stack(separate(SONG, **member, **names)) for member in members]
    for method in METHODS:
        got = separate(SONG, ensemble=Ensemble(members, method=method), **names)
        assert torch.equal(stack(got), combine_stems(alone, stem_names=Lopsided.stems, method=method)), method
    weighted = separate(SONG, ensemble=Ensemble(members, weights=[2.0, 1.0, 1.0]), **names)
    assert (stack(weighted) - (alone[0] / 2 + alone[1] / 4 + alone[2] / 4)).abs().max() < 1e-6
    one_stem = Ensemble(members, weights={"first": [1.0, 0.0, 0.0], "rest": [0.0, 1.0, 0.0]})
    assert torch.equal(stack(separate(SONG, ensemble=one_stem, stems=["rest"], **names))[0], alone[1][1])


def test_members_may_have_other_rates_channels_and_stems() -> None:
    slow, _ = make_gains(sample_rate=6000, channels=1, stems=("rest", "share"))
    song = Audio(SONG.data[:, :1999], RATE)
    more, _ = make_gains(stems=("share", "rest"))
    asked: dict[str, Any] = {"ensemble": Ensemble([more, slow]), "derive": ["other = mixture - share"]}
    with pytest.warns(WorkbenchNotice, match="averaged to mono"):
        got = separate(song, **asked)
    assert list(got) == ["share", "rest", "other"]
    assert [(audio.sample_rate, audio.data.shape) for audio in got.values()] == [(RATE, (2, 1999))] * 3
    with pytest.warns(WorkbenchNotice):
        alone = separate(song, model=slow)
    expected = (separate(song, model=more)["share"].data + alone["share"].data) / 2  # by name, not by place
    assert (got["share"].data - expected).abs().max() < 1e-6


def test_stems_that_not_all_have_are_left_out_with_a_notice() -> None:
    one, _ = make_gains(name="one", stems=("share", "rest"))
    other, loaded = make_gains(name="other", stems=("rest", "noise"))
    with pytest.warns(WorkbenchNotice, match="left out .* share of one; noise of other$"):
        got = separate(SONG, ensemble=Ensemble([one, other]))
    assert list(got) == ["rest"]
    assert (got.remainder.data - (SONG.data - got["rest"].data)).abs().max() == 0
    third, _ = make_gains(name="third", stems=("voice", "drums"))
    loaded.clear()
    with pytest.raises(InvalidValue, match="no stem in common: other gives rest, noise; third gives voice, drums"):
        separate(SONG, ensemble=Ensemble([other, third]))
    assert loaded == []


class Broken(nn.Module):
    stems = TwoBands.stems

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self.error = error

    def forward(self, waveform: Tensor) -> Tensor:
        if self.error is not None:
            raise self.error
        return torch.full((len(waveform), 2, *waveform.shape[1:]), float("nan"))


@pytest.mark.parametrize(
    ("error", "message"), [(None, "gave NaN or infinity"), (KeyError("x y"), "unexpected KeyError: 'x y'")]
)
def test_a_member_that_fails_is_named(error: Exception | None, message: str) -> None:
    ensemble = Ensemble([TwoBands(), {"model": Broken(error), "name": "new one", "tta": ["swap"]}])
    with pytest.raises(ModelError, match=f"^member new one: .*{message}"):
        separate(SONG, ensemble=ensemble)
    with pytest.raises(ModelError if error is None else KeyError):
        separate(SONG, model=Broken(error), tta=["swap"])


class Copies(nn.Module):
    def forward(self, waveform: Tensor, references: Tensor) -> Tensor:
        return references


def test_true_stems_are_altered_like_their_song() -> None:
    card = ModelCard(
        name="copy",
        load=lambda parameters, checkpoint, device: Copies(),
        summary="x",
        stems=(),
        sample_rate=None,
        channels=None,
        input_type="waveform",
        output_type="waveform",
        needs_references=True,
    )
    references = {"voice": make_song(0.25, seed=1), "drums": make_song(0.25, seed=2)}
    asked: dict[str, Any] = {"model": card, "references": references, "chunk_seconds": CHUNK_SECONDS}
    for passes in ({"tta": ["swap", "polarity"], "shifts": 2}, {"ensemble": Ensemble([{"tta": ["swap"]}, {}])}):
        got = separate(SONG, **asked, **passes)
        for name, audio in references.items():
            assert (got[name].data - audio.data).abs().max() < 1e-6  # overlap-add and the mean round
        assert any("references" in missing for missing in got.not_in_settings)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"tta": ["swop"]}, InvalidValue, "tta.*'swap' or 'polarity', got 'swop'"),
        ({"tta": "swap"}, InvalidType, r"tta must be a list of names, such as \['swap'\]"),
        ({"tta": ["swap", "swap"]}, InvalidValue, "inference.tta: each can be named once"),
        ({"shifts": 0}, InvalidValue, "shifts.*greater than or equal to 1, got 0"),
        ({"shifts": 1.5}, InvalidType, "shifts.*integer"),
        ({"shifts": 2, "shift_seed": "x"}, InvalidType, "shift_seed.*integer"),
        ({"shifts": 2, "settings": {"inference.max_shift_seconds": 0}}, InvalidValue, "max_shift_seconds.*greater"),
        ({"ensemble": ["hpss"]}, InvalidType, "ensemble must be a workbench.Ensemble, got list"),
        ({"ensemble": Ensemble(["hpss", "nonesuch"])}, InvalidValue, "^member nonesuch: no model"),
        ({"ensemble": Ensemble(["hpss", {"overlap": 2.0}])}, InvalidValue, "^member Lopsided: .*overlap_ratio"),
        ({"ensemble": Ensemble([{"overlap": 0.0}])}, InvalidValue, "^member Lopsided: .*sums to 0"),
        ({"ensemble": Ensemble([{"checkpoint": "no.pt"}])}, WorkbenchError, "^member Lopsided: there is no checkpoint"),
        ({"ensemble": Ensemble([{"config": {"derived_stems": {}, "output": {}}}])}, None, ""),
        ({"ensemble": Ensemble([{"config": "none.yaml"}])}, InvalidValue, "^member 1 of the ensemble: cannot read"),
        ({"ensemble": Ensemble([{"settings": {"ensemble.method": "median"}}])}, InvalidValue, "whole ensemble"),
        ({"ensemble": Ensemble([{}]), "stems": ["loud"]}, InvalidValue, "no stem 'loud' in common.*first, rest"),
        ({"ensemble": Ensemble([{}]), "derive": ["x = mixture - y"]}, InvalidValue, "y"),
        ({"ensemble": Ensemble([{}], weights={"y": [1.0]})}, InvalidValue, "weights of a stem 'y'.*first, rest"),
        ({"settings": {"ensemble.method": "median"}}, InvalidValue, "no members"),
        (
            {"ensemble": Ensemble([{"name": "a", "tta": ["swap"]}, {"name": "a: swap"}])},
            InvalidValue,
            "two passes are called 'a: swap'",
        ),
    ],
)
def test_what_cannot_be_is_said_before_any_work(
    asked: dict[str, Any], error: type[Exception] | None, message: str, plain_types: None
) -> None:
    if error is None:
        separate(SONG, **PLAIN, **asked)  # what a saved config always has is no fault
        return
    with pytest.raises(error, match=message) as caught:
        separate(SONG, **PLAIN, **asked)
    assert "\n" not in str(caught.value)


def test_swap_needs_stereo() -> None:
    mono = make_song(0.1, channels=1)
    with pytest.raises(InvalidValue, match=r"swap.*1 channel"):
        separate(mono, model=TwoBands(), tta=["swap"])
    with pytest.raises(InvalidValue, match=r"^member one: tta 'swap'"):
        separate(mono, ensemble=Ensemble([{"model": TwoBands(), "tta": ["swap"], "name": "one"}]))
