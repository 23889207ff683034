"""The headline figures of a model, as other tools show them, and those that checks make void."""

from typing import NamedTuple

import pandas as pd

from evaluation.checks.rules import Rank, failed_rules
from evaluation.results.run import FinishedRun
from evaluation.results.schema import ALL_CORRUPTIONS, BEST_KNOWN, WORST_CASE

_HEADLINE: dict[str, tuple[str, ...]] = {
    "none": ("accuracy", "balanced_accuracy", "macro_f1", "debiased_ece", "brier", "nll"),
    WORST_CASE: (
        "robust_accuracy",
        "robust_accuracy_8bit",
        "security_curve_area",
        "median_smallest_eps",
    ),
    BEST_KNOWN: ("best_known_accuracy",),
    "noise": ("robust_accuracy",),
    ALL_CORRUPTIONS: ("mean_corruption_accuracy", "mce"),
}
"""Headline metrics of each `perturbation`, in the order in which they are shown."""


class HeadlineFigures(NamedTuple):
    """Figures of one model.

    Attributes:
        rows: rows of `results.parquet` over all images, attacked under the labels that score.
        void: label sets whose figures failed checks make void, with the rules; no row is of them.
    """

    rows: pd.DataFrame
    void: dict[str, list[str]]


def headline_figures(run: FinishedRun, model: str) -> HeadlineFigures:
    """Return the headline figures of a model; none of a figure that was measured on no face."""
    rows = run.results[(run.results.model == model) & (run.results.subset == "all")]
    rows = rows[(rows.attacked_labels == "") | (rows.attacked_labels == rows.label_set)]
    wanted = [
        metric in _HEADLINE.get(perturbation, ())
        for perturbation, metric in zip(rows.perturbation, rows.metric, strict=True)
    ]
    rows = rows[pd.Series(wanted, index=rows.index, dtype=bool) & (rows.n > 0)]
    order = rows.perturbation.map(list(_HEADLINE).index)
    rows = rows.assign(order=order).sort_values(["label_set", "order"], kind="stable")
    rows = rows.drop(columns="order")
    checked = {
        name: failed_rules(run.checks, model, name, Rank.NONE) for name in rows.label_set.unique()
    }
    void = {name: rules for name, rules in checked.items() if rules}
    return HeadlineFigures(rows[~rows.label_set.isin(list(void))], void)
