"""Intervals and paired tests: how much a figure of n images can be trusted.

Not here: the figures themselves (`evaluation/metrics.py`), power (`evaluation/power.py`).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binom, binomtest, norm

CONFIDENCE = 0.95
"""Of every interval in a run's tables."""


class Interval(NamedTuple):
    """A figure with its confidence interval.

    Attributes:
        value: the figure; NaN when n is 0.
        low: lower bound.
        high: upper bound.
        n: images it rests on.
    """

    value: float
    low: float
    high: float
    n: int


class PairedTest(NamedTuple):
    """Two models on the same images.

    Attributes:
        n: images.
        only_a_right: images that only the first model has right.
        only_b_right: images that only the second model has right.
        difference: accuracy of the first minus accuracy of the second; NaN when n is 0.
        p_value: exact McNemar, two-sided.
    """

    n: int
    only_a_right: int
    only_b_right: int
    difference: float
    p_value: float


def proportion(count: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Share `count / n` with its interval.

    Wilson's score interval; near 0 and 1, where that covers too little (`count` or `n - count`
    below 5), the exact one of Clopper and Pearson. `n` = 0 gives NaN.

    Source: Wilson 1927, JASA 22, 209-212; Clopper & Pearson 1934, Biometrika 26, 404-413.

    Raises:
        ValueError: `count` is not in [0, n].
    """
    count, n = int(count), int(n)
    if not 0 <= count <= n:
        raise ValueError(f"`count` must be in [0, n]. Received: count={count}, n={n}")
    return _proportion(count, n, confidence)


@lru_cache(maxsize=65536)
def _proportion(count: int, n: int, confidence: float) -> Interval:
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    method = "exact" if min(count, n - count) < 5 else "wilson"
    bounds = binomtest(count, n).proportion_ci(confidence, method=method)
    return Interval(count / n, float(bounds.low), float(bounds.high), n)


def bootstrap(
    confusion: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    seed: int,
    resamples: int = 2000,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Percentile bootstrap of a figure that is a function of the confusion matrix.

    Drawing N images with replacement draws the cells of their confusion matrix from a
    multinomial, so no image is touched again.

    Args:
        confusion: counts, int64 (K, K + 1) of `metrics.confusion_matrix`.
        statistic: counts (..., K, K + 1) to figures (...): `macro_f1`, `balanced_accuracy`.
        seed: of the draws; the same seed gives the same interval.
        resamples: number of draws.
        confidence: share of the draws between the bounds.

    Source: Efron & Tibshirani 1993, "An introduction to the bootstrap", section 13.3.
    """
    n = int(confusion.sum())
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    filled = np.flatnonzero(confusion)
    draws = np.zeros((resamples, confusion.size), np.int64)
    shares = confusion.ravel()[filled] / n
    draws[:, filled] = np.random.default_rng(seed).multinomial(n, shares, size=resamples)
    figures = statistic(draws.reshape(resamples, *confusion.shape))
    tail = (1 - confidence) / 2
    low, high = np.quantile(figures, [tail, 1 - tail])
    return Interval(float(statistic(confusion)), float(low), float(high), n)


def bootstrap_means(
    values: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    seed: int,
    resamples: int = 1000,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Percentile bootstrap of a figure that is a function of means over images.

    Args:
        values: float64 (N, M), M numbers of each image.
        statistic: their means (..., M) to figures (...).
        seed: of the draws; the same seed gives the same interval.
        resamples: number of draws.
        confidence: share of the draws between the bounds.

    Returns:
        The figure. Its bounds are widened to hold it: a figure that bends at its optimum, such as
        a calibration error near 0, is larger in almost every draw. Draws in which it is undefined
        (NaN) are left out.

    Source: Efron & Tibshirani 1993, "An introduction to the bootstrap", section 13.3.

    Raises:
        ValueError: `values` is not (N, M).
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 2:
        raise ValueError(f"`values` must be (N, M). Received: shape={values.shape}")
    n = len(values)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    draws = np.array_split(_draws(n, seed, resamples), 8)
    figures = statistic(np.concatenate([part @ values for part in draws]) / n)
    value, tail = float(statistic(values.mean(axis=0))), (1 - confidence) / 2
    if np.isnan(value):
        return Interval(np.nan, np.nan, np.nan, n)
    low, high = np.nanquantile(figures, [tail, 1 - tail])
    return Interval(value, float(min(low, value)), float(max(high, value)), n)


@lru_cache(maxsize=4)
def _draws(n: int, seed: int, resamples: int) -> np.ndarray:
    """How often each of n images is drawn in each resample, float32 (R, n): small, yet exact."""
    rng = np.random.default_rng(seed)
    drawn = np.empty((resamples, n), np.float32)
    for row in drawn:
        row[:] = np.bincount(rng.integers(0, n, n), minlength=n)
    return drawn


def quantile(values: np.ndarray, share: float, confidence: float = CONFIDENCE) -> Interval:
    """Smallest value that at least `share` of the values do not exceed, and its interval.

    Nothing is interpolated, so infinite (censored) values are allowed. The bounds are order
    statistics, without any assumption on the distribution; a lower bound of -infinity or an upper
    one of infinity means that n is too small for one.

    Args:
        values: float64 (N,), no NaN.
        share: in (0, 1); 0.5 is the median.
        confidence: at least this share of such intervals hold the quantile.

    Source: Conover 1999, "Practical nonparametric statistics", section 3.2.

    Raises:
        ValueError: `share` is outside (0, 1) or a value is NaN.
    """
    values = np.sort(np.asarray(values, np.float64))
    if not 0 < share < 1 or np.isnan(values).any():
        raise ValueError(
            "`share` must be in (0, 1) and `values` without NaN. "
            f"Received: {share} and {int(np.isnan(values).sum())} NaN"
        )
    n = len(values)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    tail = (1 - confidence) / 2
    lower, upper = binom.ppf([tail, 1 - tail], n, share).astype(int)
    low = values[lower - 1] if lower > 0 else -np.inf
    high = values[upper] if upper < n else np.inf
    value = np.quantile(values, share, method="inverted_cdf")
    return Interval(float(value), float(low), float(high), n)


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> PairedTest:
    """Exact McNemar test that two models are right equally often.

    Args:
        right_a: bool (N,), where the first model is right.
        right_b: bool (N,), the second model on the same images in the same order.

    Source: McNemar 1947, Psychometrika 12, 153-157; exact form: two-sided binomial test of the
    images on which exactly one model is right.

    Raises:
        ValueError: the arrays are not bool of one shape (N,).
    """
    right_a, right_b = np.asarray(right_a), np.asarray(right_b)
    is_bool = right_a.dtype == right_b.dtype == np.bool_
    if right_a.shape != right_b.shape or right_a.ndim != 1 or not is_bool:
        raise ValueError(
            "`right_a` and `right_b` must be bool of one shape (N,). "
            f"Received: {right_a.dtype} {right_a.shape} and {right_b.dtype} {right_b.shape}"
        )
    n = len(right_a)
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    discordant = only_a + only_b
    p_value = float(binomtest(only_a, discordant).pvalue) if discordant else 1.0
    return PairedTest(n, only_a, only_b, (only_a - only_b) / n if n else np.nan, p_value)


def paired_difference(
    only_a_right: int, only_b_right: int, n: int, confidence: float = CONFIDENCE
) -> Interval:
    """Accuracy of the first model minus that of the second on the same n images.

    Wald's interval after adding half an image to each of the four cells, which covers well even
    where few images differ.

    Source: Bonett & Price 2012, Journal of Educational and Behavioral Statistics 37, 479-488.

    Raises:
        ValueError: more images differ than there are.
    """
    if min(only_a_right, only_b_right) < 0 or only_a_right + only_b_right > n:
        raise ValueError(
            "`only_a_right` and `only_b_right` must be >= 0 and at most n together. "
            f"Received: {only_a_right}, {only_b_right}, n={n}"
        )
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    first, second = (only_a_right + 1) / (n + 2), (only_b_right + 1) / (n + 2)
    spread = np.sqrt((first + second - (first - second) ** 2) / (n + 2))
    half, middle = norm.ppf((1 + confidence) / 2) * spread, first - second
    value = (only_a_right - only_b_right) / n
    return Interval(value, float(max(middle - half, -1)), float(min(middle + half, 1)), n)


def independent_difference(first: Interval, second: Interval) -> Interval:
    """First figure minus second, each measured on its own images.

    From the two intervals alone, so for any figure that has one. On the same images it is wider
    than it need be, as figures of the same images usually rise and fall together.

    Source: Zou & Donner 2008, Statistics in Medicine 27, 1693-1702; for proportions it is
    method 10 of Newcombe 1998, Statistics in Medicine 17, 873-890.
    """
    difference = first.value - second.value
    low = np.hypot(first.value - first.low, second.high - second.value)
    high = np.hypot(first.high - first.value, second.value - second.low)
    n = min(first.n, second.n)
    return Interval(difference, float(difference - low), float(difference + high), n)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust p-values of several tests so that the chance of any false finding stays at alpha.

    Args:
        p_values: float64 (M,) in [0, 1].

    Returns:
        float64 (M,), in the same order; below alpha means found.

    Source: Holm 1979, Scandinavian Journal of Statistics 6, 65-70.

    Raises:
        ValueError: a value is outside [0, 1] or NaN.
    """
    p_values = np.asarray(p_values, np.float64)
    if not ((p_values >= 0) & (p_values <= 1)).all():
        raise ValueError(f"`p_values` must be in [0, 1]. Received: {p_values}")
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return adjusted


def rank_ranges(pairs: pd.DataFrame, models: list[str]) -> dict[str, tuple[int, int]]:
    """Best and worst rank that the tests leave open to each model.

    A model ranks behind those that are distinguishably better and before those that are
    distinguishably worse; ranges that overlap are not distinguishable, or only through a third.

    Args:
        pairs: rows of `comparisons.parquet` of one label set and eps.
        models: in any order.
    """
    found = pairs[pairs.distinguishable.fillna(False).astype(bool)]
    better = np.where(found.difference > 0, found.model_a, found.model_b)
    worse = np.where(found.difference > 0, found.model_b, found.model_a)
    return {
        model: (1 + int((worse == model).sum()), len(models) - int((better == model).sum()))
        for model in models
    }
