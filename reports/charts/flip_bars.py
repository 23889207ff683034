"""Flips that annotators would accept and flips that they would not, drawn on axes."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from evaluation.results.schema import WORST_CASE
from evaluation.results.select import pick
from reports.charts.axes import percent_axis
from reports.charts.line_names import size_in_points
from reports.charts.svg import ROLES, in_two_lines

_RED, _GREY, _INK, _MUTED = (ROLES[role][0] for role in ("attacked", "noise", "ink", "muted"))
_PARTS: dict[str, dict[str, Any]] = {
    "implausible": {"color": _RED},
    "plausible": {"facecolor": "none", "edgecolor": _RED, "hatch": "////"},
    "robust": {"color": _GREY, "alpha": 0.35},
}


def flip_shares(
    results: pd.DataFrame, *, label_set: str, norm: str = "linf", eps: float
) -> pd.DataFrame:
    """How the worst case changed the faces classified correctly when clean, one row per model.

    Args:
        results: long-form rows.
        label_set: scored and attacked under these labels.
        norm: norm of the worst case.
        eps: its eps, above 0.

    Returns:
        Columns implausible, plausible, robust, each a share; they add up to 1.
    """
    rows = pick(
        results, label_set=label_set, attacked_labels=label_set, subset="all",
        perturbation=WORST_CASE, norm=norm, eps=eps,
    )  # fmt: skip
    flips = pick(rows, metric="plausible_flip").set_index("model")
    lost = pick(rows, metric="implausible_success_rate").set_index("model")
    broken = flips["n"].reindex(lost.index).fillna(0)
    before = lost["n"].where(lost["n"] > 0)
    plausible = (flips["value"].reindex(lost.index) * broken).fillna(0) / before
    shares = pd.DataFrame({"implausible": lost["value"], "plausible": plausible}).astype(float)
    return shares.assign(robust=1 - shares.sum(axis=1, skipna=False))


def flip_bars(shares: pd.DataFrame, axes: Axes) -> None:
    """Draw `flip_shares` as stacked bars, one per model, from the top."""
    start = np.zeros(len(shares))
    for part, look in _PARTS.items():
        size = shares[part].fillna(0).to_numpy(float)
        axes.barh(np.arange(len(shares)), size, left=start, height=0.62, linewidth=1.2, **look)
        start += size
    for index, known in enumerate(shares["implausible"].notna()):
        if not known:
            axes.text(0.01, index, "no figure", va="center", fontsize=12, color=_MUTED)
    axes.set_yticks(range(len(shares)), map(in_two_lines, shares.index))
    axes.set_ylim(len(shares) - 0.5, -0.5)
    axes.tick_params(axis="y", labelcolor=_INK)
    axes.grid(False, axis="y")
    percent_axis(axes, "x")
    width, height = size_in_points(axes)
    axes.legend(
        handles=[Patch(label=part, **look) for part, look in _PARTS.items()],
        loc="upper left",
        bbox_to_anchor=(-110 / width, -26 / height),
        ncols=len(_PARTS),
        frameon=False,
        fontsize=12,
        borderpad=0,
        handlelength=1.6,
        columnspacing=1.2,
    )
