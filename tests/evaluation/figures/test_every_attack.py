"""The worst case on the faces that every attack saw, beside the one over all faces."""

import numpy as np
import pandas as pd
import pytest

from evaluation.figures.every_attack import seen_by_every_attack
from tests.evaluation.figures.eight_faces import (
    CLEAN,
    HAPPY,
    NAN,
    PGD,
    attacked,
    figure,
    image_rows,
    summary,
)

WORST = {"perturbation": "worst_case", "label_set": "fer", "attacked_labels": "fer"}


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    """PGD on all faces, Square on faces 4, 5 and 6; it breaks 5 at 0.2. 3 and 6 are wrong clean."""
    square = attacked([HAPPY] * 8, [NAN] * 5 + [0.2, 0, NAN], perturbation="square").iloc[4:7]
    return summary(image_rows(CLEAN), PGD, square)


@pytest.mark.parametrize(("eps", "robust", "broken"), [(0.1, 1 / 3, 1 / 2), (0.2, 0, 2 / 2)])
def test_only_faces_that_every_attack_saw_count(
    results: pd.DataFrame, eps: float, robust: float, broken: float
) -> None:
    at = WORST | {"subset": "every_attack", "eps": eps}
    found = figure(results, "robust_accuracy", **at)
    assert (found.value, found.n) == (pytest.approx(robust), 3)
    rate = figure(results, "attack_success_rate", **at)
    assert (rate.value, rate.n) == (broken, 2)
    assert figure(results, "robust_accuracy", **WORST, eps=eps).n == 8


def test_the_area_is_over_the_same_faces(results: pd.DataFrame) -> None:
    # robust at 0, 0.1 and 0.2: two, one and none of three; trapezoids of width 0.1, over 0.2
    area = figure(results, "security_curve_area", **WORST, subset="every_attack", eps=0.2)
    assert (area.value, area.n) == (pytest.approx((2 / 3 + 1 / 3) / 4 + (1 / 3 + 0) / 4), 3)


def test_nothing_is_added_where_every_face_saw_every_attack() -> None:
    both = summary(image_rows(CLEAN), PGD, attacked([HAPPY] * 8, [NAN] * 8, perturbation="square"))
    assert not (both.subset == "every_attack").any()


def test_attacks_on_other_faces_share_none() -> None:
    square = attacked([HAPPY] * 8, [NAN] * 8, perturbation="square")
    rows = pd.concat([PGD.iloc[:3], square.iloc[3:]])
    assert not seen_by_every_attack(rows).any()
    assert not (summary(image_rows(CLEAN), rows).subset == "every_attack").any()


def test_an_attack_on_other_sources_is_another_attack() -> None:
    other = PGD.assign(source="other.fer").iloc[:2]
    seen = seen_by_every_attack(pd.concat([PGD, other]))
    assert np.flatnonzero(seen).tolist() == [0, 1, 8, 9]
