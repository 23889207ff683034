"""Robust accuracy of the worst case when every attacked image has 8 bits.

Not here: what breaks in 8 bits (`evaluation/stages/eight_bits.py`).
"""

from collections.abc import Mapping

import pandas as pd

from datasets.labels import LabelScheme, LabelSet
from evaluation.figures.figure_rows import Figures, figure_key
from evaluation.figures.images import Images
from evaluation.metrics.robustness import is_robust
from evaluation.results.schema import WORST_CASE


def eight_bit_figures(
    figures: Figures,
    attacked: pd.DataFrame,
    scheme: LabelScheme,
    label_set: LabelSet,
    grids: Mapping[str, tuple[float, ...]],
) -> None:
    """Add a row for each eps; none for a run of an earlier version, which did not measure it.

    Args:
        figures: takes the rows.
        attacked: rows of one model whose attacked labels are `label_set`.
        scheme: the model's classes.
        label_set: labels that were attacked and that score.
        grids: eps of each attack and of the worst case, ascending.
    """
    for norm, rows in attacked.groupby("norm", sort=False):
        if rows.smallest_eps_8bit.isna().any():
            continue
        model = rows.model.iloc[0]
        smallest = rows.groupby("row").smallest_eps_8bit.min()
        one = rows.drop_duplicates("row")
        one = one.assign(smallest_eps=smallest.loc[one.row].to_numpy())
        images = Images(one, scheme, label_set).scored()
        key = figure_key(
            model, label_set, attacked_labels=label_set, norm=norm, perturbation=WORST_CASE
        )
        for eps in grids[WORST_CASE]:
            robust = is_robust(images.smallest_eps, eps=eps)
            for subset, mask in images.strata:
                share = images.share(robust, mask)
                where = key | {"source": model, "eps": eps}
                figures.add(where, subset, "robust_accuracy_8bit", share)
