"""Figures of power: the smallest difference between two models that the run can detect."""

from typing import Any

import numpy as np
import pandas as pd

from evaluation.figures.figure_rows import Figures
from evaluation.results.schema import WORST_CASE
from evaluation.statistics.intervals import Interval
from evaluation.statistics.power import (
    LEVEL,
    smallest_detectable_difference,
    smallest_independent_difference,
)

_SAME = ("label_set", "perturbation", "norm", "eps")


def power_figures(
    results: pd.DataFrame, comparisons: pd.DataFrame, split: str, seed: int
) -> pd.DataFrame:
    """Smallest accuracy difference detected with 80 % power at a level of 5 % over all pairs.

    For the clean and the worst-case accuracy of every model under the labels it was attacked on,
    two rows: `unpaired`, against a model measured on as many other images; `paired`, against one
    on the same images, when the two disagree on as many of them as this model and the others of
    the run do on average, at the level of Holm's first step: 5 % over the pairs of models.

    Args:
        results: rows of `summarise`.
        comparisons: rows of `compare_models` on the same images.
        split: split of the run.
        seed: seed of the run.

    Returns:
        More rows of `results.csv`.
    """
    figures = Figures(split, seed)
    clean = (results.perturbation == "none") & (results.metric == "accuracy")
    attacked = (results.perturbation == WORST_CASE) & (results.metric == "robust_accuracy")
    own = attacked & (results.attacked_labels == results.label_set)
    for row in results[(clean | own) & (results.subset == "all") & (results.n > 0)].itertuples():
        columns = ("model", *_SAME, "attacked_labels", "source", "severity")
        key: dict[str, Any] = {name: getattr(row, name) for name in columns}
        unpaired = smallest_independent_difference(row.n, row.value)
        figures.add(key, "all", "smallest_difference", _figure(unpaired, row.n), "unpaired")
        share, n, pairs = _discordant(comparisons, key)
        if share > 0:
            paired = smallest_detectable_difference(n, share, alpha=LEVEL / pairs)
            figures.add(key, "all", "smallest_difference", _figure(paired, n), "paired")
    return figures.frame()


def _discordant(comparisons: pd.DataFrame, key: dict[str, Any]) -> tuple[float, int, int]:
    """Share of images that exactly one of this model and another classifies correctly.

    A mean over the others, 0 without one; then how many images, and how many pairs of models are
    tested together.
    """
    family = comparisons.n > 0
    for name in _SAME:
        family &= comparisons[name] == key[name]
    mine = (comparisons.model_a == key["model"]) | (comparisons.model_b == key["model"])
    pairs = comparisons[family & mine]
    if pairs.empty:
        return 0.0, 0, 0
    shares = (pairs.only_a_right + pairs.only_b_right) / pairs.n
    return float(shares.mean()), int(pairs.n.min()), int(family.sum())


def _figure(difference: float, n: int) -> Interval:
    return Interval(difference, np.nan, np.nan, n)
