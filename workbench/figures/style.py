"""What all figures share: the sheet they are drawn on, colours, labels with units, words for numbers."""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

# Okabe and Ito 2008, "Color universal design": told apart with any kind of colour vision. Yellow comes last, since it
# is faint on white; black is left for the mixture.
STEM_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#B8A800")
MIXTURE_COLOR = "#4D4D4D"
HIGHLIGHT_COLOR = "#E69F00"
FAINT_COLOR = "#9A9A9A"

LEVEL_MAP = "magma"  # perceptually uniform
MASK_MAP = "viridis"  # likewise, and not to be taken for a level
PHASE_MAP = "twilight"  # cyclic: -pi and pi are one colour
BEYOND_COLOR = "#FF3B30"  # mask values above 1

TIME_LABEL = "time (s)"
AMPLITUDE_LABEL = "amplitude (1)"
FREQUENCY_LABEL = "frequency (Hz)"
LEVEL_LABEL = "level (dB re. maximum)"

TITLE_SIZE = 10.0
HEADLINE_SIZE = 11.5
HEADLINE_COLUMNS_PER_INCH = 10.5  # letters of a headline that fit into an inch


class Sheet(Figure):
    """A matplotlib figure that a notebook shows without pyplot, because it knows how to be a PNG."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def new_sheet(*, height_inches: float, width_inches: float = 10.0, headline: str = "") -> Sheet:
    """An empty sheet whose parts are laid out so that nothing overlaps; the headline is wrapped to its width."""
    sheet = Sheet(figsize=(width_inches, height_inches), layout="constrained")
    if headline:
        wrap = round(width_inches * HEADLINE_COLUMNS_PER_INCH)
        lines = [textwrap.fill(line, width=wrap) for line in headline.splitlines()]
        sheet.suptitle(
            "\n".join(lines), x=0.008, ha="left", fontsize=HEADLINE_SIZE, fontweight="bold", parse_math=False
        )
    return sheet


def color_stems(names: Iterable[str]) -> dict[str, str]:
    """A colour for each stem, by its place; the same list gives the same colours in every figure."""
    return {name: STEM_COLORS[index % len(STEM_COLORS)] for index, name in enumerate(names)}


def set_title(axes: Axes, text: str) -> None:
    """What a panel shows, above it on the left; ``$`` in a name is no formula."""
    axes.set_title(text, loc="left", fontsize=TITLE_SIZE, parse_math=False)


def write_plainly(texts: Iterable[Text]) -> None:
    """Likewise for texts that matplotlib makes by itself, of legends and ticks."""
    for text in texts:
        text.set_parse_math(False)


def name_curve(name: str) -> str:
    """A name for the legend, which leaves out those that begin with an underscore."""
    return f" {name}" if name.startswith("_") else name


def set_time_axis(axes: Axes, *, start_seconds: float, stop_seconds: float, label: bool = True) -> None:
    """Seconds of the song from left to right; without ``label`` for a panel that has another one right below."""
    axes.set_xlim(start_seconds, stop_seconds)
    if label:
        axes.set_xlabel(TIME_LABEL)
    else:
        axes.tick_params(labelbottom=False)


def set_frequency_axis(axes: Axes, *, low_hertz: float, high_hertz: float, is_log: bool) -> None:
    """Hertz from bottom to top, with few ticks in plain numbers."""
    if is_log:
        axes.set_yscale("log")
    axes.set_ylim(low_hertz, high_hertz)
    axes.yaxis.set_major_locator(FixedLocator(choose_hertz_ticks(low_hertz, high_hertz, is_log=is_log)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda hertz, _: format_hertz(hertz)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(FREQUENCY_LABEL)


def choose_hertz_ticks(low_hertz: float, high_hertz: float, *, is_log: bool) -> list[float]:
    """Round frequencies within a range: 1, 2 and 5 times powers of ten where few fit, powers alone where many do."""
    if not is_log:
        return [float(tick) for tick in MaxNLocator(5).tick_values(low_hertz, high_hertz)]
    powers = range(math.floor(math.log10(low_hertz)), math.ceil(math.log10(high_hertz)) + 1)
    for factors in ((1,), (1, 2, 5)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        ticks = [tick for tick in ticks if low_hertz <= tick <= high_hertz]
        if len(ticks) >= 2:
            break
    return ticks


def format_hertz(hertz: float) -> str:
    """``2000.0`` -> ``"2k"``."""
    return f"{hertz / 1000:g}k" if hertz >= 1000 else f"{hertz:g}"


def format_decibels(decibels: float) -> str:
    """``-3.21`` -> ``"−3.2 dB"``, ``-0.01`` -> ``"0.0 dB"``; minus infinity is silence."""
    return "silent" if decibels == -math.inf else f"{decibels:z.1f} dB".replace("-", "−")


def format_rms(decibels: float) -> str:
    """``-16.3`` -> ``"RMS −16.3 dB"``."""
    return "silent" if decibels == -math.inf else f"RMS {format_decibels(decibels)}"


def format_seconds(seconds: float) -> str:
    """``-0.75`` -> ``"−0.750 s"``."""
    return f"{seconds:.3f} s".replace("-", "−")


def format_number(number: float) -> str:
    """``-0.000321`` -> ``"−0.000321"``."""
    return f"{number:.3g}".replace("-", "−")


def format_count(count: int, noun: str) -> str:
    """``2, "stem"`` -> ``"2 stems"``; without a noun the number alone."""
    number = f"{count:,}".replace(",", " ")
    return f"{number} {noun}{'' if count == 1 else 's'}" if noun else number


def format_rate(sample_rate: int) -> str:
    """``44100`` -> ``"44 100 Hz"``."""
    return f"{sample_rate:,} Hz".replace(",", " ")


def name_channel(channel: int, *, num_channels: int) -> str:
    """``0, 2`` -> ``"channel 1 of 2 (left)"``."""
    if num_channels == 1:
        return "mono"
    side = ("left", "right")[channel] if num_channels == 2 else ""
    return f"channel {channel + 1} of {num_channels}" + (f" ({side})" if side else "")


def shorten_name(name: str, *, length: int = 22) -> str:
    """A stem's name as far as there is room for it."""
    return name if len(name) <= length else f"{name[: length - 1]}…"


def list_names(names: Sequence[str]) -> str:
    """``["a", "b", "c"]`` -> ``"a, b and c"``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def get_mask_map() -> Colormap:
    """0 to 1 by lightness, and a colour of its own for what is beyond 1."""
    from matplotlib import colormaps

    return colormaps[MASK_MAP].with_extremes(over=BEYOND_COLOR, bad="0.85")


def get_phase_map() -> Colormap:
    """-pi to pi; grey, which is none of its colours, where there is nothing whose phase could be told."""
    from matplotlib import colormaps

    return colormaps[PHASE_MAP].with_extremes(bad="0.55")
