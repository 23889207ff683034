"""A heat map of models, attacks or sources with flags in its cells, drawn on axes."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from reports.charts.heat_map import shares_heat_map

FLAG = "\N{BLACK FLAG}"


def attack_matrix(
    shares: pd.DataFrame,
    axes: Axes,
    *,
    marks: pd.DataFrame,
    colours: str = "rocket",
    across: str = "",
    down: str = "",
) -> None:
    """Draw shares in [0, 1] as a heat map with percentages in its cells.

    Args:
        shares: names in its index and columns.
        axes: where to draw.
        marks: the same index and columns; True where the figure is flagged.
        colours: `mako` for accuracies, `rocket` for attack success.
        across: title of the columns.
        down: title of the rows.
    """
    shares_heat_map(shares, axes, colours)
    for text, marked in zip(axes.texts, marks.to_numpy(dtype=bool).ravel(), strict=True):
        if marked:
            text.set_text(f"{text.get_text()}{FLAG}")
    axes.set_xlabel(across)
    axes.set_ylabel(down)
    axes.set_xticks(np.arange(len(shares.columns)) + 0.5, shares.columns, rotation=40, ha="right")
    for tick in axes.get_xticklabels():
        tick.set_rotation_mode("anchor")
