"""oracle: ideal masks through the same pipeline as any model."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import workbench
from workbench.core import Audio
from workbench.errors import CheckpointError, InvalidType, InvalidValue
from workbench.metrics import sdr
from workbench.registry import find_model
from workbench.registry.checks import list_model_checks
from workbench_plugins.oracle import MASKS, OracleParameters
from workbench_plugins.oracle_model import load

Stems = dict[str, Audio[Tensor]]


@pytest.fixture(scope="module")
def song() -> Stems:
    """The first three seconds of the demo song."""
    return {name: Audio(audio.data[:, : 3 * 44100], 44100) for name, audio in workbench.demo_song().items()}


def score(song: Stems, **options: object) -> float:
    """Mean SDR over the stems, in dB."""
    stems = workbench.separate(song["mixture"], model="oracle", references=song, chunk_seconds=1.0, **options)
    assert list(stems) == [name for name in song if name != "mixture"]
    return sum(sdr(song[name], stem) for name, stem in stems.items()) / len(stems)


def test_complex_mask_gives_the_true_stems_back(song: Stems) -> None:
    # what float32 leaves of a transform, a division, a product and the stitching: -120 dB and less
    assert score(song, settings={"model.mask": "cirm"}) > 120


def test_no_mask_of_the_same_kind_is_better_than_the_best(song: Stems) -> None:
    by_mask = {mask: score(song, settings={"model.mask": mask}) for mask in MASKS}
    assert by_mask["cirm"] > by_mask["psm"] > by_mask["psm_clipped"]
    # of all masks between 0 and 1 it is nearest to the true stems in every bin
    assert by_mask["psm_clipped"] == max(by_mask[mask] for mask in ("psm_clipped", "ibm", "irm", "wiener"))
    assert score(song) == pytest.approx(by_mask["psm_clipped"], abs=1e-6)


def test_any_other_model_stays_below_the_ceiling(song: Stems) -> None:
    hpss = workbench.separate(song["mixture"], model="hpss", chunk_seconds=1.0)
    tonal = Audio(song["bass"].data + song["chords"].data + song["lead"].data, 44100)
    named = {"harmonic": tonal, "percussive": song["drums"]}
    ceiling = workbench.separate(song["mixture"], model="oracle", references=named, chunk_seconds=1.0)
    assert all(sdr(named[name], ceiling[name]) > sdr(named[name], hpss[name]) + 3 for name in named)


def test_stems_asked_for_are_those_of_all(song: Stems) -> None:
    every = workbench.separate(song["mixture"], model="oracle", references=song)
    some = workbench.separate(song["mixture"], model="oracle", references=song, stems=["lead"])
    assert list(some) == ["lead"]
    # an inverse of four stems adds up in another order than one of a single stem
    torch.testing.assert_close(some["lead"].data, every["lead"].data, atol=1e-6, rtol=0)


def test_without_references_there_is_nothing_to_make_masks_of(song: Stems) -> None:
    with pytest.raises(InvalidValue, match="give references="):
        workbench.separate(song["mixture"], model="oracle")


def test_a_single_stem_cannot_share_out(song: Stems) -> None:
    alone = {"drums": song["drums"]}
    with pytest.raises(InvalidValue, match="one only"):
        workbench.separate(song["mixture"], model="oracle", references=alone, settings={"model.mask": "irm"})
    stems = workbench.separate(song["mixture"], model="oracle", references=alone)
    assert list(stems) == ["drums"]


def test_bad_parameters_and_checkpoint(plain_types: None) -> None:
    with pytest.raises(InvalidValue, match="ibm, irm"):
        OracleParameters(mask="best")
    with pytest.raises(InvalidType):
        OracleParameters(mask=1)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match="leave it out"):
        load(None, "weights.pt", torch.device("cpu"))  # type: ignore[arg-type]


@pytest.mark.parametrize(("subject", "check"), list_model_checks(find_model("oracle").card))
def test_conformance(subject, check) -> None:
    check(subject)
