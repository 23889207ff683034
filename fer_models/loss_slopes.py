"""The losses and their derivatives with respect to the logits, in numpy.

Whatever framework a model is written in, its input gradient is this derivative pulled back
through the model. `fer_models/gradients.py` has the same losses in TensorFlow, where compiling them
together with the net saves a forward pass; tests hold the two together.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from fer_models.losses import Loss

LOGIT_SPAN = 8.0
"""Range of the logits in `scaled_cross_entropy`."""
REACH = 4.0
"""That range reaches at most so many times as far down as the median logit: one class that lies far
below all others would press these together, and the loss would climb the mean of them all instead
of the one that comes near."""
MASK = 5e3
"""A class that a model masks is farther than this below the leading logit."""
MASK_RATIO = 100.0
"""It is farther, too, than so many times the range of the logits above it: a net with large logits
masks nothing."""
DLR_CLASSES = 4
"""Fewer classes have no `dlr` of their own; those that the model masks do not count."""
TARGETED = (Loss.MARGIN, Loss.DLR)
"""Losses that can lead towards a target."""
_SMALLEST = 1e-30


def unmasked(logits: np.ndarray) -> np.ndarray:
    """Classes that a model does not mask by a huge negative logit, bool (N, K).

    From the largest logit down, the first one after the second that is farther than `MASK` below
    the largest, and `MASK_RATIO` times as far as the one above it, is masked with all below. So two
    classes of a row are never masked, and a constant added to all logits changes nothing.

    Args:
        logits: float (N, K), K >= 2.
    """
    ordered, count = ordered_logits(logits)
    lowest = ordered[np.arange(len(ordered)), count - 1]
    seen: np.ndarray = logits >= lowest[:, None]
    return seen


def ordered_logits(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits float64 (N, K), the largest first, and how many are not masked, int64 (N,)."""
    ordered = -np.sort(-np.asarray(logits, np.float64), axis=1)
    below = ordered[:, :1] - ordered
    masked = below[:, 2:] > np.maximum(MASK, MASK_RATIO * below[:, 1:-1])
    return ordered, 2 + np.cumprod(~masked, axis=1).sum(axis=1)


def spans(logits: np.ndarray) -> np.ndarray:
    """Range of each row of logits (N, K) without the classes that the model masks, float64 (N,)."""
    ordered, count = ordered_logits(logits)
    span: np.ndarray = ordered[:, 0] - ordered[np.arange(len(ordered)), count - 1]
    return span


class LossSlope(NamedTuple):
    """Loss float64 (N,) of each image, and its derivative by the logits, float64 (N, K)."""

    loss: np.ndarray
    slope: np.ndarray


def check_targets(loss: Loss, targets: np.ndarray | None) -> None:
    """Refuse targets for a loss that takes none.

    Raises:
        ValueError: the loss is neither margin nor dlr.
    """
    if targets is not None and loss not in TARGETED:
        raise ValueError(f"`loss` must be margin or dlr with `targets`. Received: {loss}")


def loss_slope(
    loss: Loss, logits: np.ndarray, labels: np.ndarray, targets: np.ndarray | None = None
) -> LossSlope:
    """Loss of each image and its derivative; where several logits are the largest they share it.

    Args:
        loss: see `fer_models/losses.py`.
        logits: float (N, K), K >= 2.
        labels: int64 (N,) in [0, K).
        targets: int64 (N,) in [0, K), for margin and dlr.

    Raises:
        ValueError: targets for a loss that takes none.
    """
    check_targets(loss, targets)
    wide = np.asarray(logits, np.float64)
    with np.errstate(under="ignore"):
        if targets is None:
            return _LOSSES[loss](wide, labels)
        margin = _targeted_margin(wide, labels, targets)
        return _ratio(margin, wide, _TARGETED_RANGE) if loss is Loss.DLR else margin


def _one_hot(classes: np.ndarray, logits: np.ndarray) -> np.ndarray:
    return np.eye(logits.shape[1])[classes]


def _cross_entropy(logits: np.ndarray, labels: np.ndarray) -> LossSlope:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    true = _one_hot(labels, logits)
    slope = np.where(true, 0.0, np.exp(log_probabilities))
    slope -= true * slope.sum(axis=1, keepdims=True)  # p - 1, without loss of digits
    return LossSlope(-log_probabilities[np.arange(len(logits)), labels], slope)


def _scaled_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> LossSlope:
    ordered, count = ordered_logits(logits)
    rows = np.arange(len(ordered))
    span = ordered[:, 0] - ordered[rows, count - 1]
    middle = ordered[:, 0] - (ordered[rows, (count - 1) // 2] + ordered[rows, count // 2]) / 2
    far = (count >= DLR_CLASSES) & (middle > 0) & (span > REACH * middle)
    span = np.where(far, REACH * middle, span)
    scale = np.where(count == 2, 0.0, LOGIT_SPAN / np.maximum(span, _SMALLEST))[:, None]
    loss, slope = _cross_entropy(logits * scale, labels)
    return _chosen(count == 2, _margin(logits, labels), LossSlope(loss, slope * scale))


def _chosen(rows: np.ndarray, one: LossSlope, other: LossSlope) -> LossSlope:
    """One loss in some rows, bool (N,), and another in the rest."""
    slope = np.where(rows[:, None], one.slope, other.slope)
    return LossSlope(np.where(rows, one.loss, other.loss), slope)


def _margin(logits: np.ndarray, labels: np.ndarray) -> LossSlope:
    true = _one_hot(labels, logits)
    others = np.where(true, -np.inf, logits)
    best = others.max(axis=1, keepdims=True)
    ties = (others == best).astype(np.float64)
    slope = ties / ties.sum(axis=1, keepdims=True) - true
    return LossSlope(best[:, 0] - logits[np.arange(len(logits)), labels], slope)


def _targeted_margin(logits: np.ndarray, labels: np.ndarray, targets: np.ndarray) -> LossSlope:
    slope = _one_hot(targets, logits) - _one_hot(labels, logits)
    rows = np.arange(len(logits))
    return LossSlope(logits[rows, targets] - logits[rows, labels], slope)


def _dlr(logits: np.ndarray, labels: np.ndarray) -> LossSlope:
    return _ratio(_margin(logits, labels), logits, _RANGE)


def _ratio(margin: LossSlope, logits: np.ndarray, weights: tuple[float, ...]) -> LossSlope:
    """The margin divided by a weighted sum of the largest logits, where four are not masked."""
    if logits.shape[1] < DLR_CLASSES:
        return margin
    _, count = ordered_logits(logits)
    order = np.argsort(-logits, axis=1, kind="stable")[:, : len(weights)]
    rows = np.arange(len(logits))[:, None]
    divisor = (logits[rows, order] @ np.array(weights))[:, None]
    slope_of_divisor = np.zeros_like(logits)
    slope_of_divisor[rows, order] = weights
    slope_of_divisor *= divisor >= _SMALLEST
    divisor = np.maximum(divisor, _SMALLEST)
    ratio = margin.loss[:, None] / divisor
    found = LossSlope(ratio[:, 0], (margin.slope - ratio * slope_of_divisor) / divisor)
    return _chosen(count < DLR_CLASSES, margin, found)


_RANGE = (1.0, 0.0, -1.0)
_TARGETED_RANGE = (1.0, 0.0, -0.5, -0.5)
_LOSSES: dict[Loss, Callable[[np.ndarray, np.ndarray], LossSlope]] = {
    Loss.CROSS_ENTROPY: _cross_entropy,
    Loss.SCALED_CROSS_ENTROPY: _scaled_cross_entropy,
    Loss.MARGIN: _margin,
    Loss.DLR: _dlr,
}
