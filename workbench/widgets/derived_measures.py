"""How far stems, derived or not, add up to the mixture."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor

from workbench.core.stems import MIXTURE, Rule, sum_stems
from workbench.figures.envelope import measure_rms, to_decibels
from workbench.figures.style import color_stems, format_decibels, format_number, format_rms, list_names
from workbench.widgets.derived_rules import StemSource, count_stems

LOWEST_METER_DB = -150.0  # where the meter begins; float32 rounds at about -140 dB of the mixture


def subtract(
    mixture: Float[Tensor, "channel time"], *, stems: Mapping[str, Tensor], names: Sequence[str]
) -> Float[Tensor, "channel time"]:
    """The mixture minus the stems named."""
    return mixture - sum_stems([stems[name] for name in names]) if names else mixture


def measure_residual(
    mixture: Float[Tensor, "channel time"], *, stems: Mapping[str, Tensor], names: Sequence[str]
) -> float:
    """RMS of the mixture minus the stems named, in dB of the mixture's.

    Returns:
        ``-inf`` where nothing is left; ``inf`` where something is left of a silent mixture.
    """
    left_rms, mixture_rms = measure_rms(subtract(mixture, stems=stems, names=names)), measure_rms(mixture)
    return math.inf if left_rms > 0 and mixture_rms == 0 else to_decibels(left_rms, reference=mixture_rms)


def describe_left(decibels: float) -> str:
    """``-136.2`` -> ``"−136.2 dB of it"``."""
    if decibels == math.inf:
        return "sound, though the mixture is silent"
    return "nothing" if decibels == -math.inf else f"{format_decibels(decibels)} of it"


def describe_completion(
    name: str, *, held: Mapping[str, int], mixture: Float[Tensor, "channel time"], stems: Mapping[str, Tensor]
) -> str:
    """What a derived stem and all separated ones that it does not hold leave of the mixture.

    Args:
        name: of the derived stem.
        held: how often it holds each separated one; see `workbench.widgets.derived_rules.count_stems`.
        mixture: the song.
        stems: all stems, derived ones too.
    """
    wrong = [f"{stem} {format_number(float(count))} times" for stem, count in held.items() if count not in (0, 1)]
    if wrong:
        return f"holds {list_names(wrong)}: no stems complete it to the mixture"
    others = [stem for stem, count in held.items() if count == 0]
    with_others = f"with {list_names(others)}" if others else "alone"
    return f"{with_others} it leaves {describe_left(measure_residual(mixture, stems=stems, names=[name, *others]))}"


def place_on_meter(decibels: float) -> float:
    """Which part of the meter's length a level takes, from `LOWEST_METER_DB` to 0 dB."""
    return 1 - min(max(decibels, LOWEST_METER_DB), 0.0) / LOWEST_METER_DB


def list_tracks(
    source: StemSource, *, derived: Mapping[str, Tensor], rules: Mapping[str, Rule]
) -> list[dict[str, Any]]:
    """What is said of the mixture and each stem: name, role, color, level and, of derived ones, what is left.

    Args:
        source: mixture and separated stems.
        derived: stems, each (channel, time).
        rules: that made them.
    """
    mixture, stems = source.mixture.data, source.tensors
    colors = color_stems((*source.order, *derived))
    counts = count_stems(rules, stem_names=tuple(stems))
    rows = [(MIXTURE, MIXTURE, mixture)]
    rows += [(name, "stem", data) for name, data in stems.items()]
    rows += [(name, "derived", data) for name, data in derived.items()]
    complete = partial(describe_completion, mixture=mixture, stems={**stems, **derived})
    return [
        {
            "name": name,
            "role": role,
            "color": colors.get(name),
            "level": format_rms(to_decibels(measure_rms(data))),
            "left": complete(name, held=counts[name]) if name in counts else "",
        }
        for name, role, data in rows
    ]
