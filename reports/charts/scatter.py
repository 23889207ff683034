"""Clean against robust accuracy, drawn on axes from a results frame."""

from collections.abc import Container
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from evaluation.results.select import Headline, clean_accuracy, pick, robust_accuracy
from reports.charts.axes import marker_of, percent_axis
from reports.charts.line_names import LineName, Names, names_below_axes, names_right_of_axes
from reports.charts.svg import ROLES
from reports.words.text import limit_name

_GREY, _MUTED = (ROLES[role][0] for role in ("noise", "muted"))


def clean_against_robust(
    results: pd.DataFrame,
    axes: Axes,
    *,
    models: pd.DataFrame,
    headline: Headline,
    names: Names = "beside",
    black_boxes: Container[str] = (),
) -> None:
    """Clean accuracy against worst-case robust accuracy, with 95 % intervals.

    Args:
        results: long-form rows.
        axes: where to draw.
        models: columns `model`, `label_set`: which model, scored under which labels.
        headline: norm and eps of the attack.
        names: right of the axes, below them in a list (narrow pages), or nowhere.
        black_boxes: models whose robust accuracy is an upper bound; `FinishedRun.black_boxes`.
    """
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1.2, linestyle=(0, (1, 2)))
    # no point can be above the line
    axes.text(0.68, 0.72, "attack costs nothing", color=_MUTED, fontsize=12, ha="right")
    named: list[LineName] = []
    for model, label_set in models[["model", "label_set"]].itertuples(index=False):
        clean = pick(clean_accuracy(results, label_set), model=model)
        rows = pick(robust_accuracy(results, label_set, headline.norm), model=model)
        robust = pick(rows, eps=headline.eps)
        if clean.empty or robust.empty or robust["value"].isna().all():
            continue
        x, y = clean.iloc[0], robust.iloc[0]
        style: dict[str, Any] = {
            "color": ROLES.get(label_set, ROLES["ink"])[0],
            **marker_of(list(models["model"]), model),
        }
        axes.errorbar(
            x["value"],
            y["value"],
            xerr=[[max(0, x["value"] - x["ci_low"])], [max(0, x["ci_high"] - x["value"])]],
            yerr=[[max(0, y["value"] - y["ci_low"])], [max(0, y["ci_high"] - y["value"])]],
            markersize=8,
            elinewidth=1.2,
            linestyle="",
            clip_on=False,
            **style,
        )
        height = float(y["value"])
        named.append(LineName(height, limit_name(model, black_boxes), style | {"linestyle": ""}))
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    axes.tick_params(axis="x", pad=7)
    axes.set_xlabel("clean accuracy")
    if names == "beside":
        names_right_of_axes(axes, named)
    elif names == "below":
        names_below_axes(axes, named)
