"""Paired tests between all pairs of models on the same images: exact McNemar, Holm over all pairs.

Source: McNemar 1947; Holm 1979, "A simple sequentially rejective multiple test procedure".
"""

from itertools import combinations

import numpy as np
import pandas as pd

from datasets.labels import NO_LABEL, SCHEMES, LabelScheme, LabelSet, translate
from evaluation.results import COMPARISON_COLUMNS
from evaluation.statistics import holm, mcnemar


def compare_models(
    per_image: pd.DataFrame,
    schemes: dict[str, LabelScheme],
    label_sets: tuple[LabelSet, ...],
    norm: str,
    grid: tuple[float, ...],
) -> pd.DataFrame:
    """Compare every pair of models, clean (eps 0) and under the worst case at each eps.

    Only images that have a label for both models count. Holm's correction runs over all pairs of
    one label set and eps.

    Returns:
        Rows of `comparisons.parquet`.
    """
    rows = []
    for label_set in label_sets:
        for eps in (0.0, *(eps for eps in grid if eps)):
            right = {
                model: _right(per_image[per_image.model == model], scheme, label_set, eps)
                for model, scheme in schemes.items()
            }
            family = [_pair(a, b, right[a], right[b]) for a, b in combinations(schemes, 2)]
            corrected = holm(np.array([row["p_value"] for row in family]))
            for row, p_holm in zip(family, corrected, strict=True):
                rows.append(
                    {
                        **row,
                        "label_set": label_set,
                        "perturbation": "worst_case" if eps else "none",
                        "norm": norm if eps else "",
                        "eps": eps,
                        "p_holm": p_holm,
                        "distinguishable": p_holm < 0.05,
                    }
                )
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS)).astype(COMPARISON_COLUMNS)


def _right(lines: pd.DataFrame, scheme: LabelScheme, label_set: LabelSet, eps: float) -> pd.Series:
    """Whether each image (by row id) stands up to eps; clean when eps is 0."""
    if eps == 0:
        clean = lines[lines.perturbation == "none"]
        truth = translate(clean[label_set].to_numpy(np.int64), SCHEMES[label_set], scheme)
        kept = truth != NO_LABEL
        right = clean.prediction.to_numpy(np.int64)[kept] == truth[kept]
        return pd.Series(right, index=clean.row.to_numpy()[kept])
    attacked = lines[lines.attacked_labels == label_set]
    return ~(attacked.smallest_eps <= eps).groupby(attacked.row).any()


def _pair(a: str, b: str, right_a: pd.Series, right_b: pd.Series) -> dict[str, object]:
    both = right_a.index.intersection(right_b.index)
    test = mcnemar(right_a[both].to_numpy(bool), right_b[both].to_numpy(bool))
    return {"model_a": a, "model_b": b, **test._asdict()}
