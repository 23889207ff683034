"""Charts as SVG that takes its colours from the page, and the colours themselves.

Charts are drawn with ordinary hex colours, so they look right in a notebook too. `to_svg` then
replaces each colour of `ROLES` and of the two sequential maps by a CSS variable, the fonts by the
page's font, and makes ids unique; the page defines the variables once per theme (`theme_css`).
"""

import io
import re
from functools import cache
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.figure import Figure

ROLES: dict[str, tuple[str, str]] = {
    "clean": ("#2f6db5", "#6fa5e3"),
    "attacked": ("#c8453b", "#e8786e"),
    "noise": ("#8a8f98", "#8f959f"),
    "fer": ("#0f8b8d", "#3bb3b0"),
    "ferplus": ("#7a4fbf", "#a98be0"),
    "flag": ("#b7791f", "#d9a24a"),
    "error": ("#8b1e1e", "#e58b8b"),
    "ink": ("#1b1d21", "#e8eaed"),
    "muted": ("#565b64", "#a9aeb8"),
    "grid": ("#dcdfe4", "#32363d"),
    "paper": ("#fdfdfc", "#15171a"),
    "panel": ("#f3f4f5", "#1e2125"),
}
"""Colour of each role in the light and in the dark theme."""

LEVELS = 24
_EQUAL_CONTRAST = 0.1791
"""Luminance at which black and white text have the same contrast, 4.58:1."""

# Not pure black: matplotlib leaves the fill of black text out, and the page could not change it.
_INK_ON_LOW, _INK_ON_HIGH = "#010101", "#ffffff"
_SALT = "deadpan"

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": _SALT,
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "text.parse_math": False,
    "text.color": ROLES["ink"][0],
    "axes.labelcolor": ROLES["muted"][0],
    "axes.edgecolor": ROLES["muted"][0],
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.spines.bottom": False,
    "axes.labelsize": 12,
    "grid.color": ROLES["grid"][0],
    "grid.linewidth": 1,
    "xtick.color": ROLES["muted"][0],
    "ytick.color": ROLES["muted"][0],
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "hatch.linewidth": 1,
}
"""Matplotlib settings of every chart: light grid, no boxes, `$` in a file's name is a dollar."""


@cache
def sequential(name: str) -> ListedColormap:
    """A perceptually uniform map in `LEVELS` steps, light to dark.

    The lower half carries black text and the upper half white at 4.5:1 or better, so the same
    levels run from dark to light on a dark page.

    Args:
        name: `mako` or `rocket`.
    """
    colours = sns.color_palette(f"{name}_r", as_cmap=True)(np.linspace(0, 1, 2001))[:, :3]
    light = np.array([_luminance(colour) for colour in colours])
    middle = int(np.searchsorted(-light, -_EQUAL_CONTRAST))
    half = LEVELS // 2
    low = np.linspace(0, middle - 25, half).astype(int)
    high = np.linspace(middle + 25, 2000, half).astype(int)
    return ListedColormap(colours[np.concatenate([low, high])], name=f"deadpan_{name}")


def ink_on(share: float) -> str:
    """Colour of text on a cell of a sequential map that runs from 0 to 1."""
    return _INK_ON_LOW if int(share * LEVELS) < LEVELS // 2 else _INK_ON_HIGH


def in_two_lines(name: str, longest: int = 22) -> str:
    """A model's name, broken at the part nearest to its middle if it is longer."""
    if len(name) <= longest:
        return name
    ends = [found.end() for found in re.finditer(r"[_+/.-]", name[:-1])] or [len(name) // 2]
    middle = min(ends, key=lambda end: abs(end - len(name) / 2))
    return f"{name[:middle]}\n{name[middle:]}"


def new_figure(width: int, height: int) -> Figure:
    """A matplotlib figure in CSS pixels: 72 points per inch, one point per pixel."""
    return Figure(figsize=(width / 72, height / 72), dpi=72)


def to_svg(figure: Figure, name: str, alt: str, css_class: str = "") -> str:
    """Return the drawing as an inline SVG element.

    Args:
        figure: made by `new_figure`, drawn under `STYLE`.
        name: prefix of every id; unique on the page.
        alt: what the chart shows, for those who cannot see it.
        css_class: class of the element.
    """
    stream = io.StringIO()
    with mpl.rc_context(STYLE):
        figure.savefig(stream, format="svg", metadata=dict.fromkeys(_METADATA))
    width, height = (round(72 * side) for side in figure.get_size_inches())
    body = stream.getvalue().partition("<svg")[2].partition(">")[2].rpartition("</svg>")[0]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.S)
    body = re.sub(r"font-family: [^;\"]*;?|font: (\d+)px [^;\"]*", _font_size, body)
    body = re.sub(r'\bid="', f'id="{name}-', body)
    body = re.sub(r'(?:xlink:)?href="#', f'href="#{name}-', body)
    body = body.replace("url(#", f"url(#{name}-")
    body = re.sub(r"#[0-9a-f]{6}\b", lambda match: _variables().get(match[0], match[0]), body)
    body = re.sub(r"<[^>]*>", _two_decimals, re.sub(r"\n\s*", "\n", body))
    body = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", body)
    label = escape(alt, quote=True)
    return (
        f'<svg class="chart {css_class}" role="img" aria-label="{label}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<title>{label}</title>{body.strip()}</svg>"
    )


def theme_css(dark: bool) -> str:
    """CSS declarations of every colour variable of one theme."""
    lines = [f"--{role}:{colours[dark]};" for role, colours in ROLES.items()]
    inks = [_INK_ON_LOW, _INK_ON_HIGH]
    low, high = reversed(inks) if dark else inks
    lines.append(f"--on-low:{low};--on-high:{high};")
    for name in ("mako", "rocket"):
        levels = _levels(name)
        ordered = levels[::-1] if dark else levels
        lines += [f"--{name}-{index}:{colour};" for index, colour in enumerate(ordered)]
    return "".join(lines)


_METADATA = ("Date", "Creator", "Format", "Type")


@cache
def _variables() -> dict[str, str]:
    table = {colours[0]: f"var(--{role})" for role, colours in ROLES.items()}
    table |= {_INK_ON_LOW: "var(--on-low)", _INK_ON_HIGH: "var(--on-high)"}
    for name in ("mako", "rocket"):
        for index, colour in enumerate(_levels(name)):
            table[colour] = f"var(--{name}-{index})"
    return table


def _levels(name: str) -> list[str]:
    return [to_hex(colour) for colour in np.asarray(sequential(name).colors)]


def _font_size(match: re.Match[str]) -> str:
    return f"font-size: {match[1]}px" if match[1] else ""


def _two_decimals(tag: re.Match[str]) -> str:
    """A tag with short coordinates; text between tags stays as it is."""
    return re.sub(r"(\d\.\d{2})\d+", r"\1", tag[0])


def _luminance(colour: np.ndarray) -> float:
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
