"""Figures of classes: accuracy in every subset, confusion, flows under attack."""

from typing import Any

import numpy as np

from datasets.labels import SCHEMES, translate
from evaluation.figures.figure_rows import Figures
from evaluation.figures.images import Images


def share_figures(
    figures: Figures,
    key: dict[str, Any],
    images: Images,
    flags: np.ndarray,
    metric: str,
    class_metric: str,
) -> None:
    """Share of the flags bool (N,) in every subset, under another name within a class."""
    for name, subsets in ((metric, images.strata), (class_metric, images.classes)):
        for subset, mask in subsets:
            value = images.share(flags, mask)
            figures.add(key, subset, name, value)


def confusion_figures(figures: Figures, key: dict[str, Any], images: Images) -> None:
    """Confusion: share of each true class predicted as each of the model's classes."""
    for subset, mask in images.classes:
        for index, answer in enumerate(images.scheme.classes):
            value = images.share(images.predictions == index, mask)
            figures.add(key, subset, "confusion", value, answer)


def flow_figures(
    figures: Figures, key: dict[str, Any], attacked: Images, broken: np.ndarray
) -> None:
    """Flows: share of each class's correct images that the attack turned into each other class.

    Args:
        figures: takes the rows.
        key: key of the attack.
        attacked: images at one eps.
        broken: bool (N,), correct before the attack and wrong after it.
    """
    right_before = attacked.smallest_eps != 0
    labels = SCHEMES[attacked.label_set]
    own = translate(np.arange(labels.num_classes), labels, attacked.scheme)
    for (subset, mask), kept in zip(attacked.classes, own, strict=True):
        for index, answer in enumerate(attacked.scheme.classes):
            if index != kept:
                turned = broken & (attacked.predictions == index)
                value = attacked.share(turned, mask & right_before)
                figures.add(key, subset, "flow", value, answer)
