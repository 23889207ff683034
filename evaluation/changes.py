"""What changed from one run to another: figures of the same models, before and after.

Accuracies and robust accuracies are compared image by image on the row numbers both runs hold
(McNemar); every other figure by its two intervals. What cannot be compared is named with the
reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from attacks.threat_model import format_eps
from datasets.labels import LabelSet
from evaluation.comparisons import WORST_CASE, right_clean, stands_attack
from evaluation.finished_run import FinishedRun
from evaluation.statistics import (
    Interval,
    holm,
    independent_difference,
    mcnemar,
    paired_difference,
)

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
}
"""Columns of a comparison. `difference` is after minus before; `p_value` is exact McNemar, missing
for figures that are not counted image by image; `changed` is `p_holm` below 0.05."""

BY_INTERVAL = (
    "balanced_accuracy",
    "macro_f1",
    "ece",
    "brier",
    "nll",
    "expected_agreement",
    "vote_cross_entropy",
    "security_curve_area",
    "mean_corruption_accuracy",
    "mce",
)
"""Metrics compared by their intervals alone. On the same images these differences are sharper than
their intervals say."""


@dataclass
class Changes:
    """Differences between runs.

    Attributes:
        table: columns of `CHANGE_COLUMNS`.
        notes: what is not comparable, and what else differs, one sentence each.
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
        pair = _Pair(runs[0], after)
        rows += [{"run": str(after.folder), **row} for row in pair.rows()]
        notes += [f"{after.folder}: {note}" for note in pair.notes]
    table = pd.DataFrame(rows, columns=list(CHANGE_COLUMNS))
    tested = table.p_value.notna()
    table.loc[tested, "p_holm"] = holm(table.loc[tested, "p_value"].to_numpy(np.float64))
    table.loc[tested, "changed"] = table.loc[tested, "p_holm"] < 0.05
    return Changes(table.astype(CHANGE_COLUMNS), notes)


@dataclass
class _Pair:
    """Two runs, and why parts of them are not comparable."""

    before: FinishedRun
    after: FinishedRun
    notes: list[str] = field(default_factory=list)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every figure both runs have."""
        if not self._same_source():
            return
        label_sets = self._label_sets()
        grid = self._grid()
        attacks = self._attacks() if grid else []
        same_faces = self.before.manifest["data"]["sha256"] == self.after.manifest["data"]["sha256"]
        for model in self._models():
            for label_set in label_sets:
                yield from self._clean(model, label_set)
                for attack in attacks:
                    for eps in grid:
                        yield from self._attacked(model, label_set, attack, eps)
                yield from self._by_interval(model, label_set, attacks, same_faces)

    def _same_source(self) -> bool:
        one, two = self.before.manifest["data"], self.after.manifest["data"]
        names = [f"{data['name']} {data['split']}" for data in (one, two)]
        if names[0] != names[1]:
            self.notes.append(f"other faces, {names[1]} against {names[0]}: nothing is comparable")
            return False
        if one["sha256"] != two["sha256"]:
            shared = len(self._shared_rows())
            self.notes.append(
                f"other data ({two['sha256'][:8]}, {two['rows']} faces, against "
                f"{one['sha256'][:8]}, {one['rows']}): only the {shared} faces whose row numbers "
                "both hold are compared, and no figure that is not counted face by face"
            )
        for name, old, new in (
            ("version of Deadpan", *self._both("deadpan_version")),
            ("seed", self.before.config.seed, self.after.config.seed),
        ):
            if old != new:
                self.notes.append(f"other {name}, {new} against {old}")
        return True

    def _both(self, entry: str) -> tuple[Any, Any]:
        return self.before.manifest.get(entry), self.after.manifest.get(entry)

    def _shared_rows(self) -> pd.Index:
        return pd.Index(self.before.per_image.row.unique()).intersection(
            self.after.per_image.row.unique()
        )

    def _models(self) -> list[str]:
        old, new = self.before.schemes, self.after.schemes
        shared = []
        for model in dict.fromkeys([*old, *new]):
            if model not in new or model not in old:
                where = self.before if model in old else self.after
                self.notes.append(f"{model} is only in {where.folder}")
            elif old[model] != new[model]:
                self.notes.append(f"{model}: other classes, not comparable")
            else:
                shared.append(model)
        for model in shared:
            one, two = (
                run.manifest["models"][model]["weights_sha256"] for run in (self.before, self.after)
            )
            if one != two:
                self.notes.append(f"{model}: other weights, {two[:8]} against {one[:8]}")
        return shared

    def _label_sets(self) -> list[LabelSet]:
        old, new = self.before.config.labels, self.after.config.labels
        shared = []
        for name in dict.fromkeys([*old, *new]):
            if name not in old or name not in new:
                where = self.before if name in old else self.after
                self.notes.append(f"{name} labels score only {where.folder}")
                continue
            one, two = (_labels(run, name) for run in (self.before, self.after))
            rows = one.index.intersection(two.index)
            differing = int((one[rows] != two[rows]).sum())
            if differing:
                self.notes.append(f"{name} labels of {differing} faces differ: not comparable")
            else:
                shared.append(name)
        return shared

    def _grid(self) -> list[float]:
        """Shared eps above 0."""
        old, new = self.before.config, self.after.config
        if old.norm != new.norm:
            self.notes.append(
                f"attacks in {new.norm} against {old.norm}: robust accuracies are not comparable"
            )
            return []
        shared = [eps for eps in old.eps if any(np.isclose(eps, other) for other in new.eps)]
        alone = [
            format_eps(eps)
            for eps in sorted({*old.eps, *new.eps})
            if not any(np.isclose(eps, other) for other in shared)
        ]
        if alone:
            self.notes.append(f"other eps grid: {', '.join(alone)} stand in one run only")
        return [eps for eps in shared if eps > 0]

    def _attacks(self) -> list[str]:
        """Attacks of the same settings, and the worst case if all are."""
        old, new = (
            {attack.name: attack.model_dump() for attack in run.config.attacks}
            for run in (self.before, self.after)
        )
        shared = [name for name in old if old[name] == new.get(name)]
        other = [name for name in dict.fromkeys([*old, *new]) if name not in shared]
        if not other:
            return [*shared, WORST_CASE]
        self.notes.append(
            f"{', '.join(other)}: only in one run, or with other settings; so the worst cases are "
            "over other attacks and not comparable"
        )
        return shared

    def _lines(self, run: FinishedRun, model: str) -> pd.DataFrame:
        return run.per_image[run.per_image.model == model]

    def _clean(self, model: str, label_set: LabelSet) -> Iterator[dict[str, Any]]:
        scheme = self.before.schemes[model]
        sides = [self._lines(run, model) for run in (self.before, self.after)]
        conditions: list[tuple[str, int | None]] = [("none", None)]
        corrupted = sides[0][sides[0].severity.notna()]
        found = corrupted[["perturbation", "severity"]].drop_duplicates()
        conditions += [(str(name), int(severity)) for name, severity in found.to_numpy()]
        for name, severity in conditions:
            one, two = (right_clean(lines, scheme, label_set, name, severity) for lines in sides)
            key = _key(model, label_set, name, "", 0.0 if severity is None else np.nan, severity)
            yield from _paired(key | {"metric": "accuracy"}, one, two)

    def _attacked(
        self, model: str, label_set: LabelSet, attack: str, eps: float
    ) -> Iterator[dict[str, Any]]:
        norm = self.before.config.norm
        one, two = (
            stands_attack(self._lines(run, model), label_set, attack, norm, eps)
            for run in (self.before, self.after)
        )
        key = _key(model, label_set, attack, norm, eps, None)
        yield from _paired(key | {"metric": "robust_accuracy"}, one, two)

    def _by_interval(
        self, model: str, label_set: LabelSet, attacks: list[str], same_faces: bool
    ) -> Iterator[dict[str, Any]]:
        if not same_faces:
            return
        sides = [_figures(run, model, label_set) for run in (self.before, self.after)]
        for identity, one in sides[0].items():
            two = sides[1].get(identity)
            name, norm, eps, metric = identity
            if two is None or (norm and name not in attacks):
                continue
            gap = independent_difference(two, one)
            size = np.nan if eps is None else eps
            key = _key(model, label_set, name, norm, size, None) | {"metric": metric}
            yield key | _cells(one.value, two.value, gap) | {"p_value": np.nan}


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


def _labels(run: FinishedRun, label_set: LabelSet) -> pd.Series:
    lines = run.per_image.drop_duplicates("row")
    return lines.set_index("row")[label_set]


def _paired(key: dict[str, Any], one: pd.Series, two: pd.Series) -> Iterator[dict[str, Any]]:
    rows = one.index.intersection(two.index)
    if rows.empty:
        return
    before, after = one[rows].to_numpy(bool), two[rows].to_numpy(bool)
    test = mcnemar(after, before)
    gap = paired_difference(test.only_a_right, test.only_b_right, test.n)
    yield key | _cells(before.mean(), after.mean(), gap) | {"p_value": test.p_value}


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


def _figures(run: FinishedRun, model: str, label_set: LabelSet) -> dict[tuple, Interval]:
    """Figures of `BY_INTERVAL`, by what they are of."""
    rows = run.results
    rows = rows[
        (rows.model == model)
        & (rows.label_set == label_set)
        & rows.attacked_labels.isin(["", label_set])
        & rows.source.isin(["", model])
        & (rows.subset == "all")
        & rows.metric.isin(BY_INTERVAL)
        & (rows.n > 0)
    ]
    found = {}
    for row in rows.itertuples():
        eps = row.eps if row.norm else 0.0 if row.perturbation == "none" else None
        found[row.perturbation, row.norm, eps, row.metric] = Interval(
            row.value, row.ci_low, row.ci_high, row.n
        )
    return found
