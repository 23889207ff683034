"""A heat map of shares, drawn on axes."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from datasets.base.percentages import share_in_percent
from reports.charts.svg import ROLES, ink_on, sequential

_INK, _MUTED = (ROLES[role][0] for role in ("ink", "muted"))


def shares_heat_map(table: pd.DataFrame, axes: Axes, colours: str) -> None:
    """A table of shares in [0, 1] as cells with whole percentages, `<1` and `>99` near the ends.

    Args:
        table: names in its index and columns.
        axes: where to draw.
        colours: `mako` (clean) or `rocket` (attacked).
    """
    values = table.to_numpy(dtype=float)
    rows, columns = values.shape
    axes.pcolormesh(
        np.ma.masked_invalid(values),
        cmap=sequential(colours),
        vmin=0,
        vmax=1,
        linewidths=1,
        edgecolor=ROLES["paper"][0],
    )
    size = 12 if columns <= 8 else 10
    for row, shares in enumerate(values):
        for column, share in enumerate(shares):
            known = not np.isnan(share)
            text = share_in_percent(share) if known else "\N{EN DASH}"
            colour = ink_on(share) if known else _MUTED
            axes.text(
                column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=size
            )
    axes.set(xlim=(0, columns), ylim=(rows, 0))
    axes.set_xticks(np.arange(columns) + 0.5, table.columns.astype(str))
    axes.set_yticks(np.arange(rows) + 0.5, table.index.astype(str), va="center")
    axes.grid(False)
    axes.tick_params(axis="y", rotation=0, labelcolor=_INK)
    axes.tick_params(axis="x", labelcolor=_INK)
