"""The formulae of Hendrycks & Dietterich 2019 on two types of two severities."""

import numpy as np
import pytest
from hypothesis import given
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
