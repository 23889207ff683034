"""Certified accuracy against the L2 radius, drawn on axes from result rows."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evaluation.results.select import pick
from reports.charts.axes import DASHES, marker_of, percent_axis
from reports.charts.line_names import LineName, names_below_axes, names_in_corner
from reports.charts.svg import ROLES

_BLUE, _GREY = ROLES["clean"][0], ROLES["noise"][0]


def certified_curves(
    rows: pd.DataFrame,
    axes: Axes,
    *,
    models: list[str],
    shown: list[str],
    chance: float = float("nan"),
    names_below: bool = False,
) -> None:
    """Certified accuracy against the radius, one line per model with its 95 % band.

    Args:
        rows: `certified_accuracy` of one label set and sigma.
        axes: where to draw.
        models: every model of the report, for its marker.
        shown: models to draw.
        chance: share of the most frequent class, a dotted line; NaN for none.
        names_below: names under the axes instead of in the upper right corner.
    """
    names: list[LineName] = []
    reached = rows.loc[rows["value"] > 0, "eps"]
    end = float(rows["eps"][rows["eps"] > reached.max()].min()) if len(reached) else float("nan")
    for place, model in enumerate(shown):
        line = pick(rows, model=model).sort_values("eps")
        style: dict[str, Any] = {
            **marker_of(models, model),
            "linestyle": DASHES[place % len(DASHES)],
            "color": _BLUE,
        }
        axes.fill_between(
            line["eps"], line["ci_low"], line["ci_high"], color=_BLUE, alpha=0.13, linewidth=0
        )
        axes.plot(line["eps"], line["value"], linewidth=1.8, markersize=5, markevery=2, **style)
        names.append(LineName(float(line["value"].sum()), model, style))
    if chance == chance:
        dots: dict[str, Any] = {"color": _GREY, "linestyle": (0, (1, 2))}
        axes.axhline(chance, linewidth=1.2, **dots)
        names.append(LineName(0.0, "most frequent class", dots))
    axes.set_xlim(0, end if end == end else float(rows["eps"].max()))
    axes.tick_params(axis="x", pad=7)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda radius, _: f"{radius:g}"))
    axes.set_xlabel("certified radius, L2")
    percent_axis(axes, "y")
    if names_below:
        names_below_axes(axes, names)
    else:
        names_in_corner(axes, names)
