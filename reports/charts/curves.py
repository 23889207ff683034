"""Security curves, drawn on axes from a results frame."""

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from evaluation.results.schema import WORST_CASE
from evaluation.results.select import attacks, clean_accuracy, pick, robust_accuracy
from reports.charts.axes import DASHES, eps_axis, marker_of, percent_axis
from reports.charts.line_names import (
    LineName,
    Names,
    names_below_axes,
    names_beside_axes,
)
from reports.charts.svg import ROLES
from reports.words.text import limit_name

_RED, _GREY, _MUTED = (ROLES[role][0] for role in ("attacked", "noise", "muted"))
_CHANCE: dict[str, Any] = {"color": _MUTED, "linestyle": (0, (12, 5))}
"""Unlike the lines of `DASHES`, which random noise is drawn with in grey."""


def security_curves(
    results: pd.DataFrame,
    axes: Axes,
    *,
    label_set: str,
    models: Sequence[str],
    shown: Sequence[str] | None = None,
    norm: str = "linf",
    perturbation: str = WORST_CASE,
    names: Names = "beside",
    behind: Sequence[str] = (),
    black_boxes: Container[str] = (),
) -> None:
    """Draw robust accuracy against eps: one line per model, noise of the same size, chance.

    Args:
        results: long-form rows.
        axes: where to draw.
        label_set: scored and attacked under these labels.
        models: every model of the report, for its marker and line style.
        shown: models to draw; default all.
        norm: norm of the attack.
        perturbation: attack whose curve is drawn.
        names: right of the axes, below them in a list (narrow pages), or nowhere.
        behind: models whose curves are drawn faintly, for comparison with `shown`.
        black_boxes: models whose curve is an upper bound, marked by a less-or-equal sign before
            the name; `FinishedRun.black_boxes`.
    """
    drawn = list(models if shown is None else shown)
    named: list[LineName] = []
    noise_ends = []
    for model in behind:
        line = curve(results, label_set, norm, perturbation, model)
        for _, part in line.groupby("piece"):
            axes.plot(part["eps"], part["value"], color=_RED, linewidth=0.8, alpha=0.25)
    for place, model in enumerate(drawn):
        style: dict[str, Any] = {
            **marker_of(models, model),
            "linestyle": DASHES[place % len(DASHES)],
        }
        noise = curve(results, label_set, norm, "noise", model)
        if len(noise) > 1:
            axes.plot(
                noise["eps"], noise["value"], color=_GREY, linewidth=1.3, markersize=0, **style
            )
            noise_ends.append(float(noise["value"].iloc[-1]))
        line = curve(results, label_set, norm, perturbation, model)
        if len(line):
            _attacked_line(axes, line, style)
            height = float(line["value"].iloc[-1])
            named.append(LineName(height, limit_name(model, black_boxes), style | {"color": _RED}))
    if noise_ends:
        style = {"color": _GREY, "linestyle": "-"}
        named.append(LineName(float(np.mean(noise_ends)), "random noise, same size", style))
    shares = pick(results, label_set=label_set, metric="majority_share", subset="all", model=drawn)
    chance = shares["value"].dropna()
    if len(chance):
        axes.axhline(float(chance.iloc[0]), linewidth=1.2, **_CHANCE)
        named.append(LineName(float(chance.iloc[0]), "most frequent class", _CHANCE))
    eps_axis(axes, pick(results, label_set=label_set, norm=norm, metric="robust_accuracy"), norm)
    percent_axis(axes, "y")
    if names == "beside":
        names_beside_axes(axes, named)
    elif names == "below":
        names_below_axes(axes, named)


def _attacked_line(axes: Axes, line: pd.DataFrame, style: dict[str, Any]) -> None:
    """Draw robust accuracy by eps with its 95 % band, one line per set of attacks.

    Points of different attacks are not joined: between them more than eps changes.
    """
    for _, part in line.groupby("piece"):
        if len(part) == 1:
            low, high = part["value"] - part["ci_low"], part["ci_high"] - part["value"]
            axes.errorbar(
                part["eps"], part["value"], yerr=[low.clip(0), high.clip(0)], fmt="none",
                ecolor=_RED, elinewidth=1.2, alpha=0.5, clip_on=False,
            )  # fmt: skip
        axes.fill_between(
            part["eps"], part["ci_low"], part["ci_high"], color=_RED, alpha=0.13, linewidth=0
        )
        axes.plot(
            part["eps"], part["value"], color=_RED, linewidth=1.8, markersize=6, clip_on=False,
            **style,
        )  # fmt: skip


def curve(
    results: pd.DataFrame, label_set: str, norm: str, perturbation: str, model: str
) -> pd.DataFrame:
    """Robust accuracy of one model by eps, starting at eps 0 with its clean accuracy.

    Returns:
        Result rows with one more column, `piece`: a number that changes where an attack joins the
        worst case that was not run at the smaller eps.
    """
    rows = pick(robust_accuracy(results, label_set, norm, perturbation), model=model)
    rows = rows[(rows["eps"] > 0) & rows["value"].notna()]
    clean = pick(clean_accuracy(results, label_set), model=model)
    found = pd.concat([clean, rows]) if len(rows) else rows
    joins = joining_attacks(results, label_set, norm, model) if perturbation == WORST_CASE else {}
    return found.assign(piece=np.searchsorted(list(joins), found["eps"].to_numpy() + 1e-9))


def joining_attacks(
    results: pd.DataFrame, label_set: str, norm: str, model: str
) -> dict[float, list[str]]:
    """Attacks that were not run at the smallest eps, by the eps at which they join, ascending.

    They belong to the worst case from that eps on.
    """
    starts: dict[float, list[str]] = {}
    for name in attacks(results, norm):
        rows = pick(robust_accuracy(results, label_set, norm, name), model=model)
        rows = rows[(rows["eps"] > 0) & rows["value"].notna()]
        if len(rows):
            starts.setdefault(float(rows["eps"].min()), []).append(name)
    return {eps: starts[eps] for eps in sorted(starts)[1:]}
