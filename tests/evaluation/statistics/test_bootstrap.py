"""Bootstrapped intervals against scipy and closed forms."""

import numpy as np
import pytest
import scipy.stats

from evaluation.metrics.accuracy import balanced_accuracy, confusion_matrix, macro_f1
from evaluation.statistics.intervals import _draws, bootstrap, bootstrap_means, proportion


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
    with pytest.raises(ValueError, match=r"must be \(N, M\)"):
        bootstrap_means(np.zeros(3), mean_of_first, seed=0)
