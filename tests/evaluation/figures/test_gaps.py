"""Gaps between groups of faces, counted by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from datasets.labels import FER7, LabelSet
from evaluation.figures.gaps import subgroup_gaps
from evaluation.figures.outcomes import outcomes_of
from evaluation.results.schema import ADDED_COLUMNS, GAP_COLUMNS, PER_IMAGE_COLUMNS
from tests.evaluation.held_rows import HeldRows

HAPPY, SAD = 3, 4


def rows(right: list[bool], subgroups: object, **columns: object) -> pd.DataFrame:
    """Clean rows of a model, all labelled happy."""
    values = dict.fromkeys(PER_IMAGE_COLUMNS, "") | dict.fromkeys(ADDED_COLUMNS, np.nan)
    count = len(right)
    values |= {
        "row": np.arange(count), "model": "net", "perturbation": "none", "severity": pd.NA,
        "fer": HAPPY, "ferplus": -1, "votes": None, "leaked": pd.NA, "label": -1,
        "prediction": np.where(right, HAPPY, SAD), "clean_prediction": HAPPY, "logits": None,
        "smallest_eps": np.nan, "distance": np.nan, "forward": 0, "backward": 0,
        "group": np.arange(count), "subgroups": subgroups,
    } | columns  # fmt: skip
    return pd.DataFrame(values)[list(PER_IMAGE_COLUMNS)].astype(PER_IMAGE_COLUMNS)


def attacked(broken: list[bool], subgroups: object) -> pd.DataFrame:
    columns = {
        "perturbation": "pgd", "attacked_labels": "fer", "norm": "linf", "label": HAPPY,
        "smallest_eps": np.where(broken, 4 / 255, np.nan),
    }  # fmt: skip
    return rows([True] * len(broken), subgroups, **columns)


def gaps(frame: pd.DataFrame) -> pd.DataFrame:
    images = HeldRows(frame)
    outcomes = {"net": outcomes_of(images.of("net"), FER7, (LabelSet.FER,))}
    return subgroup_gaps(images.faces, outcomes, (LabelSet.FER,), "linf", (0.0, 4 / 255))


TWO = [("age:child",)] * 40 + [("age:adult",)] * 60


def test_of_two_groups_the_first_is_compared_with_the_other() -> None:
    right = [True] * 20 + [False] * 20 + [True] * 54 + [False] * 6
    broken = [True] * 30 + [False] * 10 + [True] * 30 + [False] * 30
    found = gaps(pd.concat([rows(right, TWO), attacked(broken, TWO)], ignore_index=True))
    assert list(found) == list(GAP_COLUMNS)
    clean, worst = found.to_dict("records")
    assert (clean["subset"], clean["others"]) == ("age:adult", "age:child")
    assert (clean["value"], clean["n"], clean["others_value"], clean["others_n"]) == (
        0.9,
        60,
        0.5,
        40,
    )
    assert clean["gap"] == pytest.approx(0.4)
    assert 0.2 < clean["ci_low"] < 0.4 < clean["ci_high"] < 0.6
    assert clean["p_value"] == pytest.approx(fisher_exact([[54, 6], [20, 20]]).pvalue)
    assert clean["p_holm"] == clean["p_value"] and clean["distinguishable"]
    assert (worst["perturbation"], worst["eps"]) == ("worst_case", 4 / 255)
    assert (worst["value"], worst["others_value"]) == (0.5, 0.25)
    assert 0.2 < worst["smallest_gap"] < 0.4  # 48 faces each, from a quarter


def test_several_groups_are_compared_with_all_others_and_small_ones_only_belong_to_them() -> None:
    names = [("age:a", "x:1")] * 30 + [("age:b", "x:2")] * 30 + [("age:c",)] * 30 + [("age:d",)] * 9
    right = [True] * 30 + [False] * 30 + [True] * 39
    found = gaps(rows(right, names))
    assert found.subset.tolist() == ["age:a", "age:b", "age:c", "x:1"]
    assert found.others.tolist() == ["age: all others"] * 3 + ["x:2"]
    assert found.others_n.tolist() == [69, 69, 69, 30]  # faces without a value of x are in no group
    assert (found.p_holm >= found.p_value).all() and (found.p_holm > found.p_value).any()
    one = found.iloc[0]
    assert one.smallest_gap > 0.2


def test_equal_pixels_count_once_on_each_side() -> None:
    frame = rows([True] * 40 + [False] * 60, TWO, group=[0] * 20 + list(range(1, 81)))
    found = gaps(frame).iloc[0]
    assert (found.n, found.others_n) == (60, 21)


def test_nothing_is_compared_without_groups_or_with_one() -> None:
    assert gaps(rows([True] * 40, None)).empty
    assert gaps(rows([True] * 40, [("age:a",)] * 40)).empty
    assert gaps(rows([True] * 40, [("age:a",)] * 31 + [("age:b",)] * 9)).empty
