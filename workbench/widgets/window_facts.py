"""What the window explorer says in words: windows to choose from, the verdict with its figures, errors in dB."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

from workbench.figures.style import format_count
from workbench.registry import find_window, windows
from workbench.registry.cards import Parameter
from workbench.registry.lookup import shorten_id
from workbench.registry.records import RegisteredWindow
from workbench.widgets.overlap_measures import Rebuilt
from workbench.widgets.overlap_mistakes import Mistake

HOUSE_PLUGIN = "windows"  # whose windows go by their short names in a list
SLIDER_STEPS = 200
TRACK_TITLES = {
    "signal": "the signal",
    "stitched": "stitch_chunks",
    "plain": "without normalization",
    "mistake": "the mistake",
    "difference": "the difference",
}


def list_windows() -> list[dict[str, Any]]:
    """Every window that is registered now, as the browser has it."""
    return [describe_window(find_window(row.id)) for row in windows()]


def describe_window(window: RegisteredWindow) -> dict[str, Any]:
    """Name, summary and parameters of a window; each parameter with a slider's range."""
    return {
        "id": window.id,
        "title": shorten_id(window.id) if window.plugin == HOUSE_PLUGIN else window.id,
        "summary": window.card.summary,
        "parameters": [describe_parameter(name, one) for name, one in window.card.parameters.items()],
    }


def describe_parameter(name: str, parameter: Parameter) -> dict[str, Any]:
    """A slider for a parameter: round steps within the card's range; an end that is open goes to ten defaults."""
    reach = 10 * max(abs(parameter.default), 1e-3)
    low = -reach if parameter.minimum is None else float(parameter.minimum)
    high = max(reach, low + reach) if parameter.maximum is None else float(parameter.maximum)
    step = choose_step((high - low) / SLIDER_STEPS, parameter.default) if high > low else 1.0
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return {
        "name": name,
        "summary": parameter.summary,
        "low": round(first * step, 12),  # multiples of the step, so that round values can be met exactly
        "high": round(last * step, 12),
        "step": step,
        "default": parameter.default,
    }


def choose_step(rough: float, default: float) -> float:
    """The next smaller 1, 2 or 5 times a power of ten, of which ``default`` is a multiple if there is any near."""
    power = 10.0 ** math.floor(math.log10(rough))
    steps = [factor * power * 10**-decade for decade in (0, 1) for factor in (5, 2, 1)]
    small = [step for step in steps if step <= rough * (1 + 1e-9)]
    return next((step for step in small if abs(default / step - round(default / step)) < 1e-6), small[0])


def list_facts(rebuilt: Rebuilt, mistake: Mistake | None) -> list[dict[str, str]]:
    """The verdicts and errors, a row each: name, answer ("yes", "no" or a figure) and the figure behind it."""
    verdict, grid, rate = rebuilt.verdict, rebuilt.grid, rebuilt.signal.sample_rate
    swing = "without end" if math.isinf(verdict.ripple_db) else format_db(verdict.ripple_db)
    rows = [
        (
            "COLA: the windows add up to a constant",
            say(verdict.is_cola),
            f"ripple {format_share(verdict.ripple)}, {swing}",
        ),
        (
            "NOLA: the sum is above 0 everywhere",
            say(verdict.is_nola),
            f"smallest sum {verdict.least:.3g}, mean {verdict.mean:.4g}".replace("-", "−"),
        ),
        ("COLA of the square", say(verdict.is_square_cola), f"ripple {format_share(verdict.square_ripple)}"),
    ]
    if rebuilt.stitched is None:
        rows.append(("error of stitch_chunks", "refused", rebuilt.refusal))
    else:
        rows.append(("error of stitch_chunks", *say_error(rebuilt, rebuilt.stitched)))
    answer, detail = say_error(rebuilt, rebuilt.plain)
    rows.append(("error without normalization", answer, f"{detail}; one gain for all, {rebuilt.plain_gain:.4g}"))
    if mistake is not None and rebuilt.mistaken is not None:
        rows.append(("error of the mistake", *say_error(rebuilt, rebuilt.mistaken)))
    period = grid.hop_size / rate
    rows.append(
        (
            "chunks",
            f"{grid.num_chunks}",
            f"{format_count(grid.chunk_size, 'sample')} ({grid.chunk_size / rate:.4g} s) each, a new one every "
            f"{format_count(grid.hop_size, 'sample')} ({period:.4g} s, {1 / period:.4g} Hz); "
            f"{grid.redundancy:.4g} samples computed for each one kept",
        )
    )
    return [dict(zip(("name", "answer", "figure"), row, strict=True)) for row in rows]


def say(is_so: bool) -> str:
    """Yes or no."""
    return "yes" if is_so else "no"


def say_error(rebuilt: Rebuilt, made: Any) -> tuple[str, str]:
    """An error in dB, and what it is measured against."""
    if not bool(rebuilt.signal.data.any()):
        return "none to measure", "the signal is silence"
    error_db = rebuilt.measure_error(made)
    if math.isinf(error_db):
        return "none", "the same samples to the bit"
    return format_db(error_db), "RMS of the difference, in dB of the signal's"


def format_db(decibels: float) -> str:
    """One digit after the point, with a true minus."""
    if abs(decibels) < 0.05:
        return "0.0 dB" if abs(decibels) < 5e-7 else f"{decibels:.2g} dB".replace("-", "−", 1)
    return f"{decibels:.1f} dB".replace("-", "−")


def format_share(share: float) -> str:
    """A part of the mean, as a percentage or a power of ten."""
    if share == 0:
        return "0"
    if math.isinf(share):
        return "without end (the mean is 0)"
    return f"{100 * share:.3g} % of the mean" if share >= 1e-4 else f"{share:.1e} of the mean".replace("-", "−")


def facts_html(facts: Sequence[dict[str, str]]) -> str:
    """The rows as a table."""
    rows = []
    for fact in facts:
        name, answer, figure = (html.escape(fact[key]) for key in ("name", "answer", "figure"))
        rows.append(f"<tr><th>{name}</th><td>{answer}</td><td>{figure}</td></tr>")
    return f"<table>{''.join(rows)}</table>"
