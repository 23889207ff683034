"""Power: the smallest difference between two models that a run's images can show."""

from typing import Any

import numpy as np
import pandas as pd

from evaluation.figures import Figures
from evaluation.statistics import (
    Interval,
    smallest_detectable_difference,
    smallest_independent_difference,
)

_SAME = ("label_set", "perturbation", "norm", "eps")


def power_figures(
    results: pd.DataFrame, comparisons: pd.DataFrame, split: str, seed: int
) -> pd.DataFrame:
    """Smallest accuracy difference found with 80 % power at a level of 5 %.

    Beside the clean and the worst-case accuracy of every model under the labels it was attacked
    on, two rows: `unpaired`, against a model measured on as many other images; `paired`, against
    one on the same images, when the two differ on as many of them as this model and the others of
    the run do on average.

    Args:
        results: rows of `summarise`.
        comparisons: rows of `compare_models` on the same images.
        split: of the run.
        seed: of the run.

    Returns:
        More rows of `results.csv`.
    """
    figures = Figures(split, seed)
    clean = (results.perturbation == "none") & (results.metric == "accuracy")
    attacked = (results.perturbation == "worst_case") & (results.metric == "robust_accuracy")
    own = attacked & (results.attacked_labels == results.label_set)
    for row in results[(clean | own) & (results.subset == "all") & (results.n > 0)].itertuples():
        columns = ("model", *_SAME, "attacked_labels", "source", "severity")
        key: dict[str, Any] = {name: getattr(row, name) for name in columns}
        unpaired = smallest_independent_difference(row.n, row.value)
        figures.add(key, "all", "smallest_difference", _figure(unpaired, row.n), "unpaired")
        share, n = _discordant(comparisons, key)
        if share > 0:
            paired = smallest_detectable_difference(n, share)
            figures.add(key, "all", "smallest_difference", _figure(paired, n), "paired")
    return figures.frame()


def _discordant(comparisons: pd.DataFrame, key: dict[str, Any]) -> tuple[float, int]:
    """Share of images on which exactly one of this model and another is right, and how many images.

    A mean over the others; 0 without one.
    """
    same = (comparisons.model_a == key["model"]) | (comparisons.model_b == key["model"])
    for name in _SAME:
        same &= comparisons[name] == key[name]
    pairs = comparisons[same & (comparisons.n > 0)]
    if pairs.empty:
        return 0.0, 0
    shares = (pairs.only_a_right + pairs.only_b_right) / pairs.n
    return float(shares.mean()), int(pairs.n.min())


def _figure(difference: float, n: int) -> Interval:
    return Interval(difference, np.nan, np.nan, n)
