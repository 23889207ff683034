"""Attacks whose robust accuracy would be above clean accuracy, which is impossible.

Then the set was made on other weights than those measured now. Such an attack counts as failed
(R24): an error row instead of a figure, and no rank for its model.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from datasets.labels import LabelScheme, LabelSet
from evaluation.figures.images import Images
from evaluation.metrics.robustness import is_robust


def without_impossible(
    per_image: pd.DataFrame,
    schemes: Mapping[str, LabelScheme],
    label_sets: Sequence[LabelSet],
    grids: Mapping[str, tuple[float, ...]],
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Leave out the rows of attacks that leave more faces robust than were classified correctly.

    Args:
        per_image: rows of `per_image`.
        schemes: classes of each model.
        label_sets: label sets that were attacked.
        grids: eps of each attack, ascending.

    Returns:
        The other rows, and an entry like those of the manifest's `perturbations` per attack left
        out.
    """
    failed: list[dict[str, Any]] = []
    keys = ["model", "attacked_labels", "perturbation", "source", "norm"]
    attacked = per_image[per_image.attacked_labels.isin(list(label_sets))]
    for key, rows in attacked.groupby(keys, sort=False):
        model, labels, name, source, norm = map(str, key)
        images = Images(rows, schemes[model], LabelSet(labels)).scored()
        right = int((images.rows.clean_prediction == images.truth_as_model).sum())
        robust = int(is_robust(images.smallest_eps, eps=grids[name][0]).sum())
        if robust <= right:
            continue
        per_image = per_image.drop(rows.index)
        message = (
            f"{robust} of {len(images.rows)} faces robust, but only {right} classified correctly "
            "without an attack: the set was made on other weights. Delete it and run again"
        )
        entry = {"perturbation": name, "norm": norm, "grid": list(grids[name]), "model": model}
        entry |= {"attacked_labels": labels, "source": source}
        failed.append(entry | {"status": "error", "message": message})
    return per_image, failed
