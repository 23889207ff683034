"""Calibration figures against hand sums, scikit-learn, and perfectly calibrated answers."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from evaluation.metrics import calibration

# probabilities (0.75, 0.25), (0.5, 0.5), (0.1, 0.9)
LOGITS = np.log([[0.75, 0.25], [0.5, 0.5], [0.1, 0.9]])
LABELS = np.array([0, 1, 0])


def ece(confidence: np.ndarray, right: np.ndarray, bins: np.ndarray) -> float:
    return float(calibration.calibration_error(calibration.gaps(confidence, right, bins).mean(0)))


def test_likelihood_by_hand():
    likelihood = calibration.negative_log_likelihood(LOGITS, LABELS)
    np.testing.assert_allclose(likelihood, -np.log([0.75, 0.5, 0.1]))


def test_brier_by_hand():
    # 2 * 0.25^2, 2 * 0.5^2, 2 * 0.9^2
    np.testing.assert_allclose(calibration.brier(LOGITS, LABELS), [0.125, 0.5, 1.62])


def test_scikit_learn_agrees():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(200, 5)), rng.integers(0, 5, 200)
    shares = calibration.probabilities(logits)
    judge = sklearn.metrics.log_loss(labels, shares)
    assert calibration.negative_log_likelihood(logits, labels).mean() == pytest.approx(judge)
    by_hand = np.square(shares - np.eye(5)[labels]).sum(axis=1)
    np.testing.assert_allclose(calibration.brier(logits, labels), by_hand)


def test_huge_logits_stay_finite():
    logits = np.array([[1e4, 0.0]])
    assert calibration.negative_log_likelihood(logits, np.array([1]))[0] == 1e4
    assert calibration.brier(logits, np.array([1]))[0] == 2


def test_bins_are_closed_above():
    confidence = np.array([0.0, 0.2, 0.21, 0.5, 1.0])
    found = calibration.equal_width_bins(confidence, bins=5)
    np.testing.assert_array_equal(found, [0, 0, 1, 2, 4])


def test_calibration_error_by_hand():
    # five bins: 0.5 right and 0.55 wrong share one: |1.05 - 1| / 4; 0.9 and 1.0 right another:
    # |1.9 - 2| / 4
    confidence, right = np.array([0.5, 0.55, 0.9, 1.0]), np.array([1, 0, 1, 1])
    bins = calibration.equal_width_bins(confidence, bins=5)
    np.testing.assert_array_equal(bins, [2, 2, 4, 4])
    assert ece(confidence, right, bins) == pytest.approx(0.05 / 4 + 0.1 / 4)


def test_gaps_have_a_column_per_bin():
    assert calibration.gaps(np.ones(3), np.ones(3), np.zeros(3)).shape == (3, 1)
    assert calibration.gaps(np.ones(3), np.ones(3), np.array([0, 2, 1])).shape == (3, 3)
    # a confidence above 1 by rounding stays in the last bin
    assert calibration.equal_width_bins(np.array([1 + 1e-12])).tolist() == [calibration.BINS - 1]


def test_adaptive_bins_are_equally_filled():
    confidence = np.array([0.9, 0.1, 0.8, 0.7, 0.95])
    bins = calibration.adaptive_bins(confidence, bins=2)
    # ranks 3 0 2 1 4 times 2 over 5
    np.testing.assert_array_equal(bins, [1, 0, 0, 0, 1])
    # bin 0: 1.6 against 1 right; bin 1: 1.85 against 2 right
    right = np.array([1, 0, 1, 0, 1])
    assert ece(confidence, right, bins) == pytest.approx((0.6 + 0.15) / 5)


def test_always_sure_and_always_wrong_is_the_worst():
    confidence = np.ones(10)
    bins = calibration.equal_width_bins(confidence)
    assert ece(confidence, np.zeros(10), bins) == 1
    assert ece(confidence, np.ones(10), bins) == 0


def test_calibrated_answers_have_a_small_error():
    rng = np.random.default_rng(1)
    confidence = rng.uniform(0.3, 1, 20_000)
    right = rng.random(20_000) < confidence
    for bins in (calibration.equal_width_bins, calibration.adaptive_bins):
        assert ece(confidence, right, bins(confidence)) < 0.015
        assert ece(confidence, right, bins(confidence**2)) < 0.015
        assert ece(np.sqrt(confidence), right, bins(np.sqrt(confidence))) > 0.05


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.integers(1, 20))
def test_every_image_has_one_bin(confidence, bins):
    confidence = np.array(confidence)
    wide = calibration.equal_width_bins(confidence, bins=bins)
    full = calibration.adaptive_bins(confidence, bins=bins)
    assert wide.min() >= 0
    assert wide.max() < bins
    sizes = np.bincount(full, minlength=bins)
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(full[np.argsort(confidence, kind="stable")]) >= 0).all()


@given(st.integers(1, 30), st.integers(0, 1000))
def test_error_is_at_least_the_difference_of_the_means(count, seed):
    rng = np.random.default_rng(seed)
    confidence, right = rng.random(count), rng.integers(0, 2, count)
    error = ece(confidence, right, calibration.equal_width_bins(confidence))
    assert abs(confidence.mean() - right.mean()) <= error + 1e-12
    assert error <= 1


@pytest.mark.parametrize(
    ("logits", "labels", "words"),
    [
        (np.zeros(3), np.zeros(3, int), "`logits` must be"),
        (np.zeros((3, 1)), np.zeros(3, int), "`logits` must be"),
        (np.zeros((3, 2)), np.zeros(2, int), "`labels` must be"),
        (np.zeros((3, 2)), np.zeros(3), "`labels` must be"),
        (np.zeros((1, 2)), np.array([2]), "`labels` must be"),
        (np.zeros((1, 2)), np.array([-1]), "`labels` must be"),
    ],
)
def test_bad_arrays_are_refused(logits, labels, words):
    with pytest.raises(ValueError, match=words):
        calibration.brier(logits, labels)
