"""Metrics: pure numpy functions of labels, predictions and smallest breaking eps.

Two views of a classifier are measured here:

- `labels` and `predictions`, integers (N,). Labels are in [0, K); rows without a label must have
  been dropped. A prediction may be -1: the classifier answered a class that these labels do not
  have (contempt under FER), which is wrong.
- `broken_at`, float64 (N,), what an attack's sweep over eps found: 0 where the clean image is
  wrong already, else the smallest eps that broke the image, NaN where it stood the whole grid.

Robust accuracy = right on the clean **and** on every attacked image, over all N. Attack success
rate = wrong after, among right before. A metric of no images is NaN.

Not here: intervals and tests (`evaluation/statistics.py`), files, models.
"""

from collections.abc import Sequence

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
    """Share of each class's images that are right.

    Args:
        confusion: counts (..., K, K + 1) as `confusion_matrix` gives them.

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
        confusion: counts (..., K, K + 1) as `confusion_matrix` gives them.

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


def stands(broken_at: np.ndarray, *, eps: float) -> np.ndarray:
    """Bool (N,): images that are right on the clean and on every attacked image up to `eps`.

    Raises:
        ValueError: `broken_at` is not (N,) of non-negative or NaN, or `eps` is negative.
    """
    broken_at = _checked_eps(broken_at)
    if not eps >= 0:
        raise ValueError(f"`eps` must be >= 0. Received: {eps}")
    return ~(broken_at <= eps)


def censored_eps(broken_at: np.ndarray) -> np.ndarray:
    """Smallest breaking eps of the images right on clean, infinite where they stood the grid.

    Its quantiles (`statistics.quantile`) say by which eps a share of the images is broken; infinity
    means "beyond the grid", never 0.
    """
    broken_at = _checked_eps(broken_at)
    right = broken_at[stands(broken_at, eps=0)]
    return np.where(np.isnan(right), np.inf, right)


def security_curve_areas(broken_at: np.ndarray, *, eps_grid: Sequence[float]) -> np.ndarray:
    """What each image adds to the security curve's area, float64 (N,) in [0, 1].

    Their mean is the area: the mean robust accuracy between eps 0 and the largest of the grid, by
    trapezoids. Clean accuracy is its largest possible value.

    Source: Biggio, Fumera & Roli 2014, "Security evaluation of pattern classifiers under attack",
    IEEE TKDE 26(4), for the curve.

    Raises:
        ValueError: the grid is empty, not rising, or does not start above 0.
    """
    grid = np.concatenate([[0.0], np.asarray(eps_grid, np.float64)])
    if len(grid) < 2 or not (np.diff(grid) > 0).all():
        raise ValueError(f"`eps_grid` must rise from above 0. Received: {list(eps_grid)}")
    curves = np.stack([stands(broken_at, eps=eps) for eps in grid], axis=1).astype(np.float64)
    return np.trapezoid(curves, grid, axis=1) / grid[-1]


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


def _checked_eps(broken_at: np.ndarray) -> np.ndarray:
    broken_at = np.asarray(broken_at, np.float64)
    if broken_at.ndim != 1 or (broken_at < 0).any():
        raise ValueError(
            "`broken_at` must be (N,), each >= 0 or NaN. "
            f"Received: shape={broken_at.shape}, smallest={np.nanmin(broken_at, initial=np.inf)}"
        )
    return broken_at


def _diagonal(confusion: np.ndarray) -> np.ndarray:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    nothing = np.full(numerator.shape, np.nan)
    return np.divide(numerator, denominator, out=nothing, where=denominator > 0)


def _mean_of_present(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis without NaN; NaN where all are."""
    return _divide(np.nansum(values, axis=-1), np.isfinite(values).sum(axis=-1))
