"""What a chart of the page is, and how one is drawn: axes inside margins, rendered as SVG."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.charts.svg import STYLE, new_figure, to_svg
from reports.table import Table
from reports.words.text import NBSP, THIN, count, percent

PHONE = 350
"""Width in pixels of a chart that fits a phone."""

_KEPT: ContextVar[dict[str, Figure] | None] = ContextVar("_KEPT", default=None)


@dataclass(frozen=True)
class Panel:
    """One drawing of a chart: its heading (or none) and its SVG elements, wide and narrow."""

    heading: str
    svgs: list[str]


@dataclass(frozen=True)
class Chart:
    """A chart of the page.

    Attributes:
        name: unique on the page.
        title: what it shows, as a finding.
        caption: how to read it, and n.
        panels: its drawings.
        table: the figures behind it.
    """

    name: str
    title: str
    caption: str
    panels: list[Panel]
    table: Table


def drawing(
    name: str,
    alt: str,
    size: tuple[int, int],
    margins: tuple[int, int, int, int],
    draw: Callable[[Axes], None],
    css_class: str = "",
) -> str:
    """Draw on axes inside margins (left, right, bottom, top) in pixels; the SVG element."""
    width, height = size
    left, right, bottom, top = margins
    with mpl.rc_context(STYLE):
        figure = new_figure(width, height)
        box = (
            left / width,
            bottom / height,
            (width - left - right) / width,
            (height - bottom - top) / height,
        )
        axes = figure.add_axes(box)
        draw(axes)
    svg = to_svg(figure, name, alt, css_class)
    if (kept := _KEPT.get()) is not None:
        kept[svg] = figure
    return svg


@contextmanager
def figures_kept() -> Iterator[dict[str, Figure]]:
    """Keep the matplotlib figure of every drawing made inside, by its SVG element."""
    kept: dict[str, Figure] = {}
    token = _KEPT.set(kept)
    try:
        yield kept
    finally:
        _KEPT.reset(token)


def faces_counted(rows: pd.DataFrame) -> str:
    """`n = 400 faces`, or `n = 360 to 400 faces` where rows have different denominators."""
    return f"n{NBSP}={NBSP}{faces_range(rows)}"


def faces_range(rows: pd.DataFrame, kind: str = "") -> str:
    """`1 face`, `400 faces`, or `360 to 400 faces` where rows have different denominators.

    Args:
        rows: result rows.
        kind: a word before `faces`.
    """
    numbers = count_range(rows)
    return f"{numbers} {kind}{' ' * bool(kind)}face{'s' * (numbers != '1')}"


def count_range(rows: pd.DataFrame) -> str:
    """`400`, or `360 to 400` where rows have different denominators."""
    numbers = sorted(set(rows.loc[rows["n"] > 0, "n"]))
    ends = dict.fromkeys([*numbers[:1], *numbers[-1:]])
    return " to ".join(count(number) for number in ends) or "0"


def share_range(values: pd.Series) -> str:
    """Smallest and largest of some proportions, `0.5-0.8 %`; a decimal below ten percent."""
    low, high = (
        percent(float(value), 0, 0 if value < 0.1 else 1) for value in (values.min(), values.max())
    )
    return low if low == high else f"{low.split(THIN)[0]}\u2060\N{EN DASH}\u2060{high}"
