"""Rows of results.csv from eight faces whose every figure can be counted by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datasets.labels import FERPLUS8
from evaluation.figures.attack import worst_case
from tests.evaluation.figures.eight_faces import (
    CLEAN,
    GRID,
    HAPPINESS,
    HAPPY,
    NAN,
    PGD,
    SAD,
    SADNESS,
    attacked,
    figure,
    image_rows,
    summary,
)


def test_clean_accuracy_and_probabilities(results: pd.DataFrame) -> None:
    clean = {"label_set": "fer", "perturbation": "none"}
    assert figure(results, "accuracy", **clean).value == 6 / 8
    assert figure(results, "accuracy", **clean | {"label_set": "ferplus"}).value == 6 / 7
    # every confidence is 1/2 and six of eight are right
    assert figure(results, "ece", **clean).value == pytest.approx(2 / 8)
    # right: 1/4 + 6 (1/12)^2; wrong: 1/4 + (1 - 1/12)^2 + 5 (1/12)^2
    right, wrong = 1 / 4 + 6 / 144, 1 / 4 + (11 / 12) ** 2 + 5 / 144
    assert figure(results, "brier", **clean).value == pytest.approx((6 * right + 2 * wrong) / 8)
    expected = (6 * np.log(2) + 2 * np.log(12)) / 8
    assert figure(results, "nll", **clean).value == pytest.approx(expected)
    accuracy = figure(results, "bin_accuracy", detail="0.467-0.533", **clean)
    assert (accuracy.value, accuracy.n) == (6 / 8, 8)
    assert figure(results, "bin_confidence", detail="0.467-0.533", **clean).value == pytest.approx(
        0.5
    )


def test_sizes_are_medians_over_what_broke_by_then() -> None:
    # broken at 0.1: faces 0 and 4, at 0.2 also 1 and 2
    sizes = np.array([0.1, 0.2, 0.15, NAN, 0.05, NAN, NAN, NAN])
    alike = np.where(np.isnan(sizes), NAN, 1 - sizes)
    found = summary(image_rows(CLEAN), PGD.assign(l2=sizes, ssim=alike, linf=sizes))
    under = {"label_set": "fer", "perturbation": "pgd"}
    early = figure(found, "median_l2", eps=0.1, **under)
    # nothing is interpolated: the smallest value that half of them do not exceed
    assert (early.value, early.ci_low, early.ci_high, early.n) == (0.05, 0, np.inf, 2)
    late = figure(found, "median_l2", eps=0.2, **under)
    assert (late.value, late.n) == (0.1, 4)  # of .05, .1, .15, .2
    ssim = figure(found, "median_ssim", eps=0.2, **under)
    assert (ssim.value, ssim.ci_low, ssim.ci_high) == (0.85, -1, 1)  # of .8, .85, .9, .95
    worst = figure(found, "median_l2", eps=0.2, **under | {"perturbation": "worst_case"})
    assert worst.value == late.value
    assert not (found.metric == "median_l1").any()  # never measured


def test_votes(results: pd.DataFrame) -> None:
    clean = {"label_set": "ferplus", "perturbation": "none"}
    # faces 0-2: 0.8; 3: sad, nobody; 4, 5: 0.9; 6: 0.9; 7 has no label and cannot be attacked
    agreement = figure(results, "expected_agreement", **clean)
    assert agreement.value == pytest.approx((3 * 0.8 + 0 + 3 * 0.9) / 7)
    assert agreement.n == 7
    half, rest = np.log(2), np.log(12)
    entropy = 3 * (0.8 * half + 0.2 * rest) + rest + 3 * (0.9 * half + 0.1 * rest)
    assert figure(results, "vote_cross_entropy", **clean).value == pytest.approx(entropy / 7)
    # one bin: confidence 1/2 against the mean agreement
    assert figure(results, "soft_ece", **clean).value == pytest.approx(5.1 / 7 - 0.5)
    clear = figure(results, "expected_agreement", **clean | {"subset": "clear"})
    assert (clear.value, clear.n) == (pytest.approx((0 + 3 * 0.9) / 4), 4)
    ambiguous = figure(results, "expected_agreement", **clean | {"subset": "ambiguous"})
    assert ambiguous.n == 0


def test_the_sweep(results: pd.DataFrame) -> None:
    key = {"label_set": "fer", "attacked_labels": "fer", "perturbation": "pgd"}
    assert figure(results, "robust_accuracy", eps=0.1, **key).value == 4 / 8
    assert figure(results, "robust_accuracy", eps=0.2, **key).value == 2 / 8
    no_leak = figure(results, "robust_accuracy", eps=0.2, **key | {"subset": "no_leak"})
    assert (no_leak.value, no_leak.n) == (2 / 7, 7)
    # broken: 0.1 0.1 0.2 0.2 and two beyond the grid
    assert figure(results, "lower_quartile_smallest_eps", **key).value == 0.1
    assert figure(results, "median_smallest_eps", **key).value == 0.2
    upper = figure(results, "upper_quartile_smallest_eps", **key)
    assert (upper.value, upper.n) == (np.inf, 6)
    # 6/8 at 0, 4/8 at 0.1, 2/8 at 0.2: (5/8 + 3/8) / 2
    assert figure(results, "security_curve_area", **key).value == pytest.approx(0.5)


def test_an_attack_at_one_eps_has_figures_there_and_counts_above() -> None:
    # face 5, which PGD leaves, breaks at 0.1, to happy
    broken = [NAN, NAN, NAN, 0, NAN, 0.1, 0, NAN]
    answers = [*CLEAN[:5], HAPPY, *CLEAN[6:]]
    found = summary(image_rows(CLEAN), PGD, attacked(answers, broken, perturbation="once"))
    key = {"attacked_labels": "fer", "perturbation": "once"}
    for label_set, left in (("fer", 5 / 8), ("ferplus", 5 / 7)):
        only = figure(found, "robust_accuracy", label_set=label_set, **key)
        assert (only.eps, only.value) == (0.1, left)
    of_once = found[found.perturbation == "once"].metric
    assert not of_once.isin(["security_curve_area", "median_smallest_eps"]).any()
    worst = {"label_set": "fer", "attacked_labels": "fer", "perturbation": "worst_case"}
    assert figure(found, "robust_accuracy", eps=0.1, **worst).value == 3 / 8
    assert figure(found, "robust_accuracy", eps=0.2, **worst).value == 1 / 8
    pgd = {"label_set": "ferplus", "attacked_labels": "fer", "perturbation": "pgd"}
    alone = figure(found, "robust_accuracy", eps=0.2, **pgd).value
    together = figure(found, "robust_accuracy", eps=0.2, **pgd | {"perturbation": "worst_case"})
    assert together.value == pytest.approx(alone - 1 / 7)


def test_flows(results: pd.DataFrame) -> None:
    key = {"label_set": "fer", "attacked_labels": "fer", "perturbation": "worst_case"}
    happy = key | {"subset": "class:happy"}
    flow = figure(results, "flow", detail="sad", eps=0.2, **happy)
    assert (flow.value, flow.n) == (2 / 3, 3)  # of the three happy faces right before
    assert figure(results, "flow", detail="neutral", eps=0.2, **happy).value == 1 / 3
    assert figure(results, "flow", detail="neutral", eps=0.1, **happy).value == 0
    rows = results[(results.metric == "flow") & (results.attacked_labels == "fer")]
    assert not (rows.subset == "class:" + rows.detail).any()
    for (subset, eps), part in rows.groupby(["subset", "eps"]):
        rate = figure(results, "attack_success_rate", eps=eps, **key | {"subset": subset})
        if rate.n:
            assert part.value.sum() == pytest.approx(rate.value)


def test_attacked_probabilities_are_those_of_the_kept_or_the_clean_face(
    results: pd.DataFrame,
) -> None:
    key = {"label_set": "fer", "attacked_labels": "fer", "perturbation": "worst_case"}
    assert figure(results, "ece", eps=0.1, **key).value == pytest.approx(0, abs=1e-6)
    assert figure(results, "ece", eps=0.2, **key).value == pytest.approx(2 / 8)
    expected = (4 * np.log(2) + 4 * np.log(12)) / 8
    assert figure(results, "nll", eps=0.1, **key).value == pytest.approx(expected)


def test_plausible_flips(results: pd.DataFrame) -> None:
    key = {"label_set": "fer", "attacked_labels": "fer", "perturbation": "worst_case"}
    # by 0.2: 0 and 1 to sad, which two of ten saw; 2 to neutral and 4 to happy, which nobody saw
    flips = figure(results, "plausible_flip", eps=0.2, **key)
    assert (flips.value, flips.n) == (2 / 4, 4)
    rate = figure(results, "implausible_success_rate", eps=0.2, **key)
    assert (rate.value, rate.n) == (2 / 6, 6)
    assert figure(results, "plausible_flip", eps=0.1, **key).value == 1 / 2


def test_an_attack_on_a_part_of_the_faces_leaves_the_others_to_the_rest() -> None:
    part = attacked([HAPPY] * 8, [NAN] * 5 + [0.1] * 3, perturbation="square").iloc[4:6]
    found = summary(image_rows(CLEAN), PGD, part)
    key = {"attacked_labels": "fer", "eps": 0.2}
    worst = key | {"perturbation": "worst_case"}
    own = figure(found, "robust_accuracy", label_set="fer", **worst)
    assert (own.value, own.n) == (1 / 8, 8)  # of 5 and 7 the square breaks 5
    transfer = figure(found, "robust_accuracy", label_set="ferplus", **worst)
    assert (transfer.value, transfer.n) == (1 / 7, 7)  # 6
    square = figure(found, "robust_accuracy", label_set="fer", perturbation="square", **key)
    assert (square.value, square.n) == (1 / 2, 2)


def test_worst_case_is_kept_apart_by_norm() -> None:
    square = attacked([SAD] * 8, [NAN] * 3 + [0] + [NAN] * 4, norm="l2")
    found = summary(image_rows(CLEAN), PGD, square)
    key = {"label_set": "fer", "attacked_labels": "fer", "perturbation": "worst_case", "eps": 0.2}
    assert figure(found, "robust_accuracy", norm="linf", **key).value == 2 / 8
    assert figure(found, "robust_accuracy", norm="l2", **key).value == 7 / 8


def test_contempt_and_a_model_of_eight_classes() -> None:
    eight = [HAPPINESS] * 4 + [SADNESS] * 3 + [7]
    found = summary(
        image_rows(eight, classes=8, model="net.ferplus"), schemes={"net.ferplus": FERPLUS8}
    )
    key = {"label_set": "fer", "perturbation": "none"}
    assert figure(found, "accuracy", **key).value == 7 / 8
    assert figure(found, "expected_agreement", label_set="ferplus").n == 7


@given(
    st.integers(1, 4).flatmap(
        lambda attacks: arrays(
            np.float64, (attacks, 9), elements=st.sampled_from([0.0, *GRID, NAN])
        )
    )
)
def test_worst_case_is_at_least_as_strong_as_each_part(smallest_eps: np.ndarray) -> None:
    attacks, rows = smallest_eps.shape
    every = pd.DataFrame({"row": np.tile(np.arange(rows), attacks)})
    worst = worst_case(every.assign(smallest_eps=smallest_eps.ravel()))
    np.testing.assert_array_equal(worst.row, np.arange(rows))
    np.testing.assert_array_equal(worst.smallest_eps, np.fmin.reduce(smallest_eps, axis=0))
