"""Intervals against exact binomial coverage and published values; tests against hand sums."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics.accuracy import balanced_accuracy, confusion_matrix, macro_f1
from evaluation.statistics.intervals import _draws, bootstrap, bootstrap_means, proportion, quantile
from evaluation.statistics.paired import holm, independent_difference, mcnemar, paired_difference
from evaluation.statistics.power import (
    smallest_detectable_difference,
    smallest_independent_difference,
)


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


def test_of_no_images():
    interval = proportion(0, 0)
    assert np.isnan(interval[:3]).all()
    assert interval.n == 0


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


def a_confusion() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 120)
    predictions = np.where(rng.random(120) < 0.6, labels, rng.integers(-1, 3, 120))
    return labels, predictions, confusion_matrix(labels, predictions, num_classes=3)


def test_bootstrap_agrees_with_scipy():
    labels, predictions, confusion = a_confusion()

    def resampled(labels, predictions):
        return float(macro_f1(confusion_matrix(labels, predictions, num_classes=3)))

    judge = scipy.stats.bootstrap(
        (labels, predictions), resampled, paired=True, vectorized=False,
        n_resamples=2000, method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    interval = bootstrap(confusion, macro_f1, seed=0)
    assert interval.value == macro_f1(confusion)
    assert interval.n == 120
    # the bounds' own simulation error is about 0.004
    assert (interval.low, interval.high) == pytest.approx(tuple(judge), abs=0.015)


def test_bootstrap_of_accuracy_is_near_wilson():
    confusion = np.array([[700, 300, 0], [0, 0, 0]])
    interval = bootstrap(
        confusion, lambda cells: cells[..., 0, 0] / cells.sum(axis=(-2, -1)), seed=0
    )
    wilson = proportion(700, 1000)
    assert (interval.low, interval.high) == pytest.approx((wilson.low, wilson.high), abs=0.004)


def test_bootstrap_hangs_on_the_seed_alone():
    *_, confusion = a_confusion()
    first, second = (bootstrap(confusion, balanced_accuracy, seed=7) for _ in range(2))
    assert first == second
    assert first != bootstrap(confusion, balanced_accuracy, seed=8)


def test_bootstrap_of_perfect_answers_has_no_width():
    interval = bootstrap(np.diag([5, 3])[:, [0, 1, 1]] * [1, 1, 0], macro_f1, seed=0)
    assert interval[:3] == (1, 1, 1)


def test_bootstrap_of_no_images():
    interval = bootstrap(np.zeros((3, 4), np.int64), macro_f1, seed=0)
    assert np.isnan(interval[:3]).all()
    assert interval.n == 0


def paired(both: int, only_a: int, only_b: int, none: int) -> tuple[np.ndarray, np.ndarray]:
    right_a = np.repeat([True, True, False, False], [both, only_a, only_b, none])
    right_b = np.repeat([True, False, True, False], [both, only_a, only_b, none])
    return right_a, right_b


def test_mcnemar_by_hand():
    # 1 against 7 of 8: 2 (C(8,0) + C(8,1)) / 2^8 = 18 / 256
    test = mcnemar(*paired(80, 1, 7, 12))
    assert test == (100, 1, 7, -0.06, pytest.approx(18 / 256))


def test_mcnemar_published():
    # Fay 2011 (R package exact2x2, vignette): 9 against 2 discordant pairs, p = 0.06543
    assert mcnemar(*paired(21, 9, 2, 12)).p_value == pytest.approx(0.06543, abs=5e-6)


def test_mcnemar_without_disagreement():
    assert mcnemar(*paired(5, 0, 0, 5)) == (10, 0, 0, 0.0, 1.0)


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_does_not_favour_the_first(only_a, only_b):
    forth = mcnemar(*paired(3, only_a, only_b, 3))
    back = mcnemar(*paired(3, only_b, only_a, 3))
    assert forth.p_value == pytest.approx(back.p_value)
    assert forth.difference == -back.difference


@pytest.mark.parametrize(
    ("right_a", "right_b"),
    [
        (np.ones(3, bool), np.ones(2, bool)),
        (np.ones(3), np.ones(3)),
        (np.ones((2, 2), bool), np.ones((2, 2), bool)),
        (np.ones(3, bool), np.ones(3, int)),
    ],
)
def test_mcnemar_refuses_what_is_not_paired(right_a, right_b):
    with pytest.raises(ValueError, match="must be bool of one shape"):
        mcnemar(right_a, right_b)


def test_holm_by_hand():
    # sorted .005 .01 .03 .04 times 4 3 2 1 = .02 .03 .06 .04; the last may not fall below .06
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_lies_between_none_and_bonferroni(p_values):
    raw = np.array(p_values)
    adjusted = holm(raw)
    assert (adjusted >= raw).all()
    assert (adjusted <= np.minimum(1, raw * len(raw)) + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= 0).all()


@pytest.mark.parametrize("bad", [1.5, -0.1, np.nan])
def test_holm_refuses_what_is_no_probability(bad):
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]"):
        holm(np.array([0.5, bad]))


@pytest.mark.parametrize(("n", "discordant"), [(500, 0.2), (3589, 0.1)])
def test_smallest_difference_is_found_with_the_stated_power(n, discordant):
    difference = smallest_detectable_difference(n, discordant)
    # exact power: over the number of discordant images, then over how many favour the first
    chance = 0.0
    likely = scipy.stats.binom(n, discordant)
    for size in range(int(likely.ppf(1e-4)), int(likely.ppf(1 - 1e-4)) + 1):
        wins = np.arange(size + 1)
        p_values = np.minimum(
            1, 2 * scipy.stats.binom.cdf(np.minimum(wins, size - wins), size, 0.5)
        )
        share = (1 + difference / discordant) / 2
        found = scipy.stats.binom.pmf(wins, size, share)[p_values < 0.05].sum()
        chance += likely.pmf(size) * found
    assert 0.75 < chance < 0.82


def test_smallest_difference_beyond_few_images():
    assert smallest_detectable_difference(20, 0.1) == np.inf


@given(st.integers(50, 5000), st.floats(0.2, 1))
def test_four_times_the_images_find_about_half_the_difference(n, discordant):
    few = smallest_detectable_difference(n, discordant)
    many = smallest_detectable_difference(4 * n, discordant)
    assert 0.5 <= many / few < 0.6


@pytest.mark.parametrize(("n", "discordant"), [(0, 0.5), (10, 0), (10, 1.5)])
def test_smallest_difference_refuses_impossible_input(n, discordant):
    with pytest.raises(ValueError, match="`discordant` in"):
        smallest_detectable_difference(n, discordant)


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


def mean_of_first(means: np.ndarray) -> np.ndarray:
    return means[..., 0]


def test_bootstrap_of_means_agrees_with_the_normal_interval():
    values = np.random.default_rng(1).exponential(2.0, 400)[:, None]
    interval = bootstrap_means(values, mean_of_first, seed=0)
    half = 1.96 * values.std() / 20
    assert interval.value == pytest.approx(values.mean())
    assert interval.n == 400
    expected = (values.mean() - half, values.mean() + half)
    assert (interval.low, interval.high) == pytest.approx(expected, abs=0.03)


def test_bootstrap_of_means_hangs_on_the_seed_alone():
    values = np.random.default_rng(1).random((50, 1))
    first = bootstrap_means(values, mean_of_first, seed=3)
    _draws.cache_clear()
    assert bootstrap_means(values, mean_of_first, seed=3) == first
    assert bootstrap_means(values, mean_of_first, seed=4) != first


def test_bounds_hold_a_figure_that_bends_at_its_optimum():
    # two images 1 and -1: the mean is 0, and |mean| of every draw is 0 or 1
    values = np.array([[1.0], [-1.0]])
    interval = bootstrap_means(values, lambda m: np.abs(m[..., 0]), seed=0)
    assert interval[:3] == (0, 0, 1)


def test_bootstrap_leaves_out_draws_without_a_figure():
    values = np.array([[1.0, 0.0], [1.0, 1.0]])  # ratio of means: undefined when only the first

    def ratio(means: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            found = means[..., 0] / means[..., 1]
        return np.where(np.isinf(found), np.nan, found)

    assert bootstrap_means(values, ratio, seed=0) == (2, 1, 2, 2)
    undefined = bootstrap_means(values[:1], ratio, seed=0)
    assert np.isnan(undefined[:3]).all()
    assert undefined.n == 1


def test_bootstrap_of_means_of_no_images():
    interval = bootstrap_means(np.zeros((0, 3)), mean_of_first, seed=0)
    assert np.isnan(interval[:3]).all()
    with pytest.raises(ValueError, match=r"must be \(N, M\)"):
        bootstrap_means(np.zeros(3), mean_of_first, seed=0)


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


def test_paired_difference_by_hand():
    # 12 against 4 of 98: p = 13/100, q = 5/100; 0.08 -+ 1.96 sqrt((0.18 - 0.08^2) / 100)
    interval = paired_difference(12, 4, 98)
    half = 1.959964 * np.sqrt((0.18 - 0.0064) / 100)
    assert interval.value == pytest.approx(8 / 98)
    assert (interval.low, interval.high) == pytest.approx((0.08 - half, 0.08 + half))


@pytest.mark.parametrize(("only_a", "only_b"), [(0.02, 0.02), (0.1, 0.05), (0.2, 0.02)])
def test_paired_difference_covers(only_a, only_b):
    shares = [only_a, only_b, 1 - only_a - only_b]
    drawn = np.random.default_rng(2).multinomial(500, shares, 2000)
    intervals = [paired_difference(a, b, 500) for a, b, _ in drawn]
    held = np.mean([i.low <= only_a - only_b <= i.high for i in intervals])
    assert 0.935 <= held <= 0.97


def test_paired_difference_of_no_images_and_of_too_many():
    assert np.isnan(paired_difference(0, 0, 0).value)
    with pytest.raises(ValueError, match="at most n together"):
        paired_difference(3, 3, 5)


def test_independent_difference_published():
    # Newcombe 1998 (Statistics in Medicine 17, 873-890), table II: 56/70 - 48/80, method 10
    first, second = proportion(56, 70), proportion(48, 80)
    interval = independent_difference(first, second)
    assert interval.value == pytest.approx(0.2)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.0524, 0.3339)


@pytest.mark.parametrize(("n", "accuracy"), [(500, 0.65), (3589, 0.02), (200, 0.9), (80, 0.3)])
def test_smallest_independent_difference_has_the_stated_power(n, accuracy):
    difference = smallest_independent_difference(n, accuracy)
    other = accuracy + (difference if accuracy < 0.5 else -difference)
    rng = np.random.default_rng(0)
    first, second = (rng.binomial(n, share, 40_000) / n for share in (accuracy, other))
    middle = (first + second) / 2
    spread = np.sqrt(np.maximum(2 * middle * (1 - middle) / n, 1e-12))
    assert np.mean(np.abs(first - second) / spread > 1.959964) == pytest.approx(0.8, abs=0.04)


def test_smallest_independent_difference_published():
    # Fleiss, Levin & Paik 2003: 0.60 against 0.70 needs 356 of each at 80 % power
    difference = smallest_independent_difference(356, 0.6)
    assert 0.099 < difference < 0.106  # the other share is taken below 0.6 here


def test_smallest_independent_difference_refuses_impossible_input():
    assert smallest_independent_difference(1, 0.5) == np.inf
    with pytest.raises(ValueError, match="`accuracy` in"):
        smallest_independent_difference(10, 1.5)
