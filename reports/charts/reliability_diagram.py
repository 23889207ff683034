"""A chart of confidence against accuracy, drawn on axes from a results frame."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from evaluation.results.schema import WORST_CASE
from evaluation.results.select import pick
from reports.charts.axes import percent_axis
from reports.charts.svg import ROLES

_RED, _GREY, _INK, _MUTED = (ROLES[role][0] for role in ("attacked", "noise", "ink", "muted"))
_LARGEST = 320
"""Area in points of a bin that holds every face."""


def reliability_bins(
    results: pd.DataFrame, *, model: str, label_set: str, norm: str = "linf", eps: float = 0.0
) -> pd.DataFrame:
    """Points of a reliability diagram: one row per bin with faces, by confidence.

    Args:
        results: long-form rows.
        model: model id.
        label_set: labels that score (and that were attacked).
        norm: norm of the worst case; ignored when eps is 0.
        eps: 0 for clean faces.

    Returns:
        Columns confidence, accuracy, ci_low, ci_high, n; empty when there are no such rows.
    """
    where = {"model": model, "label_set": label_set, "subset": "all", "eps": eps}
    where |= (
        {"perturbation": WORST_CASE, "norm": norm, "attacked_labels": label_set}
        if eps
        else {"perturbation": "none"}
    )
    rows = pick(results, **where)
    accuracy = pick(rows, metric="bin_accuracy").set_index("detail")
    confidence = pick(rows, metric="bin_confidence").set_index("detail")["value"]
    bins = accuracy[["value", "ci_low", "ci_high", "n"]].rename(columns={"value": "accuracy"})
    return bins.assign(confidence=confidence.reindex(bins.index)).sort_values("confidence")


def reliability_diagram(
    results: pd.DataFrame,
    axes: Axes,
    *,
    model: str,
    label_set: str,
    norm: str = "linf",
    eps: float = 0.0,
) -> None:
    """Draw accuracy against confidence: on the dotted line the two are equal.

    Below the line the model is overconfident. The area of a dot is its share of the faces; bars
    are 95 % intervals.

    Args:
        results: long-form rows.
        axes: where to draw.
        model: model id.
        label_set: labels that score (and that were attacked).
        norm: norm of the worst case; ignored when eps is 0.
        eps: 0 for clean faces.
    """
    bins = reliability_bins(results, model=model, label_set=label_set, norm=norm, eps=eps)
    colour = _RED if eps else _INK
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1.2, linestyle=(0, (1, 2)))
    axes.vlines(bins["confidence"], bins["ci_low"], bins["ci_high"], color=colour, linewidth=1.2)
    sizes = _LARGEST * bins["n"].to_numpy(np.float64) / max(1, bins["n"].sum())
    axes.scatter(bins["confidence"], bins["accuracy"], s=np.maximum(sizes, 12), color=colour)
    axes.plot(bins["confidence"], bins["accuracy"], color=colour, linewidth=1.2, alpha=0.6)
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    axes.tick_params(axis="x", pad=7)
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy", color=_MUTED)
