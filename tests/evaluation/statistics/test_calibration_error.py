"""The calibration error without its bias: by closed forms, and by how often its interval holds."""

import numpy as np
import pytest
import scipy.stats

from benchmarks.coverage import CURVES, calibration_coverage
from evaluation.metrics.calibration import equal_width_bins
from evaluation.statistics.calibration_error import debiased_calibration_error


def test_one_bin_by_hand():
    # 400 answers of confidence .8, 280 right: the gap is .8 - .7 = .1, its standard error
    # sqrt(.7 .3 / 400) = .0229 (.8 .2 / 400 is less); each bound leaves out 1 %, 2.326 of them
    right = np.arange(400) < 280
    sure = np.full(400, 0.8)
    found = debiased_calibration_error(sure, right, equal_width_bins(sure), seed=0)
    half = scipy.stats.norm.ppf(0.99) * np.sqrt(0.7 * 0.3 / 400)
    assert found.value == pytest.approx(0.1, abs=0.001)
    assert found.low == pytest.approx(0.1 - half, abs=0.004)
    assert found.high == pytest.approx(0.1 + half, abs=0.004)
    assert found.n == 400


def test_answers_as_sure_as_right_have_no_error():
    sure = np.repeat([0.5, 0.75], 40)
    right = np.concatenate([np.arange(40) < 20, np.arange(40) < 30])
    found = debiased_calibration_error(sure, right, equal_width_bins(sure), seed=0)
    assert (found.value, found.low) == (0, 0)


def test_depends_on_the_seed_alone_and_nothing_comes_of_no_images():
    rng = np.random.default_rng(0)
    sure, right = rng.random(50), rng.random(50) < 0.5
    first, second, other = (
        debiased_calibration_error(sure, right, equal_width_bins(sure), seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other
    nothing = debiased_calibration_error(sure[:0], right[:0], equal_width_bins(sure[:0]), seed=0)
    assert np.isnan(nothing[:3]).all()
    assert nothing.n == 0


@pytest.mark.parametrize("curve", ["calibrated", "overconfident by 10 points"])
def test_the_interval_holds_the_true_error(curve):
    assert calibration_coverage(curve, n=300, draws=60) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 300, 500])
@pytest.mark.parametrize("curve", CURVES)
def test_the_interval_covers(curve, n):
    # the share of 300 draws is within .015 of the coverage two times of three
    assert calibration_coverage(curve, n, draws=300) >= 0.915


def test_one_image_is_a_bin_of_its_own():
    # .95 sure and wrong: a gap of .95, of which noise alone may bring 2.326 .5 = 1.16
    found = debiased_calibration_error(
        np.array([0.95]), np.array([False]), np.zeros(1, int), seed=0
    )
    assert found.value == pytest.approx(0.95, abs=0.02)
    assert (found.low, found.high) == (0, 1)


def test_answers_all_sure_and_right_may_still_be_off():
    # 11 of 11 right: 72 to 100 % (Clopper-Pearson, .025 ** (1 / 11)), so an error of up to 28 %
    found = debiased_calibration_error(
        np.full(11, 1 - 1e-9), np.ones(11, bool), np.full(11, 14), seed=0
    )
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 11), abs=1e-6)


def test_the_interval_covers_where_a_net_is_sure_of_everything():
    """It covered 71 % of draws: of 40 answers 97 % are right, so often all are."""
    draws = np.random.default_rng(0).random((100, 40)) < 0.97
    found = [
        debiased_calibration_error(np.full(40, 0.999), right, np.full(40, 14), seed=0)
        for right in draws
    ]
    assert np.mean([one.low <= 0.029 <= one.high for one in found]) >= 0.95


def test_the_noise_of_a_bin_without_a_right_answer():
    # four of .9, none right: the share of right ones counts as (0 + .9) / 5 = .18, so the gap of
    # .9 has a standard error of sqrt(4 .18 .82) / 4 = .192 (if calibrated sqrt(.36) / 4 = .15)
    found = debiased_calibration_error(np.full(4, 0.9), np.zeros(4, bool), np.zeros(4, int), seed=0)
    error = np.sqrt(4 * 0.18 * 0.82) / 4
    assert found.low == pytest.approx(0.9 - scipy.stats.norm.ppf(0.99) * error, abs=0.015)


def test_the_lower_bound_lets_gaps_that_noise_explains_be_noise():
    """Only the first of two bins has a gap beyond its standard error; the second may be noise."""
    sure = np.repeat([0.9, 0.6], 200)
    right = np.concatenate([np.arange(200) < 140, np.arange(200) < 114])
    found = debiased_calibration_error(sure, right, equal_width_bins(sure), seed=0)
    shares = np.array([140.9, 114.6]) / 201
    errors = np.sqrt(200 * np.maximum([0.9 * 0.1, 0.6 * 0.4], shares * (1 - shares))) / 400
    first, second = np.random.default_rng(0).standard_normal((2, 400_000)) * errors[:, None]
    reach = np.quantile(first + np.abs(second), 0.99)  # of the second its noise alone
    assert found.low == pytest.approx(0.1 + 0.015 - reach, abs=0.0012)
