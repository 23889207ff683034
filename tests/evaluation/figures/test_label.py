"""Figures between the two label sets of eight faces, counted by hand."""

import pandas as pd
import pytest

from datasets.labels import LabelSet
from tests.evaluation.figures.eight_faces import (
    CLEAN,
    HAPPY,
    NAN,
    NEUTRAL,
    PGD,
    SAD,
    attacked,
    figure,
    image_rows,
    summary,
)


def test_label_transfer(results: pd.DataFrame) -> None:
    key = {"attacked_labels": "fer", "label_set": "ferplus", "perturbation": "worst_case"}
    # seven faces have both labels; face 3 is wrong under FER+ too, 6 is right there and untouched
    at = figure(results, "robust_accuracy", eps=0.1, **key)
    assert (at.value, at.n) == (4 / 7, 7)  # 1, 2, 5, 6
    assert figure(results, "robust_accuracy", eps=0.2, **key).value == 2 / 7  # 5, 6
    back = {"attacked_labels": "ferplus", "label_set": "fer", "perturbation": "pgd"}
    at = figure(results, "robust_accuracy", eps=0.2, **back)
    assert (at.value, at.n) == (4 / 7, 7)  # 1, 2, 4, 5: face 0 broke, 3 and 6 were wrong before


def test_transfer_under_two_attacks_needs_both_stood() -> None:
    other = attacked(
        [HAPPY, HAPPY, HAPPY, SAD, SAD, NEUTRAL, NEUTRAL, SAD],
        [NAN, NAN, NAN, 0, NAN, 0.1, 0, NAN],
        perturbation="fgsm",
    )
    found = summary(image_rows(CLEAN), PGD, other)
    key = {"attacked_labels": "fer", "label_set": "ferplus", "eps": 0.2}
    assert figure(found, "robust_accuracy", perturbation="pgd", **key).value == 2 / 7  # 5, 6
    assert figure(found, "robust_accuracy", perturbation="fgsm", **key).value == 5 / 7
    assert figure(found, "robust_accuracy", perturbation="worst_case", **key).value == 1 / 7


def test_the_oracle(results: pd.DataFrame) -> None:
    clean = {"label_set": "fer", "perturbation": "none"}
    oracle = figure(results, "oracle_accuracy", **clean)
    assert (oracle.value, oracle.n) == (6 / 7, 7)  # the label sets differ on face 6
    beside = figure(results, "oracle_faces_accuracy", **clean)
    assert (beside.value, beside.n) == (5 / 7, 7)  # faces 3 and 6 are wrong
    share = figure(results, "label_noise_share", **clean)
    assert (share.value, share.n) == (1 / 2, 2)  # faces 3 and 6 are wrong
    worst = clean | {"perturbation": "worst_case", "eps": 0.2}
    share = figure(results, "label_noise_share", **worst)
    assert (share.value, share.n) == (1 / 6, 6)  # 0, 1, 2, 3, 4, 6


def test_an_answer_that_is_neither_label_is_no_label_noise() -> None:
    """The label sets differ on face 6 (sad, neutral): only the answer neutral is explained."""
    key = {"label_set": "fer", "perturbation": "none"}
    for answer, explained in ((NEUTRAL, 1), (HAPPY, 0)):
        found = summary(image_rows([*CLEAN[:6], answer, SAD]))
        share = figure(found, "label_noise_share", **key)
        assert (share.value, share.n) == (explained / 2, 2)  # faces 3 and 6 are wrong
    # attacked: right when clean, face 6 is broken at 0.1 by one answer and at 0.2 by another
    right = [*CLEAN[:6], SAD, SAD]
    for answer, explained in ((NEUTRAL, 1), (HAPPY, 0)):
        broken = attacked(
            [*right[:6], answer, SAD], [NAN] * 3 + [0] + [NAN] * 2 + [0.2, NAN], clean=right
        )
        found = summary(image_rows(right), broken)
        worst = {"label_set": "fer", "perturbation": "worst_case"}
        for eps, lost in ((0.1, 1), (0.2, 2)):  # face 3 was wrong before
            share = figure(found, "label_noise_share", eps=eps, **worst)
            assert (share.value, share.n) == (explained / 2 if lost == 2 else 0, lost)


def test_the_gap_between_the_label_sets(results: pd.DataFrame) -> None:
    gap = figure(results, "label_gap", label_set="ferplus", perturbation="none")
    assert (gap.value, gap.n) == (pytest.approx(1 / 7), 7)  # face 6
    at = figure(results, "label_gap", label_set="ferplus", perturbation="worst_case", eps=0.2)
    # under FER+ 1, 2, 4, 5 stand, under FER only 5
    assert at.value == pytest.approx(3 / 7)
    assert at.ci_low < at.value < at.ci_high


def test_an_attack_under_one_label_set_only_does_not_open_a_gap() -> None:
    """Square breaks faces 1 and 5 under FER+ alone, then face 5 under both label sets."""
    both = [PGD, PGD.assign(attacked_labels="ferplus")]
    square = attacked([SAD] * 8, [NAN, 0.1, NAN, 0, NAN, 0.1, 0, NAN], perturbation="square")
    alone = square.assign(attacked_labels="ferplus")
    at = {"label_set": "ferplus", "perturbation": "worst_case", "eps": 0.1}
    without = figure(summary(image_rows(CLEAN), *both), "label_gap", **at)
    found = figure(summary(image_rows(CLEAN), *both, alone), "label_gap", **at)
    assert (found.value, found.n) == (without.value, without.n)
    under_both = [square[square.row == 55], alone]
    found = figure(summary(image_rows(CLEAN), *both, *under_both), "label_gap", **at)
    assert (found.value, found.n) == (without.value, without.n)  # face 5 falls under both


def test_no_attack_under_both_label_sets_gives_no_gap() -> None:
    found = summary(image_rows(CLEAN), PGD)
    worst = found[(found.metric == "label_gap") & (found.perturbation == "worst_case")]
    assert (worst.n == 0).all() and worst.value.isna().all()


def test_one_label_set_has_no_figures_between_two() -> None:
    found = summary(image_rows(CLEAN), PGD, label_sets=(LabelSet.FER,))
    assert set(found.label_set) == {"fer"}
    assert not set(found.metric) & {"oracle_accuracy", "label_gap", "label_noise_share"}
    assert set(found.attacked_labels) == {"", "fer"}
