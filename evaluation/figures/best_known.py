"""Best-known robust accuracy: robust accuracy under the run's attacks and verified outside ones."""

import numpy as np
import pandas as pd

from datasets.labels import LabelScheme, LabelSet
from evaluation.figures.attack import worst_case
from evaluation.figures.figure_rows import Figures, figure_key
from evaluation.figures.images import Images
from evaluation.metrics.robustness import is_robust
from evaluation.results.schema import BEST_KNOWN

_TOLERANCE = 1e-6
"""Share of its eps by which a verified image may exceed it (rule R2)."""


def best_known_figures(
    per_image: pd.DataFrame,
    outside: pd.DataFrame,
    schemes: dict[str, LabelScheme],
    grid: tuple[float, ...],
    split: str,
    seed: int,
) -> pd.DataFrame:
    """Rows of `results.csv` for each model and label set with a verified outside attack.

    A face is robust at eps when it is correct when clean, the run's worst case does not break it,
    and no verified outside image of that size or smaller fools the model: never more than the run's
    own figure.

    Args:
        per_image: rows of `per_image`.
        outside: rows of all `outside/*.parquet`.
        schemes: classes of each model.
        grid: eps, ascending.
        split: split of the run.
        seed: seed of the run.
    """
    figures = Figures(split, seed)
    keys = ["model", "attacked_labels", "norm"]
    for (model, labels, norm), found in outside.groupby(keys, sort=True):
        rows = per_image[(per_image.model == model) & (per_image.attacked_labels == labels)]
        rows = worst_case(rows[rows.norm == norm])
        sizes = found.groupby("row")["size"].min().reindex(rows.row).to_numpy()
        broken = np.fmin(rows.smallest_eps.to_numpy(np.float64), sizes)
        label_set = LabelSet(str(labels))
        images = Images(rows.assign(smallest_eps=broken), schemes[str(model)], label_set).scored()
        key = figure_key(
            str(model), label_set, attacked_labels=labels, norm=norm, perturbation=BEST_KNOWN
        )
        for eps in grid:
            robust = is_robust(images.smallest_eps, eps=eps * (1 + _TOLERANCE))
            for subset, mask in images.strata:
                share = images.share(robust, mask)
                figures.add(key | {"eps": eps}, subset, "best_known_accuracy", share)
    return figures.frame()
