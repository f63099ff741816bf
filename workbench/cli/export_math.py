"""Formulas of a notebook's text as pictures, since the script that sets them in Jupyter would come from a network."""

from __future__ import annotations

import base64
import html
import io
import re

INLINE_POINTS, BLOCK_POINTS = 12.0, 15.0  # beside text of 10.5 points, whose letters are larger for their size
# What notebooks write and matplotlib's mathtext has under another name, or not at all but can do without.
REWRITTEN = (
    (r"\\[dt]frac(?![a-zA-Z])", r"\\frac"),
    (r"\\frac\s*([^\s{\\])\s*([^\s{\\])", r"\\frac{\1}{\2}"),
    (r"\\le(?![a-zA-Z])", r"\\leq"),
    (r"\\ge(?![a-zA-Z])", r"\\geq"),
    (r"\\[lr]vert(?![a-zA-Z])", "|"),
    (r"\\[lr]Vert(?![a-zA-Z])", r"\\|"),
)


def draw_formula(tex: str, *, block: bool) -> str:
    """A formula as HTML: a picture on the line of the text, or in the middle of a line of its own.

    Args:
        tex: what stands between the dollar signs.
        block: whether those were doubled.

    Returns:
        The picture, described by its TeX; the TeX itself where matplotlib cannot draw it.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    tex = " ".join(tex.split())
    drawable = tex
    for pattern, replacement in REWRITTEN:
        drawable = re.sub(pattern, replacement, drawable)
    file = io.BytesIO()
    properties = FontProperties(size=BLOCK_POINTS if block else INLINE_POINTS, math_fontfamily="cm")
    try:
        depth_points = math_to_image(f"${drawable}$", file, prop=properties, format="svg", color="black")
    except ValueError:  # a command that mathtext does not know
        formula = f"<code>{html.escape(tex)}</code>"
    else:
        data = base64.b64encode(file.getvalue()).decode("ascii")
        formula = (
            f'<img alt="{html.escape(tex)}" style="display: inline; vertical-align: {-depth_points:.1f}pt" '
            f'src="data:image/svg+xml;base64,{data}">'
        )
    return f'<p style="text-align: center">{formula}</p>' if block else formula
