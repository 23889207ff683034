"""Class-by-class charts on axes from a results frame: confusion matrices and attack flows.

Not here: accuracy charts (`reports/charts/curves.py`).
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from datasets.labels import SCHEMES
from evaluation.results.schema import WORST_CASE
from evaluation.results.select import pick
from reports.charts.heat_map import shares_heat_map
from reports.charts.line_names import size_in_points, spread
from reports.charts.svg import ROLES
from reports.words.text import percent

_RED, _GREY, _INK = (ROLES[role][0] for role in ("attacked", "noise", "ink"))
_GAP = 0.02
"""Space between two stacked bars, as a share of the height."""


def confusion(
    results: pd.DataFrame,
    *,
    model: str,
    label_set: str,
    perturbation: str = "none",
    norm: str = "",
    eps: float = 0.0,
    value: str = "value",
) -> pd.DataFrame:
    """Confusion as a table: true classes down, predicted classes across.

    Args:
        results: long-form rows.
        model: model id.
        label_set: scored (and attacked) under these labels.
        perturbation: `none` for clean faces.
        norm: norm of the attack, empty for clean faces.
        eps: eps of the attack.
        value: `value` for shares of the true class, `n` for its number of faces.

    Returns:
        Empty when the results hold no such rows.
    """
    rows = pick(
        results,
        model=model,
        label_set=label_set,
        attacked_labels="" if perturbation == "none" else label_set,
        perturbation=perturbation,
        norm=norm,
        metric="confusion",
        eps=eps,
    )
    if rows.empty:
        return pd.DataFrame()
    rows = rows.assign(true=rows["subset"].str.removeprefix("class:"))
    table = rows.pivot_table(
        index="true", columns="detail", values=value, aggfunc="first", sort=False, dropna=False
    )
    known = SCHEMES[label_set].classes if label_set in SCHEMES else ()
    return table.reindex(
        index=_ordered(table.index, known), columns=_ordered(table.columns, known)
    ).astype(float)


def attacked_confusion(
    results: pd.DataFrame, *, model: str, label_set: str, norm: str, eps: float
) -> tuple[str, pd.DataFrame]:
    """Confusion under the strongest perturbation that has one, and its name."""
    for perturbation in (WORST_CASE, "pgd"):
        table = confusion(
            results,
            model=model,
            label_set=label_set,
            perturbation=perturbation,
            norm=norm,
            eps=eps,
        )
        if not table.empty and table.notna().any(axis=None):
            return perturbation, table
    return "", pd.DataFrame()


def confusion_matrix(table: pd.DataFrame, axes: Axes, *, attacked: bool) -> None:
    """A confusion table as a heat map, cells in percent of the true class."""
    shares_heat_map(table, axes, "rocket" if attacked else "mako")
    axes.set_xlabel("classifier's answer")
    axes.set_ylabel("label")
    axes.set_xticks(np.arange(len(table.columns)) + 0.5, table.columns, rotation=40, ha="right")
    for tick in axes.get_xticklabels():
        tick.set_rotation_mode("anchor")


def flow_counts(
    results: pd.DataFrame, *, model: str, label_set: str, norm: str, eps: float
) -> pd.DataFrame:
    """Where the worst case sends the faces classified correctly when clean.

    Args:
        results: long-form rows.
        model: model id.
        label_set: scored and attacked under these labels.
        norm: norm of the worst case.
        eps: its eps.

    Returns:
        Numbers of faces, labels down and attacked predictions across; those still classified
        correctly are on the diagonal. Empty when the results hold no flows.
    """
    rows = pick(
        results,
        model=model,
        label_set=label_set,
        attacked_labels=label_set,
        perturbation=WORST_CASE,
        norm=norm,
        metric="flow",
        eps=eps,
    )
    if rows.empty:
        return pd.DataFrame()
    rows = rows.assign(
        true=rows["subset"].str.removeprefix("class:"),
        faces=(rows["value"].fillna(0) * rows["n"]).round(),
    )
    moved = rows.pivot_table(index="true", columns="detail", values="faces", aggfunc="sum")
    names = _ordered(
        moved.index.union(moved.columns, sort=False),
        SCHEMES[label_set].classes if label_set in SCHEMES else (),
    )
    counts = moved.reindex(index=names, columns=names).fillna(0.0).astype(float)
    before = rows.groupby("true")["n"].first().reindex(names).fillna(0)
    for name in names:
        counts.loc[name, name] = float(before[name]) - counts.loc[name].drop(name).sum()
    return counts


def attack_flows(counts: pd.DataFrame, axes: Axes) -> None:
    """Draw where each class is sent: a band from each label to each attacked prediction.

    Labels and predictions without a face are left out. Bands that keep their label are grey and
    plain; bands to another class are red, the largest of each label strongest.
    Widths are numbers of faces.

    Args:
        counts: faces by label (index) and attacked prediction (columns).
        axes: where to draw; spans [0, 1] in both directions.
    """
    counts = counts.loc[counts.sum(axis=1) > 0, counts.sum(axis=0) > 0]
    total = float(counts.to_numpy().sum()) or 1.0
    scale = (1 - _GAP * max(0, max(counts.shape) - 1)) / total
    left, right = _tops(counts.sum(axis=1) * scale), _tops(counts.sum(axis=0) * scale)
    _ends(axes, counts.sum(axis=1), left, total, scale, at_left=True)
    _ends(axes, counts.sum(axis=0), right, total, scale, at_left=False)
    for label in counts.index:
        others = counts.loc[label].drop(label, errors="ignore")
        largest = others.idxmax() if len(others) and others.max() > 0 else None
        for prediction in counts.columns:
            size = float(counts.loc[label, prediction]) * scale
            if size <= 0:
                continue
            alpha = 0.28 if label == prediction else 0.62 if prediction == largest else 0.25
            colour = _GREY if label == prediction else _RED
            axes.add_patch(_band(left[label], right[prediction], size, colour, alpha))
            left[label] -= size
            right[prediction] -= size
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.01, 1.01), xticks=[], yticks=[])
    axes.grid(False)


def _ordered(found: pd.Index, known: tuple[str, ...]) -> list[str]:
    names = list(found)
    return [name for name in known if name in names] + [name for name in names if name not in known]


def _tops(sizes: pd.Series) -> dict[str, float]:
    """Top of each bar, stacked from 1 downwards with a gap between."""
    above = np.concatenate([[0.0], np.cumsum(sizes.to_numpy() + _GAP)[:-1]])
    return {str(name): float(1 - offset) for name, offset in zip(sizes.index, above, strict=True)}


def _ends(
    axes: Axes,
    sizes: pd.Series,
    tops: dict[str, float],
    total: float,
    scale: float,
    *,
    at_left: bool,
) -> None:
    """Bars at one side, each with its name and share; names move apart so that they can be read."""
    _, height = size_in_points(axes)
    middles = [tops[str(name)] - float(size) * scale / 2 for name, size in sizes.items()]
    places = spread(middles[::-1], 14.5 / height, 1.0)[::-1]
    x = -0.014 if at_left else 1.0
    for (name, size), place in zip(sizes.items(), places, strict=True):
        tall = float(size) * scale
        axes.add_patch(Rectangle((x, tops[str(name)] - tall), 0.014, tall, color=_INK, linewidth=0))
        axes.text(
            -0.03 if at_left else 1.03,
            place,
            f"{name} {percent(float(size) / total, 0, 1)}",
            ha="right" if at_left else "left",
            va="center_baseline",
            fontsize=12,
        )


def _band(start: float, end: float, size: float, colour: str, alpha: float) -> PathPatch:
    points = [
        (0, start), (0.5, start), (0.5, end), (1, end),
        (1, end - size), (0.5, end - size), (0.5, start - size), (0, start - size), (0, start),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return PathPatch(Path(points, codes), facecolor=colour, alpha=alpha, linewidth=0)
