"""Paired tests against hand sums and published values."""

import itertools
from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.statistics.intervals import Interval, proportion
from evaluation.statistics.paired import (
    holm,
    independent_difference,
    mcnemar,
    paired_difference,
    sign_flip_test,
)


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
    assert paired_difference(0, 0, 0).n == 0
    with pytest.raises(ValueError, match="at most n together"):
        paired_difference(3, 3, 5)


def test_independent_difference_published():
    # Newcombe 1998 (Statistics in Medicine 17, 873-890), table II: 56/70 - 48/80, method 10
    first, second = proportion(56, 70), proportion(48, 80)
    interval = independent_difference(first, second)
    assert interval.value == pytest.approx(0.2)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.0524, 0.3339)


def test_sign_flips_by_hand():
    # |3 + 2 + 1| = 6: of the 8 sums of +-3 +-2 +-1, only 6 and -6 are as far from 0
    assert sign_flip_test(np.array([3, 2, 1])) == pytest.approx(2 / 8)
    # 3 + 2 - 1 = 4: 6, 4, -4, -6
    assert sign_flip_test(np.array([3, 2, 0, -1])) == pytest.approx(4 / 8)
    assert sign_flip_test(np.array([2, -2])) == sign_flip_test(np.zeros(5, int)) == 1
    assert sign_flip_test(np.zeros(0, int)) == 1


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_sign_flips_equal_all_choices_of_signs(differences):
    found = np.array(differences, int)
    signs = np.array(list(itertools.product([-1, 1], repeat=len(found))), int)
    sums = np.abs(signs.reshape(-1, len(found)) @ np.abs(found))
    expected = np.mean(sums >= abs(found.sum()))
    assert sign_flip_test(found) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("won", "lost"), [(182, 0), (121, 0), (131, 24), (162, 11), (181, 1), (1000, 1), (900, 800)]
)
def test_small_p_values_of_sign_flips_are_exact(won, lost):
    """Far below the rounding of a Fourier transform, about 1e-16."""
    tail = sum(comb(won + lost, k) for k in range(lost + 1))
    expected = float(Fraction(2 * tail, 2 ** (won + lost)))
    assert sign_flip_test(np.repeat([1, -1], [won, lost])) == pytest.approx(
        expected, rel=1e-10, abs=0
    )


@given(st.data(), st.sampled_from([1, 3, 40]))
def test_sign_flips_of_groups_are_exact(data, largest):
    """Sums of groups, mostly in one direction, against every sum as whole numbers."""
    sizes = data.draw(st.lists(st.integers(1, largest), min_size=30, max_size=90))
    lost = data.draw(st.integers(0, 8))
    found = np.array(sizes) * np.where(np.arange(len(sizes)) < lost, -1, 1)
    ways = {0: 1}
    for size in sizes:
        more: dict[int, int] = {}
        for total, count in ways.items():
            more[total - size] = more.get(total - size, 0) + count
            more[total + size] = more.get(total + size, 0) + count
        ways = more
    far = sum(count for total, count in ways.items() if abs(total) >= abs(found.sum()))
    expected = float(Fraction(far, 2 ** len(sizes)))
    assert sign_flip_test(found) == pytest.approx(expected, rel=1e-9, abs=0)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 5), (3, 10), (7, 7), (12, 40)])
@pytest.mark.parametrize("unit", [1, 240])
def test_sign_flips_of_right_and_wrong_are_mcnemars_test(only_a, only_b, unit):
    found = unit * np.array([1] * only_a + [-1] * only_b + [0] * 20)
    expected = mcnemar(*paired(20, only_a, only_b, 0)).p_value
    assert sign_flip_test(found) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((2, 2), int)])
def test_sign_flips_refuse_what_is_not_whole(bad):
    with pytest.raises(ValueError, match="must be integers"):
        sign_flip_test(bad)


def test_differences_stay_within_all_and_none_and_rest_on_the_fewer_images():
    # 3 of 3: (3 + 1) / 5 - 1 / 5 = .6, and 1.96 sqrt((1 - .36) / 5) = .70 more would be 1.3
    assert paired_difference(3, 0, 3).high == 1
    assert paired_difference(0, 3, 3).low == -1
    few, many = Interval(0.5, 0.4, 0.6, 50), Interval(0.4, 0.35, 0.45, 500)
    assert independent_difference(few, many).n == independent_difference(many, few).n == 50
