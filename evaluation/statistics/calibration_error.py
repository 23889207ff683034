"""Expected calibration error without its bias, and an interval that covers it.

The usual estimate sums the absolute gaps of the bins, so noise alone makes it positive: on a few
hundred images even perfect probabilities seem to be off by several points, and no bootstrap of that
sum can cover the true 0. Here the sum is compared with what the same bins would yield if the true
error were smaller or larger.
"""

from functools import lru_cache

import numpy as np

from evaluation.statistics.intervals import CONFIDENCE, DRAWS, Interval, proportion

_TAIL = 0.4
"""Share of a tail that each bound leaves out: the gaps' shape is not known, only observed."""
_STEPS = 16
"""Halvings of the range that a bound is searched in: 1/65536 of it remains."""


def debiased_calibration_error(
    confidence: np.ndarray,
    right: np.ndarray,
    bins: np.ndarray,
    *,
    seed: int,
    effective: float | None = None,
) -> Interval:
    """Expected calibration error, median-unbiased, with an interval by inverting a test.

    Bin gaps are taken as normal around their true values. A true error of t is compatible with the
    data when the observed sum of absolute gaps is not unusual for gaps of that size. Where the
    gaps lie is not known, only what was observed: the value and the upper bound take the observed
    gaps, scaled to sum to t; the lower bound takes only those that stand out from the noise, which
    leaves the others more room to be noise. The upper bound is at least the largest difference of
    mean confidence and accuracy that the accuracy's own interval allows, for the error is no
    smaller than that difference: where every answer is sure and right, no gap and no noise is
    observed, and a few such images still allow an error.

    Args:
        confidence: float64 (N,) in [0, 1].
        right: (N,), whether each answer is right.
        bins: int64 (N,), bin of each image.
        seed: seed of the normal draws.
        effective: `effective_size` of images that are not all independent.

    docs/testing.md has the simulated coverage.

    Source: the bias and the normal gaps: Brocker 2012, Climate Dynamics 39, 655-667, and Kumar,
    Liang & Ma 2019, "Verified uncertainty calibration", arXiv 1909.10155; intervals by inversion:
    Lehmann & Romano 2005, "Testing statistical hypotheses", section 3.5.
    """
    n = len(confidence)
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    confidence = np.asarray(confidence, np.float64)
    counts = np.bincount(bins)
    filled = counts > 0
    counts = counts[filled]
    expected = np.bincount(bins, confidence)[filled]
    hits = np.bincount(bins, np.asarray(right, np.float64))[filled]
    gaps = (expected - hits) / n
    if_calibrated = np.bincount(bins, confidence * (1 - confidence))[filled]
    share = (hits + expected / counts) / (counts + 1)
    spread = np.sqrt(np.maximum(if_calibrated, counts * share * (1 - share))) / n
    spread *= np.sqrt(n / (effective or n))
    noise = spread * _normal(seed)[:, : len(gaps)]
    standing_out = np.sign(gaps) * np.maximum(np.abs(gaps) - spread, 0)
    observed, tail = float(np.abs(gaps).sum()), _TAIL * (1 - CONFIDENCE) / 2
    accuracy = proportion(int(hits.sum()), n, effective=effective)
    sure = float(expected.sum()) / n
    return Interval(
        _compatible(gaps, noise, observed, 0.5),
        _compatible(standing_out if standing_out.any() else gaps, noise, observed, 1 - tail),
        max(_compatible(gaps, noise, observed, tail), sure - accuracy.low, accuracy.high - sure),
        n,
    )


def _compatible(gaps: np.ndarray, noise: np.ndarray, observed: float, quantile: float) -> float:
    """The true error of which the observed sum is this quantile, in [0, 1].

    Args:
        gaps: float64 (B,), direction of the true gaps.
        noise: float64 (R, B), draws of what the sampling adds to them.
        observed: sum of absolute observed gaps.
        quantile: in (0, 1).
    """
    total = float(np.abs(gaps).sum())
    direction = gaps / total if total else gaps
    rank = int(np.ceil(quantile * len(noise))) - 1

    def reached(error: float) -> bool:
        sums = np.abs(error * direction + noise).sum(axis=1)
        return bool(np.partition(sums, rank)[rank] >= observed)

    if reached(0.0) or not total:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


@lru_cache(maxsize=2)
def _normal(seed: int) -> np.ndarray:
    """Standard normal draws, float64 (R, 64): no calibration error has more bins."""
    return np.random.default_rng(seed).standard_normal((DRAWS, 64))
