"""Metrics against hand-computed values, against scikit-learn, and by their properties."""

from itertools import pairwise

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evaluation.metrics.accuracy import (
    balanced_accuracy,
    confusion_matrix,
    macro_f1,
    majority_share,
    per_class_recall,
)
from evaluation.metrics.robustness import censored_eps, is_robust, security_curve_areas
from evaluation.statistics.intervals import quantile

NAN = np.nan
GRID = (1.0, 2.0, 4.0)

LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTIONS = np.array([0, 0, 1, 1, -1, 0])
CONFUSION = np.array([[2, 1, 0, 0], [0, 1, 0, 1], [1, 0, 0, 0]])
BROKEN_AT = np.array([0.0, 1.0, 2.0, NAN, NAN])

classes = st.integers(2, 8)
broken = arrays(np.float64, st.integers(0, 30), elements=st.sampled_from([0.0, *GRID, NAN]))


@st.composite
def answers(draw):
    """Labels, predictions and K; a prediction of -1 is a class the labels do not have."""
    num_classes, count = draw(classes), draw(st.integers(1, 60))
    labels = draw(arrays(np.int64, count, elements=st.integers(0, num_classes - 1)))
    predictions = draw(arrays(np.int64, count, elements=st.integers(-1, num_classes - 1)))
    return labels, predictions, num_classes


def test_confusion_by_hand():
    counted = confusion_matrix(LABELS, PREDICTIONS, num_classes=3)
    np.testing.assert_array_equal(counted, CONFUSION)


def test_recall_by_hand():
    np.testing.assert_allclose(per_class_recall(CONFUSION), [2 / 3, 1 / 2, 0])
    assert balanced_accuracy(CONFUSION) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


def test_macro_f1_by_hand():
    # 2 TP / (labelled + predicted): class 0: 4 / (3 + 3); class 1: 2 / (2 + 2); class 2: 0 / 1
    assert macro_f1(CONFUSION) == pytest.approx((4 / 6 + 2 / 4 + 0) / 3)


def test_class_without_images_is_left_out():
    confusion = np.array([[1, 0, 1, 0], [0, 2, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(per_class_recall(confusion), [0.5, 1.0, NAN])
    assert balanced_accuracy(confusion) == (0.5 + 1.0) / 2
    assert macro_f1(confusion) == pytest.approx((2 / (2 + 1) + 1.0) / 2)


def test_majority_share_by_hand():
    assert majority_share(LABELS) == 3 / 6


def test_majority_share_of_fer2013_public_test():
    counts = [467, 56, 496, 895, 653, 415, 607]
    assert majority_share(np.repeat(np.arange(7), counts)) == 895 / 3589


@pytest.mark.parametrize(("eps", "left"), [(0, 4 / 5), (1, 3 / 5), (1.5, 3 / 5), (2, 2 / 5)])
def test_what_stands_by_hand(eps, left):
    assert is_robust(BROKEN_AT, eps=eps).mean() == left


def test_median_counts_images_that_stood():
    # right on clean: 1, 2, stood, stood; half of the four are broken by 2, three quarters never
    broken = censored_eps(BROKEN_AT)
    np.testing.assert_array_equal(broken, [1.0, 2.0, np.inf, np.inf])
    assert [quantile(broken, share).value for share in (0.25, 0.5, 0.75)] == [1.0, 2.0, np.inf]


def test_median_is_beyond_the_grid_when_most_stood():
    assert quantile(censored_eps(np.array([0.0, 1.0, NAN, NAN])), 0.5).value == np.inf


def test_security_curve_area_by_hand():
    # robust accuracy 0.8, 0.6, 0.4, 0.4 at eps 0, 1, 2, 4: areas 0.7 + 0.5 + 0.8 over a width of 4
    areas = security_curve_areas(BROKEN_AT, eps_grid=GRID)
    assert areas.mean() == pytest.approx((0.7 + 0.5 + 0.8) / 4)
    # one image: wrong before; broken at 1: falls from 1 to 0 within [0, 1]; at 2: 1 + 0.5; stood
    np.testing.assert_allclose(areas, [0, 0.5 / 4, 1.5 / 4, 1, 1])


def test_the_area_of_a_single_eps_is_the_mean_of_its_ends():
    # three of four right when clean, one of them robust: (3/4 + 1/4) / 2
    areas = security_curve_areas(np.array([0.0, 0.1, 0.1, np.nan]), eps_grid=[0.1])
    assert areas.tolist() == [0, 0.5, 0.5, 1]


def test_no_images_give_nan():
    nothing = np.array([], np.int64)
    confusion = confusion_matrix(nothing, nothing, num_classes=3)
    assert np.isnan(majority_share(nothing))
    assert np.isnan(balanced_accuracy(confusion))
    assert np.isnan(macro_f1(confusion))
    assert security_curve_areas(np.array([]), eps_grid=GRID).shape == (0,)


def test_nothing_right_before_stands_nowhere():
    wrong = np.zeros(3)
    assert not is_robust(wrong, eps=1).any()
    assert censored_eps(wrong).shape == (0,)


@given(answers())
def test_scikit_learn_agrees(answer):
    labels, predictions, num_classes = answer
    confusion = confusion_matrix(labels, predictions, num_classes=num_classes)
    everything = [*range(num_classes), -1]
    judge = sklearn.metrics.confusion_matrix(labels, predictions, labels=everything)
    np.testing.assert_array_equal(confusion, judge[:-1])
    present = np.unique(labels)
    f1 = sklearn.metrics.f1_score(
        labels, predictions, labels=present, average="macro", zero_division=0
    )
    recall = sklearn.metrics.recall_score(labels, predictions, labels=present, average=None)
    assert macro_f1(confusion) == pytest.approx(f1)
    np.testing.assert_allclose(per_class_recall(confusion)[present], recall)
    assert balanced_accuracy(confusion) == pytest.approx(recall.mean())


@given(answers(), st.randoms(use_true_random=False))
def test_order_of_images_and_names_of_classes_do_not_matter(answer, random):
    labels, predictions, num_classes = answer
    order = np.array(random.sample(range(len(labels)), len(labels)))
    names = np.array([*random.sample(range(num_classes), num_classes), -1])
    before = confusion_matrix(labels, predictions, num_classes=num_classes)
    after = confusion_matrix(
        names[labels][order], names[predictions][order], num_classes=num_classes
    )
    assert macro_f1(after) == pytest.approx(macro_f1(before))
    assert balanced_accuracy(after) == pytest.approx(balanced_accuracy(before))


@given(answers())
def test_perfect_answers_score_one(answer):
    labels, _, num_classes = answer
    confusion = confusion_matrix(labels, labels, num_classes=num_classes)
    assert balanced_accuracy(confusion) == macro_f1(confusion) == 1


def test_stacked_confusions_give_stacked_figures():
    stacked = np.stack([CONFUSION, np.array([[0, 1, 0, 0], [0, 3, 0, 0], [0, 0, 2, 1]])])
    for metric in (per_class_recall, balanced_accuracy, macro_f1):
        np.testing.assert_allclose(metric(stacked), np.stack([metric(one) for one in stacked]))


@given(broken)
def test_what_stands_never_rises_with_eps(smallest_eps):
    curve = [is_robust(smallest_eps, eps=eps) for eps in (0, *GRID, 8)]
    assert all((after <= before).all() for before, after in pairwise(curve))


@given(broken)
def test_median_is_where_half_are_broken(smallest_eps):
    median = quantile(censored_eps(smallest_eps), 0.5).value
    right = smallest_eps[smallest_eps != 0]
    if np.isfinite(median):
        assert (right <= median).mean() >= 0.5
        assert (right <= median * 0.99).mean() < 0.5
    elif np.isinf(median):
        assert (right <= GRID[-1]).mean() < 0.5


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([0, -1], [0, 0], "drop rows without a label"),
        ([0, 1], [0, -2], "`predictions` must be >= -1"),
        ([0, 1], [0], r"must both be \(N,\)"),
        ([[0], [1]], [[0], [1]], r"must both be \(N,\)"),
        ([0.0, 1.0], [0, 1], "must be integers"),
    ],
)
def test_bad_answers_are_refused(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(np.array(labels), np.array(predictions), num_classes=2)


@pytest.mark.parametrize("name", ["labels", "predictions"])
def test_class_beyond_k_is_refused(name):
    answers = {"labels": np.array([0, 1]), "predictions": np.array([0, 1])} | {
        name: np.array([0, 3])
    }
    with pytest.raises(ValueError, match=f"`{name}` must be below 3. Received: 3"):
        confusion_matrix(**answers, num_classes=3)


def test_bad_eps_is_refused():
    with pytest.raises(ValueError, match="each >= 0 or NaN"):
        is_robust(np.array([-1.0]), eps=1)
    with pytest.raises(ValueError, match="each >= 0 or NaN"):
        is_robust(np.ones((2, 2)), eps=1)
    with pytest.raises(ValueError, match=r"`eps` must be >= 0\. Received: nan"):
        is_robust(np.ones(2), eps=NAN)


@pytest.mark.parametrize("grid", [(), (0.0, 1.0), (2.0, 1.0)])
def test_bad_grid_is_refused(grid):
    with pytest.raises(ValueError, match="`eps_grid` must rise"):
        security_curve_areas(BROKEN_AT, eps_grid=grid)
