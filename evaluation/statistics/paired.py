"""Paired tests of two models on the same images, and their correction for many pairs."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import binomtest, norm

from evaluation.statistics.intervals import CONFIDENCE, Interval


class PairedTest(NamedTuple):
    """Two models on the same images.

    Attributes:
        n: images.
        only_a_right: images that only the first model classifies correctly.
        only_b_right: images that only the second model classifies correctly.
        difference: accuracy of the first minus accuracy of the second; NaN when n is 0.
        p_value: exact McNemar, two-sided; over groups of near duplicates where there are any.
    """

    n: int
    only_a_right: int
    only_b_right: int
    difference: float
    p_value: float


def mcnemar(
    right_a: np.ndarray, right_b: np.ndarray, groups: np.ndarray | None = None
) -> PairedTest:
    """Exact McNemar test of whether two models are correct equally often.

    Args:
        right_a: bool (N,), where the first model is correct.
        right_b: bool (N,), the second model on the same images in the same order.
        groups: (N,), the same number for images that are alike. They keep one sign between them:
            the p-value is that of `sign_flip_test` of the sums over groups. None: all differ.

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
    if groups is not None:
        _, places = np.unique(groups, return_inverse=True)
        sums = np.zeros(places.max(initial=-1) + 1, np.int64)
        np.add.at(sums, places, right_a.astype(np.int64) - right_b)
        p_value = sign_flip_test(sums)
    else:
        p_value = float(binomtest(only_a, discordant).pvalue) if discordant else 1.0
    return PairedTest(n, only_a, only_b, (only_a - only_b) / n if n else np.nan, p_value)


def sign_flip_test(differences: np.ndarray) -> float:
    """Exact two-sided test of whether two models have the same mean score on the same images.

    If they do, each image's difference is as likely as its negative. The p-value is the share of
    all 2^N choices of signs whose sum is at least as far from 0 as the one that was found. For
    differences of -1, 0 and 1 it is McNemar's exact test.

    Args:
        differences: integers (N,), score of the first model minus score of the second, in any unit.

    Source: Fisher 1935, "The design of experiments", section 21; distribution of the sum by its
    characteristic function: Pagano & Tritchler 1983, JASA 78, 435-440; tilted so that small
    p-values are exact too: Keich 2005, Journal of Computational Biology 12, 416-430.

    Raises:
        ValueError: not integers (N,).
    """
    differences = np.asarray(differences)
    if differences.ndim != 1 or differences.dtype.kind not in "iu":
        raise ValueError(
            "`differences` must be integers (N,). "
            f"Received: {differences.dtype} {differences.shape}"
        )
    steps = differences[differences != 0].astype(np.int64)
    if not len(steps):
        return 1.0
    steps = steps // np.gcd.reduce(steps)
    sizes, counts = np.unique(np.abs(steps), return_counts=True)
    largest, found = int(sizes @ counts), abs(int(steps.sum()))
    if found in (0, largest):
        return 1.0 if found == 0 else float(np.exp2(1.0 - len(steps)))
    tilt = _tilt(sizes, counts, found)
    # Hoeffding: at most 2 exp(-72) of a tilted sum lies further than this from its mean, `found`.
    reach = min(largest, int(12 * np.sqrt(counts @ sizes**2)) + 1)
    angles = 2 * np.pi * np.arange(reach + 1) / (2 * reach + 1)
    transform = np.ones(len(angles), complex)
    for size, count in zip(sizes, counts, strict=True):
        turn = np.cos(size * angles) - 1j * np.tanh(tilt * size) * np.sin(size * angles)
        transform *= turn**count
    chances = np.fft.irfft(transform, 2 * reach + 1)  # tilted, of sums modulo their number
    beyond = np.arange(min(reach, largest - found) + 1)
    tail = np.exp(-tilt * beyond) @ chances[(found + beyond) % len(chances)]
    grown = np.logaddexp(tilt * sizes, -tilt * sizes) - np.log(2)
    return float(np.clip(2 * np.exp(counts @ grown - tilt * found) * tail, 0, 1))


def _tilt(sizes: np.ndarray, counts: np.ndarray, found: int) -> float:
    """Tilt under which signs that favour + by exp(2 tilt size) have the sum that was found as mean.

    A Fourier transform errs by about 1e-16 of its largest value, so a chance far below that is
    read from the tilted distribution, in which it is large, and scaled back exactly.
    """

    def excess(tilt: float) -> float:
        return float((counts * sizes) @ np.tanh(tilt * sizes) - found)

    return float(brentq(excess, 0, 20))  # tanh(20) is 1 in float64


def paired_difference(
    only_a_right: int, only_b_right: int, n: int, *, effective: float | None = None
) -> Interval:
    """Accuracy of the first model minus that of the second on the same n images.

    Wald's interval after adding one image to each of the two cells in which one model alone is
    right, which covers well even where few images differ. `effective` is the `effective_size` of
    images that are not all independent; the interval is then that of a sample of this size.

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
    size = n if effective is None else effective
    first, second = ((only * size / n + 1) / (size + 2) for only in (only_a_right, only_b_right))
    spread = np.sqrt((first + second - (first - second) ** 2) / (size + 2))
    half, middle = norm.ppf((1 + CONFIDENCE) / 2) * spread, first - second
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
