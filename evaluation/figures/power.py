"""Figures of power: the smallest difference between two models that the run can detect."""

from collections.abc import Callable, Mapping
from functools import cache, reduce
from typing import Any

import numpy as np
import pandas as pd

from evaluation.figures.figure_rows import Figures
from evaluation.figures.groups import effective
from evaluation.figures.outcomes import Outcomes
from evaluation.results.schema import WORST_CASE
from evaluation.statistics.intervals import Interval
from evaluation.statistics.power import (
    LEVEL,
    smallest_detectable_difference,
    smallest_independent_difference,
)

_SAME = ("label_set", "perturbation", "norm", "eps")


def power_figures(
    results: pd.DataFrame,
    comparisons: pd.DataFrame,
    outcomes: Mapping[str, Outcomes],
    groups: pd.Series,
    split: str,
    seed: int,
) -> pd.DataFrame:
    """Smallest accuracy difference detected with 80 % power at a level of 5 % over all rivals.

    For the clean and the worst-case accuracy of every model under the labels it was attacked on,
    two rows: `unpaired`, against a model measured on as many other images; `paired`, against one
    on the same images, when the two disagree on as many of them as this model and its rivals,
    those that are ranked with it, do on average, at the level of Holm's first step: 5 % over the
    pairs of rivals. A model without rivals has no such row. Near duplicates count once, as
    in the tests themselves; n is still the number of images.

    Args:
        results: rows of `summarise`.
        comparisons: rows of `compare_models` on the same images.
        outcomes: of each model.
        groups: group of each image by row id, see `groups_of`.
        split: split of the run.
        seed: seed of the run.

    Returns:
        More rows of `results.csv`.
    """
    figures, number = Figures(split, seed), _independent_images(outcomes, groups)
    clean = (results.perturbation == "none") & (results.metric == "accuracy")
    attacked = (results.perturbation == WORST_CASE) & (results.metric == "robust_accuracy")
    own = attacked & (results.attacked_labels == results.label_set)
    for row in results[(clean | own) & (results.subset == "all") & (results.n > 0)].itertuples():
        columns = ("model", *_SAME, "attacked_labels", "source", "severity")
        key: dict[str, Any] = {name: getattr(row, name) for name in columns}
        unpaired = smallest_independent_difference(
            number(row.label_set, row.norm, row.model), row.value
        )
        figures.add(key, "all", "smallest_difference", _figure(unpaired, row.n), "unpaired")
        pairs, tests = _pairs(comparisons, key)
        share = float(((pairs.only_a_right + pairs.only_b_right) / pairs.n).mean())
        if share > 0:
            both = zip(pairs.model_a, pairs.model_b, strict=True)
            n = int(min(number(row.label_set, row.norm, *names) for names in both))
            paired = _figure(
                smallest_detectable_difference(n, share, alpha=LEVEL / tests), pairs.n.min()
            )
            figures.add(key, "all", "smallest_difference", paired, "paired")
    return figures.frame()


def _independent_images(
    outcomes: Mapping[str, Outcomes], groups: pd.Series
) -> Callable[..., float]:
    """Function from label set, norm (empty: clean) and models to their number of common images.

    It is the effective number, in which near duplicates count once.
    """

    @cache
    def scored(label_set: str, norm: str, model: str) -> pd.Index:
        of_model = outcomes[model]
        return (of_model.attacked(label_set, norm) if norm else of_model.clean[label_set]).index

    @cache
    def number(label_set: str, norm: str, *models: str) -> float:
        rows = reduce(pd.Index.intersection, (scored(label_set, norm, name) for name in models))
        return effective(groups, rows) or len(rows)

    return number


def _pairs(comparisons: pd.DataFrame, key: dict[str, Any]) -> tuple[pd.DataFrame, int]:
    """Comparisons of a model with its rivals, and how many pairs are tested together."""
    family = (comparisons.n > 0) & comparisons.p_holm.notna()
    for name in _SAME:
        family &= comparisons[name] == key[name]
    mine = (comparisons.model_a == key["model"]) | (comparisons.model_b == key["model"])
    return comparisons[family & mine], int(family.sum())


def _figure(difference: float, n: int) -> Interval:
    return Interval(difference, np.nan, np.nan, int(n))
