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
    assert found.value == pytest.approx(0.1, abs=0.002)
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


@pytest.mark.parametrize("curve", ["calibrated", "10 points too sure"])
def test_the_interval_holds_the_true_error(curve):
    assert calibration_coverage(curve, n=300, draws=60) >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 300, 500])
@pytest.mark.parametrize("curve", CURVES)
def test_the_interval_covers(curve, n):
    # the share of 300 draws is within .015 of the coverage two times of three
    assert calibration_coverage(curve, n, draws=300) >= 0.915
