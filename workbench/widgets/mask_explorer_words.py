"""What the mask explorer says."""

from __future__ import annotations

import math

from torch import Tensor

from workbench.figures.mask import AUDIBLE_MAGNITUDE
from workbench.figures.raster import LOWEST_HERTZ
from workbench.figures.style import format_decibels, name_channel
from workbench.widgets.mask_explorer_data import MaskData
from workbench.widgets.mask_explorer_pictures import BEYOND_ONE, MaskSettings

KINDS = {
    "ibm": "binary (IBM)",
    "irm": "ratio (IRM)",
    "wiener": "power ratio (Wiener)",
    "psm": "phase-sensitive (PSM)",
    "psm_clipped": "PSM within 0..1",
    "cirm": "complex (cIRM)",
}
ORIGINS = {
    "override": "given for the rerun",
    "model": "the model's",
    **{kind: f"ideal: {words}" for kind, words in KINDS.items()},
}
DIFFERENCES = {
    "off": "none",
    "mask": "mask minus ideal mask",
    "result": "result minus true stem, dB",
}
SOUNDS = {"mixture": "mixture", "before": "before (the run's mask)", "after": "after (the mask shown)"}


def list_choices(data: MaskData, origins: tuple[str, ...]) -> dict[str, object]:
    """What there is to choose, with words for it, as the browser takes it."""
    plan, frames = data.plan, data.frames
    return {
        "stems": list(data.stem_names),
        "channels": [name_channel(index, num_channels=plan.num_channels) for index in range(plan.num_channels)],
        "chunks": [list(frames.span_seconds(index)) for index in range(data.trace.grid.num_chunks)],
        "has_song": any(data.is_kept(origin) for origin in origins),
        "origins": [[origin, ORIGINS[origin]] for origin in origins],
        "kinds": [[kind, KINDS[kind]] for kind in origins if kind in KINDS],
        "differences": [[name, words] for name, words in DIFFERENCES.items()],
        "low_hertz": min(LOWEST_HERTZ, plan.sample_rate / 16),
        "high_hertz": plan.sample_rate / 2,
        "sample_rate": plan.sample_rate,
    }


def describe_limits(data: MaskData) -> str:
    """What cannot be shown of a run, and why; empty if there is nothing of the kind."""
    lines = [data.without_ideals]
    if not data.is_kept("model"):
        lines.append(
            "Of the model's masks only a summary was kept: they are computed again chunk by chunk, and the whole song "
            "of them is not shown; for it trace with keep=['transform', 'model'] or more memory_budget_bytes."
        )
    if data.plan.filters:
        lines.append("The Wiener filter comes after the mask: pictures and sounds of a chunk are before it.")
    return " ".join(line for line in lines if line)


def describe_panels(
    settings: MaskSettings, magnitude: Tensor, *, has_phase: bool, difference: str, against: str, stride: int
) -> dict[str, str]:
    """A title for each panel, by its name.

    Args:
        settings: what is shown.
        magnitude: of the changed mask.
        has_phase: whether there is a phase other than 0.
        difference: which one is shown, of `DIFFERENCES`.
        against: the ideal mask in it.
        stride: one frame in so many is shown.
    """
    changes = f", to the power {settings.exponent:g}" if settings.exponent != 1 else ""
    changes += f", 0 below {settings.threshold:g}" if settings.threshold > 0 else ""
    most = float(magnitude.max())
    beyond = f", maximum {most:.3g}" if most > BEYOND_ONE else ""
    where = "song" if settings.chunk is None else "chunk"
    every = f" (1 frame in {stride} shown)" if stride > 1 else ""
    zero = "" if has_phase else " 0 throughout"
    differences = {
        "off": "",
        "mask": f"Mask minus ideal mask, {KINDS[against]}; magnitudes",
        "result": "Result minus true stem; levels below −100 dB count as −100 dB",
    }
    return {
        "mixture": f"Mixture; 0 dB is its maximum in this {where}{every}",
        "mask": f"Mask, magnitude: {ORIGINS[settings.origin]}{changes}; mean {float(magnitude.mean()):.2f}{beyond}",
        "phase": f"Mask, phase{zero}; grey: magnitude below {AUDIBLE_MAGNITUDE}",
        "result": "Result: mixture times mask; 0 dB as in the mixture",
        "difference": differences[difference],
    }


def describe_score(stem: str, score: tuple[float, float] | None, *, where: str = "in this chunk") -> str:
    """SDR before and after in words; nothing where there is none."""
    if score is None:
        return ""
    before, after = score
    if math.isnan(before) or before == -math.inf:
        return f"SDR of {stem} {where}: none, since the true stem is silent."
    words = [_format_sdr(score) for score in (before, after)]
    gain = after - before
    change = f" ({gain:+.2f} dB)".replace("-", "−") if math.isfinite(gain) else ""
    return f"SDR of {stem} {where}: {words[0]} before, {words[1]} after{change}."


def _format_sdr(score: float) -> str:
    return "infinite (exact)" if score == math.inf else format_decibels(score)
