"""Class-by-class charts on axes from a results frame: confusion matrices and attack flows.

Not here: accuracy charts (`reports/figures.py`).
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from datasets.labels import SCHEMES
from reports.figures import shares_heat_map
from reports.load import WORST_CASE, pick
from reports.svg import ROLES

_RED, _GREY, _INK = (ROLES[role][0] for role in ("attacked", "noise", "ink"))


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
    axes.set_xlabel("the classifier says")
    axes.set_ylabel("label")
    axes.set_xticks(np.arange(len(table.columns)) + 0.5, table.columns, rotation=40, ha="right")
    for tick in axes.get_xticklabels():
        tick.set_rotation_mode("anchor")


def flow_counts(shares: pd.DataFrame, faces: pd.DataFrame) -> pd.DataFrame:
    """Numbers of faces by label and prediction, from shares and faces a true class."""
    return (shares.fillna(0) * faces.reindex_like(shares).fillna(0)).round()


def attack_flows(counts: pd.DataFrame, axes: Axes) -> None:
    """Where each class is sent: a band from each label to each attacked prediction.

    Bands that keep their label are grey and plain; bands to another class are red, the largest of
    each label fullest. Widths are numbers of faces.

    Args:
        counts: faces by label (index) and attacked prediction (columns).
        axes: where to draw; spans [0, 1] in both directions.
    """
    total = float(counts.to_numpy().sum()) or 1.0
    gap = 0.022
    left = _stack(counts.sum(axis=1), total, gap)
    right = _stack(counts.sum(axis=0), total, gap)
    used_left = {name: top for name, (top, _) in left.items()}
    used_right = {name: top for name, (top, _) in right.items()}
    scale = (1 - gap * (max(counts.shape) - 1)) / total
    for label in counts.index:
        others = counts.loc[label].drop(label, errors="ignore")
        largest = others.idxmax() if len(others) and others.max() > 0 else None
        for prediction in counts.columns:
            size = float(counts.loc[label, prediction]) * scale
            if size <= 0:
                continue
            start, end = used_left[label], used_right[prediction]
            used_left[label], used_right[prediction] = start - size, end - size
            alpha = 0.28 if label == prediction else 0.62 if prediction == largest else 0.25
            colour = _GREY if label == prediction else _RED
            axes.add_patch(_band(start, end, size, colour, alpha))
    for x, ends, align in ((-0.012, left, "right"), (1.0, right, "left")):
        for name, (top, size) in ends.items():
            axes.add_patch(Rectangle((x, top - size), 0.012, size, color=_INK, linewidth=0))
            share = 100 * size / scale / total
            text = f"{name} {share:.0f}\u202f%"
            at = x - 0.015 if align == "right" else x + 0.027
            axes.text(at, top - size / 2, text, ha=align, va="center_baseline", fontsize=12)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.01, 1.01), xticks=[], yticks=[])
    axes.grid(False)


def _ordered(found: pd.Index, known: tuple[str, ...]) -> list[str]:
    names = list(found)
    return [name for name in known if name in names] + [name for name in names if name not in known]


def _stack(sizes: pd.Series, total: float, gap: float) -> dict[str, tuple[float, float]]:
    """Top and height of each bar from 1 downwards; names keep a gap so that they can be read."""
    scale = (1 - gap * (len(sizes) - 1)) / total
    top, places = 1.0, {}
    for name, size in sizes.items():
        places[str(name)] = (top, float(size) * scale)
        top -= float(size) * scale + gap
    return places


def _band(start: float, end: float, size: float, colour: str, alpha: float) -> PathPatch:
    points = [
        (0, start), (0.5, start), (0.5, end), (1, end),
        (1, end - size), (0.5, end - size), (0.5, start - size), (0, start - size), (0, start),
    ]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return PathPatch(Path(points, codes), facecolor=colour, alpha=alpha, linewidth=0)
