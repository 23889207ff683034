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
