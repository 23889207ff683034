"""Power: the smallest difference between two models that a run's images can show."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import norm

from evaluation.figures import Figures
from evaluation.results import WORST_CASE
from evaluation.statistics import Interval

LEVEL = 0.05
_SAME = ("label_set", "perturbation", "norm", "eps")


def smallest_detectable_difference(
    n: int, discordant: float, *, alpha: float = LEVEL, power: float = 0.8
) -> float:
    """Smallest accuracy difference that McNemar's test on n images finds with the given power.

    Args:
        n: images both models answered.
        discordant: share of images on which exactly one model is right, in (0, 1].
        alpha: two-sided level of the test.
        power: chance of finding the difference.

    Returns:
        Difference in (0, discordant]; infinity when even a difference of `discordant` is too
        small to be found on n images.

    Source: Connor 1987, Biometrics 43, 207-211, solved for the difference.

    Raises:
        ValueError: n is below 1 or `discordant` outside (0, 1].
    """
    if n < 1 or not 0 < discordant <= 1:
        raise ValueError(
            f"`n` must be >= 1 and `discordant` in (0, 1]. Received: {n} and {discordant}"
        )
    z_alpha, z_power = norm.ppf(1 - alpha / 2), norm.ppf(power)

    def lacking(difference: float) -> float:
        spread = np.sqrt(discordant - difference**2)
        return z_alpha * np.sqrt(discordant) + z_power * spread - difference * np.sqrt(n)

    return float(brentq(lacking, 0, discordant)) if lacking(discordant) <= 0 else np.inf


def smallest_independent_difference(
    n: int, accuracy: float, *, alpha: float = LEVEL, power: float = 0.8
) -> float:
    """Smallest accuracy difference that two samples of n images each show with the given power.

    Args:
        n: images of each sample.
        accuracy: of one model; the other is taken on the side of 1/2, where more is needed.
        alpha: two-sided level of the test of two proportions.
        power: chance of finding the difference.

    Returns:
        Difference in (0, 1); infinity when n is too small for any.

    Source: Fleiss, Levin & Paik 2003, "Statistical methods for rates and proportions", formula
    4.14, solved for the difference.

    Raises:
        ValueError: n is below 1 or `accuracy` outside [0, 1].
    """
    if n < 1 or not 0 <= accuracy <= 1:
        raise ValueError(f"`n` must be >= 1 and `accuracy` in [0, 1]. Received: {n} and {accuracy}")
    z_alpha, z_power = norm.ppf(1 - alpha / 2), norm.ppf(power)
    lower = min(accuracy, 1 - accuracy)  # the test is the same for errors

    def lacking(difference: float) -> float:
        other = lower + difference
        middle = (lower + other) / 2
        spread = np.sqrt(lower * (1 - lower) + other * (1 - other))
        pooled = np.sqrt(2 * middle * (1 - middle))
        return z_alpha * pooled + z_power * spread - difference * np.sqrt(n)

    largest = 1 - lower
    tiny = 1e-9 * largest  # at 0 both sides vanish when the accuracy is 0 or 1
    return float(brentq(lacking, tiny, largest)) if lacking(largest) <= 0 else np.inf


def power_figures(
    results: pd.DataFrame, comparisons: pd.DataFrame, split: str, seed: int
) -> pd.DataFrame:
    """Smallest accuracy difference found with 80 % power at a level of 5 % over all pairs.

    Beside the clean and the worst-case accuracy of every model under the labels it was attacked
    on, two rows: `unpaired`, against a model measured on as many other images; `paired`, against
    one on the same images, when the two differ on as many of them as this model and the others of
    the run do on average, at the level of Holm's first step: 5 % over the pairs of models.

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
    """Share of images on which exactly one of this model and another is right.

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
