"""Confidence intervals of proportions, bootstrapped metrics and quantiles."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import betaincinv, ndtri
from scipy.stats import binom

CONFIDENCE = 0.95
"""Confidence level of every interval in a run's tables."""
_TAIL = (1 - CONFIDENCE) / 2
DRAWS = 4000
"""Number of random draws behind every simulated interval."""
MANY = 10_000
"""Images from which on the bootstrap's normal limit is used. There it moves a bound by about 0.02
standard errors (a skewness of 5), less than the 0.04 by which 4000 draws of images vary."""
_ROUNDING = 1e-12
"""Relative difference of two draws below which it is rounding."""


class Interval(NamedTuple):
    """A figure with its confidence interval.

    Attributes:
        value: the figure; NaN when n is 0.
        low: lower bound.
        high: upper bound.
        n: number of images behind it.
    """

    value: float
    low: float
    high: float
    n: int


def effective_size(groups: np.ndarray) -> float:
    """Effective number of independent images among N images in groups of near duplicates.

    Args:
        groups: int64 (N,), 0 or more, equal for images that are alike; so are their answers.

    Source: Kish 1965, "Survey sampling", section 8.2, with a correlation of 1 within groups.
    """
    if not len(groups):
        return 0.0
    return float(len(groups) ** 2 / np.square(np.bincount(groups)).sum())


def proportion(count: int, n: int, *, effective: float | None = None) -> Interval:
    """Share `count / n` with its interval.

    Wilson's score interval; near 0 and 1, where that covers too little (`count` or `n - count`
    below 5), the exact one of Clopper and Pearson. `n` = 0 gives NaN.

    `effective` is the `effective_size` of images that are not all independent; the interval is
    then that of a sample of this size.

    Source: Wilson 1927, JASA 22, 209-212; Clopper & Pearson 1934, Biometrika 26, 404-413.

    Raises:
        ValueError: `count` is not in [0, n].
    """
    count, n = int(count), int(n)
    if not 0 <= count <= n:
        raise ValueError(f"`count` must be in [0, n]. Received: count={count}, n={n}")
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    size = float(n) if effective is None else min(effective, float(n))
    low, high = _bounds(count * (size / n), size)
    return Interval(count / n, low, high, n)


@lru_cache(maxsize=65536)
def _bounds(count: float, size: float) -> tuple[float, float]:
    """Interval of `proportion`; the sample's size and its count need not be whole numbers."""
    if min(count, size - count) < 5:
        low = betaincinv(count, size - count + 1, _TAIL) if count else 0.0
        high = betaincinv(count + 1, size - count, 1 - _TAIL) if count < size else 1.0
        return float(low), float(high)
    z, share = ndtri(1 - _TAIL), count / size
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2)) / (1 + z**2 / size)
    return float(middle - half), float(middle + half)


def stratified_interval(
    confusion: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    seed: int,
    draws: int = DRAWS,
    effective: float | None = None,
) -> Interval:
    """Interval of a figure that is a function of the confusion matrix, for fixed class counts.

    The probabilities of each class's predictions are drawn from their Dirichlet posterior, class
    by class, so that every draw holds as many images of a class as the data. A class of three
    images that are all correct stays uncertain, which drawing images with replacement would lose.

    Args:
        confusion: counts, int64 (K, K + 1) of `metrics.confusion_matrix`.
        statistic: function from counts (..., K, K + 1) to figures (...), such as `macro_f1`.
        seed: seed of the draws; the same seed gives the same interval.
        draws: number of draws.
        effective: `effective_size` of images that are not all independent.

    Source: Goutte & Gaussier 2005, ECIR, LNCS 3408, 345-359 (recall and F1); the prior counts
    half an image as right and half a one as spread over the other answers (Jeffreys' for a
    recall). docs/testing.md has the coverage.
    """
    n, classes = int(confusion.sum()), len(confusion)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    prior = np.full((classes, classes), 0.5 / max(classes - 1, 1))
    np.fill_diagonal(prior, 0.5)
    prior = np.hstack([prior, np.zeros((classes, 1))])
    drawn = np.random.default_rng(seed).standard_gamma(
        confusion * ((effective or n) / n) + prior, size=(draws, *confusion.shape)
    )
    drawn *= confusion.sum(axis=1, keepdims=True) / drawn.sum(axis=-1, keepdims=True)
    value = float(statistic(confusion))
    low, high = np.quantile(statistic(drawn), [_TAIL, 1 - _TAIL])
    return Interval(value, float(min(low, value)), float(max(high, value)), n)


def bootstrap_means(
    values: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray],
    *,
    seed: int,
    resamples: int = DRAWS,
    groups: np.ndarray | None = None,
) -> Interval:
    """Percentile bootstrap of a figure that is a function of means over images.

    Args:
        values: float64 (N, M), M numbers per image.
        statistic: function from their means (..., M) to figures (...).
        seed: seed of the draws; the same seed gives the same interval.
        resamples: number of draws.
        groups: (N,), the same number for images that are drawn together; None draws each by itself.

    Returns:
        The figure. Its bounds are widened to contain it: a figure that bends at its optimum, such
        as a calibration error near 0, is larger in almost every draw. Draws in which it is
        undefined (NaN) are left out. Equal draws give no bounds, see `percentile_interval`.

    Source: Efron & Tibshirani 1993, "An introduction to the bootstrap", section 13.3.

    Raises:
        ValueError: `values` is not (N, M).
    """
    values = np.asarray(values, np.float64)
    means = resampled_means(values, seed=seed, resamples=resamples, groups=groups)
    if not len(values):
        return Interval(np.nan, np.nan, np.nan, 0)
    value = float(statistic(values.mean(axis=0)))
    return percentile_interval(value, statistic(means), len(values))


def resampled_means(
    values: np.ndarray, *, seed: int, resamples: int = DRAWS, groups: np.ndarray | None = None
) -> np.ndarray:
    """Means over images drawn with replacement, float64 (R, M), one row per resample.

    Figures of the same images can share them: take columns, then `percentile_interval`.

    Args:
        values: float64 (N, M), M numbers per image.
        seed: seed of the draws; the same seed gives the same draws.
        resamples: number of draws, R.
        groups: (N,), the same number for images that are drawn together; None draws each by itself.

    From `MANY` independent images (or groups) on, the means are drawn from the normal distribution
    that the bootstrap's tends to: drawing images would take memory and time in proportion to N.

    Source: Bickel & Freedman 1981, Annals of Statistics 9, 1196-1217, theorem 2.1 (the limit).

    Raises:
        ValueError: `values` is not (N, M).
    """
    if values.ndim != 2:
        raise ValueError(f"`values` must be (N, M). Received: shape={values.shape}")
    n = len(values)
    if n == 0:
        return np.full((resamples, values.shape[1]), np.nan)
    sums, sizes = values, np.ones(n)
    if groups is not None:
        _, places, counts = np.unique(groups, return_inverse=True, return_counts=True)
        sizes = counts.astype(np.float64)
        sums = np.zeros((len(counts), values.shape[1]))
        np.add.at(sums, places, values)
    sums = np.column_stack([sums, sizes])
    if len(sums) >= MANY:
        drawn = _limit_means(sums, seed, resamples)
        return drawn[:, :-1] / drawn[:, -1:]
    parts = np.array_split(_draws(len(sums), seed, resamples), 8)
    drawn = np.concatenate([part.astype(np.float64) @ sums for part in parts])
    return drawn[:, :-1] / drawn[:, -1:]


def percentile_interval(value: float, figures: np.ndarray, n: int) -> Interval:
    """A figure between the percentiles of its resampled figures (R,), see `bootstrap_means`.

    The bounds are NaN where all draws are equal, as those of one image or one group are, and those
    of images that all have the same value: they say nothing of how far the true figure may lie.
    """
    if np.isnan(value):
        return Interval(np.nan, np.nan, np.nan, n)
    low, high = np.nanquantile(figures, [_TAIL, 1 - _TAIL])
    if high - low <= _ROUNDING * max(1.0, abs(value)):
        return Interval(value, np.nan, np.nan, n)
    return Interval(value, float(min(low, value)), float(max(high, value)), n)


def _limit_means(values: np.ndarray, seed: int, resamples: int) -> np.ndarray:
    """Means of values (N, M) under the normal limit of the bootstrap, float64 (R, M)."""
    spread, directions = np.linalg.eigh(np.cov(values, rowvar=False, bias=True) / len(values))
    root = directions * np.sqrt(np.maximum(spread, 0))
    normal = np.random.default_rng(seed).standard_normal((resamples, values.shape[1]))
    means: np.ndarray = values.mean(axis=0) + normal @ root.T
    return means


@lru_cache(maxsize=8)
def _draws(n: int, seed: int, resamples: int) -> np.ndarray:
    """How often each of n images is drawn in each resample, uint8 (R, n).

    A count above 255 needs an image drawn 256 times as often as expected: it never happens.
    """
    rng = np.random.default_rng(seed)
    drawn = np.empty((resamples, n), np.uint8)
    for part in np.array_split(drawn, 16):
        places = rng.integers(0, n, part.shape) + n * np.arange(len(part))[:, None]
        part[:] = np.bincount(places.ravel(), minlength=part.size).reshape(part.shape)
    return drawn


def quantile(values: np.ndarray, share: float, *, effective: float | None = None) -> Interval:
    """Smallest value that at least `share` of the values do not exceed, and its interval.

    Nothing is interpolated, so infinite (censored) values are allowed. The bounds are order
    statistics, without any assumption on the distribution; a lower bound of -infinity or an upper
    one of infinity means that n is too small for one.

    Args:
        values: float64 (N,), no NaN.
        share: in (0, 1); 0.5 is the median.
        effective: `effective_size` of images that are not all independent; the ranks are then those
            of a sample of this size, rounded down, spread over the N values.

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
    size = n if effective is None else int(effective)
    lower, upper = binom.ppf([_TAIL, 1 - _TAIL], size, share).astype(int)
    low = values[lower * n // size - 1] if lower > 0 else -np.inf
    high = values[-(-upper * n // size)] if upper < size else np.inf
    value = np.quantile(values, share, method="inverted_cdf")
    return Interval(float(value), float(low), float(high), n)
