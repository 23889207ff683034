"""Metrics of labels and predictions: confusion matrix, recall, balanced accuracy, macro F1."""

import numpy as np


def confusion_matrix(
    labels: np.ndarray, predictions: np.ndarray, *, num_classes: int
) -> np.ndarray:
    """Count images by label and prediction.

    Returns:
        int64 (K, K + 1), row = label, column = prediction; the last column counts predictions
        of -1, so that each row sums to the number of images of its class.

    Raises:
        ValueError: shapes differ, a label is missing, or a class is not below `num_classes`.
    """
    labels, predictions = _checked(labels, predictions)
    for name, values in (("labels", labels), ("predictions", predictions)):
        if len(values) and values.max() >= num_classes:
            raise ValueError(f"`{name}` must be below {num_classes}. Received: {values.max()}")
    columns = np.where(predictions < 0, num_classes, predictions)
    cells = np.bincount(
        labels * (num_classes + 1) + columns, minlength=num_classes * (num_classes + 1)
    )
    return cells.reshape(num_classes, num_classes + 1)


def per_class_recall(confusion: np.ndarray) -> np.ndarray:
    """Share of each class's images that are classified correctly.

    Args:
        confusion: counts (..., K, K + 1) as `confusion_matrix` returns them.

    Returns:
        float64 (..., K), NaN for a class without images.
    """
    return _divide(_diagonal(confusion), confusion.sum(axis=-1))


def balanced_accuracy(confusion: np.ndarray) -> np.ndarray:
    """Mean recall over the classes that have images, float64 (...); `confusion` (..., K, K + 1)."""
    return _mean_of_present(per_class_recall(confusion))


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Mean F1 over the classes that have images.

    F1 of a class = 2 TP / (2 TP + FP + FN); classes without images are left out, so that models
    are averaged over the same classes whatever they predict.

    Args:
        confusion: counts (..., K, K + 1) as `confusion_matrix` returns them.

    Returns:
        float64 (...), NaN when no class has images.
    """
    labelled = confusion.sum(axis=-1)
    predicted = confusion[..., :-1].sum(axis=-2)
    f1 = _divide(2 * _diagonal(confusion), labelled + predicted)
    return _mean_of_present(np.where(labelled > 0, f1, np.nan))


def majority_share(labels: np.ndarray) -> float:
    """Accuracy of always answering the most frequent class: the floor a model must beat."""
    labels, _ = _checked(labels, labels)
    return float(np.bincount(labels).max() / len(labels)) if len(labels) else np.nan


def _checked(labels: np.ndarray, predictions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.ndim != 1 or labels.shape != predictions.shape:
        raise ValueError(
            "`labels` and `predictions` must both be (N,). "
            f"Received: shapes {labels.shape} and {predictions.shape}"
        )
    if not len(labels):
        return labels.astype(np.int64), predictions.astype(np.int64)
    if labels.dtype.kind not in "iu" or predictions.dtype.kind not in "iu":
        raise ValueError(
            "`labels` and `predictions` must be integers. "
            f"Received: {labels.dtype} and {predictions.dtype}"
        )
    if labels.min() < 0:
        raise ValueError(
            f"`labels` must be >= 0: drop rows without a label. Received: {labels.min()}"
        )
    if predictions.min() < -1:
        raise ValueError(f"`predictions` must be >= -1. Received: {predictions.min()}")
    return labels.astype(np.int64), predictions.astype(np.int64)


def _diagonal(confusion: np.ndarray) -> np.ndarray:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    nothing = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=nothing, where=denominator > 0)


def _mean_of_present(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis without NaN; NaN where all are."""
    return _divide(np.nansum(values, axis=-1), np.isfinite(values).sum(axis=-1))
