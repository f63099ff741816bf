"""Formulas of a notebook's text as pictures, since the script that sets them in Jupyter would come from a network."""

from __future__ import annotations

import base64
import html
import io
import re

TEXT_POINTS = 10.5  # of a page's text; sizes are given relative to it, so that formulas in headings are larger
INLINE_POINTS, BLOCK_POINTS = 12.0, 15.0  # beside it; Computer Modern's letters are smaller for their size
# What notebooks write and matplotlib's mathtext has under another name, or not at all but can do without.
REWRITTEN = (
    (r"\\([dt]?)frac\s*([^\s{\\])\s*([^\s{\\])", r"\\\1frac{\2}{\3}"),
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
    from matplotlib import rc_context
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    tex = " ".join(tex.split())
    drawable = tex
    for pattern, replacement in REWRITTEN:
        drawable = re.sub(pattern, replacement, drawable)
    if block:  # where TeX sets fractions large
        drawable = re.sub(r"\\frac(?![a-zA-Z])", r"\\dfrac", drawable)
    drawable = re.sub(r"\\tfrac(?![a-zA-Z])", r"\\frac", drawable)
    file = io.BytesIO()
    properties = FontProperties(size=BLOCK_POINTS if block else INLINE_POINTS, math_fontfamily="cm")
    try:
        with rc_context({"savefig.transparent": True}):  # tables have grey rows
            depth_points = math_to_image(f"${drawable}$", file, prop=properties, format="svg", color="black")
    except ValueError:  # a command that mathtext does not know
        formula = f"<code>{html.escape(tex)}</code>"
    else:
        width_points = float(re.findall(rb'<svg[^>]* width="([0-9.]+)pt"', file.getvalue())[0])
        width, depth = width_points / TEXT_POINTS, depth_points / TEXT_POINTS
        data = base64.b64encode(file.getvalue()).decode("ascii")
        formula = (
            f'<img alt="{html.escape(tex)}" src="data:image/svg+xml;base64,{data}" '
            f'style="display: inline; width: {width:.2f}em; height: auto; vertical-align: {-depth:.2f}em">'
        )
    return f'<p style="text-align: center">{formula}</p>' if block else formula
