"""Charts of accuracy, drawn on axes from a results frame: curves, scatter, bars.

Each function takes `evaluation.results.RESULT_COLUMNS` rows and matplotlib axes, and draws; it can
be used in a notebook. Not here: class-by-class charts (`reports/matrices.py`), corruptions
(`reports/corruption_map.py`), SVG (`reports/svg.py`).
"""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from evaluation.results import WORST_CASE, black_boxes
from reports.line_names import (
    LineName,
    names_below_axes,
    names_beside_axes,
    names_right_of_axes,
)
from reports.load import (
    Headline,
    clean_accuracy,
    limit_name,
    pick,
    robust_accuracy,
)
from reports.svg import ROLES, in_two_lines, ink_on, sequential
from reports.text import THIN, eps_text

MARKERS = "os^DvPX<*>phd"
Names = Literal["beside", "below", "none"]
"""Where the names of the models stand."""
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))

_RED, _GREY, _INK, _MUTED = (ROLES[role][0] for role in ("attacked", "noise", "ink", "muted"))


def marker_of(models: Sequence[str], model: str) -> dict[str, Any]:
    """Marker of a model, the same in every figure of a report; one an architecture.

    Hollow from the 13th architecture on. `simple_cnn.fer` and `simple_cnn.ferplus` share a marker:
    colour or figure tells their labels.
    """
    names = list(dict.fromkeys(name.partition(".")[0] for name in models))
    cycle, place = divmod(names.index(model.partition(".")[0]), len(MARKERS))
    return {"marker": MARKERS[place], "fillstyle": "none" if cycle % 2 else "full"}


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
) -> None:
    """Robust accuracy against eps: one line a model, noise of the same size, chance.

    Args:
        results: long-form rows.
        axes: where to draw; names go to the right of it, after a less-or-equal sign where a
            model gives no gradients and its curve is an upper limit.
        label_set: scored and attacked under these labels.
        models: every model of the report, for its marker and line style.
        shown: models to draw; default all.
        norm: norm of the attack.
        perturbation: attack whose curve is drawn.
        names: right of the axes, below them in a list (narrow pages), or nowhere.
        behind: models whose curves are drawn faintly, to see `shown` among them.
    """
    drawn = list(models if shown is None else shown)
    named: list[LineName] = []
    noise_ends = []
    blind = black_boxes(results)
    for model in behind:
        line = curve(results, label_set, norm, perturbation, model)
        axes.plot(line["eps"], line["value"], color=_RED, linewidth=0.8, alpha=0.25, markersize=0)
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
            named.append(LineName(height, limit_name(model, blind), style | {"color": _RED}))
    if noise_ends:
        style = {"color": _GREY, "linestyle": "-"}
        named.append(LineName(float(np.mean(noise_ends)), "random noise, same size", style))
    shares = pick(results, label_set=label_set, metric="majority_share", subset="all", model=drawn)
    chance = shares["value"].dropna()
    if len(chance):
        style = {"color": _GREY, "linestyle": (0, (1, 2))}
        axes.axhline(float(chance.iloc[0]), linewidth=1.2, **style)
        named.append(LineName(float(chance.iloc[0]), "most frequent class", style))
    _eps_axis(axes, pick(results, label_set=label_set, norm=norm, metric="robust_accuracy"), norm)
    percent_axis(axes, "y")
    if names == "beside":
        names_beside_axes(axes, named)
    elif names == "below":
        names_below_axes(axes, named)


def _attacked_line(axes: Axes, line: pd.DataFrame, style: dict[str, Any]) -> None:
    """What an attack leaves by eps, with its 95 % band."""
    axes.fill_between(
        line["eps"], line["ci_low"], line["ci_high"], color=_RED, alpha=0.13, linewidth=0
    )
    axes.plot(
        line["eps"], line["value"], color=_RED, linewidth=1.8, markersize=6, clip_on=False, **style
    )


def _eps_axis(axes: Axes, rows: pd.DataFrame, norm: str) -> None:
    """An x axis from 0 to the largest eps of some rows."""
    ticks = [0.0, *sorted(set(rows.loc[rows["eps"] > 0, "eps"]))]
    axes.set_xlim(0, max(ticks) or 1)
    axes.set_xticks(ticks, _thinned(axes, ticks, [eps_text(eps, norm) for eps in ticks]))
    limit = "a pixel (eps)" if norm == "linf" else f"the image (eps, {norm.upper()})"
    axes.set_xlabel(f"largest change of {limit}")


def curve(
    results: pd.DataFrame, label_set: str, norm: str, perturbation: str, model: str
) -> pd.DataFrame:
    """Robust accuracy of one model by eps, starting at eps 0 with its clean accuracy."""
    rows = pick(robust_accuracy(results, label_set, norm, perturbation), model=model)
    rows = rows[(rows["eps"] > 0) & rows["value"].notna()]
    clean = pick(clean_accuracy(results, label_set), model=model)
    return pd.concat([clean, rows]) if len(rows) else rows


def clean_against_robust(
    results: pd.DataFrame,
    axes: Axes,
    *,
    models: pd.DataFrame,
    headline: Headline,
    names: Names = "beside",
) -> None:
    """Clean accuracy against worst-case robust accuracy, with 95 % intervals.

    Args:
        results: long-form rows.
        axes: where to draw.
        models: columns `model`, `label_set`: which model, scored under which labels.
        headline: norm and eps of the attack.
        names: right of the axes, below them in a list (narrow pages), or nowhere.
    """
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1.2, linestyle=(0, (1, 2)))
    # above the line no point can lie
    axes.text(0.68, 0.72, "the attack costs nothing", color=_MUTED, fontsize=11, ha="right")
    named: list[LineName] = []
    blind = black_boxes(results)
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
        named.append(LineName(height, limit_name(model, blind), style | {"linestyle": ""}))
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    axes.set_xlabel("right on clean faces")
    if names == "beside":
        names_right_of_axes(axes, named)
    elif names == "below":
        names_below_axes(axes, named)


def label_set_bars(
    results: pd.DataFrame, axes: Axes, *, models: Sequence[str], eps: float, headline: Headline
) -> None:
    """Accuracy of each model under FER and under FER+ labels, side by side.

    Args:
        results: long-form rows.
        axes: where to draw.
        models: one group of bars each.
        eps: 0 for clean faces, else the eps of the worst-case attack.
        headline: names the norm.
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
                axes.text(0.01, y, "no figure", va="center", fontsize=11, color=_MUTED)
                continue
            axes.plot([low, high], [y, y], color=_INK, linewidth=1.4)
    axes.set_yticks(range(len(models)), map(in_two_lines, models))
    axes.set_ylim(len(models) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", labelcolor=_INK)
    percent_axis(axes, "x")


def shares_heat_map(table: pd.DataFrame, axes: Axes, colours: str) -> None:
    """A table of shares in [0, 1] as cells with whole percentages.

    Args:
        table: names in its index and columns.
        axes: where to draw.
        colours: `mako` (clean) or `rocket` (attacked).
    """
    sns.heatmap(
        table,
        ax=axes,
        cmap=sequential(colours),
        vmin=0,
        vmax=1,
        cbar=False,
        linewidths=1,
        linecolor=ROLES["paper"][0],
    )
    size = 12 if len(table.columns) <= 8 else 10
    for row, shares in enumerate(table.to_numpy(dtype=float)):
        for column, share in enumerate(shares):
            known = not np.isnan(share)
            text = f"{100 * share:.0f}" if known else "\N{EN DASH}"
            colour = ink_on(share) if known else _MUTED
            axes.text(
                column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize=size
            )
    axes.grid(False)
    axes.set_ylabel("")
    axes.tick_params(axis="y", rotation=0, labelcolor=_INK)
    axes.tick_params(axis="x", labelcolor=_INK)


def percent_axis(axes: Axes, which: str) -> None:
    """Let the x or the y axis run from 0 to 100 %."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xlim if which == "x" else axes.set_ylim)(0, 1)
    axis.set_ticks([0, 0.25, 0.5, 0.75, 1])
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.0f}{THIN}%"))


_TICK_POINTS = 36
"""How far apart ticks with names such as `0.5/255` stand."""


def _thinned(axes: Axes, ticks: list[float], names: list[str]) -> list[str]:
    """Names of ticks from 0 up, empty where they would touch the one before."""
    inches = axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted()).width
    apart, last, thinned = _TICK_POINTS / 72 / inches * max(ticks), -np.inf, []
    for tick, name in zip(ticks, names, strict=True):
        fits = tick - last >= apart
        thinned.append(name if fits else "")
        last = tick if fits else last
    return thinned
