"""What changed from one run to another: figures of the same models, before and after.

Accuracies and robust accuracies are compared image by image on the row numbers both runs hold
(McNemar, near duplicates together); every other figure by its two intervals. What
cannot be compared is named with the reason.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from datasets.labels import LabelScheme, LabelSet
from evaluation.comparing.comparable import Common, in_common
from evaluation.figures.groups import compare_pair
from evaluation.figures.outcomes import right_clean, robust_under
from evaluation.metrics.table import METRICS
from evaluation.results.label_names import with_label_names
from evaluation.results.run import FinishedRun
from evaluation.results.schema import WORST_CASE
from evaluation.statistics.intervals import Interval
from evaluation.statistics.paired import holm, independent_difference

_COMPARED = (
    *("row", "perturbation", "source", "severity", "attacked_labels", "norm"),
    *("prediction", "smallest_eps"),
    *map(str, LabelSet),
)
"""Columns of the rows that are compared image by image."""
CHANGE_COLUMNS: dict[str, str] = {
    "run": "string",
    "model": "string",
    "label_set": "string",
    "perturbation": "string",
    "norm": "string",
    "eps": "float64",
    "severity": "Int64",
    "metric": "string",
    "before": "float64",
    "after": "float64",
    "difference": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "n": "int64",
    "p_value": "float64",
    "p_holm": "float64",
    "changed": "boolean",
    "status": "string",
}
"""Columns of a comparison. `difference` is after minus before; `p_value` is exact McNemar, missing
for figures that are not counted image by image; `changed` is `p_holm` below 0.05; `status` is the
worse of the two figures'."""

BY_INTERVAL = tuple(name for name, metric in METRICS.items() if metric.compared)
"""Metrics compared by their intervals alone, which are wider than necessary on the same images."""


@dataclass
class Changes:
    """Differences between runs.

    Attributes:
        table: columns of `CHANGE_COLUMNS`.
        notes: what is not comparable and what else differs, one sentence each.
    """

    table: pd.DataFrame
    notes: list[str]


def compare_runs(runs: list[FinishedRun]) -> Changes:
    """Compare every later run with the first.

    Args:
        runs: at least two.

    Raises:
        InputError: a file of a run is missing or has another schema.
    """
    rows, notes = [], []
    for after in runs[1:]:
        common = in_common(runs[0], after)
        rows += [{"run": str(after.folder), **row} for row in _rows(runs[0], after, common)]
        notes += [f"{after.folder}: {note}" for note in common.notes]
    table = pd.DataFrame(rows, columns=list(CHANGE_COLUMNS))
    tested = table.p_value.notna()
    table.loc[tested, "p_holm"] = holm(table.loc[tested, "p_value"].to_numpy(np.float64))
    table.loc[tested, "changed"] = table.loc[tested, "p_holm"] < 0.05
    named = with_label_names(table.astype(CHANGE_COLUMNS), runs[0].label_names)
    return Changes(named, notes)


def _rows(before: FinishedRun, after: FinishedRun, common: Common) -> Iterator[dict[str, Any]]:
    """Every figure both runs have, with the worse status of the two."""
    for model in common.models:
        picked = (run.images.pick(_COMPARED, model=model) for run in (before, after))
        sides = tuple(rows[rows.row.isin(common.rows)] for rows in picked)
        for label_set in common.label_sets:
            figures = tuple(_figures(run, model, label_set) for run in (before, after))
            for row in _changes(model, before.schemes[model], label_set, common, sides, figures):
                found = [side.get(identity(row)) for side in figures]
                bad = [figure.status for figure in found if figure and figure.status != "ok"]
                yield row | {"status": bad[0] if bad else "ok"}


def _changes(
    model: str,
    scheme: LabelScheme,
    label_set: LabelSet,
    common: Common,
    sides: tuple[pd.DataFrame, ...],
    figures: tuple[dict[tuple, "_Figure"], ...],
) -> Iterator[dict[str, Any]]:
    """Figures of a model under a label set that may be compared."""
    yield from _clean(model, scheme, label_set, common, *sides)
    attacked = tuple(
        rows[(rows.attacked_labels == label_set) & (rows.norm == common.norm)] for rows in sides
    )
    attacks = common.attacks_on(model, label_set)
    alike = _met_the_same_attacks(*attacked)
    shared = np.intersect1d(*(rows.row for rows in attacked))
    for attack, grid in attacks.items():
        compared = attacked
        if attack == WORST_CASE:
            compared = tuple(rows[rows.row.isin(alike)] for rows in attacked)
        for eps in grid:
            key = _key(model, label_set, attack, common.norm, eps, None)
            yield from _attacked(key, label_set, common, *compared)
    if WORST_CASE in attacks and len(alike) < len(shared):
        del attacks[WORST_CASE]
        common.notes.append(
            f"worst case of {model}: only robust accuracy is compared, on {len(alike)} of "
            f"{len(shared)} shared faces; some attacks saw a part of the faces, and not the same "
            "part in both runs"
        )
    if common.same_faces:
        yield from _by_interval(model, label_set, attacks, common, *figures)


def _clean(
    model: str,
    scheme: LabelScheme,
    label_set: LabelSet,
    common: Common,
    one: pd.DataFrame,
    two: pd.DataFrame,
) -> Iterator[dict[str, Any]]:
    """Accuracy, clean and under every corruption."""
    conditions: list[tuple[str, int | None]] = [("none", None)]
    found = one.loc[one.severity.notna(), ["perturbation", "severity"]].drop_duplicates()
    conditions += [(str(name), int(severity)) for name, severity in found.to_numpy()]
    for name, severity in conditions:
        sides = (right_clean(rows, scheme, label_set, name, severity) for rows in (one, two))
        key = _key(model, label_set, name, "", 0.0 if severity is None else np.nan, severity)
        yield from _paired(key | {"metric": "accuracy"}, common, *sides)


def _attacked(
    key: dict[str, Any],
    label_set: LabelSet,
    common: Common,
    one: pd.DataFrame,
    two: pd.DataFrame,
) -> Iterator[dict[str, Any]]:
    what = label_set, key["perturbation"], key["norm"]
    sides = (
        robust_under(rows, *what, _nearest(grid, key["eps"]))
        for rows, grid in zip((one, two), common.grids, strict=True)
    )
    yield from _paired(key | {"metric": "robust_accuracy"}, common, *sides)


def _met_the_same_attacks(one: pd.DataFrame, two: pd.DataFrame) -> np.ndarray:
    """Row ids of the images that met the same attacks, by name and source, in both runs."""
    met = [pd.crosstab(rows.row, [rows.perturbation, rows.source]) > 0 for rows in (one, two)]
    before, after = met[0].align(met[1], join="inner", axis=0)
    before, after = before.align(after, join="outer", axis=1, fill_value=False)
    return before.index[(before == after).all(axis=1)].to_numpy()


def _nearest(grid: tuple[float, ...], eps: float) -> float:
    """The eps of a run's own grid: what breaks an image is stored as one of these."""
    return min(grid, key=lambda own: abs(own - eps))


def _by_interval(
    model: str,
    label_set: LabelSet,
    attacks: Mapping[str, Sequence[float]],
    common: Common,
    one: dict[tuple, "_Figure"],
    two: dict[tuple, "_Figure"],
) -> Iterator[dict[str, Any]]:
    for identity, before in one.items():
        name, norm, eps, severity, metric = identity
        after = two.get(identity)
        if after is None or metric not in BY_INTERVAL:
            continue
        if norm and not (name in attacks and np.isclose([0, *attacks[name]], eps or 0).any()):
            continue
        if not common.averages_alike(model, label_set, name, metric):
            continue
        gap = independent_difference(after.interval, before.interval)
        key = _key(model, label_set, name, norm, np.nan if eps is None else eps, severity)
        cells = _cells(before.interval.value, after.interval.value, gap)
        yield key | {"metric": metric} | cells | {"p_value": np.nan}


def _key(
    model: str, label_set: str, perturbation: str, norm: str, eps: float, severity: int | None
) -> dict[str, Any]:
    return {
        "model": model,
        "label_set": label_set,
        "perturbation": perturbation,
        "norm": norm,
        "eps": eps,
        "severity": pd.NA if severity is None else severity,
    }


def _paired(
    key: dict[str, Any], common: Common, one: pd.Series, two: pd.Series
) -> Iterator[dict[str, Any]]:
    rows = one.index.intersection(two.index)
    if rows.empty:
        return
    test, gap = compare_pair(two, one, common.groups)
    yield key | _cells(one[rows].mean(), two[rows].mean(), gap) | {"p_value": test.p_value}


def _cells(before: float, after: float, gap: Interval) -> dict[str, Any]:
    return {
        "before": before,
        "after": after,
        "difference": gap.value,
        "ci_low": gap.low,
        "ci_high": gap.high,
        "n": gap.n,
        "p_holm": np.nan,
        "changed": pd.NA,
    }


class _Figure(NamedTuple):
    interval: Interval
    status: str


def _figures(run: FinishedRun, model: str, label_set: LabelSet) -> dict[tuple, _Figure]:
    """Figures of a model that a comparison may need, by what they measure."""
    rows = run.results
    rows = rows[
        (rows.model == model)
        & (rows.label_set == label_set)
        & rows.attacked_labels.isin(["", label_set])
        & (rows.subset == "all")
        & rows.metric.isin(["accuracy", "robust_accuracy", *BY_INTERVAL])
        & (rows.n > 0)
    ]
    return {
        identity(row): _Figure(
            Interval(row["value"], row["ci_low"], row["ci_high"], row["n"]), row["status"]
        )
        for row in rows.to_dict("records")
    }


def identity(row: dict[Any, Any]) -> tuple[str, str, float | None, int | None, str]:
    """What a figure measures: perturbation, norm, eps, severity, metric.

    Args:
        row: a row of `results.parquet` or of a comparison.
    """
    eps, severity = row["eps"], row["severity"]
    return (
        row["perturbation"],
        row["norm"],
        None if pd.isna(eps) else round(float(eps), 9),
        None if pd.isna(severity) else int(severity),
        row["metric"],
    )
