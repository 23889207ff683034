"""Figures of right and wrong answers: accuracy in every subset, confusion, flows under attack."""

from typing import Any

import numpy as np

from datasets.labels import SCHEMES, translate
from evaluation.figures.figure_rows import Figures
from evaluation.figures.images import Images
from evaluation.statistics.intervals import proportion


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
            value = proportion(int(flags[mask].sum()), int(mask.sum()))
            figures.add(key, subset, name, value)


def confusion_figures(figures: Figures, key: dict[str, Any], images: Images) -> None:
    """Where each class is sent: share of the true class answered as each of the model's classes."""
    for subset, mask in images.classes:
        counts = np.bincount(images.predictions[mask], minlength=images.scheme.num_classes)
        for answer, count in zip(images.scheme.classes, counts, strict=True):
            value = proportion(int(count), int(mask.sum()))
            figures.add(key, subset, "confusion", value, answer)


def flow_figures(
    figures: Figures, key: dict[str, Any], attacked: Images, broken: np.ndarray
) -> None:
    """Where an attack moves each class: share of the images right before that it turned.

    Args:
        figures: takes the rows.
        key: of the attack.
        attacked: answers at one eps.
        broken: bool (N,), right before and wrong after.
    """
    right_before = attacked.smallest_eps != 0
    labels = SCHEMES[attacked.label_set]
    own = translate(np.arange(labels.num_classes), labels, attacked.scheme)
    for (subset, mask), kept in zip(attacked.classes, own, strict=True):
        before = int((mask & right_before).sum())
        turned = attacked.predictions[mask & broken]
        counts = np.bincount(turned, minlength=attacked.scheme.num_classes)
        for index, answer in enumerate(attacked.scheme.classes):
            if index != kept:
                value = proportion(int(counts[index]), before)
                figures.add(key, subset, "flow", value, answer)
