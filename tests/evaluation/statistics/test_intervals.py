"""Intervals of proportions and quantiles against exact binomial coverage and published values."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from evaluation.statistics.intervals import proportion, quantile


def coverage(n: int, p: float) -> float:
    """Chance that the interval holds p: binomial probabilities of the counts where it does."""
    intervals = [proportion(count, n) for count in range(n + 1)]
    held = [interval.low <= p <= interval.high for interval in intervals]
    return float(scipy.stats.binom.pmf(np.arange(n + 1), n, p)[held].sum())


def test_wilson_by_hand():
    # Newcombe 1998 (Statistics in Medicine 17, 857-872), table I: 81 of 263 gives 0.2553 to 0.3662
    low, high = proportion(81, 263)[1:3]
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_wilson_formula():
    # (p + z2/2n -+ z sqrt(p (1 - p) / n + z2/4n2)) / (1 + z2/n)
    p, n, z = 0.3, 50, 1.959963984540054
    middle, wide = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    bounds = [(middle - wide) / (1 + z**2 / n), (middle + wide) / (1 + z**2 / n)]
    np.testing.assert_allclose(proportion(15, 50)[1:3], bounds)


def test_exact_bound_when_none_is_right():
    # 0 of n: the upper bound solves (1 - p)^n = 0.025
    interval = proportion(0, 500)
    assert interval.value == interval.low == 0
    assert interval.high == pytest.approx(1 - 0.025 ** (1 / 500))


@pytest.mark.parametrize("count", [4, 496])
def test_exact_below_five(count):
    judge = scipy.stats.binomtest(count, 500).proportion_ci(method="exact")
    assert proportion(count, 500)[1:3] == pytest.approx(tuple(judge))


@pytest.mark.parametrize("count", [5, 495])
def test_wilson_from_five(count):
    judge = scipy.stats.binomtest(count, 500).proportion_ci(method="wilson")
    assert proportion(count, 500)[1:3] == pytest.approx(tuple(judge))


def test_the_fifth_of_77_counts_as_five():
    # 5 / 77 * 77 is below 5 in floating point
    judge = scipy.stats.binomtest(5, 77).proportion_ci(method="wilson")
    assert proportion(5, 77)[1:3] == pytest.approx(judge)


def test_of_no_images():
    interval = proportion(0, 0)
    assert np.isnan(interval[:3]).all()
    assert interval.n == 0
    assert quantile(np.zeros(0), 0.5).n == 0


@pytest.mark.parametrize(("count", "n"), [(-1, 5), (6, 5)])
def test_impossible_count_is_refused(count, n):
    with pytest.raises(ValueError, match=f"Received: count={count}, n={n}"):
        proportion(count, n)


@pytest.mark.parametrize("p", [0.0005, 0.002, 0.005, 0.998])
def test_coverage_near_the_ends_is_at_least_nominal(p):
    assert coverage(500, p) >= 0.95


def test_wilson_alone_would_undercover_near_zero():
    n, p = 500, 0.002
    judge = [scipy.stats.binomtest(k, n).proportion_ci(method="wilson") for k in range(n + 1)]
    held = [bounds.low <= p <= bounds.high for bounds in judge]
    assert scipy.stats.binom.pmf(np.arange(n + 1), n, p)[held].sum() < 0.93


@pytest.mark.parametrize("n", [10, 200])
def test_coverage_is_near_nominal_everywhere(n):
    intervals = [proportion(count, n) for count in range(n + 1)]
    p = np.linspace(0.001, 0.999, 999)[:, None]
    held = (np.array([i.low for i in intervals]) <= p) & (
        p <= np.array([i.high for i in intervals])
    )
    covered = (scipy.stats.binom.pmf(np.arange(n + 1), n, p) * held).sum(axis=1)
    assert covered.min() > 0.92
    assert covered.mean() >= 0.95


@given(st.integers(1, 400), st.data())
def test_interval_holds_its_value_and_mirrors(n, data):
    count = data.draw(st.integers(0, n))
    interval, mirrored = proportion(count, n), proportion(n - count, n)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-9)


@given(st.integers(5, 100))
def test_more_images_narrow_the_interval(count):
    few, many = proportion(count, 2 * count), proportion(4 * count, 8 * count)
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize("n", [500, 1000, 3589])
@pytest.mark.parametrize("p", [0.05, 0.1, 0.25, 0.5, 0.8, 0.95])
def test_simulated_coverage_is_95_percent(n, p):
    counts = np.random.default_rng(n + round(1000 * p)).binomial(n, p, 20_000)
    values, times = np.unique(counts, return_counts=True)
    intervals = [proportion(count, n) for count in values]
    held = np.array([interval.low <= p <= interval.high for interval in intervals])
    assert 0.935 <= (held * times).sum() / 20_000 <= 0.965


def test_exact_coverage_is_near_95_percent_on_a_fine_grid():
    n, grid = 500, np.linspace(0.05, 0.95, 181)[:, None]
    intervals = [proportion(count, n) for count in range(n + 1)]
    low, high = (np.array([getattr(i, name) for i in intervals]) for name in ("low", "high"))
    chance = scipy.stats.binom.pmf(np.arange(n + 1), n, grid)
    covered = (chance * ((low <= grid) & (grid <= high))).sum(axis=1)
    assert covered.min() >= 0.935
    assert covered.max() <= 0.965


def test_quantile_by_hand():
    # Bin(20, 0.5): P(X <= 5) = 0.0207, P(X <= 6) = 0.0577 and P(X <= 14) = 0.9793: the bounds are
    # the 6th and the 15th of 20 ordered values
    assert quantile(np.arange(20.0, 0, -1), 0.5) == (10, 6, 15, 20)


def test_quantile_of_censored_values():
    values = np.array([1.0, 2.0, np.inf, np.inf])
    assert quantile(values, 0.75).value == np.inf
    assert quantile(values, 0.5) == (2, -np.inf, np.inf, 4)  # too few for bounds


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_quantile_bounds_cover(share):
    rng = np.random.default_rng(5)
    truth = scipy.stats.expon.ppf(share)
    intervals = [quantile(rng.exponential(size=60), share) for _ in range(800)]
    held = np.mean([interval.low <= truth <= interval.high for interval in intervals])
    assert 0.93 <= held <= 0.995


@pytest.mark.parametrize(("values", "share"), [([1.0], 0), ([1.0], 1), ([1.0, np.nan], 0.5)])
def test_quantile_refuses_what_has_none(values, share):
    with pytest.raises(ValueError, match="without NaN"):
        quantile(np.array(values), share)


def test_quantile_of_nothing():
    assert np.isnan(quantile(np.array([]), 0.5).value)


def test_the_lowest_of_eight_bounds_their_median():
    # P(at most 0 of 8 below the median) = 1/256 < .025, at most 1 of 8: 9/256 = .035
    found = quantile(np.arange(8.0), 0.5)
    assert (found.low, found.high) == (0, 7)
    assert quantile(np.arange(5.0), 0.5)[1:3] == (-np.inf, np.inf)  # 1/32 > .025
