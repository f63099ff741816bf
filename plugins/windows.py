"""Windows for overlap-add: their cards. The shapes are in `window_shapes` and `scipy_window_shapes`.

Both are loaded when a window of theirs is made. What a card says of overlaps holds exactly, to rounding in
float64; kaiser, gaussian and dpss come near it at small hops and never reach it, so they declare none. A
divided overlap-add, as stitching is, works at any overlap where a window's sum stays above 0.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.registry import Parameter, WindowCard, hookimpl

SHAPES = "workbench_plugins.window_shapes"
SCIPY_SHAPES = "workbench_plugins.scipy_window_shapes"

CARDS = (
    WindowCard(
        name="hann",
        make=f"{SHAPES}:make_hann",
        summary="Raised cosine down to 0: the smooth default; any overlap above 0 will do, 0.5 sums to one.",
        cola_overlaps=(0.5, 2 / 3, 0.75, 0.875),
        cola_square_overlaps=(2 / 3, 0.75, 0.875),
    ),
    WindowCard(
        name="hamming",
        make=f"{SHAPES}:make_hamming",
        summary="Raised cosine down to 0.08: never zero, so every overlap gives a result.",
        cola_overlaps=(0.5, 2 / 3, 0.75, 0.875),
        cola_square_overlaps=(2 / 3, 0.75, 0.875),
    ),
    WindowCard(
        name="rectangular",
        make=f"{SHAPES}:make_rectangular",
        summary="All ones: chunks side by side at overlap 0, a plain mean where they overlap.",
        cola_overlaps=(0.0, 0.5, 2 / 3, 0.75, 0.875),
        cola_square_overlaps=(0.0, 0.5, 2 / 3, 0.75, 0.875),
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
    WindowCard(
        name="sine",
        make=f"{SHAPES}:make_sine",
        summary="Half a sine, never 0: its square is a Hann window, so two of it make one.",
        cola_square_overlaps=(0.5, 2 / 3, 0.75, 0.875),
    ),
    WindowCard(
        name="vorbis",
        make=f"{SHAPES}:make_vorbis",
        summary="The power-complementary window of the Vorbis codec, flatter on top than the sine.",
        cola_square_overlaps=(0.5, 0.75, 0.875),
    ),
    WindowCard(
        name="kbd",
        make=f"{SCIPY_SHAPES}:make_kbd",
        summary="Kaiser-Bessel-derived, power-complementary: the window of the AAC and AC-3 codecs.",
        parameters={
            "alpha": Parameter(
                default=4.0,
                minimum=0.0,
                maximum=30.0,
                summary="Its Kaiser kernel's beta over pi: 4 in AAC, 5 in AC-3; larger is steeper in the middle.",
            )
        },
        cola_square_overlaps=(0.5, 0.75, 0.875),
    ),
    WindowCard(
        name="tukey",
        make=f"{SCIPY_SHAPES}:make_tukey",
        summary="Flat middle with raised-cosine ends: a smooth crossfade; sums to one at overlap = alpha / 2.",
        parameters={
            "alpha": Parameter(
                default=0.5,
                minimum=0.0,
                maximum=1.0,
                summary="Share of the window that both ends take together: 0 is rectangular, 1 is Hann.",
            )
        },
        cola_overlaps=(0.25, 0.625, 0.75, 0.875),
        cola_square_overlaps=(0.875,),
    ),
    WindowCard(
        name="blackman",
        make=f"{SCIPY_SHAPES}:make_blackman",
        summary="Three cosine terms, side lobes below -58 dB; narrower in time than Hann.",
        cola_overlaps=(2 / 3, 0.75, 0.875),
        cola_square_overlaps=(0.875,),
    ),
    WindowCard(
        name="kaiser",
        make=f"{SCIPY_SHAPES}:make_kaiser",
        summary="Nearly the most energy in the main lobe, its width against side lobes set by one number.",
        parameters={
            "beta": Parameter(
                default=8.6,
                minimum=0.0,
                maximum=100.0,
                summary="0 is rectangular, 5 like Hamming, 6 like Hann, 8.6 like Blackman.",
            )
        },
    ),
    WindowCard(
        name="gaussian",
        make=f"{SCIPY_SHAPES}:make_gaussian",
        summary="Bell curve, the least spread in time and frequency together; cut off at its ends.",
        parameters={
            "sigma": Parameter(
                default=0.4, minimum=0.1, summary="Standard deviation as a share of half the window's length."
            )
        },
    ),
    WindowCard(
        name="dpss",
        make=f"{SCIPY_SHAPES}:make_dpss",
        summary="Slepian's first sequence: the most energy within a band, exactly what Kaiser's comes near.",
        parameters={
            "nw": Parameter(
                default=4.0,
                minimum=0.1,
                maximum=16.0,
                summary="Half the band's width in bins (time half bandwidth); larger is narrower in time.",
            )
        },
    ),
    WindowCard(
        name="flattop",
        make=f"{SCIPY_SHAPES}:make_flattop",
        summary="For reading levels off a spectrum; below 0 towards its ends, so it needs an overlap of 0.57 or more.",
        cola_overlaps=(0.875,),
        cola_square_overlaps=(0.9375,),
        nonnegative=False,
    ),
)


@hookimpl
def register_windows(register: Callable[[WindowCard], None]) -> None:
    """Register all windows above."""
    for card in CARDS:
        register(card)
