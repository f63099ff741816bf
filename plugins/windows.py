"""Windows for overlap-add: their cards. The shapes are in `window_shapes`, loaded when one is made."""

from __future__ import annotations

from collections.abc import Callable

from workbench.registry import Parameter, WindowCard, hookimpl

SHAPES = "workbench_plugins.window_shapes"

CARDS = (
    WindowCard(
        name="hann",
        make=f"{SHAPES}:make_hann",
        summary="Raised cosine down to 0: the smooth default; needs an overlap of 0.5 or more.",
        cola_overlaps=(0.5, 2 / 3, 0.75, 0.875),
    ),
    WindowCard(
        name="hamming",
        make=f"{SHAPES}:make_hamming",
        summary="Raised cosine down to 0.08: never zero, so every overlap gives a result.",
        cola_overlaps=(0.5, 2 / 3, 0.75, 0.875),
    ),
    WindowCard(
        name="rectangular",
        make=f"{SHAPES}:make_rectangular",
        summary="All ones: chunks side by side at overlap 0, a plain mean where they overlap.",
        cola_overlaps=(0.0, 0.5, 2 / 3, 0.75, 0.875),
    ),
    WindowCard(
        name="linear_fade",
        make=f"{SHAPES}:make_linear_fade",
        summary="Flat middle with linear ends: a crossfade; sums to one at overlap = fade.",
        parameters={
            "fade": Parameter(
                default=0.1, minimum=1e-6, maximum=0.5, summary="Share of the window that each end takes."
            )
        },
        cola_overlaps=(0.1, 0.55, 0.7, 0.9),
    ),
    WindowCard(
        name="triangle",
        make=f"{SHAPES}:make_triangle",
        summary="Up and down in straight lines, raised to a power; the weight Demucs joins chunks with.",
        parameters={"power": Parameter(default=1.0, minimum=0.0, summary="Exponent; above 1 the middle counts more.")},
        cola_overlaps=(0.5, 0.75, 0.875),
    ),
)


@hookimpl
def register_windows(register: Callable[[WindowCard], None]) -> None:
    """Register all windows above."""
    for card in CARDS:
        register(card)
