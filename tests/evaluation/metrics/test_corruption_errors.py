"""The formulae of Hendrycks & Dietterich 2019 on two types of two severities."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evaluation.metrics.corruption_errors import corruption_errors, relative_corruption_errors

ERRORS = np.array([[0.3, 0.5], [0.2, 0.2]])
BASELINE = np.array([[0.4, 0.6], [0.3, 0.5]])


def test_corruption_errors_by_hand():
    # 0.8 / 1.0 and 0.4 / 0.8
    np.testing.assert_allclose(corruption_errors(ERRORS, BASELINE), [0.8, 0.5])


def test_relative_corruption_errors_by_hand():
    # (0.8 - 2 * 0.1) / (1.0 - 2 * 0.2) and (0.4 - 0.2) / (0.8 - 0.4)
    found = relative_corruption_errors(ERRORS, 0.1, BASELINE, 0.2)
    np.testing.assert_allclose(found, [1.0, 0.5])


def test_the_baseline_itself_is_1():
    np.testing.assert_allclose(corruption_errors(BASELINE, BASELINE), 1)
    np.testing.assert_allclose(relative_corruption_errors(BASELINE, 0.2, BASELINE, 0.2), 1)


def test_a_perfect_baseline_has_no_ratio():
    assert np.isnan(corruption_errors(ERRORS, np.zeros((2, 2)))).all()
    unharmed = relative_corruption_errors(ERRORS, 0.1, np.full((2, 2), 0.25), 0.25)
    assert np.isnan(unharmed).all()


@given(
    st.integers(1, 1_000_000).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n), min_size=2, max_size=5))
    )
)
@example((100, [34, 34, 35, 36, 36]))
@example((100, [32, 33, 34, 35, 36]))
@example((120, [37, 38, 39]))
def test_a_baseline_that_loses_nothing_has_no_ratio(counted):
    """The sum of counts decides, however its shares are rounded."""
    n, counts = counted
    baseline, errors = np.array([counts]) / n, np.full((1, len(counts)), 0.5)
    clean = sum(counts) // len(counts)
    found = relative_corruption_errors(errors, 0.25, baseline, clean / n)[0]
    added = sum(counts) - len(counts) * clean
    if added == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(len(counts) * 0.25 * n / added, rel=1e-6)


@given(st.integers(1, 4), st.integers(0, 99))
def test_many_draws_at_once_are_each_on_its_own(draws, seed):
    rng = np.random.default_rng(seed)
    errors, baseline = rng.random((2, draws, 3, 2)) + 0.1
    together = corruption_errors(errors, baseline)
    apart = [corruption_errors(a, b) for a, b in zip(errors, baseline, strict=True)]
    np.testing.assert_allclose(together, apart)
    clean = rng.random((2, draws)) / 10
    relative = relative_corruption_errors(errors, clean[0], baseline, clean[1])
    each = zip(errors, clean[0], baseline, clean[1], strict=True)
    np.testing.assert_allclose(relative, [relative_corruption_errors(*one) for one in each])


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="must both be"):
        corruption_errors(ERRORS, BASELINE[:1])
