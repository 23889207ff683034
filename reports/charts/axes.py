"""Parts that charts share: markers, dashes, axes in percent and in eps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from datasets.base.percentages import in_percent
from reports.words.text import THIN, eps_text

MARKERS = "os^DvPX<*>phd"
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))


def marker_of(models: Sequence[str], model: str) -> dict[str, Any]:
    """Marker of a model, the same in every chart of a report; one per architecture.

    Hollow from the 13th architecture on. `simple_cnn.fer` and `simple_cnn.ferplus` share a marker:
    colour or chart tells their labels.
    """
    names = list(dict.fromkeys(name.partition(".")[0] for name in models))
    cycle, place = divmod(names.index(model.partition(".")[0]), len(MARKERS))
    return {"marker": MARKERS[place], "fillstyle": "none" if cycle % 2 else "full"}


def eps_axis(axes: Axes, rows: pd.DataFrame, norm: str) -> None:
    """An x axis from 0 to the largest eps of some rows."""
    ticks = [0.0, *sorted(set(rows.loc[rows["eps"] > 0, "eps"]))]
    axes.set_xlim(0, max(ticks) or 1)
    axes.set_xticks(ticks, _thinned(axes, ticks, [eps_text(eps, norm) for eps in ticks]))
    limit = "a pixel (eps)" if norm == "linf" else f"the image (eps, {norm.upper()})"
    axes.set_xlabel(f"largest change of {limit}")


def percent_axis(axes: Axes, which: str) -> None:
    """Let the x or the y axis run from 0 to 100 %."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xlim if which == "x" else axes.set_ylim)(0, 1)
    axis.set_ticks([0, 0.25, 0.5, 0.75, 1])
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{in_percent(share)}{THIN}%"))


_TICK_POINTS = 36
"""Smallest distance between ticks with names such as `0.5/255`."""


def _thinned(axes: Axes, ticks: list[float], names: list[str]) -> list[str]:
    """Names of ticks from 0 up, empty where they would touch the previous one."""
    inches = axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted()).width
    apart, last, thinned = _TICK_POINTS / 72 / inches * max(ticks), -np.inf, []
    for tick, name in zip(ticks, names, strict=True):
        fits = tick - last >= apart
        thinned.append(name if fits else "")
        last = tick if fits else last
    return thinned
