"""Gaps between groups of faces: accuracy of one group against the others of the same attribute.

Near duplicates count once on each side. Groups below `LEAST_FACES` are not compared, but
belong to the others.

Source: Fisher 1922, Journal of the Royal Statistical Society 85, 87-94 (exact test of two
proportions); Newcombe 1998 for the interval and Holm 1979 for all groups, see
`evaluation/statistics/paired.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import fisher_exact

from datasets.labels import LabelSet
from evaluation.figures.groups import groups_of
from evaluation.figures.outcomes import Outcomes
from evaluation.results.schema import GAP_COLUMNS, LEAST_FACES, WORST_CASE
from evaluation.results.select import headline_eps
from evaluation.statistics.intervals import proportion
from evaluation.statistics.paired import holm, independent_difference
from evaluation.statistics.power import LEVEL, smallest_independent_difference


def subgroup_gaps(
    faces: pd.DataFrame,
    outcomes: Mapping[str, Outcomes],
    label_sets: tuple[LabelSet, ...],
    norm: str,
    grid: tuple[float, ...],
) -> pd.DataFrame:
    """Compare the groups of faces of a run.

    Args:
        faces: see `ImageRows.faces`.
        outcomes: of each model.
        label_sets: label sets that score.
        norm: norm of the attacks.
        grid: eps of the worst case.

    Returns:
        Rows of `gaps.parquet`; none in a run without groups.
    """
    found: list[dict[str, Any]] = []
    faces = faces.set_index("row")
    if not (faces.empty or faces.subgroups.isna().any()):
        eps = headline_eps(grid, norm)
        for model, of_model in outcomes.items():
            for label_set in label_sets:
                right = of_model.right(label_set, norm, 0)
                key = {"model": model, "label_set": str(label_set)}
                found += _family(right, faces, key | {"perturbation": "none", "norm": "", "eps": 0})
                if eps:
                    robust = of_model.right(label_set, norm, eps)
                    attacked = {"perturbation": WORST_CASE, "norm": norm, "eps": eps}
                    found += _family(robust, faces, key | attacked)
    return pd.DataFrame(found, columns=list(GAP_COLUMNS)).astype(GAP_COLUMNS)


def _family(right: pd.Series, faces: pd.DataFrame, key: dict[str, Any]) -> list[dict[str, Any]]:
    """All gaps of one model and figure, corrected together."""
    tests = [key | gap for gap in _gaps(right, faces)]
    corrected = holm(np.array([test["p_value"] for test in tests]))
    for test, p_holm in zip(tests, corrected, strict=True):
        n = 2 / (1 / test["n"] + 1 / test["others_n"])  # two samples of this size know as much
        smallest = smallest_independent_difference(
            n, test["others_value"], alpha=LEVEL / len(tests)
        )
        test |= {"p_holm": p_holm, "distinguishable": p_holm < LEVEL, "smallest_gap": smallest}
    return tests


def _gaps(right: pd.Series, faces: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Each group of each attribute against the others; of two groups, the first."""
    names = faces.subgroups.loc[right.index]
    pixels = groups_of(faces.reset_index()).loc[right.index]
    for attribute in sorted({name.partition(":")[0] for each in names for name in each}):
        value = names.map(
            lambda each, start=f"{attribute}:": next((n for n in each if n.startswith(start)), "")
        )
        table = pd.DataFrame({"right": right.astype(bool), "value": value, "pixels": pixels})
        table = table[table["value"] != ""].drop_duplicates(["pixels", "value"])
        counts = table["value"].value_counts()
        large = sorted(name for name, count in counts.items() if count >= LEAST_FACES)
        for name in large[:1] if len(counts) == 2 else large:
            inside = table["value"] == name
            if (~inside).sum() >= LEAST_FACES:
                others = next(iter(set(counts.index) - {name})) if len(counts) == 2 else ""
                yield _gap(table["right"][inside], table["right"][~inside]) | {
                    "subset": name,
                    "others": others or f"{attribute}: all others",
                }


def _gap(one: pd.Series, two: pd.Series) -> dict[str, Any]:
    first, second = (proportion(int(each.sum()), len(each)) for each in (one, two))
    gap = independent_difference(first, second)
    counts = [[int(each.sum()), int((~each).sum())] for each in (one, two)]
    return {
        "value": first.value,
        "n": first.n,
        "others_value": second.value,
        "others_n": second.n,
        "gap": gap.value,
        "ci_low": gap.low,
        "ci_high": gap.high,
        "p_value": float(fisher_exact(counts).pvalue),
    }
