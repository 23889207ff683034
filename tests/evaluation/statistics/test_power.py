"""The smallest difference is found with the stated power."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from evaluation.statistics.power import (
    smallest_detectable_difference,
    smallest_independent_difference,
)


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
    assert chance == pytest.approx(0.8, abs=5e-4)


def test_smallest_difference_beyond_few_images():
    assert smallest_detectable_difference(20, 0.1) == np.inf


@given(st.integers(50, 5000), st.floats(0.2, 1))
def test_four_times_the_images_find_about_half_the_difference(n, discordant):
    few = smallest_detectable_difference(n, discordant)
    many = smallest_detectable_difference(4 * n, discordant)
    assert 0.48 <= many / few < 0.6  # .5 but for the steps of the exact test


@pytest.mark.parametrize(("n", "discordant"), [(0, 0.5), (10, 0), (10, 1.5)])
def test_smallest_difference_refuses_impossible_input(n, discordant):
    with pytest.raises(ValueError, match="`discordant` in"):
        smallest_detectable_difference(n, discordant)


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
    assert smallest_detectable_difference(1, 1.0) == np.inf  # one image is allowed, and too few
    assert smallest_independent_difference(100, 0.0) == smallest_independent_difference(100, 1.0)
    with pytest.raises(ValueError, match="`accuracy` in"):
        smallest_independent_difference(10, 1.5)


def test_too_few_images_for_any_difference():
    # from .5 to 1: 1.96 sqrt(2 .75 .25) + .8416 sqrt(.25) = 1.621 must be at most .5 sqrt(n)
    assert smallest_independent_difference(10, 0.5) == np.inf  # .5 sqrt(10) = 1.581
    assert smallest_independent_difference(11, 0.5) < 0.5  # 1.658
