"""Images with the same pixels count once in every interval."""

import numpy as np
import pytest

from evaluation.metrics.accuracy import balanced_accuracy
from evaluation.statistics.calibration_error import debiased_calibration_error
from evaluation.statistics.intervals import (
    bootstrap_means,
    effective_size,
    proportion,
    quantile,
    stratified_interval,
)
from evaluation.statistics.paired import mcnemar, paired_difference
from evaluation.statistics.power import smallest_detectable_difference


def test_effective_size_by_hand():
    assert effective_size(np.arange(7)) == 7
    assert effective_size(np.repeat(np.arange(40), 2)) == 40
    assert effective_size(np.array([1, 1, 2, 3])) == pytest.approx(16 / 6)  # 4^2 / (4 + 1 + 1)
    assert effective_size(np.zeros(0)) == 0


@pytest.mark.parametrize("right", [0, 3, 5, 20, 35, 38, 40])
def test_a_share_of_images_seen_twice_has_the_interval_of_seeing_them_once(right):
    once, twice = proportion(right, 40), proportion(2 * right, 80, effective=40.0)
    assert twice[:3] == pytest.approx(once[:3])
    assert twice.n == 80


def test_all_intervals_of_images_seen_twice_are_as_wide_as_of_seeing_them_once():
    rng = np.random.default_rng(0)
    values, groups = rng.random((40, 1)), np.repeat(np.arange(40), 2)
    twice = np.repeat(values, 2, axis=0)
    assert bootstrap_means(twice, lambda m: m[..., 0], seed=0, groups=groups)[:3] == pytest.approx(
        bootstrap_means(values, lambda m: m[..., 0], seed=0)[:3]
    )
    confusion = np.array([[18, 2, 0], [5, 15, 0]])
    found = stratified_interval(2 * confusion, balanced_accuracy, seed=0, effective=40.0)
    assert found[:3] == pytest.approx(
        stratified_interval(confusion, balanced_accuracy, seed=0)[:3], abs=1e-9
    )
    sure, right = rng.uniform(0.5, 1, 40), rng.random(40) < 0.5
    bins = np.zeros(40, int)
    once = debiased_calibration_error(sure, right, bins, seed=0)
    both = debiased_calibration_error(
        sure.repeat(2), right.repeat(2), bins.repeat(2), seed=0, effective=40.0
    )
    assert both.high - both.low == pytest.approx(once.high - once.low, rel=0.05)


def test_a_paired_test_of_images_seen_twice_is_that_of_seeing_them_once():
    first = np.array([True] * 9 + [False] * 3 + [True] * 8)
    second = np.array([False] * 9 + [True] * 3 + [True] * 8)
    once = mcnemar(first, second)
    twice = mcnemar(first.repeat(2), second.repeat(2), np.arange(20).repeat(2))
    assert twice.p_value == pytest.approx(once.p_value)
    assert (twice.n, twice.only_a_right, twice.only_b_right) == (40, 18, 6)
    assert mcnemar(first, second, np.arange(20)[::-1]).p_value == pytest.approx(once.p_value)
    assert mcnemar(first[:0], second[:0], np.arange(0)).p_value == 1
    narrow, wide = paired_difference(18, 6, 40), paired_difference(18, 6, 40, effective=20.0)
    assert wide[:3] == pytest.approx(paired_difference(9, 3, 20)[:3])
    assert (wide.n, wide.value) == (40, narrow.value) and narrow.low > wide.low


def test_equal_images_that_contradict_each_other_say_nothing():
    # two images of a group, each model right on one: the group's difference is 0
    first, second = np.array([True, False, True]), np.array([False, True, False])
    assert mcnemar(first, second, np.array([0, 0, 1])).p_value == 1


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_quantiles_of_images_seen_twice_have_the_interval_of_seeing_them_once(share):
    values = np.random.default_rng(0).random(41)
    once, twice = quantile(values, share), quantile(values.repeat(2), share, effective=41.0)
    assert twice[:3] == once[:3]
    assert twice.n == 82
    few = quantile(values[:3].repeat(5), share, effective=3.0)
    assert few[:3] == quantile(values[:3], share)[:3]  # at least one bound is infinite


def test_quantiles_of_images_of_which_some_are_equal_are_between_the_two():
    values, groups = np.arange(60.0), np.r_[np.arange(40), np.arange(20)]
    found = quantile(values, 0.5, effective=effective_size(groups))  # 60^2 / (20 + 20 4) = 36
    # of 36 values the 12th and the 25th bound the median; of 60 these are the 20th and the 41st
    assert (found.low, found.high) == (values[19], values[40])


def test_the_power_of_a_test_of_equal_images_is_the_stated_one():
    groups = np.r_[np.arange(200), np.arange(100), np.arange(100)]  # 100 alone, 100 three times
    size = effective_size(groups)
    assert size == 160  # 400^2 / (100 + 100 9)
    difference = smallest_detectable_difference(int(size), 0.3)
    assert difference > 1.5 * smallest_detectable_difference(400, 0.3)
    rng, found = np.random.default_rng(0), 0
    for _ in range(1000):
        drawn = rng.random(200)[groups]
        only_a = drawn < (0.3 + difference) / 2
        found += mcnemar(only_a, (drawn < 0.3) & ~only_a, groups).p_value < 0.05
    assert found / 1000 == pytest.approx(0.8, abs=0.04)
