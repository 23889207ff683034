"""Bars of both label sets, drawn on axes from a results frame."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from evaluation.results.select import Headline, clean_accuracy, pick, robust_accuracy
from reports.charts.axes import percent_axis
from reports.charts.svg import ROLES, in_two_lines

_INK, _MUTED = (ROLES[role][0] for role in ("ink", "muted"))


def label_set_bars(
    results: pd.DataFrame, axes: Axes, *, models: Sequence[str], eps: float, headline: Headline
) -> None:
    """Accuracy of each model under FER and under FER+ labels, side by side.

    Args:
        results: long-form rows.
        axes: where to draw.
        models: one group of bars each.
        eps: 0 for clean faces, else the eps of the worst-case attack.
        headline: threat, for the norm.
    """
    hatches = {"fer": "", "ferplus": "////"}
    label_sets = [name for name in hatches if name in set(results["label_set"])]
    height = 0.8 / max(1, len(label_sets))
    for place, label_set in enumerate(label_sets):
        rows = clean_accuracy(results, label_set)
        if eps:
            rows = pick(robust_accuracy(results, label_set, headline.norm), eps=eps)
        rows = rows.drop_duplicates("model").set_index("model").reindex(list(models))
        where = np.arange(len(models)) + (place - (len(label_sets) - 1) / 2) * height
        colour = ROLES[label_set][0]
        axes.barh(
            where,
            rows["value"].fillna(0).astype(float),
            height=0.88 * height,
            color=colour if not hatches[label_set] else "none",
            edgecolor=colour,
            hatch=hatches[label_set],
            linewidth=1.2,
        )
        for y, (value, low, high) in zip(
            where, rows[["value", "ci_low", "ci_high"]].astype(float).to_numpy(), strict=True
        ):
            if np.isnan(value):
                axes.text(0.01, y, "no figure", va="center", fontsize=12, color=_MUTED)
                continue
            axes.plot([low, high], [y, y], color=_INK, linewidth=1.4)
    axes.set_yticks(range(len(models)), map(in_two_lines, models))
    axes.set_ylim(len(models) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", labelcolor=_INK)
    percent_axis(axes, "x")
