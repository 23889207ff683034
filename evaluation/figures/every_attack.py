"""The worst case on the images that every attack saw, where some attacks saw only a part of them.

Slow attacks of a tier are limited to the first images. The worst case over all images is then a
mixture: some faced more attacks than others. Its figures on the images that every attack saw have
the subset `every_attack` (decision 20).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from datasets.labels import LabelScheme, LabelSet
from evaluation.figures.attack import area_figures, worst_case
from evaluation.figures.figure_rows import Figures, figure_key
from evaluation.figures.images import Images
from evaluation.metrics.robustness import is_robust
from evaluation.results.schema import EVERY_ATTACK, WORST_CASE


def every_attack_figures(
    figures: Figures,
    rows: pd.DataFrame,
    scheme: LabelScheme,
    label_set: LabelSet,
    grids: Mapping[str, tuple[float, ...]],
) -> None:
    """Add robust accuracy, attack success rate and curve area; nothing where no image lacks one.

    Args:
        figures: takes the rows.
        rows: rows of one model.
        scheme: its classes.
        label_set: labels that were attacked and that score.
        grids: eps of each attack and of the worst case, ascending.
    """
    for norm, of_norm in rows[rows.attacked_labels == label_set].groupby("norm", sort=False):
        seen = seen_by_every_attack(of_norm)
        if seen.all():
            continue
        images = Images(worst_case(of_norm[seen]), scheme, label_set).scored()
        if not len(images.rows):
            continue
        key = figure_key(
            str(of_norm.model.iloc[0]), label_set, attacked_labels=label_set, norm=norm,
            perturbation=WORST_CASE, source=str(of_norm.model.iloc[0]),
        )  # fmt: skip
        everything = np.ones(len(images.rows), bool)
        right = images.smallest_eps != 0
        for eps in grids[WORST_CASE]:
            robust = is_robust(images.smallest_eps, eps=eps)
            at = key | {"eps": eps}
            figures.add(at, EVERY_ATTACK, "robust_accuracy", images.share(robust, everything))
            figures.add(at, EVERY_ATTACK, "attack_success_rate", images.share(~robust, right))
        area_figures(figures, key, images, grids[WORST_CASE], [(EVERY_ATTACK, everything)])


def seen_by_every_attack(rows: pd.DataFrame) -> pd.Series:
    """Bool (N,): rows of images that each attack among the rows was run on.

    Args:
        rows: N rows of `per_image`, of one model, one norm and one attacked label set.
    """
    attacks = rows.groupby(["perturbation", "source"]).ngroups
    return rows.groupby("row")["row"].transform("size") == attacks
