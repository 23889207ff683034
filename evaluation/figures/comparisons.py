"""Paired tests between all pairs of models on the same images: exact McNemar, Holm over rivals.

Rivals are the models that are ranked together; a pair that no ranking compares has an uncorrected
p-value and no verdict.

Near duplicates count together, see `evaluation/figures/groups.py`.

Source: McNemar 1947; Holm 1979, "A simple sequentially rejective multiple test procedure".
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from datasets.labels import LabelScheme, LabelSet
from evaluation.figures.groups import compare_pair
from evaluation.figures.outcomes import Outcomes
from evaluation.results.schema import COMPARISON_COLUMNS, WORST_CASE
from evaluation.statistics.paired import holm


def compare_models(
    outcomes: Mapping[str, Outcomes],
    groups: pd.Series,
    schemes: dict[str, LabelScheme],
    label_sets: tuple[LabelSet, ...],
    norm: str,
    grid: tuple[float, ...],
    rivals: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """Compare every pair of models, clean (eps 0) and under the worst case at each eps.

    Models that lack classes of their label set are left out: they are scored on other faces and
    have fewer answers to choose from. Only images that have a label for both models count. Holm's
    correction runs over the pairs of rivals, for one label set and eps; `p_holm` and
    `distinguishable` of other pairs are missing.

    Args:
        outcomes: of each model.
        groups: group of each image by row id, see `groups_of`.
        schemes: classes of each model.
        label_sets: label sets that score.
        norm: norm of the worst case.
        grid: its eps.
        rivals: models that are ranked together, by the label set that ranks them.

    Returns:
        Rows of `comparisons.parquet`.
    """
    rows = []
    schemes = {model: scheme for model, scheme in schemes.items() if scheme.is_whole}
    for label_set in label_sets:
        for eps in (0.0, *(eps for eps in grid if eps)):
            right = {model: outcomes[model].right(label_set, norm, eps) for model in schemes}
            family: list[dict[str, Any]] = [
                {"model_a": a, "model_b": b} | compare_pair(right[a], right[b], groups)[0]._asdict()
                for a, b in combinations(schemes, 2)
            ]
            together = set(rivals.get(label_set, ()))
            tested = [{row["model_a"], row["model_b"]} <= together for row in family]
            corrected = np.full(len(family), np.nan)
            corrected[tested] = holm(np.array([row["p_value"] for row in family])[tested])
            for row, is_tested, p_holm in zip(family, tested, corrected, strict=True):
                rows.append(
                    {
                        **row,
                        "label_set": label_set,
                        "perturbation": WORST_CASE if eps else "none",
                        "norm": norm if eps else "",
                        "eps": eps,
                        "p_holm": p_holm,
                        "distinguishable": p_holm < 0.05 if is_tested else pd.NA,
                    }
                )
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS)).astype(COMPARISON_COLUMNS)
