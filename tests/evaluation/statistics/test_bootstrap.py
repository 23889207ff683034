"""Bootstrapped intervals against scipy and closed forms."""

import numpy as np
import pytest
import scipy.stats

from benchmarks.coverage import class_coverage
from evaluation.metrics.accuracy import balanced_accuracy, confusion_matrix, macro_f1
from evaluation.statistics.intervals import (
    MANY,
    _draws,
    bootstrap_means,
    percentile_interval,
    resampled_means,
    stratified_interval,
)


def a_confusion() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 120)
    predictions = np.where(rng.random(120) < 0.6, labels, rng.integers(-1, 3, 120))
    return labels, predictions, confusion_matrix(labels, predictions, num_classes=3)


def first_share(cells: np.ndarray) -> np.ndarray:
    return cells[..., 0, 0] / cells.sum(axis=(-2, -1))


@pytest.mark.parametrize(("right", "n"), [(3, 3), (0, 4), (40, 60)])
def test_stratified_interval_of_one_class_has_the_quantiles_of_its_posterior(right, n):
    # two classes, images of the first alone: its recall is Beta(right + .5, wrong + .5)
    confusion = np.array([[right, n - right, 0], [0, 0, 0]])
    found = stratified_interval(confusion, first_share, seed=0, draws=200_000)
    judge = scipy.stats.beta(right + 0.5, n - right + 0.5)
    expected = [*judge.ppf([0.025, 0.975]), right / n]
    assert found.value == right / n
    assert (found.low, found.high) == pytest.approx((min(expected), max(expected)), abs=0.002)


def test_the_prior_of_a_recall_is_jeffreys_whatever_the_number_of_classes():
    # the wrong answers of four classes share the half image: still Beta(right + .5, wrong + .5)
    confusion = np.zeros((4, 5), int)
    confusion[0, :2] = 6, 2
    found = stratified_interval(confusion, first_share, seed=0, draws=200_000)
    expected = scipy.stats.beta(6.5, 2.5).ppf([0.025, 0.975])
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.002)


def test_stratified_interval_keeps_the_counts_of_classes():
    # 40 images of the first class, 10 of the second: the share of the first is no matter of chance
    confusion = np.array([[30, 10, 0], [5, 4, 1]])
    found = stratified_interval(
        confusion, lambda cells: cells[..., 0, :].sum(axis=-1) / cells.sum(axis=(-2, -1)), seed=0
    )
    assert found[:3] == pytest.approx((0.8, 0.8, 0.8))


def test_stratified_interval_is_near_the_bootstrap_where_classes_are_large():
    labels, predictions, confusion = a_confusion()

    def resampled(labels, predictions):
        return float(macro_f1(confusion_matrix(labels, predictions, num_classes=3)))

    judge = scipy.stats.bootstrap(
        (labels, predictions), resampled, paired=True, vectorized=False,
        n_resamples=2000, method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    interval = stratified_interval(confusion, macro_f1, seed=0)
    assert interval.value == macro_f1(confusion)
    assert interval.n == 120
    assert (interval.low, interval.high) == pytest.approx(tuple(judge), abs=0.025)


def test_stratified_interval_depends_on_the_seed_alone():
    *_, confusion = a_confusion()
    first, second = (stratified_interval(confusion, balanced_accuracy, seed=7) for _ in range(2))
    assert first == second
    assert first != stratified_interval(confusion, balanced_accuracy, seed=8)


def test_stratified_interval_of_few_perfect_answers_keeps_its_doubt():
    interval = stratified_interval(np.array([[5, 0, 0], [0, 3, 0]]), macro_f1, seed=0)
    assert interval.value == interval.high == 1
    assert interval.low < 0.8


def test_stratified_interval_of_no_images():
    interval = stratified_interval(np.zeros((3, 4), np.int64), macro_f1, seed=0)
    assert np.isnan(interval[:3]).all()
    assert interval.n == 0


@pytest.mark.slow
@pytest.mark.parametrize("metric", [macro_f1, balanced_accuracy])
@pytest.mark.parametrize("label_set", ["fer", "ferplus"])
def test_stratified_interval_covers_on_the_class_shares_of_both_label_sets(label_set, metric):
    # the share of 300 draws is within .015 of the coverage two times of three
    assert class_coverage(label_set, metric, n=300, draws=300) >= 0.915


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


def test_bootstrap_of_means_holds_95_percent_of_the_draws():
    # enough draws to tell the bound at 93.3 % (1.83 standard errors) from 1.96
    values = np.random.default_rng(1).normal(0, 1, 400)[:, None]
    interval = bootstrap_means(values, mean_of_first, seed=0, resamples=40_000)
    error = values.std() / 20
    assert (interval.low - interval.value) / error == pytest.approx(-1.96, abs=0.06)
    assert (interval.high - interval.value) / error == pytest.approx(1.96, abs=0.06)


def test_the_normal_limit_has_the_bounds_of_drawn_images():
    """Skewed values, two columns and a ratio; images alone and in groups of near duplicates."""
    rng = np.random.default_rng(1)
    count = 2 * MANY + 2
    values = np.column_stack([rng.exponential(2.0, count), rng.random(count) < 0.3])

    def ratio(means: np.ndarray) -> np.ndarray:
        return means[..., 0] / means[..., 1]

    for statistic in (mean_of_first, ratio):
        for groups in (None, np.arange(count) // 2):
            interval = bootstrap_means(values, statistic, seed=0, groups=groups)
            few = values[: MANY - 2]  # drawn image by image
            alike = None if groups is None else groups[: len(few)]
            drawn = bootstrap_means(few, statistic, seed=0, groups=alike)
            expected = (drawn.high - drawn.low) / np.sqrt(count / len(few))
            assert interval.high - interval.low == pytest.approx(expected, rel=0.08)
            assert interval.value == statistic(values.mean(axis=0)) and interval.n == count


def test_draws_count_each_image_as_often_as_it_was_drawn():
    rng = np.random.default_rng(7)
    expected = [np.bincount(rng.integers(0, 90, 90), minlength=90) for _ in range(100)]
    np.testing.assert_array_equal(_draws(90, 7, 100), expected)


def test_figures_that_share_their_draws_equal_those_drawn_alone():
    values = np.random.default_rng(1).random((60, 3))
    drawn = resampled_means(values, seed=5)
    for place in range(3):
        alone = bootstrap_means(values[:, [place]], mean_of_first, seed=5)
        together = percentile_interval(values[:, place].mean(), drawn[:, place], 60)
        assert together == pytest.approx(alone, rel=1e-12)


def test_bootstrap_of_means_depends_on_the_seed_alone():
    values = np.random.default_rng(1).random((50, 1))
    first = bootstrap_means(values, mean_of_first, seed=3)
    _draws.cache_clear()
    assert bootstrap_means(values, mean_of_first, seed=3) == first
    assert bootstrap_means(values, mean_of_first, seed=4) != first


def test_bounds_hold_a_figure_that_bends_at_its_optimum():
    # two images 1 and -1: the mean is 0, and |mean| is 0 or 1 in each draw
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
    assert interval.n == 0
    with pytest.raises(ValueError, match=r"must be \(N, M\)"):
        bootstrap_means(np.zeros(3), mean_of_first, seed=0)


@pytest.mark.parametrize("count", [1, 7, MANY + 3])
@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 3.248])
def test_equal_values_have_no_bounds(count, value):
    interval = bootstrap_means(np.full((count, 1), value), mean_of_first, seed=0)
    assert interval.value == pytest.approx(value) and interval.n == count
    assert np.isnan([interval.low, interval.high]).all()


def test_one_group_of_near_duplicates_has_no_bounds():
    values = np.random.default_rng(1).random((5, 1))
    interval = bootstrap_means(values, mean_of_first, seed=0, groups=np.zeros(5, np.int64))
    assert interval.value == values.mean() and np.isnan(interval.low) and np.isnan(interval.high)


def test_small_differences_keep_their_bounds():
    values = 1e-5 * np.random.default_rng(1).random((50, 1))
    interval = bootstrap_means(values, mean_of_first, seed=0)
    assert interval.low < interval.value < interval.high
