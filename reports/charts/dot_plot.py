"""Figures with their intervals as dots: one row per model, several kinds of dots per row."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reports.charts.axes import percent_axis
from reports.charts.line_names import size_in_points
from reports.charts.svg import ROLES, in_two_lines
from reports.words.text import whole_points

_GREY, _INK, _MUTED, _PAPER = (ROLES[role][0] for role in ("noise", "ink", "muted", "paper"))


class Dot(NamedTuple):
    """How a kind of dots looks: the role of its colour, its marker, filled or open."""

    role: str
    marker: str
    filled: bool


def dot_plot(
    axes: Axes,
    rows: Mapping[str, pd.DataFrame],
    *,
    models: Sequence[str],
    dots: Mapping[str, Dot],
    around_zero: bool = False,
    line: float | None = None,
) -> None:
    """Draw dots with 95 % intervals; the kinds are below each other within a model.

    Args:
        axes: where to draw.
        rows: long-form rows by the name of their kind, at most one per model.
        models: one row each, from the top.
        dots: look of each kind.
        around_zero: differences in points around 0 in place of shares from 0 to 100 %.
        line: a dotted line at this share.
    """
    step = 0.62 / max(1, len(rows))
    for place, (kind, figures) in enumerate(rows.items()):
        role, marker, filled = dots[kind]
        colour = ROLES[role][0]
        table = figures.drop_duplicates("model").set_index("model").reindex(list(models))
        numbers = table[["value", "ci_low", "ci_high"]].astype(float).to_numpy()
        for index, (value, low, high) in enumerate(numbers):
            y = index + (place - (len(rows) - 1) / 2) * step
            if value != value:
                axes.text(0.01, y, "no figure", va="center", fontsize=12, color=_MUTED)
                continue
            axes.plot([low, high], [y, y], color=colour, linewidth=1.6)
            face = colour if filled else _PAPER
            axes.plot(
                [value], [y], marker=marker, markersize=7, color=colour,
                markerfacecolor=face, markeredgewidth=1.5, clip_on=False,
            )  # fmt: skip
    if line is not None or around_zero:
        axes.axvline(line or 0.0, color=_GREY, linewidth=1.4, linestyle=(0, (1, 2)))
    axes.set_yticks(range(len(models)), map(in_two_lines, models))
    axes.set_ylim(len(models) - 0.5, -0.5)
    axes.tick_params(axis="y", labelcolor=_INK, pad=10)
    axes.grid(False, axis="y")
    for edge in range(1, len(models)):
        axes.axhline(edge - 0.5, color=ROLES["grid"][0], linewidth=1)
    _difference_axis(axes, rows) if around_zero else percent_axis(axes, "x")
    if len(rows) > 1:
        _names(axes, {kind: dots[kind] for kind in rows})


def _difference_axis(axes: Axes, rows: Mapping[str, pd.DataFrame]) -> None:
    """Differences in points, as far to the left as to the right."""
    ends = pd.concat([figures[["ci_low", "ci_high"]].stack() for figures in rows.values()])
    reach = max(0.05, float(ends.abs().max()) * 1.1) if len(ends.dropna()) else 0.05
    axes.set_xlim(-reach, reach)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: whole_points(share)))
    axes.xaxis.set_major_locator(MaxNLocator(5))


def _names(axes: Axes, dots: Mapping[str, Dot]) -> None:
    """What each kind of dots is, in a line under the axes."""
    handles = [
        Line2D(
            [], [], linestyle="", marker=marker, markersize=7, color=ROLES[role][0], label=kind,
            markerfacecolor=ROLES[role][0] if filled else _PAPER, markeredgewidth=1.5,
        )
        for kind, (role, marker, filled) in dots.items()
    ]  # fmt: skip
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(-110 / size_in_points(axes)[0], -26 / size_in_points(axes)[1]),
        ncols=len(handles),
        frameon=False,
        fontsize=12,
        borderpad=0,
        handletextpad=0.2,
        columnspacing=1.2,
    )
