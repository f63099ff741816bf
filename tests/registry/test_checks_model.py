"""Every check of a model passes for the models in the box, and catches the one model that breaks its promise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from conformance_subjects import Bands, make_card
from torch import nn

from workbench.core import StftConfig
from workbench.errors import CheckpointError, InvalidType, InvalidValue
from workbench.registry import find_model
from workbench.registry.checks import CheckError, CheckSkipped, Report, check_model, list_model_checks

STFT = StftConfig(n_fft=128, hop_length=32, win_length=128)
PASSTHROUGH = list_model_checks(find_model("passthrough.passthrough").card)
NAMES = [check.name for _, check in list_model_checks(make_card())]

pytestmark = pytest.mark.usefixtures("single_thread")


def find_outcomes(report: Report) -> dict[str, str]:
    return {one.check: one.outcome for one in report.results}


def check_only(report: Report, name: str, *parts: str) -> None:
    """Exactly that check failed, and its message says these parts."""
    assert [one.check for one in report.failures] == [name], report
    assert not report
    for part in parts:
        assert part in report.failures[0].message, report.failures[0].message


@pytest.mark.parametrize(
    ("subject", "check"),
    [pair for name in ("hpss.hpss", "passthrough.passthrough") for pair in list_model_checks(find_model(name).card)],
)
def test_models_in_the_box(subject, check, request):
    assert request.node.name.endswith(f"[{subject.card.name}-{check.name}]")
    check(subject)


def test_a_model_with_weights_passes_all_that_applies():
    report = check_model(make_card())
    assert report, report
    skipped = [name for name, outcome in find_outcomes(report).items() if outcome == "skipped"]
    assert skipped == ["light_card", "checkpoint", "stem_axis"], report


def test_a_spectrogram_model_that_sees_the_whole_song_passes():
    class Half(nn.Module):
        def forward(self, spectrogram):
            mask = torch.tanh(spectrogram.square().sum(-1))
            return torch.stack((mask, torch.zeros_like(mask)), dim=-1).unsqueeze(1)  # (batch, stem, row, frame, 2)

    fields = {"input_type": "spectrogram", "output_type": "spectrogram_mask", "stft": STFT, "context": "song"}
    report = check_model(make_card(Half, stems=["half"], **fields))
    assert report, report
    assert find_outcomes(report)["stem_axis"] == "passed"


def test_parameters_reach_the_network_and_the_stems():
    @dataclass(frozen=True)
    class Parts:
        num: int = 2

    class Equal(nn.Module):
        def __init__(self, num: int) -> None:
            super().__init__()
            self.num = num

        def forward(self, waveform):
            return torch.stack([waveform / self.num] * self.num, dim=1)

    card = make_card(
        load=lambda parameters, checkpoint, device: Equal(parameters.num).eval(),
        parameters=Parts,
        stems=lambda parameters: [f"part_{index}" for index in range(parameters.num)],
    )
    for report in (check_model(card), check_model(card, parameters=Parts(1))):
        assert report, report
    assert find_outcomes(check_model(card, parameters=Parts(1)))["stem_axis"] == "passed"
    with pytest.raises(InvalidType, match="must be Parts, got dict"):
        check_model(card, parameters={"num": 2})


# One promise broken at a time: the check that must catch it, words of its message, the network, fields of the card.


class Squeezed(Bands):
    def forward(self, waveform):
        return self.smooth(waveform)


class MonoOnly(Bands):
    def forward(self, waveform):
        return super().forward(waveform[:, :1])


class ThreeStems(Bands):
    def forward(self, waveform):
        return super().forward(waveform)[:, [0, 1, 1]]


class FixedDtypeOut(Bands):
    def forward(self, waveform):
        return super().forward(waveform).double()


class Nan(Bands):
    def forward(self, waveform):
        return super().forward(waveform) * torch.log(waveform.min())


class Normalizing(Bands):
    def forward(self, waveform):
        peak = waveform.abs().amax(dim=(1, 2), keepdim=True)
        return super().forward(waveform / peak) * peak.unsqueeze(1)


class Dropping(Bands):
    def forward(self, waveform):
        return nn.functional.dropout(super().forward(waveform), 0.1, training=True)


class BatchPeak(Bands):
    def forward(self, waveform):
        return super().forward(waveform) * (1 + waveform.abs().max())


class InPlace(Bands):
    def forward(self, waveform):
        output = super().forward(waveform)
        waveform.data.mul_(0.5)  # behind autograd's back, so that only the input tells
        return output


class Detached(Bands):
    def forward(self, waveform):
        return super().forward(waveform.detach())


class WithNumpy(Bands):
    def forward(self, waveform):
        return super().forward(torch.from_numpy(waveform.float().numpy()).to(waveform))


class Vanishing(Bands):
    def forward(self, waveform):
        return super().forward(torch.round(waveform * 1000) / 1000)


class RootOfZero(Bands):
    """The root's slope is infinite at 0: a sound's magnitude minus itself."""

    def forward(self, waveform):
        return super().forward(waveform) + (waveform - waveform).abs().sqrt().unsqueeze(1) * 0.5


class PlainTensor(Bands):
    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.tensor(0.5)

    def forward(self, waveform):
        return super().forward(waveform * self.gain)


class FixedDouble(Bands):
    """Fails in float64 alone, as a network does that converts what it should take as it is."""

    def forward(self, waveform):
        return super().forward(waveform.float() if waveform.dtype == torch.float64 else waveform)


class FixedHalf(Bands):
    def forward(self, waveform):
        output = super().forward(waveform)
        return output / (output.dtype != torch.bfloat16)


class Powers(Bands):
    def forward(self, waveform):
        loudness = (waveform * 64).square()  # beyond 65504 where the song is beyond 4
        return super().forward(waveform) * (loudness / (loudness + 1)).unsqueeze(1)


class ConvertingTwice(Bands):
    """Converts the weights of a published checkpoint, and its own as well."""

    def load_state_dict(self, state, **options):
        return super().load_state_dict({name: value * 2 for name, value in state.items()}, **options)


class RandomWeights(Bands):
    def __init__(self) -> None:
        super().__init__()
        self.filter = nn.Parameter(torch.rand(1, 1, 5))


class Reflecting(Bands):
    def smooth(self, waveform):
        padded = nn.functional.pad(waveform, (2, 2), mode="reflect")
        return super().smooth(padded)[..., 2:-2]


class Strided(Bands):
    def forward(self, waveform):
        return super().forward(waveform[..., : waveform.shape[-1] // 16 * 16])


def load_training(parameters: object, checkpoint: object, device: object) -> nn.Module:
    return Bands()


BROKEN = [
    ("card", ["'mixture'", "reserved"], Bands, {"stems": ("mixture", "rest")}),
    ("loads", ["must give a torch.nn.Module, got dict"], Bands, {"load": lambda *given: {}}),
    ("loads", ["it raised ZeroDivisionError", "test_checks_model.py, line"], Bands, {"load": lambda *given: 1 / 0}),
    ("loads", ["importing 'no_such_module' failed", "no_such_module"], Bands, {"load": "no_such_module:load"}),
    ("eval_mode", ["the network", "network.eval()"], Bands, {"load": load_training}),
    ("stem_axis", ["output.unsqueeze(1)", "(2, 1, 2, 320)"], Squeezed, {"stems": ("low",)}),
    ("output_shape", ["2 channel(s)", "(2, 2, 1, 320)", "(2, 2, 2, 320)"], MonoOnly, {}),
    ("stems", ["gives 3 stems", "names 2 (low, high)"], ThreeStems, {}),
    ("output_dtype", ["torch.float64", "torch.float32"], FixedDtypeOut, {}),
    ("finite", ["NaN or infinity for a tone"], Nan, {}),
    ("silence", ["NaN or infinity for silence"], Normalizing, {}),
    ("determinism", ["different bits"], Dropping, {}),
    ("batch_invariance", ["chunk 1 of 3", "over the batch"], BatchPeak, {}),
    ("input_kept", ["in place"], InPlace, {}),
    ("gradient", ["does not depend on the input", "no detach"], Detached, {}),
    ("gradient", ["with a gradient wanted it raised RuntimeError", "no detach"], WithNumpy, {}),
    ("gradient", ["0 everywhere"], Vanishing, {}),
    ("gradient", ["has NaN or infinity"], RootOfZero, {}),
    ("device_moves", ["leaves behind the tensor gain", "register_buffer"], PlainTensor, {}),
    ("float64", ["RuntimeError", "no fixed dtype"], FixedDouble, {}),
    ("bfloat16", ["in bfloat16"], FixedHalf, {}),
    ("float16_overflow", ["65504", "compute powers and sums in float32"], Powers, {}),
    ("state_dict", ["keep all state in parameters and buffers"], ConvertingTwice, {}),
    ("trace_equals_separate", ["differ in low, high", "needs_checkpoint=True"], RandomWeights, {}),
    ("one_sample", ["1 sample", "pad inside of forward"], Reflecting, {"context": "song"}),
    ("exact_length", ["cut or pad", "321"], Strided, {}),
]


@pytest.mark.parametrize(("name", "parts", "network", "fields"), BROKEN)
def test_a_broken_model_is_caught_by_its_check_alone(name, parts, network, fields):
    check_only(check_model(make_card(network, **fields)), name, *parts)


def test_weights_that_are_needed_must_be_given():
    report = check_model(make_card(needs_checkpoint=True, load=load_weights))
    check_only(report, "loads", "give the kit checkpoint=")
    assert find_outcomes(report)["checkpoint"] == "passed"
    assert {one.message for one in report.results if one.check == "gradient"} == {"loads failed; mend that first"}


def test_with_its_weights_a_model_is_checked_to_the_end(tmp_path: Path):
    torch.save(Bands().state_dict(), tmp_path / "weights.pt")
    report = check_model(make_card(needs_checkpoint=True, load=load_weights), checkpoint=tmp_path / "weights.pt")
    assert report, report
    assert find_outcomes(report)["trace_equals_separate"] == "passed"


def load_weights(parameters: object, checkpoint: Path | None, device: object) -> nn.Module:
    if checkpoint is None:
        raise CheckpointError("weights are needed")
    network = Bands()
    try:
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
    except Exception as error:  # torch raises several
        raise CheckpointError(f"{checkpoint} holds no weights") from error
    return network.eval()


@pytest.mark.parametrize(
    ("load", "part"),
    [
        (lambda parameters, checkpoint, device: Bands().eval(), "loading without a checkpoint gave a network"),
        (lambda parameters, checkpoint, device: Path(checkpoint), "without a checkpoint raised TypeError"),
        (
            lambda parameters, checkpoint, device: Bands().eval() if checkpoint else load_weights(None, None, device),
            "from a file that holds no weights gave a network",
        ),
    ],
)
def test_weights_that_are_not_there_must_be_refused(load, part, tmp_path: Path):
    path = tmp_path / "weights.pt"
    path.write_bytes(b"")
    card = make_card(needs_checkpoint=True, load=load)
    results = {one.check: one for one in check_model(card, checkpoint=path).results}
    assert results["checkpoint"].outcome == "failed"
    assert part in results["checkpoint"].message


def test_a_card_in_a_heavy_module_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "made_heavy_cards.py").write_text("import numpy\n")
    monkeypatch.syspath_prepend(tmp_path)
    report = check_model(make_card(), card_module="made_heavy_cards")
    check_only(report, "light_card", "importing made_heavy_cards loads numpy: move the network to a module of its own")


def test_a_card_module_that_does_not_import_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "made_broken_cards.py").write_text("raise LookupError('no such thing')\n")
    monkeypatch.syspath_prepend(tmp_path)
    report = check_model(make_card(), card_module="made_broken_cards")
    check_only(report, "light_card", "importing made_broken_cards failed: LookupError: no such thing")


def test_the_card_of_an_installed_plugin_is_found_by_itself():
    results = {one.check: one.outcome for one in (check.judge(subject) for subject, check in PASSTHROUGH[:2])}
    assert results == {"card": "passed", "light_card": "passed"}


def test_every_check_is_caught_by_some_broken_model():
    elsewhere = {"checkpoint", "light_card"}
    assert {name for name, *_ in BROKEN} | elsewhere == set(NAMES)


def test_a_model_that_takes_only_its_own_chunk_is_checked_with_that():
    class Fixed(Bands):
        def forward(self, waveform):
            if waveform.shape[-1] != 16000:
                raise ValueError("give me 16000 samples")
            return super().forward(waveform)

    report = check_model(make_card(Fixed, chunk_seconds=1.0))
    assert report, report
    results = {one.check: one for one in report.results}
    assert results["exact_length"].outcome == "skipped"
    assert "it takes no chunk of 16001 samples" in results["exact_length"].message


def test_called_by_itself_a_check_runs_what_it_needs_and_raises():
    checks = {check.name: (subject, check) for subject, check in list_model_checks(make_card(Nan))}
    subject, check = checks["gradient"]
    with pytest.raises(CheckSkipped, match="finite failed; mend that first"):
        check(subject)
    subject, check = checks["finite"]
    with pytest.raises(CheckError, match=r"^bands, finite: NaN or infinity"):
        check(subject)


def test_a_report_shows_as_text_and_html():
    report = check_model(make_card(load=lambda *given: {}[0], name="bands"))
    text = repr(report)
    assert "loads                  failed   it raised KeyError" in text
    assert text.endswith("model bands: 1 passed, 1 failed, 21 skipped")
    html = replace(report, subject="<b>")._repr_html_()
    assert "<td>failed</td>" in html
    assert "&lt;b&gt;" in html


def test_an_unknown_device_is_refused():
    with pytest.raises(InvalidValue, match="device must be a name such as cpu or cuda:0, got 'nowhere'"):
        list_model_checks(make_card(), device="nowhere")
