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

from datasets.labels import NO_LABEL, SCHEMES, LabelScheme, LabelSet, translate
from evaluation.figures.groups import compare_pair, groups_of
from evaluation.results.schema import COMPARISON_COLUMNS, WORST_CASE
from evaluation.statistics.paired import holm


def compare_models(
    per_image: pd.DataFrame,
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
        per_image: rows of `per_image.parquet`.
        schemes: classes of each model.
        label_sets: label sets that score.
        norm: norm of the worst case.
        grid: its eps.
        rivals: models that are ranked together, by the label set that ranks them.

    Returns:
        Rows of `comparisons.parquet`.
    """
    rows, groups = [], groups_of(per_image)
    schemes = {model: scheme for model, scheme in schemes.items() if scheme.is_whole}
    of_model = {model: per_image[per_image.model == model] for model in schemes}
    for label_set in label_sets:
        for eps in (0.0, *(eps for eps in grid if eps)):
            right = {
                model: right_clean(of_model[model], scheme, label_set)
                if eps == 0
                else robust_under(of_model[model], label_set, WORST_CASE, norm, eps)
                for model, scheme in schemes.items()
            }
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


def right_clean(
    rows: pd.DataFrame,
    scheme: LabelScheme,
    label_set: LabelSet,
    perturbation: str = "none",
    severity: int | None = None,
) -> pd.Series:
    """Whether each image (by row id) is classified correctly, clean or under a corruption.

    Args:
        rows: rows of one model.
        scheme: its classes.
        label_set: label set that scores; images without one for this model are left out.
        perturbation: `none` or a corruption.
        severity: severity of the corruption.
    """
    rows = rows[rows.perturbation == perturbation]
    if severity is not None:
        rows = rows[rows.severity == severity]
    truth = translate(rows[label_set].to_numpy(np.int64), SCHEMES[label_set], scheme)
    kept = truth != NO_LABEL
    right = rows.prediction.to_numpy(np.int64)[kept] == truth[kept]
    return pd.Series(right, index=rows.row.to_numpy()[kept])


def robust_under(
    rows: pd.DataFrame, label_set: LabelSet, perturbation: str, norm: str, eps: float
) -> pd.Series:
    """Whether each image (by row id) is robust: correct when clean and on attacked ones up to eps.

    Args:
        rows: rows of one model.
        label_set: attacked labels.
        perturbation: an attack, or `worst_case` for all of them.
        norm: norm of the attack.
        eps: above 0.
    """
    attacked = rows[(rows.attacked_labels == label_set) & (rows.norm == norm)]
    if perturbation != WORST_CASE:
        attacked = attacked[attacked.perturbation == perturbation]
    return ~(attacked.smallest_eps <= eps).groupby(attacked.row).any()
