"""Paired tests between models, on rows made by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from datasets.labels import FER7, FERPLUS8, LabelScheme, LabelSet
from evaluation.figures.comparisons import compare_models
from evaluation.figures.groups import groups_of
from evaluation.figures.outcomes import outcomes_of
from evaluation.statistics.ranks import rank_ranges

ALL = {"fer": ["a.fer", "b.fer", "c.fer"]}


def rows(
    model: str, right: list[bool], broken: list[float], contempt: int | None = None
) -> pd.DataFrame:
    """Clean and PGD rows; every FER label is 3 (happy), every FER+ label 1 or 7."""
    count = len(right)
    ferplus = np.ones(count, np.int64)
    if contempt is not None:
        ferplus[contempt] = 7
    answer = 3 if model.endswith(".fer") else 1
    clean = {
        "row": range(count),
        "model": model,
        "attacked_labels": "",
        "perturbation": "none",
        "norm": "",
        "fer": 3,
        "group": pd.NA,
        "ferplus": ferplus,
        "prediction": np.where(right, answer, 0),
        "smallest_eps": np.nan,
    }
    attacked = {**clean, "attacked_labels": "fer", "perturbation": "pgd"}
    attacked |= {"norm": "linf", "smallest_eps": broken}
    return pd.concat([pd.DataFrame(clean), pd.DataFrame(attacked)])


def compare(
    per_image: pd.DataFrame,
    schemes: dict[str, LabelScheme],
    label_sets: tuple[LabelSet, ...],
    *others: Any,
) -> pd.DataFrame:
    outcomes = {
        model: outcomes_of(per_image[per_image.model == model], scheme, label_sets)
        for model, scheme in schemes.items()
    }
    return compare_models(outcomes, groups_of(per_image), schemes, label_sets, *others)


def test_clean_and_attacked_pairs() -> None:
    per_image = pd.concat(
        [
            rows("a.fer", [True] * 8, [0.1] * 8),
            rows("b.fer", [False] * 6 + [True] * 2, [0.0] * 6 + [np.nan] * 2),
        ]
    )
    schemes = {"a.fer": FER7, "b.fer": FER7}
    table = compare(per_image, schemes, (LabelSet.FER,), "linf", (0.1,), ALL)
    clean, attacked = table.iloc[0], table.iloc[1]
    assert (clean.only_a_right, clean.only_b_right, clean.n) == (6, 0, 8)
    assert clean.p_value == pytest.approx(2 * 0.5**6)  # two-sided sign test of 6 against 0
    assert clean.distinguishable
    assert (attacked.only_a_right, attacked.only_b_right) == (0, 2)
    assert attacked.difference == pytest.approx(-2 / 8)
    assert not attacked.distinguishable


def test_images_with_the_same_pixels_count_together() -> None:
    """a beats b on six images; in pairs of equal ones these are three, p = 2 / 2^3."""
    per_image = pd.concat(
        [rows("a.fer", [True] * 6, [np.nan] * 6), rows("b.fer", [False] * 6, [0.0] * 6)]
    )
    schemes = {"a.fer": FER7, "b.fer": FER7}
    twins = per_image.assign(group=per_image.row // 2 * 2)
    for images, p_value in ((per_image, 2 / 2**6), (twins, 2 / 2**3)):
        found = compare(images, schemes, (LabelSet.FER,), "linf", (0.1,), ALL)
        assert found.p_value.tolist() == pytest.approx([p_value] * 2)
        assert found.n.tolist() == [6, 6] and found.only_a_right.tolist() == [6, 6]


def test_only_images_with_a_label_for_both_count() -> None:
    per_image = pd.concat(
        [
            rows("a.fer", [True] * 4, [np.nan] * 4, contempt=0),
            rows("b.ferplus", [True] * 4, [np.nan] * 4, contempt=0),
        ]
    )
    schemes = {"a.fer": FER7, "b.ferplus": FERPLUS8}
    table = compare(per_image, schemes, (LabelSet.FERPLUS,), "linf", (), ALL)
    assert table.n.tolist() == [3]


def test_holm_runs_over_all_pairs_of_one_eps() -> None:
    per_image = pd.concat(
        rows(f"{name}.fer", [name == "a"] * 6, [np.nan] * 6) for name in ("a", "b", "c")
    )
    schemes = {f"{name}.fer": FER7 for name in ("a", "b", "c")}
    table = compare(per_image, schemes, (LabelSet.FER,), "linf", (), ALL)
    assert table.p_value.tolist() == pytest.approx([2 / 64, 2 / 64, 1])
    assert table.p_holm.tolist() == pytest.approx([6 / 64, 6 / 64, 1])


def test_a_pair_that_no_ranking_compares_costs_the_others_no_power() -> None:
    """a beats b and c; c has no rank, so that one pair is a family of its own."""
    per_image = pd.concat(
        rows(f"{name}.fer", [name == "a"] * 6, [np.nan] * 6) for name in ("a", "b", "c")
    )
    schemes = {f"{name}.fer": FER7 for name in ("a", "b", "c")}
    ranked = {"fer": ["a.fer", "b.fer"], "ferplus": ["c.fer"]}
    table = compare(per_image, schemes, (LabelSet.FER,), "linf", (), ranked)
    assert table.p_value.tolist() == pytest.approx([2 / 64, 2 / 64, 1])
    assert table.p_holm.tolist()[0] == pytest.approx(2 / 64) and table.p_holm[1:].isna().all()
    assert table.distinguishable[0] and table.distinguishable[1:].isna().all()


def test_other_norms_are_left_out() -> None:
    other = rows("a.fer", [True] * 4, [0.1] * 4).iloc[4:].assign(norm="l2", perturbation="fmn")
    per_image = pd.concat(
        [rows("a.fer", [True] * 4, [np.nan] * 4), other, rows("b.fer", [True] * 4, [0.1] * 4)]
    )
    schemes = {"a.fer": FER7, "b.fer": FER7}
    table = compare(per_image, schemes, (LabelSet.FER,), "linf", (0.1,), ALL)
    assert table.only_a_right.tolist() == [0, 4]


def pairs(*found: tuple[str, str, float, bool]) -> pd.DataFrame:
    return pd.DataFrame(found, columns=["model_a", "model_b", "difference", "distinguishable"])


def test_rank_ranges_by_hand() -> None:
    # a beats b and c; b and c cannot be told apart
    table = pairs(("a", "b", 0.2, True), ("c", "a", -0.3, True), ("b", "c", 0.1, False))
    assert rank_ranges(table, ["c", "b", "a"]) == {"c": (2, 3), "b": (2, 3), "a": (1, 1)}


def test_ranks_that_only_a_third_model_orders() -> None:
    # a beats c, but b is distinguishable from neither
    table = pairs(("a", "b", 0.1, False), ("b", "c", 0.1, False), ("a", "c", 0.2, True))
    assert rank_ranges(table, ["a", "b", "c"]) == {"a": (1, 2), "b": (1, 3), "c": (2, 3)}


def test_a_model_alone_is_first() -> None:
    assert rank_ranges(pairs(), ["a"]) == {"a": (1, 1)}
