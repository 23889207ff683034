"""One scaling on the faces of a probe, and two of them compared on the same faces."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from fer_models.foreign.scaling_fit import cross_entropy
from fer_models.foreign.scalings import Scaling

_EQUAL = 1e-3
"""Share of the outputs' range by which outputs of two scalings may differ in a tie."""
_NEGLIGIBLE = 1e-3
"""Cross-entropy, nats: smaller differences of single faces come from rounding and the fitted
temperature."""
_RESAMPLES = 200
CLEARLY = 2
"""Standard errors by which one scaling must be better than another to be called so."""


class Trial(NamedTuple):
    """One scaling on V views of N faces.

    Attributes:
        scaling: which.
        outputs: all faces in the first view, then all in the next, float64 (V * N, K).
        order: column of each class, int (K,).
        accuracy: share of faces classified correctly in the first view.
        right: share of views in which each face is classified correctly, float64 (N,).
        losses: cross-entropy of each face, mean over views, float64 (N,), under the best
            temperature.
    """

    scaling: Scaling
    outputs: np.ndarray
    order: np.ndarray
    accuracy: float
    right: np.ndarray
    losses: np.ndarray


class Rival(NamedTuple):
    """Another scaling against the best one, on the same faces.

    Attributes:
        words: the scaling.
        rare: whether it is rare.
        accuracy: with it, in [0, 1].
        difference: by how much the best one is more accurate.
        standard_error: standard error of the difference.
        errors: standard errors by which the best one is better, in accuracy and cross-entropy
            together.
    """

    words: str
    rare: bool
    accuracy: float
    difference: float
    standard_error: float
    errors: float

    @property
    def is_less_accurate(self) -> bool:
        """Whether the best one classifies clearly more faces correctly."""
        return self.difference > CLEARLY * self.standard_error


def try_scaling(
    scaling: Scaling,
    outputs: np.ndarray,
    labels: np.ndarray,
    logits: np.ndarray,
    order: list[int] | None,
) -> Trial:
    """Score outputs under a scaling.

    Args:
        scaling: which.
        outputs: all faces in the first view, then all in the next, float64 (V * N, K).
        labels: int64 (N,) in [0, K).
        logits: the outputs as logits, float64 (V * N, K).
        order: column of each class; the best assignment when None.
    """
    predicted, every = outputs.argmax(axis=1), np.resize(labels, len(outputs))
    found = best_order(predicted, every, outputs.shape[1]) if order is None else np.array(order)
    losses = cross_entropy(logits[:, found], every)
    right = (predicted == found[every]).reshape(-1, len(labels))
    losses = losses.reshape(-1, len(labels)).mean(axis=0)
    return Trial(scaling, outputs, found, float(right[0].mean()), right.mean(axis=0), losses)


def best_order(predicted: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """For each class the output that names it, by the assignment with most faces right, int (K,).

    Args:
        predicted: output with the largest value, int (N,) in [0, K).
        labels: int (N,) in [0, K).
        count: K.
    """
    confusion = np.zeros((count, count))
    np.add.at(confusion, (labels, predicted), 1)
    order: np.ndarray = linear_sum_assignment(confusion, maximize=True)[1]
    return order


def tells(predicted: np.ndarray, labels: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Whether any face of each class is classified correctly, bool (K,).

    Otherwise nothing but the outputs of the other classes says which output is its own.

    Args:
        predicted: output with the largest value, int (N,) in [0, K).
        labels: int (N,) in [0, K).
        order: column of each class, int (K,).
    """
    right = labels[predicted == order[labels]]
    found: np.ndarray = np.bincount(right, minlength=len(order)) > 0
    return found


def sureness(best: Trial, labels: np.ndarray) -> np.ndarray:
    """Share of resamples of the faces that assign each class the same output, float64 (K,).

    Where several classes have no face that is classified correctly, which of the outputs that are
    left is whose is not told.
    """
    count = len(best.order)
    predicted = best.outputs.argmax(axis=1).reshape(-1, len(labels))
    rng = np.random.default_rng(0)
    same = np.zeros(count)
    for _ in range(_RESAMPLES):
        rows = rng.integers(0, len(labels), len(labels))
        views, again = predicted[:, rows].ravel(), np.tile(labels[rows], len(predicted))
        order = best_order(views, again, count)
        told = tells(views, again, order)
        same += (order == best.order) & (told | (told.sum() == count - 1))
    return same / _RESAMPLES


def is_tie(one: Trial, other: Trial) -> bool:
    """Whether two scalings give the same outputs, up to rounding."""
    spread = float(np.median(np.ptp(one.outputs, axis=1)))
    return bool(np.abs(one.outputs - other.outputs).max() <= _EQUAL * spread)


def compare(best: Trial, other: Trial) -> Rival:
    """Hold another scaling against the best one; errors are those of paired faces.

    Each face's differences in correctness and in cross-entropy are divided by their root mean
    squares and added; under the hypothesis that both scalings are equal their mean is 0.
    """
    right, losses = best.right - other.right, other.losses - best.losses
    if np.abs(losses).max() < _NEGLIGIBLE:
        losses = np.zeros_like(losses)
    both = _standardised(right) + _standardised(losses)
    count = len(right)
    return Rival(
        other.scaling.words,
        other.scaling.rare,
        other.accuracy,
        float(right.mean()),
        float(np.sqrt((right**2).sum())) / count,
        float(both.sum() / max(np.sqrt((both**2).sum()), 1e-12)),
    )


def _standardised(differences: np.ndarray) -> np.ndarray:
    size = np.sqrt((differences**2).mean())
    return differences / max(float(size), 1e-12)
