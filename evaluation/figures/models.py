"""Clean figures of one classifier on one split under its own labels: one row per subset.

Not here: robust figures (`evaluation/figures/every_figure.py`), and how long a forward pass takes
(`evaluation/image_time.py`).
"""

from typing import NamedTuple

import numpy as np

from datasets.base.errors import InputError
from datasets.faceset import FaceSet
from datasets.labels import Labels, LabelSet
from evaluation.metrics.accuracy import confusion_matrix, macro_f1
from evaluation.statistics.intervals import effective_size, proportion
from fer_models.classifier import Classifier, label_set_of
from fer_models.net_classifier import NetClassifier

FIGURE_COLUMNS = {
    "model": "string",
    "label_set": "string",
    "subset": "string",
    "n": "int64",
    "accuracy": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "macro_f1": "float64",
    "multiply_adds": "Int64",
}
"""Columns of the table of `python -m evaluation.cards`, with their pandas dtypes."""

ALL, WITHOUT_LEAKS = "all", "without_leaks"


class ModelFigures(NamedTuple):
    """One row of the table.

    Attributes:
        model: id or path.
        label_set: the model's own; FER+ by majority rule.
        subset: `all`, or `without_leaks`: without pixel-identical copies in Training.
        n: images of the subset with a label.
        accuracy: share classified correctly; NaN when n is 0.
        ci_low: lower bound of its 95 % interval (Wilson), for which near duplicates count once.
        ci_high: upper bound.
        macro_f1: mean F1 over the classes that have images.
        multiply_adds: of one image's forward pass; None where they are not counted.
    """

    model: str
    label_set: str
    subset: str
    n: int
    accuracy: float
    ci_low: float
    ci_high: float
    macro_f1: float
    multiply_adds: int | None


def model_figures(model: str, classifier: Classifier, faces: FaceSet) -> list[ModelFigures]:
    """Measure a classifier on a split.

    Args:
        model: name in the rows.
        classifier: the loaded model.
        faces: the split; without `leaked` there is one row only.

    Raises:
        InputError: the classes are not those of a label set, or the faces lack it.
    """
    label_set = label_set_of(classifier)
    if label_set not in faces.label_sets:
        votes = "Give --votes FILE, or leave" if label_set is LabelSet.FERPLUS else "Leave"
        raise InputError(
            f"{model}: predicts {label_set} labels, but {faces.name} has none. {votes} the model "
            "out."
        )
    labels = faces.labels(label_set).to(classifier.scheme)
    faces, labels = faces.take(labels.present), labels.take(labels.present)
    predictions = classifier.predict(faces.images.astype(np.float32) / 255)
    everything = np.ones(len(faces), bool)
    subsets = {ALL: everything}
    if faces.leaked is not None:
        subsets[WITHOUT_LEAKS] = ~faces.leaked
    cost = classifier.count_multiply_adds() if isinstance(classifier, NetClassifier) else None
    return [
        _figures(
            model, label_set, subset, labels.take(rows), predictions[rows], faces.groups[rows], cost
        )
        for subset, rows in subsets.items()
    ]


def _figures(
    model: str,
    label_set: LabelSet,
    subset: str,
    labels: Labels,
    predictions: np.ndarray,
    groups: np.ndarray,
    multiply_adds: int | None,
) -> ModelFigures:
    count = int((labels.values == predictions).sum())
    right = proportion(count, len(labels), effective=effective_size(groups))
    confusion = confusion_matrix(labels.values, predictions, num_classes=labels.scheme.num_classes)
    return ModelFigures(
        model,
        str(label_set),
        subset,
        right.n,
        right.value,
        right.low,
        right.high,
        float(macro_f1(confusion)),
        multiply_adds,
    )
